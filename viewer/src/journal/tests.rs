use super::*;
use crate::sessions::Standing;
use crate::testing::{frame, name};

fn open(folder: &Path, limit: u64) -> (Journal, Sessions) {
    Journal::open(folder, limit, &name("demo")).expect("a log")
}

fn record(session: u32, seq: u64, missing: u64, dropped: u64) -> Record {
    Record {
        camera: name("gate"),
        session: SessionText(frame("gate", session, seq).session),
        session_unix_ms: 9,
        seq,
        captured_unix_ms: 1,
        received_unix_ms: 2,
        tiles: 3,
        bytes: 4,
        missing,
        dropped,
        status: Status::Map,
    }
}

fn lines(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join(LOG_FILE)).expect("a log");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_line_is_as_documented() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut journal, _) = open(folder.path(), 1000);
    journal.write(&record(1, 7, 2, 3)).expect("written");
    assert_eq!(
        lines(folder.path()),
        [
            "{\"camera\":\"gate\",\"session\":\"01000000000000000000000000000000\",\"session_unix_ms\":9,\"seq\":7,\
          \"captured_unix_ms\":1,\"received_unix_ms\":2,\"tiles\":3,\"bytes\":4,\"missing\":2,\"dropped\":3,\
          \"status\":\"map\"}"
        ]
    );
}

#[test]
fn what_was_logged_is_known_at_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut journal, sessions) = open(folder.path(), 1 << 20);
    assert_eq!(sessions, Sessions::default());
    journal.write(&record(1, 0, 0, 0)).expect("written");
    journal.write(&record(1, 3, 2, 5)).expect("written");
    journal.write(&record(2, 0, 0, 0)).expect("written");
    drop(journal);
    let (_journal, sessions) = open(folder.path(), 1 << 20);
    let standings = [0, 1, 3, 4].map(|seq| sessions.standing(&frame("gate", 1, seq)));
    use Standing::{Logged, Missed, New};
    assert_eq!(standings, [Logged, Missed, Logged, New]);
    assert_eq!(sessions.dropped(&frame("gate", 1, 0)), 5);
    assert_eq!(sessions.next(&frame("gate", 2, 0)), 1);
}

#[test]
fn a_line_half_written_is_cut_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut journal, _) = open(folder.path(), 1 << 20);
    journal.write(&record(1, 0, 0, 0)).expect("written");
    journal.write(&record(1, 1, 0, 0)).expect("written");
    drop(journal);
    let path = folder.path().join(LOG_FILE);
    let text = fs::read_to_string(&path).expect("a log");
    for length in text.len() / 2 + 1..text.len() {
        fs::write(&path, &text[..length]).expect("written");
        let (mut journal, sessions) = open(folder.path(), 1 << 20);
        assert_eq!(sessions.next(&frame("gate", 1, 0)), 1, "{length} bytes");
        journal.write(&record(1, 1, 0, 0)).expect("written");
        drop(journal);
        assert_eq!(fs::read_to_string(&path).expect("a log"), text);
    }
}

#[test]
fn a_full_log_is_put_aside_and_nothing_is_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut journal, _) = open(folder.path(), 500);
    for seq in 0..20 {
        journal.write(&record(1, seq, 0, 1)).expect("written");
    }
    drop(journal);
    let kept = fs::read_to_string(folder.path().join(FULL_LOG_FILE)).expect("a full log");
    assert!(kept.len() < 1000 && lines(folder.path()).len() < 5);
    let (_journal, sessions) = open(folder.path(), 500);
    assert_eq!(sessions.next(&frame("gate", 1, 0)), 20);
    assert_eq!(sessions.dropped(&frame("gate", 1, 0)), 20);
    assert_eq!(sessions.standing(&frame("gate", 1, 0)), Standing::Logged);
}

/// The sessions of the full log are written before it is put aside; here the viewer dies in between.
#[test]
fn lines_read_twice_count_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut journal, _) = open(folder.path(), 1 << 20);
    journal.write(&record(1, 4, 4, 3)).expect("written");
    let sessions = serde_json::to_vec(&journal.sessions).expect("JSON");
    drop(journal);
    fs::write(folder.path().join(SESSIONS_FILE), sessions).expect("written");
    let (_journal, sessions) = open(folder.path(), 1 << 20);
    assert_eq!(sessions.next(&frame("gate", 1, 0)), 5);
    assert_eq!(sessions.dropped(&frame("gate", 1, 0)), 3);
}

#[test]
fn what_is_no_log_is_refused_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut journal, _) = open(folder.path(), 1 << 20);
    journal.write(&record(1, 0, 0, 0)).expect("written");
    drop(journal);
    let path = folder.path().join(LOG_FILE);
    let text = fs::read_to_string(&path).expect("a log");
    let refused = |text: &str| {
        fs::write(&path, text).expect("written");
        let failure = Journal::open(folder.path(), 1 << 20, &name("demo")).expect_err("refused");
        assert_eq!(failure.kind, FailureKind::BadData);
        failure.what
    };
    let second = refused(&format!("{text}hello\n"));
    let begins = format!("{}:2 is no line of a viewer's log: ", path.display());
    assert!(second.starts_with(&begins), "{second}");
    let long = refused(&"x".repeat(5000));
    assert!(
        long.contains(":1 is no line of a viewer's log: the line is too long"),
        "{long}"
    );
}

#[test]
fn one_viewer_logs_into_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_journal, _) = open(folder.path(), 1 << 20);
    let failure = Journal::open(folder.path(), 1 << 20, &name("demo")).expect_err("in use");
    assert_eq!(failure.kind, FailureKind::Configuration);
    assert!(
        failure.what.starts_with("another viewer logs into "),
        "{failure}"
    );
}
