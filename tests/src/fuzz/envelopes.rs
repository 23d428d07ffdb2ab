//! Envelopes, the messages in them, topics, and stream specifications.
//!
//! The nodes are those of the golden envelopes of `wire`, whose signing keys are known.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use bytes::Bytes;
use cipherframe::{SchemeId, StreamSpec};
use ed25519_dalek::{Signer, SigningKey};
use wire::envelope::{Limits, Refusal, open, seal};
use wire::identity::SigningIdentity;
use wire::message::{FrameTile, MapTile, Message, Receipt, TileHeader};
use wire::topic::Topic;
use wire::trust::TrustStore;

use super::edits::edited;
use crate::data_folder::committed;
use crate::frames::spec;

/// The nodes: name, role and seed of the signing key. The place is the kind of message that they sign, less one.
const NODES: [(&str, &str, [u8; 32]); 3] = [
    ("gate", "camera", [1; 32]),
    ("worker", "worker", [2; 32]),
    ("viewer", "viewer", [3; 32]),
];
const TOPICS: [&str; 3] = [
    "blindsight/v1/demo/gate/frame",
    "blindsight/v1/demo/gate/map",
    "blindsight/v1/demo/gate/receipt",
];

/// Bytes as they come from the network, opened as every kind of message.
pub fn envelope(data: &[u8]) -> bool {
    let kinds = [
        opens::<FrameTile>(TOPICS[0], data),
        opens::<MapTile>(TOPICS[1], data),
        opens::<Receipt>(TOPICS[2], data),
    ];
    kinds.contains(&true)
}

/// A golden envelope with edits: refused, unless nothing has changed.
pub fn tampered_envelope(data: &[u8]) -> bool {
    let Some((kind, script)) = data.split_first() else {
        return false;
    };
    let golden = golden(usize::from(*kind) % NODES.len());
    let tampered = edited(golden.clone(), script);
    let accepted = envelope(&tampered);
    assert_eq!(accepted, tampered == golden, "a tampered envelope");
    accepted
}

/// A correctly signed frame tile or map tile that holds any bytes as its message.
pub fn message(data: &[u8]) -> bool {
    let Some((kind, message)) = data.split_first() else {
        return false;
    };
    let kind = usize::from(*kind % 2);
    let envelope = signed(kind, message);
    if kind == 0 {
        opens::<FrameTile>(TOPICS[0], &envelope)
    } else {
        opens::<MapTile>(TOPICS[1], &envelope)
    }
}

/// A correctly signed receipt that holds any bytes as its message.
pub fn receipt(data: &[u8]) -> bool {
    opens::<Receipt>(TOPICS[2], &signed(2, data))
}

/// The header of a tile as it stands in a file of a camera's spool, behind no signature.
pub fn tile_header(data: &[u8]) -> bool {
    match TileHeader::from_bytes(data) {
        Ok(header) => {
            assert_eq!(header.to_bytes().expect("it was read"), data);
            true
        }
        Err(error) => refused(&error),
    }
}

/// A topic.
pub fn topic(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    match Topic::parse(&text) {
        Ok(topic) => {
            assert_eq!(topic.to_string(), text);
            true
        }
        Err(error) => refused(&error),
    }
}

/// A stream specification, as it stands in a signed header.
pub fn stream_spec(data: &[u8]) -> bool {
    match StreamSpec::from_bytes(data) {
        Ok(spec) => {
            assert_eq!(spec.to_bytes(), data);
            let plan = spec.tile_plan();
            for tile in [0, plan.tile_count() - 1] {
                let windows = plan.windows(tile).map_or(0, |windows| windows.len());
                assert!(windows > 0, "an empty tile");
                // A tile that is a run of windows has no rows of its own.
                let pixels = plan.window_pixels(tile);
                assert!(pixels.is_none_or(|pixels| pixels.len() == windows));
            }
            assert_eq!(plan.windows(plan.tile_count()), None);
            true
        }
        Err(error) => refused(&error),
    }
}

/// What was opened is what sealing makes of it, byte for byte: there are no two envelopes of one message.
fn opens<M: Message>(topic: &str, data: &[u8]) -> bool {
    let bytes = Bytes::copy_from_slice(data);
    match open::<M>(topic, bytes, trust(), &Limits::default()) {
        Ok(verified) => {
            let signer = NODES
                .iter()
                .find(|node| node.0 == verified.signer().as_str());
            let (name, _, seed) = signer.expect("an enrolled signer");
            let identity = SigningIdentity::from_seed(name.parse().unwrap(), seed);
            let again = seal(&identity, verified.message(), verified.payload());
            assert_eq!(again.expect("it was sealed before"), data);
            true
        }
        Err(Refusal::WrongTopic { belongs_on, .. }) if belongs_on.to_string() != topic => {
            opens::<M>(&belongs_on.to_string(), data)
        }
        Err(refusal) => refused(&refusal),
    }
}

