//! A folder as a source: its pictures and the pictures of its videos are the frames, its sub-folders
//! and its videos are the clips.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::listing::{Listed, list};
use super::media::{self, Media};
use super::video::Video;
use super::{Pull, Source, SourceError, SourceFrame};

/// What happens after the last frame of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The source ends.
    Once,
    /// The first frame follows again.
    Forever,
}

/// Plays the files of a folder, listed once when it is opened.
#[derive(Debug)]
pub struct FolderSource {
    /// The folder as it was given, for messages.
    folder: PathBuf,
    /// Every file that may hold frames, in order.
    files: Vec<File>,
    /// The next file to read.
    next: usize,
    /// The video that is being played: the file before the next.
    playing: Option<Playing>,
    /// Frames read since the first file was last the next one.
    frames_in_pass: usize,
    repeat: Repeat,
    interval: Option<Duration>,
}

#[derive(Debug)]
struct File {
    listed: Listed,
    /// Set when it was said what is wrong with the file, so that it is not said again.
    reported: bool,
    /// Set when the file gave no frame, so that it is not tried again.
    useless: bool,
}

#[derive(Debug)]
struct Playing {
    video: Box<dyn Video>,
    /// Frames it has given.
    frames: u64,
}

impl FolderSource {
    /// Lists the images and videos in `folder`; the caller paces them by `interval`.
    ///
    /// # Errors
    /// When the folder is missing, cannot be listed or has no file with the name of one.
    pub fn open(
        folder: &Path,
        interval: Option<Duration>,
        repeat: Repeat,
    ) -> Result<FolderSource, SourceError> {
        let files = list(folder)?
            .into_iter()
            .map(|listed| File {
                listed,
                reported: false,
                useless: false,
            })
            .collect();
        Ok(FolderSource {
            folder: folder.to_owned(),
            files,
            next: 0,
            playing: None,
            frames_in_pass: 0,
            repeat,
            interval,
        })
    }

    /// The file that comes next. `None` at the end.
    fn advance(&mut self) -> Result<Option<&mut File>, SourceError> {
        loop {
            if self.next < self.files.len() {
                self.next += 1;
                if !self.files[self.next - 1].useless {
                    return Ok(Some(&mut self.files[self.next - 1]));
                }
            } else if self.frames_in_pass == 0 {
                // A loop over nothing would never end.
                let (folder, files) = (self.folder.clone(), self.files.len());
                return Err(SourceError::NothingUsable { folder, files });
            } else if self.repeat == Repeat::Once {
                return Ok(None);
            } else {
                (self.next, self.frames_in_pass) = (0, 0);
            }
        }
    }

    /// The next frame of the video that is being played, or what is wrong with it.
    fn play(&mut self) -> Option<Pull> {
        let playing = self.playing.as_mut()?;
        let file = &mut self.files[self.next - 1];
        let index = playing.frames;
        let reason = match playing.video.next() {
            Ok(Some(frame)) => {
                playing.frames += 1;
                self.frames_in_pass += 1;
                return Some(Pull::Frame(SourceFrame {
                    clip: file.listed.name.clone(),
                    index,
                    captured: SystemTime::now(),
                    frame,
                }));
            }
            Ok(None) if index > 0 => None,
            Ok(None) => Some("it is a video without a picture".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        self.playing = None;
        file.useless = index == 0;
        file.report(reason?)
    }
}

impl File {
    /// Says what is wrong with it, if it was not said yet.
    fn report(&mut self, reason: String) -> Option<Pull> {
        let file = self.listed.path.clone();
        let said_before = std::mem::replace(&mut self.reported, true);
        (!said_before).then_some(Pull::Skipped { file, reason })
    }
}

impl Source for FolderSource {
    fn next(&mut self) -> Result<Pull, SourceError> {
        loop {
            if let Some(pull) = self.play() {
                return Ok(pull);
            }
            let Some(file) = self.advance()? else {
                return Ok(Pull::End);
            };
            match media::open(&file.listed.path) {
                Ok(Media::Picture(frame)) => {
                    let frame = SourceFrame {
                        clip: file.listed.clip.clone(),
                        index: file.listed.index,
                        captured: SystemTime::now(),
                        frame,
                    };
                    self.frames_in_pass += 1;
                    return Ok(Pull::Frame(frame));
                }
                Ok(Media::Video(video)) => self.playing = Some(Playing { video, frames: 0 }),
                Err(error) => {
                    file.useless = true;
                    if let Some(pull) = file.report(error.to_string()) {
                        return Ok(pull);
                    }
                }
            }
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
            "2.png: it is neither an image (PNG, JPEG, BMP, TIFF, WebP) nor a video",
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
        let neither = "x.png: it is neither an image (PNG, JPEG, BMP, TIFF, WebP) nor a video";
        let nothing = "none of the 1 files in the folder DIR is usable";
        let expected = [neither, nothing, nothing];
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
