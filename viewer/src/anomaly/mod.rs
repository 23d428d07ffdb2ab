//! What is unusual in the maps of a camera.

/// A rectangle of a map, in windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Region {
    /// Column of the left edge, from 0.
    pub x: u32,
    /// Row of the upper edge, from 0.
    pub y: u32,
    /// Width, in windows.
    pub width: u32,
    /// Height, in windows.
    pub height: u32,
}
