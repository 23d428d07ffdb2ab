//! What the end-to-end tests share.
//!
//! - [`site`] identities and a trust file in a temporary folder
//! - [`stack`] broker, worker and viewer of a site in this process, and [`camera`] a camera for them
//! - [`frames`] frames made up by tests
//! - [`bus`] what a stranger hears and says on the broker
//! - [`scene`] all of these at once, for messages that must be refused
//! - [`log_record`] the log lines of this process
//! - [`programs`] the real programs, and [`node_process`] one of them that runs
//! - [`fleet`] all the programs of a site, to be killed and started again, and [`proxy`] a bad network between them
//! - [`browser`] a real browser, and [`mosquitto`] a real mosquitto
//! - [`page_site`] a site with a page and a lab
//! - [`pages`] what a program serves of metrics and health, and [`service_manager`] what it tells systemd
//! - [`data_folder`] the folders that the committed configuration files expect
//! - [`key_cache`] keys, made once
//! - [`fuzz`] what untrusted bytes meet first, for the fuzz targets

pub mod browser;
pub mod bus;
pub mod camera;
pub mod data_folder;
pub mod fleet;
pub mod frames;
pub mod fuzz;
pub mod key_cache;
pub mod log_record;
pub mod mosquitto;
pub mod node_process;
pub mod page_site;
pub mod pages;
pub mod programs;
pub mod proxy;
pub mod scene;
pub mod service_manager;
pub mod site;
pub mod stack;

use std::io::{self, Write};
use std::time::Duration;

/// How long anything is waited for: long enough for a machine that is busy with other work. Only a failing test waits
/// so long.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// Says that a test is skipped, and why. Not through `eprintln!`, which tests that pass keep to themselves.
pub fn skipped(why: &str) {
    let line = format!("skipped: {why}\n");
    io::stderr().write_all(line.as_bytes()).unwrap();
}
