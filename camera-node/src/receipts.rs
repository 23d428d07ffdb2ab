//! What comes in: receipts, verified and passed on with their time of arrival, and the news that
//! something on the way to the viewer has come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc;
use wire::envelope::{self, Limits};
use wire::message::Receipt;
use wire::mqtt::{Incoming, Subscriber, is_online};
use wire::name::Name;
use wire::role::NodeRole;
use wire::topic::Topic;
use wire::trust::Trust;

use crate::outbox::FrameKey;

/// Something that a stream wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// A verified receipt.
    Receipt {
        key: FrameKey,
        logged: bool,
        at: Instant,
    },
    /// The connection that receipts come on, or another node, has come back: what was on its way
    /// may be lost. A hint that nobody signed; who forges it makes frames be sent again.
    Recovery { at: Instant },
}

/// Tells receipts and recoveries from everything else.
pub(crate) struct ReceiptDesk {
    pub(crate) trust: Trust,
    pub(crate) limits: Limits,
    /// The camera's own name.
    pub(crate) camera: Name,
    /// Messages refused so far.
    pub(crate) refused: Arc<AtomicU64>,
}

impl ReceiptDesk {
    /// Takes receipts in until the subscriber ends or nobody wants them any more.
    pub(crate) async fn run(self, mut subscriber: Subscriber, arrivals: mpsc::Sender<Arrival>) {
        loop {
            let incoming = tokio::select! {
                biased;
                () = arrivals.closed() => break,
                incoming = subscriber.recv() => incoming,
            };
            match incoming {
                Some(Incoming::Message {
                    topic,
                    payload,
                    retained,
                }) => {
                    // The broker had it when the subscription began, and every frame on its way was
                    // sent after that: who was online then has not come back since.
                    if retained {
                        continue;
                    }
                    let arrival = self.judge(&topic, payload, Instant::now());
                    if let Some(arrival) = arrival
                        && arrivals.send(arrival).await.is_err()
                    {
                        break;
                    }
                }
                Some(Incoming::Connected) => {}
                Some(Incoming::Reconnected) => {
                    let at = Instant::now();
                    if arrivals.send(Arrival::Recovery { at }).await.is_err() {
                        break;
                    }
                }
                None => break,
            }
        }
    }

    /// What a message says to the stream, if anything.
    fn judge(&self, topic: &str, payload: Bytes, now: Instant) -> Option<Arrival> {
        if let Ok(Topic::NodeState { node, .. }) = Topic::parse(topic) {
            let recovered = is_online(&payload) && !self.is_camera(&node);
            return recovered.then_some(Arrival::Recovery { at: now });
        }
        match envelope::open::<Receipt>(topic, payload, &self.trust.current(), &self.limits) {
            Ok(receipt) => {
                let Receipt { frame, logged } = receipt.message();
                let logged = *logged;
                let key = FrameKey {
                    session: frame.session,
                    seq: frame.seq,
                };
                let at = now;
                Some(Arrival::Receipt { key, logged, at })
            }
            Err(refusal) => {
                let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
                // Rarer and rarer, so that a flood does not fill the log.
                if refused.is_power_of_two() {
                    tracing::warn!(refused, "refused a message: {refusal}");
                }
                None
            }
        }
    }

    /// Whether a node is this camera, or is known to be another one: no frame goes through it.
    fn is_camera(&self, node: &Name) -> bool {
        let trust = self.trust.current();
        let mut enrolled = trust.nodes().iter();
        *node == self.camera
            || enrolled.any(|known| known.name() == node && known.role() == NodeRole::Camera)
    }
}

#[cfg(test)]
mod tests {
    use wire::identity::SigningIdentity;
    use wire::message::{FrameId, Message, SessionId};
    use wire::trust::TrustStore;

    use super::*;

    fn identity(name: &str, seed: u8) -> SigningIdentity {
        SigningIdentity::from_seed(name.parse().unwrap(), &[seed; 32])
    }

    fn desk() -> ReceiptDesk {
        let mut trust = TrustStore::new();
        for (node, role) in [
            (identity("viewer", 1), NodeRole::Viewer),
            (identity("worker", 2), NodeRole::Worker),
            (identity("yard", 3), NodeRole::Camera),
        ] {
            trust
                .enroll(node.name(), role, &node.verifying_key())
                .unwrap();
        }
        ReceiptDesk {
            trust: trust.into(),
            limits: Limits::default(),
            camera: "gate".parse().unwrap(),
            refused: Arc::default(),
        }
    }

    fn refused(desk: &ReceiptDesk) -> u64 {
        desk.refused.load(Ordering::Relaxed)
    }

    /// What the desk makes of a receipt for frame 7, and how much it refused.
    fn judged(signer: &SigningIdentity, topic: &str) -> (Option<FrameKey>, u64) {
        let frame = FrameId {
            site: "demo".parse().unwrap(),
            camera: "gate".parse().unwrap(),
            session: SessionId::from_bytes([1; 16]),
            seq: 7,
        };
        let receipt = Receipt {
            frame,
            logged: true,
        };
        assert_eq!(
            receipt.topic().to_string(),
            "blindsight/v1/demo/gate/receipt"
        );
        let sealed = envelope::seal(signer, &receipt, &[]).unwrap();
        let desk = desk();
        let now = Instant::now();
        let arrival = desk.judge(topic, sealed.into(), now);
        let key = arrival.map(|arrival| match arrival {
            Arrival::Receipt {
                key,
                logged: true,
                at,
            } if at == now => key,
            other => panic!("{other:?}"),
        });
        (key, refused(&desk))
    }

    #[test]
    fn a_receipt_of_an_enrolled_viewer_counts() {
        let topic = "blindsight/v1/demo/gate/receipt";
        let key = FrameKey {
            session: SessionId::from_bytes([1; 16]),
            seq: 7,
        };
        assert_eq!(judged(&identity("viewer", 1), topic), (Some(key), 0));
    }

    #[test]
    fn a_node_that_came_back_is_news_unless_it_is_a_camera() {
        let desk = desk();
        let now = Instant::now();
        for (node, state, is_news) in [
            ("worker", "online", true),
            ("somebody", "online", true),
            ("worker", "offline", false),
            ("yard", "online", false),
            ("gate", "online", false),
        ] {
            let topic = format!("blindsight/v1/demo/nodes/{node}/state");
            let payload = format!("{{\"state\": \"{state}\"}}");
            let news = desk.judge(&topic, payload.into(), now);
            let expected = is_news.then_some(Arrival::Recovery { at: now });
            assert_eq!(news, expected, "{node} {state}");
        }
        assert_eq!(refused(&desk), 0);
    }

    #[test]
    fn everything_else_is_refused_and_counted() {
        let topic = "blindsight/v1/demo/gate/receipt";
        assert_eq!(judged(&identity("viewer", 9), topic), (None, 1));
        assert_eq!(judged(&identity("worker", 2), topic), (None, 1));
        let other = "blindsight/v1/demo/yard/receipt";
        assert_eq!(judged(&identity("viewer", 1), other), (None, 1));
        let desk = desk();
        assert_eq!(
            desk.judge(topic, Bytes::from_static(b"garbage"), Instant::now()),
            None
        );
        assert_eq!(refused(&desk), 1);
    }
}
