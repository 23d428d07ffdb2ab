//! What a viewer gives out: receipts, pictures, log lines and events.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cipherframe::{FeatureMap, StreamSpec};
use tokio::task;
use wire::envelope;
use wire::identity::SigningIdentity;
use wire::message::{FrameId, Message, Receipt};
use wire::mqtt::Publisher;

use crate::assemble::{IncompleteFrame, WholeFrame};
use crate::config::ViewerConfig;
use crate::desk::Step;
use crate::event::{ViewerEvent, ViewerSummary};
use crate::{picture, report};

/// Where the results go.
pub(crate) struct Outlet {
    pub(crate) config: Arc<ViewerConfig>,
    pub(crate) identity: SigningIdentity,
    pub(crate) publisher: Publisher,
    pub(crate) observer: Arc<dyn Fn(ViewerEvent) + Send + Sync>,
    pub(crate) summary: ViewerSummary,
}

impl Outlet {
    /// Does what a step asks for.
    pub(crate) async fn follow(&mut self, topic: &str, step: Step) {
        match step {
            Step::Placed { whole, given_up } => {
                self.summary.tiles += 1;
                if let Some(part) = given_up {
                    self.incomplete(part);
                }
                if let Some(whole) = whole {
                    // Before anything whose time depends on what the map shows.
                    self.receipt(whole.frame.clone()).await;
                    self.map(whole).await;
                }
            }
            Step::Repeated { receipt_again } => {
                self.summary.repeated += 1;
                if let Some(frame) = receipt_again {
                    self.receipt(frame).await;
                }
            }
            Step::Refused { tile, reason } => {
                self.summary.refused += 1;
                match tile {
                    Some(header) => tracing::warn!(
                        camera = %header.frame.camera,
                        session = %header.frame.session,
                        seq = header.frame.seq,
                        tile = header.tile,
                        %reason,
                        "tile refused"
                    ),
                    None => tracing::warn!(topic, %reason, "message refused"),
                }
                let (topic, reason) = (topic.to_owned(), reason.to_string());
                (self.observer)(ViewerEvent::Refused { topic, reason });
            }
        }
    }

    /// Says that a frame arrived. A receipt that cannot be sent leaves the frame unconfirmed at the camera.
    async fn receipt(&mut self, frame: FrameId) {
        let receipt = Receipt { frame };
        let sent = match envelope::seal(&self.identity, &receipt, &[]) {
            Ok(bytes) => self
                .publisher
                .publish(&receipt.topic(), bytes)
                .await
                .map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match sent {
            Ok(()) => self.summary.receipts += 1,
            Err(reason) => {
                let (camera, seq) = (&receipt.frame.camera, receipt.frame.seq);
                tracing::warn!(%camera, seq, reason, "receipt not sent");
            }
        }
    }

    async fn map(&mut self, whole: WholeFrame) {
        let frame = whole.frame.clone();
        let (pool_ms, bytes) = (whole.pool_ms, whole.bytes);
        let captured_unix_ms = whole.captured_unix_ms;
        let spec = StreamSpec::clone(&whole.spec);
        let map = match whole.into_map() {
            Ok(map) => map,
            Err(failure) => {
                self.summary.unreadable += 1;
                let (camera, seq, reason) = (&frame.camera, frame.seq, failure.to_string());
                tracing::warn!(%camera, seq, reason, "unreadable frame");
                (self.observer)(ViewerEvent::Unreadable { frame, reason });
                return;
            }
        };
        let latency_ms = unix_ms().saturating_sub(captured_unix_ms);
        self.summary.maps += 1;
        report::log_map(&frame, &map, latency_ms, pool_ms);
        if self.config.pictures {
            self.picture(&frame, &map).await;
        }
        (self.observer)(ViewerEvent::Map {
            frame,
            spec,
            map,
            latency_ms,
            pool_ms,
            bytes,
        });
    }

    async fn picture(&mut self, frame: &FrameId, map: &FeatureMap) {
        let (config, id, map) = (self.config.clone(), frame.clone(), map.clone());
        let written = task::spawn_blocking(move || picture::write(&config.out, &id, &map)).await;
        let reason = match written {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        self.summary.unwritten += 1;
        tracing::warn!(camera = %frame.camera, seq = frame.seq, reason, "picture not written");
    }

    /// A frame was given up.
    pub(crate) fn incomplete(&mut self, part: IncompleteFrame) {
        let IncompleteFrame {
            frame,
            arrived,
            tiles,
        } = part;
        self.summary.incomplete += 1;
        tracing::warn!(camera = %frame.camera, seq = frame.seq, arrived, tiles, "incomplete frame");
        (self.observer)(ViewerEvent::Incomplete {
            frame,
            arrived,
            tiles,
        });
    }
}

/// Milliseconds since 1970 UTC by this machine's clock.
fn unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
