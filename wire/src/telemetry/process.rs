//! What the system says of this process.

use std::fs;

/// Resident memory in bytes; `None` where the system does not say.
pub(super) fn resident_bytes() -> Option<u64> {
    parse_resident(&fs::read_to_string("/proc/self/status").ok()?)
}

/// The line `VmRSS:   123 kB` of a process status.
fn parse_resident(status: &str) -> Option<u64> {
    let size = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = size.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_set_is_read() {
        let status = "Name:\tbroker\nVmHWM:\t    2000 kB\nVmRSS:\t    1234 kB\nThreads:\t4\n";
        assert_eq!(parse_resident(status), Some(1234 * 1024));
        assert_eq!(parse_resident("Name:\tbroker\n"), None);
        assert_eq!(parse_resident("VmRSS:\tmuch\n"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_takes_more_than_nothing() {
        assert!(resident_bytes().unwrap() > 100_000);
    }
}
