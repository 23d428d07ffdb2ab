//! The viewer's log, and what of a camera's frames it accounts for.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// A line of the viewer's log: a frame that reached it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) camera: String,
    pub(crate) session: String,
    pub(crate) seq: u64,
    pub(crate) captured_unix_ms: u64,
    pub(crate) received_unix_ms: u64,
    /// Frames of the session between this one and the one before in the log.
    pub(crate) missing: u64,
    /// Frames captured and not sent since the one before in the log.
    pub(crate) dropped: u64,
    pub(crate) status: String,
}

/// What a log says of the frames of one camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) sessions: u64,
    pub(crate) delivered: u64,
    pub(crate) missing: u64,
    pub(crate) dropped: u64,
    pub(crate) longest_gap: Duration,
}

/// The viewer's log below `out`: the full one and the one being written.
///
/// What follows the last line's end is being written.
pub(crate) fn read(out: &Path) -> Vec<Delivered> {
    let files = ["frames.1.jsonl", "frames.jsonl"].map(|name| out.join(name));
    let text = |path| fs::read_to_string(path).unwrap_or_default();
    let text: String = files.iter().map(text).collect();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(delivered).collect()
}

fn delivered(line: &str) -> Delivered {
    let fields: Value =
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let number = |name: &str| {
        let number = fields[name].as_u64();
        number.unwrap_or_else(|| panic!("no number `{name}` in {line}"))
    };
    let text = |name: &str| {
        let text = fields[name].as_str();
        text.unwrap_or_else(|| panic!("no text `{name}` in {line}"))
            .to_owned()
    };
    Delivered {
        camera: text("camera"),
        session: text("session"),
        seq: number("seq"),
        captured_unix_ms: number("captured_unix_ms"),
        received_unix_ms: number("received_unix_ms"),
        missing: number("missing"),
        dropped: number("dropped"),
        status: text("status"),
    }
}

/// The account of a camera.
///
/// # Errors
/// The first line that breaks the promise: a frame twice or out of order, a session that comes back after another, a gap
/// that is not counted, a frame that gave no map.
pub(crate) fn account(lines: &[Delivered], camera: &str) -> Result<Account, String> {
    let lines: Vec<&Delivered> = lines.iter().filter(|line| line.camera == camera).collect();
    let mut account = Account::default();
    let mut ended: Vec<&str> = Vec::new();
    let mut before: Option<&Delivered> = None;
    for line in lines {
        let Delivered { session, seq, .. } = line;
        let same_session = before.filter(|before| before.session == *session);
        if let Some(before) = before
            && same_session.is_none()
        {
            ended.push(&before.session);
        }
        if ended.contains(&session.as_str()) {
            return Err(format!("session {session} comes back with frame {seq}"));
        }
        let expected = same_session.map_or(0, |before| before.seq + 1);
        if *seq < expected {
            return Err(format!(
                "frame {seq} of session {session} comes after {}",
                expected - 1
            ));
        }
        if line.missing != seq - expected {
            return Err(format!(
                "frame {seq} of session {session} follows {expected} and counts {} missing",
                line.missing
            ));
        }
        if line.status != "map" {
            return Err(format!(
                "frame {seq} of session {session} is {}",
                line.status
            ));
        }
        account.sessions += u64::from(same_session.is_none());
        account.delivered += 1;
        account.missing += line.missing;
        account.dropped += line.dropped;
        if let Some(before) = before {
            let gap = line
                .received_unix_ms
                .saturating_sub(before.received_unix_ms);
            account.longest_gap = account.longest_gap.max(Duration::from_millis(gap));
        }
        before = Some(line);
    }
    Ok(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of `gate`, each received 10 ms after the one before.
    fn lines(frames: &[(&str, u64, u64)]) -> Vec<Delivered> {
        let line = |(place, (session, seq, missing)): (u64, &(&str, u64, u64))| Delivered {
            camera: "gate".to_owned(),
            session: (*session).to_owned(),
            seq: *seq,
            captured_unix_ms: 5,
            received_unix_ms: 100 + 10 * place,
            missing: *missing,
            dropped: 2,
            status: "map".to_owned(),
        };
        (0..).zip(frames).map(line).collect()
    }

    #[test]
    fn what_is_in_order_is_counted() {
        let mut frames = lines(&[
            ("a", 0, 0),
            ("a", 1, 0),
            ("a", 4, 2),
            ("b", 1, 1),
            ("b", 2, 0),
        ]);
        frames[3].received_unix_ms += 500;
        let mut other = frames[0].clone();
        other.camera = "yard".to_owned();
        frames.push(other);
        let expected = Account {
            sessions: 2,
            delivered: 5,
            missing: 3,
            dropped: 10,
            longest_gap: Duration::from_millis(510),
        };
        assert_eq!(account(&frames, "gate"), Ok(expected));
    }

    #[test]
    fn every_broken_promise_is_found() {
        /// Session, sequence number and what is counted as missing.
        type Line = (&'static str, u64, u64);
        let refused: [(&[Line], &str); 5] = [
            (
                &[("a", 0, 0), ("a", 0, 0)],
                "frame 0 of session a comes after 0",
            ),
            (
                &[("a", 0, 0), ("a", 2, 1), ("a", 1, 0)],
                "frame 1 of session a comes after 2",
            ),
            (
                &[("a", 0, 0), ("a", 2, 0)],
                "frame 2 of session a follows 1 and counts 0 missing",
            ),
            (
                &[("a", 1, 0)],
                "frame 1 of session a follows 0 and counts 0 missing",
            ),
            (
                &[("a", 0, 0), ("b", 0, 0), ("a", 1, 0)],
                "session a comes back with frame 1",
            ),
        ];
        for (frames, reason) in refused {
            assert_eq!(account(&lines(frames), "gate"), Err(reason.to_owned()));
        }
        let mut unreadable = lines(&[("a", 0, 0)]);
        unreadable[0].status = "unreadable".to_owned();
        let reason = "frame 0 of session a is unreadable".to_owned();
        assert_eq!(account(&unreadable, "gate"), Err(reason));
    }

    #[test]
    fn a_log_is_read_with_its_older_part_and_without_what_is_being_written() {
        let folder = tempfile::tempdir().unwrap();
        let line = |seq: u64| {
            format!(
                "{{\"camera\":\"gate\",\"session\":\"a\",\"seq\":{seq},\"captured_unix_ms\":1,\"received_unix_ms\":2,\
                 \"tiles\":1,\"bytes\":9,\"missing\":0,\"dropped\":0,\"status\":\"map\"}}\n"
            )
        };
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        assert_eq!(read(folder.path()), []);
        write("frames.1.jsonl", line(0) + &line(1) + &line(2));
        write("frames.jsonl", line(3) + &line(4)[..20]);
        let seqs: Vec<u64> = read(folder.path()).iter().map(|line| line.seq).collect();
        assert_eq!(seqs, [0, 1, 2, 3]);
    }
}
