//! The video devices of this machine.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use wire::failure::Failure;

use super::device::Device;
use super::modes::describe;
use crate::source::natural::NaturalKey;

const DEVICES: &str = "/dev";
/// What the system calls them: a file `name` in a folder for each.
const NAMES: &str = "/sys/class/video4linux";

/// The video devices that give pictures, and what each can do; a sentence where there are none.
///
/// # Errors
/// When the devices cannot be listed.
pub fn list() -> Result<String, Failure> {
    let names = names(Path::new(DEVICES)).map_err(|error| {
        Failure::io(
            format!("listing {DEVICES}"),
            &error,
            "let this user read it",
        )
    })?;
    let told: Vec<String> = names.into_iter().filter_map(tell).collect();
    if told.is_empty() {
        return Ok("there is no video device that gives pictures".to_owned());
    }
    Ok(told.join("\n"))
}

/// The names of video devices in `folder`, in natural order.
fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("video"));
        if number.is_some_and(|number| number.parse::<u32>().is_ok()) {
            names.push(name);
        }
    }
    names.sort_by_cached_key(|name| NaturalKey::new(name));
    Ok(names)
}

/// What a device can do; `None` for one without pictures, such as the second one of a webcam.
fn tell(name: OsString) -> Option<String> {
    let path = Path::new(DEVICES).join(&name);
    let modes = match Device::open(&path).and_then(|device| device.modes()) {
        Ok(modes) if modes.is_empty() => return None,
        Ok(modes) => describe(&modes),
        Err(error) => format!("cannot be opened: {error}"),
    };
    let called = fs::read_to_string(Path::new(NAMES).join(&name).join("name")).unwrap_or_default();
    let title = format!("{} {}", path.display(), called.trim());
    Some(format!(
        "{}\n  {}",
        title.trim(),
        modes.replace('\n', "\n  ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn video_devices_are_found_in_the_order_of_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["video10", "video2", "video", "videos", "vbi0", "video2a"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(names(folder.path()).unwrap(), ["video2", "video10"]);
        assert!(names(&folder.path().join("missing")).is_err());
    }

    #[test]
    fn a_device_that_cannot_be_opened_is_told_all_the_same() {
        assert_eq!(
            tell("video-that-is-not-there".into()).unwrap(),
            "/dev/video-that-is-not-there\n  cannot be opened: No such file or directory (os error 2)"
        );
    }
}
