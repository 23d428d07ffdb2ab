//! A feature map as a grey PNG: one pixel per window, grey value `round(value * 255 / level count)`.

use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use cipherframe::FeatureMap;
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use wire::message::FrameId;
use wire::whole_file;

/// The grey value of a pooled `value` among `0..=level_count`; halves round up.
#[must_use]
pub fn grey(value: u8, level_count: u8) -> u8 {
    let levels = u32::from(level_count.max(1));
    let value = u32::from(value).min(levels);
    u8::try_from((value * 510 + levels) / (2 * levels)).unwrap_or(u8::MAX)
}

/// The bytes of the PNG file of a feature map.
///
/// # Errors
/// The encoder refuses the map's size.
pub fn png(map: &FeatureMap) -> io::Result<Vec<u8>> {
    grey_png(
        &greys(map.values(), map.level_count()),
        map.width(),
        map.height(),
    )
}

/// The grey values of levels.
pub(crate) fn greys(levels: &[u8], level_count: u8) -> Vec<u8> {
    let levels = levels.iter();
    levels.map(|&level| grey(level, level_count)).collect()
}

/// The bytes of a grey PNG file.
pub(crate) fn grey_png(pixels: &[u8], width: u32, height: u32) -> io::Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    PngEncoder::new(&mut bytes)
        .write_image(pixels, width, height, ExtendedColorType::L8)
        .map_err(io::Error::other)?;
    Ok(bytes.into_inner())
}

/// Where the picture of a frame lies: `OUT/maps/CAMERA/SESSION/SEQ.png`. The folders of the sessions of a camera sort
/// by when they began, `session_unix_ms` by its clock.
#[must_use]
pub fn path(out: &Path, frame: &FrameId, session_unix_ms: u64) -> PathBuf {
    let session = format!("{session_unix_ms:013}-{}", frame.session);
    let camera = out.join("maps").join(frame.camera.to_string());
    camera.join(session).join(format!("{}.png", frame.seq))
}

/// Writes the picture of `frame` below `out` and returns its path. Blocks.
///
/// Readers see the whole picture or none.
///
/// # Errors
/// The folder or the file cannot be written.
pub fn write(
    out: &Path,
    frame: &FrameId,
    session_unix_ms: u64,
    map: &FeatureMap,
) -> io::Result<PathBuf> {
    let bytes = png(map)?;
    let path = path(out, frame, session_unix_ms);
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    whole_file::write(&path, &bytes, 0o666)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::frame;

    fn map(values: &[u8], width: u32, levels: u8) -> FeatureMap {
        let height = values.len() as u32 / width;
        FeatureMap::new(width, height, levels, values.to_vec()).expect("a valid map")
    }

    #[test]
    fn grey_is_the_rounded_share_of_255() {
        for levels in 1..=u8::MAX {
            for value in 0..=levels {
                let exact = f64::from(value) * 255.0 / f64::from(levels);
                assert_eq!(
                    f64::from(grey(value, levels)),
                    exact.round(),
                    "{value} of {levels}"
                );
            }
        }
    }

    #[test]
    fn a_picture_has_one_pixel_for_each_window() {
        let folder = tempfile::tempdir().expect("a folder");
        let map = map(&[0, 1, 2, 3, 2, 1], 3, 3);
        let path = write(folder.path(), &frame("gate", 1, 42), 7, &map).expect("written");
        let expected = "maps/gate/0000000000007-01000000000000000000000000000000/42.png";
        assert_eq!(path, folder.path().join(expected));
        let read = image::open(&path).expect("a picture").into_luma8();
        assert_eq!(read.dimensions(), (3, 2));
        assert_eq!(read.into_raw(), [0, 85, 170, 255, 170, 85]);
    }

    #[test]
    fn a_picture_replaces_an_older_one_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let frame = frame("gate", 1, 0);
        write(folder.path(), &frame, 7, &map(&[0; 4], 2, 3)).expect("written");
        let path = write(folder.path(), &frame, 7, &map(&[3; 4], 2, 3)).expect("written again");
        assert_eq!(
            image::open(&path)
                .expect("a picture")
                .into_luma8()
                .into_raw(),
            [255; 4]
        );
        let names: Vec<_> = fs::read_dir(path.parent().expect("a folder"))
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        assert_eq!(names, ["0.png"]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_and_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("maps"), b"in the way").expect("written");
        let error = write(folder.path(), &frame("gate", 1, 0), 7, &map(&[0; 4], 2, 3));
        assert!(error.is_err());
    }
}
