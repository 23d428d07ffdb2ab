//! Receipts come in: verified, matched to this run, and passed on with their time of arrival.

use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc;
use wire::envelope::{self, Limits};
use wire::message::{Receipt, SessionId};
use wire::mqtt::{Incoming, Subscriber};
use wire::trust::TrustStore;

/// A verified receipt for a frame of this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) seq: u64,
    pub(crate) at: Instant,
}

/// Tells the receipts of this run from everything else.
pub(crate) struct ReceiptDesk {
    pub(crate) trust: TrustStore,
    pub(crate) limits: Limits,
    pub(crate) session: SessionId,
    /// Messages refused so far.
    pub(crate) refused: u64,
}

impl ReceiptDesk {
    /// Takes receipts in until the subscriber ends or nobody wants them any more. Returns how many
    /// messages were refused.
    pub(crate) async fn run(
        mut self,
        mut subscriber: Subscriber,
        arrivals: mpsc::Sender<Arrival>,
    ) -> u64 {
        loop {
            let incoming = tokio::select! {
                biased;
                () = arrivals.closed() => break,
                incoming = subscriber.recv() => incoming,
            };
            match incoming {
                Some(Incoming::Message { topic, payload }) => {
                    let arrival = self.judge(&topic, payload, Instant::now());
                    if let Some(arrival) = arrival
                        && arrivals.send(arrival).await.is_err()
                    {
                        break;
                    }
                }
                Some(Incoming::Connected) => {}
                None => break,
            }
        }
        self.refused
    }

    /// The receipt in a message, if it is one for this run.
    fn judge(&mut self, topic: &str, payload: Bytes, now: Instant) -> Option<Arrival> {
        match envelope::open::<Receipt>(topic, payload, &self.trust, &self.limits) {
            Ok(receipt) => {
                let frame = &receipt.message().frame;
                // A restarted camera may still get receipts for frames of its last run.
                (frame.session == self.session).then_some(Arrival {
                    seq: frame.seq,
                    at: now,
                })
            }
            Err(refusal) => {
                self.refused += 1;
                // Rarer and rarer, so that a flood does not fill the log.
                if self.refused.is_power_of_two() {
                    tracing::warn!(refused = self.refused, "refused a message: {refusal}");
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::identity::SigningIdentity;
    use wire::message::{FrameId, Message};
    use wire::role::NodeRole;

    use super::*;

    fn this_run() -> SessionId {
        SessionId::from_bytes([1; 16])
    }

    fn identity(name: &str, seed: u8) -> SigningIdentity {
        SigningIdentity::from_seed(name.parse().unwrap(), &[seed; 32])
    }

    fn desk() -> ReceiptDesk {
        let mut trust = TrustStore::new();
        for (node, role) in [
            (identity("viewer", 1), NodeRole::Viewer),
            (identity("worker", 2), NodeRole::Worker),
        ] {
            trust
                .enroll(node.name(), role, &node.verifying_key())
                .unwrap();
        }
        ReceiptDesk {
            trust,
            limits: Limits::default(),
            session: this_run(),
            refused: 0,
        }
    }

    /// What the desk makes of a receipt for frame 7 of `session`, and how much it refused.
    fn judged(signer: &SigningIdentity, session: SessionId, topic: &str) -> (Option<u64>, u64) {
        let frame = FrameId {
            site: "demo".parse().unwrap(),
            camera: "gate".parse().unwrap(),
            session,
            seq: 7,
        };
        let receipt = Receipt { frame };
        assert_eq!(
            receipt.topic().to_string(),
            "blindsight/v1/demo/gate/receipt"
        );
        let sealed = envelope::seal(signer, &receipt, &[]).unwrap();
        let mut desk = desk();
        let now = Instant::now();
        let arrival = desk.judge(topic, sealed.into(), now);
        assert!(arrival.is_none_or(|arrival| arrival.at == now));
        (arrival.map(|arrival| arrival.seq), desk.refused)
    }

    #[test]
    fn a_receipt_of_an_enrolled_viewer_for_this_run_counts() {
        let topic = "blindsight/v1/demo/gate/receipt";
        assert_eq!(
            judged(&identity("viewer", 1), this_run(), topic),
            (Some(7), 0)
        );
        // A receipt for the run before is no offence.
        let before = SessionId::from_bytes([2; 16]);
        assert_eq!(judged(&identity("viewer", 1), before, topic), (None, 0));
    }

    #[test]
    fn everything_else_is_refused_and_counted() {
        let topic = "blindsight/v1/demo/gate/receipt";
        assert_eq!(judged(&identity("viewer", 9), this_run(), topic), (None, 1));
        assert_eq!(judged(&identity("worker", 2), this_run(), topic), (None, 1));
        let other = "blindsight/v1/demo/yard/receipt";
        assert_eq!(judged(&identity("viewer", 1), this_run(), other), (None, 1));
        let mut desk = desk();
        assert_eq!(
            desk.judge(topic, Bytes::from_static(b"garbage"), Instant::now()),
            None
        );
        assert_eq!(desk.refused, 1);
    }
}
