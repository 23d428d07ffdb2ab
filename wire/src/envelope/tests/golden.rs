//! The bytes on the wire, held against a committed file.
//!
//! A failure here means that nodes of this build no longer understand those of the last release.
//! When that is meant, change the magic, and write the file anew with `BLINDSIGHT_BLESS=1 cargo
//! test -p wire golden`.

use super::*;
use crate::hex;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/envelopes-v1.txt");

struct Hex<'a>(&'a [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        hex::write(f, self.0)
    }
}

fn cases() -> [(&'static str, Vec<u8>); 3] {
    [
        (
            "frame-tile",
            seal(&camera(), &frame_tile(), PAYLOAD).unwrap(),
        ),
        ("map-tile", seal(&worker(), &map_tile(), PAYLOAD).unwrap()),
        ("receipt", seal(&viewer(), &receipt(), b"").unwrap()),
    ]
}

fn bytes_of(line: &str) -> Vec<u8> {
    let (_, digits) = line.split_once(' ').unwrap();
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| hex::read::<1>(std::str::from_utf8(pair).unwrap()).unwrap()[0];
    pairs.map(byte).collect()
}

#[test]
fn envelopes_are_byte_for_byte_those_of_the_golden_file() {
    let now: String = cases()
        .iter()
        .map(|(name, bytes)| format!("{name} {}\n", Hex(bytes)))
        .collect();
    if std::env::var_os("BLINDSIGHT_BLESS").is_some() {
        std::fs::write(PATH, &now).unwrap();
    }
    assert_eq!(now, std::fs::read_to_string(PATH).unwrap());
}

#[test]
fn the_golden_envelopes_open() {
    let file = std::fs::read_to_string(PATH).unwrap();
    let lines: Vec<&str> = file.lines().collect();
    let [frame, map, receipt_line] = lines[..] else {
        panic!("three lines: {lines:?}")
    };
    let verified = opened::<FrameTile>(FRAME_TOPIC, &bytes_of(frame)).unwrap();
    assert_eq!(
        (verified.message(), verified.payload()),
        (&frame_tile(), PAYLOAD)
    );
    let verified = opened::<MapTile>(MAP_TOPIC, &bytes_of(map)).unwrap();
    assert_eq!(
        (verified.message(), verified.payload()),
        (&map_tile(), PAYLOAD)
    );
    let verified = opened::<Receipt>(RECEIPT_TOPIC, &bytes_of(receipt_line)).unwrap();
    assert_eq!(
        (verified.message(), verified.payload()),
        (&receipt(), &b""[..])
    );
}