/// A refusal says something.
pub(super) fn refused(error: &dyn std::fmt::Display) -> bool {
    assert!(!error.to_string().is_empty());
    false
}

fn trust() -> &'static TrustStore {
    static TRUST: OnceLock<TrustStore> = OnceLock::new();
    TRUST.get_or_init(|| {
        let node = |(name, role, seed): &(&str, &str, [u8; 32])| {
            let identity = SigningIdentity::from_seed(name.parse().unwrap(), seed);
            let key = identity.verifying_key();
            format!("[[node]]\nname = \"{name}\"\nrole = \"{role}\"\nverifying_key = \"{key}\"\n")
        };
        let text: String = NODES.iter().map(node).collect();
        TrustStore::parse(Path::new("trust.toml"), &text).unwrap()
    })
}

/// The golden envelopes of `wire`.
fn golden(kind: usize) -> Vec<u8> {
    static GOLDEN: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let read = || {
        let path = committed("wire/tests/golden/envelopes-v1.txt");
        let text = fs::read_to_string(path).unwrap();
        let line = |line: &str| from_hex(line.split_once(' ').unwrap().1);
        text.lines().map(line).collect()
    };
    GOLDEN.get_or_init(read)[kind].clone()
}

fn from_hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(byte).collect()
}

/// Where the message of an envelope starts; its length stands in the two bytes before.
const MESSAGE: usize = 63;

/// An envelope without payload around any bytes, as docs/ref/envelope.md says, in the name of the node that signs such
/// messages. `wire` itself seals nothing but whole messages.
fn signed(kind: usize, message: &[u8]) -> Vec<u8> {
    let message = &message[..message.len().min(u16::MAX.into())];
    let key = SigningKey::from_bytes(&NODES[kind].2);
    let signer = blake3::hash(key.verifying_key().as_bytes());
    let mut bytes = b"BSE1".to_vec();
    bytes.push(kind as u8 + 1);
    bytes.extend(&signer.as_bytes()[..16]);
    bytes.extend(0u64.to_le_bytes());
    bytes.extend(blake3::hash(b"").as_bytes());
    bytes.extend((message.len() as u16).to_le_bytes());
    bytes.extend(message);
    let signature = key.sign(&[b"blindsight/v1 envelope\0", &bytes[..]].concat());
    bytes.extend(signature.to_bytes());
    bytes
}

pub(super) fn valid_inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let names = ["frame-tile", "map-tile", "receipt"];
    let named = |name: &str, bytes| (name.to_owned(), bytes);
    let message = |kind| {
        let envelope: Vec<u8> = golden(kind);
        let length = usize::from(u16::from_le_bytes([envelope[61], envelope[62]]));
        envelope[MESSAGE..MESSAGE + length].to_vec()
    };
    match target {
        "envelope" => (0..3)
            .map(|kind| named(names[kind], golden(kind)))
            .collect(),
        "tampered_envelope" => (0..3)
            .map(|kind| named(names[kind], vec![kind as u8]))
            .collect(),
        "message" => (0..2)
            .map(|kind| named(names[kind], [vec![kind as u8], message(kind)].concat()))
            .collect(),
        // A frame tile is its header.
        "tile_header" => vec![named("header", message(0))],
        "receipt" => vec![named("receipt", message(2))],
        "topic" => [
            "demo/gate/frame",
            "demo/gate/map",
            "demo/gate/receipt",
            "demo/nodes/gate/state",
            "demo/nodes/gate/health",
        ]
        .map(|topic| {
            named(
                &topic.replace('/', "-"),
                format!("blindsight/v1/{topic}").into(),
            )
        })
        .into(),
        _ => {
            let pools = [(2, 2, 0), (3, 1, 1), (4, 4, 0)];
            let streams = SchemeId::ALL
                .into_iter()
                .flat_map(|scheme| pools.map(|pool| (scheme, pool)));
            streams
                .map(|(scheme, pool)| {
                    let bytes = spec(scheme, (64, 48), 2, pool).to_bytes();
                    (format!("{scheme}-kernel-{}", pool.0), bytes)
                })
                .collect()
        }
    }
}
