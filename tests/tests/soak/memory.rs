//! How much memory a process holds.

use std::fs;

/// Resident memory of a process in KiB; `None` when there is no such process, or it has ended.
pub(crate) fn resident_kib(process: u32) -> Option<u64> {
    parse(&fs::read_to_string(format!("/proc/{process}/status")).ok()?)
}

/// The line `VmRSS` of a process's status. A process that has ended and was not waited for has none.
fn parse(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[test]
fn this_process_has_memory_and_an_ended_one_has_none() {
    let held = vec![1u8; 64 << 20];
    assert!(resident_kib(std::process::id()).unwrap() > held.len() as u64 / 1024);
    assert_eq!(
        parse("Name:\tcamera-node\nVmRSS:\t   5120 kB\nVmSwap:\t 0 kB\n"),
        Some(5120)
    );
    assert_eq!(parse("Name:\tcamera-node\nState:\tZ (zombie)\n"), None);
}
