//! A folder of map pictures, as viewers write them: `SEQ.png`, one grey pixel for each window.

use std::fs;
use std::path::{Path, PathBuf};

use cipherframe::FeatureMap;
use image::ImageReader;
use thiserror::Error;

use crate::picture::grey;

/// Maps of a clip, in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapClip {
    /// The name of its folder, empty for the folder itself.
    pub name: String,
    /// Number and file of each map.
    pub maps: Vec<(u64, PathBuf)>,
}

/// Why a folder gives no maps.
#[derive(Debug, Error)]
pub enum MapFolderError {
    /// The folder or a file cannot be read.
    #[error("{} cannot be read: {reason}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is none.
    #[error("{} holds no map pictures SEQ.png, and no folder in it does", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// The picture is not one of a map with so many levels.
    #[error("{} has the grey value {value} at {x},{y}, which is no level of {level_count}", path.display())]
    Level {
        /// The picture.
        path: PathBuf,
        /// The grey value.
        value: u8,
        /// Column, from 0.
        x: u32,
        /// Row, from 0.
        y: u32,
        /// L.
        level_count: u8,
    },
}

/// The clips of a folder: the pictures in it, and those in each folder in it, by name.
///
/// # Errors
/// A folder that cannot be read, or one without maps.
pub fn clips(folder: &Path) -> Result<Vec<MapClip>, MapFolderError> {
    let mut folders = Vec::new();
    let own = numbered(folder, &mut folders)?;
    folders.sort();
    let mut clips = vec![MapClip {
        name: String::new(),
        maps: own,
    }];
    for inner in folders {
        let name = inner
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let maps = numbered(&inner, &mut Vec::new())?;
        clips.push(MapClip { name, maps });
    }
    clips.retain(|clip| !clip.maps.is_empty());
    if clips.is_empty() {
        let path = folder.to_owned();
        return Err(MapFolderError::Empty { path });
    }
    Ok(clips)
}

/// The files `NUMBER.png` of a folder, by number.
fn numbered(
    folder: &Path,
    folders: &mut Vec<PathBuf>,
) -> Result<Vec<(u64, PathBuf)>, MapFolderError> {
    let failed = |error: std::io::Error| MapFolderError::Read {
        path: folder.to_owned(),
        reason: error.to_string(),
    };
    let mut maps = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            folders.push(path);
            continue;
        }
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let number = name
            .strip_suffix(".png")
            .and_then(|number| number.parse().ok());
        if let Some(number) = number {
            maps.push((number, path));
        }
    }
    maps.sort();
    Ok(maps)
}

/// The map of a picture, the inverse of [`crate::picture::png`].
///
/// # Errors
/// A file that cannot be read, or a grey value that no level has.
pub fn read(path: &Path, level_count: u8) -> Result<FeatureMap, MapFolderError> {
    let failed = |reason: String| MapFolderError::Read {
        path: path.to_owned(),
        reason,
    };
    let picture = ImageReader::open(path).map_err(|error| failed(error.to_string()))?;
    let picture = picture
        .decode()
        .map_err(|error| failed(error.to_string()))?
        .into_luma8();
    let mut level_of = [None; 256];
    for level in 0..=level_count {
        level_of[usize::from(grey(level, level_count))] = Some(level);
    }
    let (width, height) = picture.dimensions();
    let mut values = Vec::with_capacity(picture.len());
    for (x, y, pixel) in picture.enumerate_pixels() {
        let [value] = pixel.0;
        let level = level_of[usize::from(value)].ok_or_else(|| MapFolderError::Level {
            path: path.to_owned(),
            value,
            x,
            y,
            level_count,
        })?;
        values.push(level);
    }
    FeatureMap::new(width, height, level_count, values).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::write;
    use crate::testing::frame;

    fn map(values: &[u8]) -> FeatureMap {
        FeatureMap::new(2, 2, 3, values.to_vec()).unwrap()
    }

    #[test]
    fn what_a_viewer_wrote_is_read_back_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for (seq, value) in [(10, 3), (9, 1), (100, 0)] {
            write(
                folder.path(),
                &frame("gate", 1, seq),
                7,
                &map(&[value, 0, 2, 1]),
            )
            .unwrap();
        }
        let clips = clips(&folder.path().join("maps/gate")).unwrap();
        assert_eq!(clips.len(), 1);
        assert!(clips[0].name.starts_with("0000000000007-01"));
        let numbers: Vec<_> = clips[0].maps.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [9, 10, 100]);
        assert_eq!(read(&clips[0].maps[1].1, 3).unwrap(), map(&[3, 0, 2, 1]));
    }

    #[test]
    fn sessions_are_clips_in_the_order_in_which_they_began() {
        let folder = tempfile::tempdir().unwrap();
        let began = [(1, 999), (2, 1000), (3, 1_750_000_000_000)];
        for (session, began) in began.into_iter().rev() {
            for seq in 0..u64::from(session) {
                let values = map(&[0, 1, 2, 3]);
                write(folder.path(), &frame("gate", session, seq), began, &values).unwrap();
            }
        }
        let clips = clips(&folder.path().join("maps/gate")).unwrap();
        let lengths: Vec<_> = clips.iter().map(|clip| clip.maps.len()).collect();
        assert_eq!(lengths, [1, 2, 3]);
    }

    #[test]
    fn another_number_of_levels_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), &frame("gate", 1, 0), 7, &map(&[0, 1, 2, 3])).unwrap();
        let error = read(&path, 7).unwrap_err().to_string();
        assert!(
            error.ends_with("0.png has the grey value 85 at 1,0, which is no level of 7"),
            "{error}"
        );
    }

    #[test]
    fn a_folder_without_maps_is_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("notes.png"), "").unwrap();
        let error = clips(folder.path()).unwrap_err().to_string();
        assert!(error.contains("holds no map pictures"), "{error}");
    }
}
