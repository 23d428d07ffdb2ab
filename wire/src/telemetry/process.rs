//! What the system says of this process.

use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Resident memory in bytes; `None` where the system does not say.
pub(super) fn resident_bytes() -> Option<u64> {
    parse(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// The most memory this process ever held, in bytes; `None` where the system does not say.
pub fn peak_resident_bytes() -> Option<u64> {
    parse(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

/// The processor time of this process, all threads together.
pub fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// A line such as `VmRSS:   123 kB` of a process status.
fn parse(status: &str, name: &str) -> Option<u64> {
    let size = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = size.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_set_is_read() {
        let status = "Name:\tbroker\nVmHWM:\t    2000 kB\nVmRSS:\t    1234 kB\nThreads:\t4\n";
        assert_eq!(parse(status, "VmRSS:"), Some(1234 * 1024));
        assert_eq!(parse(status, "VmHWM:"), Some(2000 * 1024));
        assert_eq!(parse("Name:\tbroker\n", "VmRSS:"), None);
        assert_eq!(parse("VmRSS:\tmuch\n", "VmRSS:"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_takes_more_than_nothing() {
        assert!(resident_bytes().unwrap() > 100_000);
        assert!(peak_resident_bytes().unwrap() > 100_000);
        assert!(cpu_time() > Duration::ZERO);
    }
}
