//! A node's retained state message: `{"state": "online|stopped|offline", "reason": ".."}`.

use rumqttc::{LastWill, Publish, QoS};
use serde_json::json;

use super::MqttConfig;
use crate::topic::Topic;

/// The state topic of one node and what is said there.
#[derive(Clone, Debug)]
pub(super) struct StateTopic(String);

impl StateTopic {
    pub(super) fn new(config: &MqttConfig) -> Self {
        let topic = Topic::NodeState {
            site: config.site.clone(),
            node: config.node.clone(),
        };
        Self(topic.to_string())
    }

    /// Said on every connection.
    pub(super) fn birth(&self) -> Publish {
        self.message("online", "connected")
    }

    /// Said before leaving in good order.
    pub(super) fn stopped(&self, reason: &str) -> Publish {
        self.message("stopped", reason)
    }

    /// Said by the broker when the node vanishes.
    pub(super) fn will(&self) -> LastWill {
        let payload = payload("offline", "connection lost");
        LastWill::new(self.0.clone(), payload, QoS::AtLeastOnce, true)
    }

    // QoS 0: TCP carries it in order before anything that follows, and confirmations are left to
    // the messages that hold a place in the publisher's window.
    fn message(&self, state: &str, reason: &str) -> Publish {
        let mut publish = Publish::new(self.0.clone(), QoS::AtMostOnce, payload(state, reason));
        publish.retain = true;
        publish
    }
}

/// Whether a node's state message says that it is online. Not signed: a hint, not evidence.
#[must_use]
pub fn is_online(state: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(state)
        .is_ok_and(|message| message.get("state").is_some_and(|state| state == "online"))
}

fn payload(state: &str, reason: &str) -> Vec<u8> {
    json!({ "state": state, "reason": reason })
        .to_string()
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_online_state_is_online() {
        assert!(is_online(&payload("online", "connected")));
        for other in [
            &payload("stopped", "\"online\"")[..],
            b"online",
            b"{",
            b"[1]",
        ] {
            assert!(!is_online(other));
        }
    }
}
