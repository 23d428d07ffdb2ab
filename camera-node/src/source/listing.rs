//! Which files of a folder are frames, and in which order.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::SourceError;
use super::natural::NaturalKey;
use super::video::has_video_extension;

/// A file whose name says that it is an image or a video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// The name of the folder the file lies in.
    pub(super) clip: String,
    /// The file's place among those of its folder, from 0.
    pub(super) index: u64,
    /// The path below the folder that is played.
    pub(super) name: String,
    /// Where the file is.
    pub(super) path: PathBuf,
}

/// Lists the images and videos directly in `folder`, then those of each folder directly below it;
/// files and folders in natural order. Deeper folders, hidden names and other extensions are left out.
pub(super) fn list(folder: &Path) -> Result<Vec<Listed>, SourceError> {
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => {
            return Err(SourceError::NotAFolder {
                folder: folder.to_owned(),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(SourceError::Missing {
                folder: folder.to_owned(),
            });
        }
        Err(error) => {
            return Err(SourceError::Unreadable {
                folder: folder.to_owned(),
                error,
            });
        }
    }
    let (folders, files) = entries(folder)?;
    let mut listed = Vec::new();
    add_clip(&mut listed, folder, Path::new(""), files);
    for name in folders {
        let (_, files) = entries(&folder.join(&name))?;
        add_clip(&mut listed, folder, name.as_ref(), files);
    }
    if listed.is_empty() {
        return Err(SourceError::Empty {
            folder: folder.to_owned(),
        });
    }
    Ok(listed)
}

/// Adds the files that lie `below` the folder.
fn add_clip(listed: &mut Vec<Listed>, folder: &Path, below: &Path, files: Vec<OsString>) {
    let clip = folder.join(below);
    let clip = clip.file_name().unwrap_or(OsStr::new("frames"));
    listed.extend(files.into_iter().zip(0..).map(|(file, index)| {
        let name = below.join(file);
        Listed {
            clip: clip.to_string_lossy().into_owned(),
            index,
            path: folder.join(&name),
            name: name.to_string_lossy().into_owned(),
        }
    }));
}

/// The names of the folders and of the images and videos in `folder`, each in natural order.
fn entries(folder: &Path) -> Result<(Vec<OsString>, Vec<OsString>), SourceError> {
    let unreadable = |error| SourceError::Unreadable {
        folder: folder.to_owned(),
        error,
    };
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        // `is_dir` follows links, so a linked folder is a clip too.
        if folder.join(&name).is_dir() {
            folders.push(name);
        } else if has_image_extension(&name) || has_video_extension(name.as_ref()) {
            files.push(name);
        }
    }
    folders.sort_by_cached_key(|name| NaturalKey::new(name));
    files.sort_by_cached_key(|name| NaturalKey::new(name));
    Ok((folders, files))
}

fn has_image_extension(name: &OsStr) -> bool {
    let extension = Path::new(name).extension().unwrap_or_default();
    ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "webp"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        root
    }

    #[test]
    fn images_and_videos_come_clip_by_clip_in_natural_order() {
        let root = folder_with(&[
            "clip10/1.png",
            "clip9/b10.JPG",
            "clip9/b9.jpeg",
            "clip9/b9-ride.MP4",
            "clip9/deeper/1.png",
            "top2.png",
            "top1.png",
            "notes.txt",
            ".hidden.png",
            ".hidden/1.png",
            "png",
        ]);
        let top = root
            .path()
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let listed: Vec<_> = list(root.path())
            .unwrap()
            .into_iter()
            .map(|f| {
                assert_eq!(f.path, root.path().join(&f.name));
                (f.clip, f.index, f.name)
            })
            .collect();
        let expected = [
            (top.as_str(), 0, "top1.png"),
            (top.as_str(), 1, "top2.png"),
            ("clip9", 0, "clip9/b9-ride.MP4"),
            ("clip9", 1, "clip9/b9.jpeg"),
            ("clip9", 2, "clip9/b10.JPG"),
            ("clip10", 0, "clip10/1.png"),
        ];
        let expected: Vec<_> = expected
            .map(|(clip, i, name)| (clip.to_owned(), i, name.to_owned()))
            .to_vec();
        assert_eq!(listed, expected);
    }

    #[test]
    fn a_folder_without_frames_says_so_in_two_parts() {
        let root = folder_with(&["readme.md", "empty/notes.txt"]);
        let check = |folder: &Path, what: &str, mend: &str| {
            let error = list(folder).unwrap_err();
            let shown = error
                .to_string()
                .replace(root.path().to_str().unwrap(), "DIR");
            assert_eq!((shown.as_str(), error.mend()), (what, mend));
        };
        check(
            root.path(),
            "there is no image or video in the folder DIR",
            "put image or video files into it or into folders directly below it",
        );
        let check_path = "check the path and give a folder of images or videos";
        check(
            &root.path().join("nowhere"),
            "the folder DIR/nowhere does not exist",
            check_path,
        );
        check(
            &root.path().join("readme.md"),
            "DIR/readme.md is not a folder",
            check_path,
        );
    }
}
