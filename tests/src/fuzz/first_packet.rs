//! The first packet of a connection, which anybody who reaches the broker can send.

use broker::rewritten_first_packet;
use tokio::runtime::{Builder, Runtime};

/// Bytes on a new connection. A packet that is taken is rewritten for rumqttd, into one that rewriting does not change.
pub fn first_packet(data: &[u8]) -> bool {
    let Some(packet) = rewritten(data) else {
        return false;
    };
    // What is rewritten may have become too long to be a first packet.
    if let Some(again) = rewritten(&packet) {
        assert_eq!(again, packet);
    } else {
        assert!(data.len() > 16_000, "rumqttd would refuse it");
    }
    true
}

fn rewritten(data: &[u8]) -> Option<Vec<u8>> {
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(rewritten_first_packet(data)))
}

pub(super) fn valid_inputs() -> Vec<(String, Vec<u8>)> {
    let anonymous = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x1e\x00\x04gate".to_vec();
    let login =
        b"\x10\x1e\x00\x04MQTT\x04\xc2\x00\x1e\x00\x04gate\x00\x04gate\x00\x06secret".to_vec();
    let last_will =
        b"\x10\x1c\x00\x04MQTT\x04\x26\x00\x1e\x00\x04gate\x00\x05state\x00\x03off".to_vec();
    [
        ("anonymous", anonymous),
        ("login", login),
        ("last-will", last_will),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into()
}
