//! placeholder
use crate::scheme::FailureReport;
pub fn failure_report(_kernel: u8) -> FailureReport {
    FailureReport::EXACT
}
