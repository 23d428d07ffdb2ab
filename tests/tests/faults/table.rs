//! What the tests have counted, as the table of docs/ref/reliability.md.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use e2e::data_folder::committed;
use e2e::skipped;

/// Names the file whose table is to be replaced, from the top of the repository.
const VARIABLE: &str = "BLINDSIGHT_FAULT_TABLE";
const BEGIN: &str = "<!-- table of faults: begin -->";
const END: &str = "<!-- table of faults: end -->";
const HEAD: &str = "| fault | times tried | frames captured | delivered | counted drops | duplicates seen | longest gap |\n\
                    | --- | --- | --- | --- | --- | --- | --- |\n";

/// Every fault, in the order of the table.
pub(crate) const FAULTS: [&str; 34] = [
    "broker killed and started again mid-frame",
    "broker away for 3 s",
    "broker stands still for 3 s",
    "worker killed mid-tile",
    "worker killed",
    "worker stands still for 3 s",
    "one of two workers killed, sharing the stream",
    "one of two workers killed, both pooling everything",
    "viewer killed",
    "viewer away for 6 s",
    "viewer away for 6 s, policy latest",
    "network cut",
    "network delayed by 0.4 s",
    "network trickling, 0.1 MB/s",
    "network truncated mid-tile",
    "network silent for 12 s",
    "network one way for 3 s",
    "messages duplicated",
    "messages reordered",
    "messages lost",
    "messages replayed, viewer killed",
    "messages tampered with",
    "messages cut short",
    "garbage between messages",
    "messages larger than a node takes",
    "messages on another camera's topic",
    "spool full",
    "disk of the spool full",
    "files of the spool torn",
    "camera killed, with a spool",
    "no broker when the camera starts",
    "clocks of camera and worker jump",
    "clock of the viewer jumps",
    "1,000 frames, a random fault each few seconds",
];

/// What one test has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// One of [`FAULTS`].
    pub(crate) fault: &'static str,
    /// How often the fault was made.
    pub(crate) tried: u64,
    /// Frames that the camera captured.
    pub(crate) captured: u64,
    /// Frames in the viewer's log.
    pub(crate) delivered: u64,
    /// Frames that the camera has counted as dropped, given up or torn.
    pub(crate) drops: u64,
    /// Tiles that came to the viewer again, and were dropped.
    pub(crate) duplicates: u64,
    /// The longest time between two frames in the viewer's log, if its clock can be believed.
    pub(crate) longest_gap: Option<Duration>,
}

/// Prints a row, and puts it into the file that the variable names: in a table that the first row begins anew.
pub(crate) fn report(row: Row) {
    static HAS_BEGUN: Mutex<bool> = Mutex::new(false);
    // A test that failed here says so itself.
    let mut has_begun = HAS_BEGUN.lock().unwrap_or_else(PoisonError::into_inner);
    println!("{}", line(&row));
    let Ok(path) = env::var(VARIABLE) else {
        return;
    };
    assert!(
        FAULTS.contains(&row.fault),
        "{} is not in the list",
        row.fault
    );
    let path = committed(&path);
    let mut text = fs::read_to_string(&path).unwrap();
    if !std::mem::replace(&mut *has_begun, true) {
        let (before, _, after) = parts(&text);
        text = format!("{before}{BEGIN}\n{END}{after}");
    }
    fs::write(&path, with(&text, &row)).unwrap();
}

fn line(row: &Row) -> String {
    let Row {
        fault,
        tried,
        captured,
        delivered,
        drops,
        duplicates,
        longest_gap,
    } = row;
    let seconds = |gap: &Duration| format!("{:.1} s", gap.as_secs_f64());
    let gap = longest_gap.as_ref().map_or("-".to_owned(), seconds);
    format!("| {fault} | {tried} | {captured} | {delivered} | {drops} | {duplicates} | {gap} |")
}

/// `text` with a row of its table replaced or added, and the rows in the order of [`FAULTS`].
fn with(text: &str, row: &Row) -> String {
    let (before, table, after) = parts(text);
    let mut lines = rows(table);
    lines.insert(row.fault.to_owned(), line(row));
    let ordered = FAULTS.iter().filter_map(|fault| lines.get(*fault));
    let ordered: String = ordered.map(|line| format!("{line}\n")).collect();
    format!("{before}{BEGIN}\n\n{HEAD}{ordered}\n{END}{after}")
}

/// What stands before, in and after the table.
fn parts(text: &str) -> (&str, &str, &str) {
    let (before, rest) = text.split_once(BEGIN).expect("a place for the table");
    let (table, after) = rest.split_once(END).expect("an end of the table");
    (before, table, after)
}

/// The rows of a table by their fault.
fn rows(table: &str) -> BTreeMap<String, String> {
    let rows = table.lines().filter(|line| line.starts_with('|'));
    rows.skip(2)
        .map(|line| {
            let fault = line.split('|').nth(1).unwrap().trim();
            (fault.to_owned(), line.to_owned())
        })
        .collect()
}

#[test]
fn a_row_replaces_the_one_of_its_fault() {
    let row = |fault, delivered| Row {
        fault,
        tried: 3,
        captured: 40,
        delivered,
        drops: 0,
        duplicates: 7,
        longest_gap: Some(Duration::from_millis(1240)),
    };
    let [first, second, ..] = FAULTS;
    let empty = format!("Text.\n\n{BEGIN}\n\n{END}\n\nMore.\n");
    let text = with(
        &with(&with(&empty, &row(second, 39)), &row(first, 5)),
        &row(second, 40),
    );
    let expected = format!(
        "Text.\n\n{BEGIN}\n\n{HEAD}| {first} | 3 | 40 | 5 | 0 | 7 | 1.2 s |\n| {second} | 3 | 40 | 40 | 0 | 7 | 1.2 s |\n\n\
         {END}\n\nMore.\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn the_documentation_has_a_row_for_every_fault_and_no_other() {
    if env::var_os(VARIABLE).is_some() {
        skipped("the table is being written");
        return;
    }
    let text = fs::read_to_string(committed("docs/ref/reliability.md")).unwrap();
    let (_, table, _) = parts(&text);
    let described: Vec<&str> = table
        .lines()
        .filter_map(|line| Some(line.split('|').nth(1)?.trim()))
        .skip(2)
        .collect();
    assert_eq!(described, FAULTS);
}
