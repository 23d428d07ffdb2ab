//! A folder of images as a source: its pictures are the frames, its sub-folders are the clips.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::listing::{Listed, list};
use super::{Pull, Source, SourceError, SourceFrame, picture};

/// What happens after the last frame of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The source ends.
    Once,
    /// The first frame follows again.
    Forever,
}

/// Reads the images of a folder, listed once when it is opened.
#[derive(Debug)]
pub struct FolderSource {
    /// The folder as it was given, for messages.
    folder: PathBuf,
    /// Every file that may be a frame, in order.
    files: Vec<File>,
    /// The next file to read.
    next: usize,
    /// Frames read since the first file was last the next one.
    frames_in_pass: usize,
    repeat: Repeat,
    interval: Option<Duration>,
}

#[derive(Debug)]
struct File {
    listed: Listed,
    /// Set when the file was reported as skipped, so that it is not tried and reported again.
    skip: bool,
}

impl FolderSource {
    /// Lists the images in `folder`; the caller paces them by `interval`.
    ///
    /// # Errors
    /// When the folder is missing, cannot be listed or has no file with an image's name.
    pub fn open(
        folder: &Path,
        interval: Option<Duration>,
        repeat: Repeat,
    ) -> Result<FolderSource, SourceError> {
        let files = list(folder)?
            .into_iter()
            .map(|listed| File {
                listed,
                skip: false,
            })
            .collect();
        Ok(FolderSource {
            folder: folder.to_owned(),
            files,
            next: 0,
            frames_in_pass: 0,
            repeat,
            interval,
        })
    }
}

impl Source for FolderSource {
    fn next(&mut self) -> Result<Pull, SourceError> {
        loop {
            let Some(file) = self.files.get_mut(self.next) else {
                if self.frames_in_pass == 0 {
                    // A loop over nothing would never end.
                    let (folder, files) = (self.folder.clone(), self.files.len());
                    return Err(SourceError::NothingUsable { folder, files });
                }
                if self.repeat == Repeat::Once {
                    return Ok(Pull::End);
                }
                (self.next, self.frames_in_pass) = (0, 0);
                continue;
            };
            self.next += 1;
            if file.skip {
                continue;
            }
            let Listed { clip, index, path } = &file.listed;
            return match picture::read(path) {
                Ok(frame) => {
                    self.frames_in_pass += 1;
                    Ok(Pull::Frame(SourceFrame {
                        clip: clip.clone(),
                        index: *index,
                        captured: SystemTime::now(),
                        frame,
                    }))
                }
                Err(error) => {
                    file.skip = true;
                    Ok(Pull::Skipped {
                        file: path.clone(),
                        reason: error.to_string(),
                    })
                }
            };
        }
    }

    fn interval(&self) -> Option<Duration> {
        self.interval
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::{GrayImage, Luma};

    use super::*;

    /// Writes a picture of one pixel, whose tone tells it apart.
    fn picture(root: &Path, name: &str, tone: u8) {
        fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        GrayImage::from_pixel(1, 1, Luma([tone]))
            .save(root.join(name))
            .unwrap();
    }

    /// Pulls `count` times and shows each answer in one line.
    fn pulls(root: &Path, repeat: Repeat, count: usize) -> Vec<String> {
        let mut source = FolderSource::open(root, None, repeat).unwrap();
        (0..count)
            .map(|_| match source.next() {
                Ok(Pull::Frame(f)) => format!("{} {} = {}", f.clip, f.index, f.frame.luma()[0]),
                Ok(Pull::Skipped { file, reason }) => {
                    format!("{}: {reason}", file.file_name().unwrap().to_str().unwrap())
                }
                Ok(Pull::End) => "end".to_owned(),
                Err(error) => error.to_string().replace(root.to_str().unwrap(), "DIR"),
            })
            .collect()
    }

    #[test]
    fn once_ends_and_stays_at_its_end() {
        let root = tempfile::tempdir().unwrap();
        picture(root.path(), "b/f10.png", 3);
        picture(root.path(), "b/f9.png", 2);
        picture(root.path(), "a/f1.png", 1);
        let expected = ["a 0 = 1", "b 0 = 2", "b 1 = 3", "end", "end"];
        assert_eq!(pulls(root.path(), Repeat::Once, 5), expected);
    }

    #[test]
    fn a_bad_file_is_reported_once_however_often_the_folder_loops() {
        let root = tempfile::tempdir().unwrap();
        picture(root.path(), "a/1.png", 1);
        fs::write(root.path().join("a/2.png"), "a text").unwrap();
        picture(root.path(), "a/3.png", 3);
        let expected = [
            "a 0 = 1",
            "2.png: it is not a PNG or JPEG image",
            "a 2 = 3",
            "a 0 = 1",
            "a 2 = 3",
            "a 0 = 1",
        ];
        assert_eq!(pulls(root.path(), Repeat::Forever, 6), expected);
    }

    #[test]
    fn a_folder_of_bad_files_ends_even_when_looping() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("x.png"), "a text").unwrap();
        let nothing = "none of the 1 files in the folder DIR is a usable image";
        let expected = ["x.png: it is not a PNG or JPEG image", nothing, nothing];
        assert_eq!(pulls(root.path(), Repeat::Forever, 3), expected);
    }

    #[test]
    fn a_file_that_vanishes_is_skipped() {
        let root = tempfile::tempdir().unwrap();
        picture(root.path(), "1.png", 1);
        picture(root.path(), "2.png", 2);
        let mut source = FolderSource::open(root.path(), None, Repeat::Once).unwrap();
        fs::remove_file(root.path().join("1.png")).unwrap();
        let Pull::Skipped { reason, .. } = source.next().unwrap() else {
            panic!("not skipped")
        };
        assert_eq!(
            reason,
            "it cannot be read: No such file or directory (os error 2)"
        );
        assert!(matches!(
            source.next().unwrap(),
            Pull::Frame(SourceFrame { index: 1, .. })
        ));
    }
}
