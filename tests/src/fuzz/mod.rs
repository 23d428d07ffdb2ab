//! What untrusted bytes meet first, one function for each parser: the fuzz targets.
//!
//! The programs in `fuzz/` feed them with what libFuzzer makes up, and `tests/corrupted.rs` with what is committed, so
//! that no input that once broke a parser breaks it again. Each function says whether the parser took the bytes, and
//! panics where it must not: in the parser, or because what it took is not what the bytes say.

mod edits;
mod envelopes;
mod files;
mod first_packet;
mod keys;
mod tiles;

pub use envelopes::{
    envelope, message, receipt, stream_spec, tampered_envelope, tile_header, topic,
};
pub use files::{
    broker_config, camera_config, key_file, trust_file, users_file, viewer_config, worker_config,
};
pub use first_packet::first_packet;
pub use keys::{bfv_keys, plain_keys, tfhe_keys};
pub use tiles::{bfv_tiles, plain_tiles, tfhe_tiles};

use std::path::PathBuf;

use crate::data_folder::committed;

/// A parser that is fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which its program and its folders have too.
    pub name: &'static str,
    /// Tries an input, and says whether it was accepted.
    pub accepts: fn(&[u8]) -> bool,
}

/// Every target.
pub const TARGETS: [Target; 21] = [
    target("first_packet", first_packet),
    target("envelope", envelope),
    target("tampered_envelope", tampered_envelope),
    target("message", message),
    target("receipt", receipt),
    target("tile_header", tile_header),
    target("topic", topic),
    target("stream_spec", stream_spec),
    target("key_file", key_file),
    target("camera_config", camera_config),
    target("worker_config", worker_config),
    target("viewer_config", viewer_config),
    target("broker_config", broker_config),
    target("trust_file", trust_file),
    target("users_file", users_file),
    target("plain_keys", plain_keys),
    target("plain_tiles", plain_tiles),
    target("bfv_keys", bfv_keys),
    target("bfv_tiles", bfv_tiles),
    target("tfhe_keys", tfhe_keys),
    target("tfhe_tiles", tfhe_tiles),
];

const fn target(name: &'static str, accepts: fn(&[u8]) -> bool) -> Target {
    Target { name, accepts }
}

impl Target {
    /// Its committed corpus: inputs to start from. Those named `valid-...` have to be accepted.
    pub fn corpus(&self) -> PathBuf {
        committed("fuzz/corpus").join(self.name)
    }

    /// Its regression files: inputs that once broke something.
    pub fn corrupted(&self) -> PathBuf {
        committed("tests/corrupted").join(self.name)
    }
}

/// Inputs that a target has to accept, to write its corpus from. Each has a name.
pub fn valid_inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    match target {
        "first_packet" => first_packet::valid_inputs(),
        "envelope" | "tampered_envelope" | "message" | "receipt" | "tile_header" | "topic"
        | "stream_spec" => envelopes::valid_inputs(target),
        "plain_keys" | "bfv_keys" | "tfhe_keys" => keys::valid_inputs(target),
        "plain_tiles" | "bfv_tiles" | "tfhe_tiles" => tiles::valid_inputs(target),
        _ => files::valid_inputs(target),
    }
}
