//! What a camera says that it can do, and what of that is used.

use std::fmt;

use super::pixels::Pixels;

/// A pixel format in a size, as a device offers it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mode {
    pub(super) fourcc: [u8; 4],
    pub(super) width: Side,
    pub(super) height: Side,
    /// Frames per second, if the device says.
    pub(super) rates: Option<Rates>,
}

/// The widths or heights that a device offers: `least`, then each `step` up to `most`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) least: u32,
    pub(super) most: u32,
    pub(super) step: u32,
}

/// Frames per second from the slowest to the fastest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rates {
    pub(super) slowest: f64,
    pub(super) fastest: f64,
}

impl Side {
    /// This one alone.
    pub(super) fn exactly(side: u32) -> Side {
        Side {
            least: side,
            most: side,
            step: 1,
        }
    }

    fn has(self, side: u32) -> bool {
        (self.least..=self.most).contains(&side)
            && (side - self.least).is_multiple_of(self.step.max(1))
    }
}

/// The pixel format for pictures of this size: one that is fast enough, or else the fastest; among
/// those the one that takes the least work. `None` if the size is not offered in any that is known.
pub(super) fn choose(modes: &[Mode], (width, height): (u32, u32), fps: f64) -> Option<Pixels> {
    let missing = |rates: Option<Rates>| rates.map_or(0.0, |rates| (fps - rates.fastest).max(0.0));
    let fitting = modes
        .iter()
        .filter(|mode| mode.width.has(width) && mode.height.has(height))
        .filter_map(|mode| Some((missing(mode.rates), Pixels::of(mode.fourcc)?)));
    let best = fitting.min_by(|(a, cheap), (b, dear)| a.total_cmp(b).then(cheap.cmp(dear)));
    best.map(|(_, pixels)| pixels)
}

/// The modes in words, a line for each pixel format. Formats that are not used are marked.
pub(super) fn describe(modes: &[Mode]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut last = None;
    for mode in modes {
        match lines.last_mut().filter(|_| last == Some(mode.fourcc)) {
            Some(line) => line.push_str(&format!(", {mode}")),
            None => {
                let name = String::from_utf8_lossy(&mode.fourcc);
                let name: String = name.chars().filter(|c| !c.is_control()).collect();
                let unused = match Pixels::of(mode.fourcc) {
                    Some(_) => "",
                    None => " (not used)",
                };
                lines.push(format!("{name}{unused}: {mode}"));
            }
        }
        last = Some(mode.fourcc);
    }
    lines.join("\n")
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mode { width, height, .. } = self;
        write!(f, "{}x{}", width.least, height.least)?;
        if (width.least, height.least) != (width.most, height.most) {
            write!(f, " to {}x{}", width.most, height.most)?;
        }
        match self.rates {
            Some(Rates { slowest, fastest }) if slowest == fastest => {
                write!(f, " at {} fps", rounded(fastest))
            }
            Some(Rates { slowest, fastest }) => {
                write!(f, " at {} to {} fps", rounded(slowest), rounded(fastest))
            }
            None => Ok(()),
        }
    }
}

/// To a hundredth, without zeros behind it.
fn rounded(fps: f64) -> f64 {
    (fps * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(fourcc: &[u8; 4], width: u32, height: u32, fastest: f64) -> Mode {
        Mode {
            fourcc: *fourcc,
            width: Side::exactly(width),
            height: Side::exactly(height),
            rates: Some(Rates {
                slowest: 5.0_f64.min(fastest),
                fastest,
            }),
        }
    }

    /// What a webcam of today offers.
    fn webcam() -> Vec<Mode> {
        vec![
            mode(b"MJPG", 640, 480, 30.0),
            mode(b"MJPG", 1280, 720, 30.0),
            mode(b"H264", 1280, 720, 30.0),
            mode(b"H264", 1920, 1080, 30.0),
            mode(b"YUYV", 640, 480, 30.0),
            mode(b"YUYV", 1280, 720, 9.999),
        ]
    }

    #[test]
    fn the_cheapest_format_that_is_fast_enough_is_chosen() {
        let webcam = webcam();
        assert_eq!(choose(&webcam, (640, 480), 30.0), Some(Pixels::Yuyv));
        assert_eq!(choose(&webcam, (1280, 720), 5.0), Some(Pixels::Yuyv));
        assert_eq!(choose(&webcam, (1280, 720), 15.0), Some(Pixels::Mjpeg));
        // Nothing is so fast.
        assert_eq!(choose(&webcam, (1280, 720), 60.0), Some(Pixels::Mjpeg));
        assert_eq!(choose(&webcam, (640, 480), 60.0), Some(Pixels::Yuyv));
        // Not offered, or only in a format without luma.
        assert_eq!(choose(&webcam, (641, 480), 5.0), None);
        assert_eq!(choose(&webcam, (1920, 1080), 5.0), None);
        assert_eq!(choose(&[], (640, 480), 5.0), None);
    }

    #[test]
    fn sizes_may_be_a_range_and_rates_unknown() {
        let side = |least, most, step| Side { least, most, step };
        let modes = [Mode {
            fourcc: *b"GREY",
            width: side(32, 640, 16),
            height: side(2, 480, 0),
            rates: None,
        }];
        assert_eq!(choose(&modes, (48, 3), 240.0), Some(Pixels::Grey));
        assert_eq!(choose(&modes, (40, 3), 5.0), None);
        assert_eq!(choose(&modes, (16, 3), 5.0), None);
        assert_eq!(choose(&modes, (656, 3), 5.0), None);
        assert_eq!(describe(&modes), "GREY: 32x2 to 640x480");
    }

    #[test]
    fn modes_are_told_by_format() {
        assert_eq!(
            describe(&webcam()),
            "MJPG: 640x480 at 5 to 30 fps, 1280x720 at 5 to 30 fps\n\
             H264 (not used): 1280x720 at 5 to 30 fps, 1920x1080 at 5 to 30 fps\n\
             YUYV: 640x480 at 5 to 30 fps, 1280x720 at 5 to 10 fps"
        );
        assert_eq!(
            describe(&[mode(b"GR\n\xff", 8, 8, 1.0)]),
            "GR\u{fffd} (not used): 8x8 at 1 fps"
        );
    }
}
