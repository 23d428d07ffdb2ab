//! Starting and stopping a camera.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::config::NodeConfig;
use wire::envelope::Limits;
use wire::failure::{Failure, FailureKind};
use wire::message::{FrameId, SessionId};
use wire::node::{Credentials, NodeLink, WithoutBroker};
use wire::role::NodeRole;
use wire::telemetry::Telemetry;
use wire::topic::Topic;

use crate::blocking::blocking;
use crate::config::{CameraConfig, DeliveryConfig, SpoolConfig};
use crate::event::{CameraSummary, Observer};
use crate::figures::Figures;
use crate::key_mode::KeyMode;
use crate::ledger::Ledger;
use crate::outbox::Outbox;
use crate::preprocess::Preprocessor;
use crate::receipts::ReceiptDesk;
use crate::retirement::{self, Retirement};
use crate::room;
use crate::sealing::Sealer;
use crate::source::Source;
use crate::spool::{Found, Spool};
use crate::stream::{Ended, Stream};

/// Receipts that may wait while a frame is encrypted. More wait at the broker.
const ARRIVALS_QUEUE: usize = 64;

/// Runs a camera until `source` ends or `shutdown` is cancelled: frames are resized, turned into
/// the feature, quantised, encrypted, signed and published, with at most `delivery.credit` frames
/// and `delivery.bytes_on_the_way` bytes on their way without a receipt. A source that is faster
/// fills the spool, if there is one, and then has to wait; with the policy `latest` frames that find
/// no place are dropped and counted, as are those of a live source, which cannot wait.
///
/// When the source ends, the camera waits until each frame has its receipt or was given up. When
/// asked to stop, it finishes the frame it is sending and ends within 5 s; what lies in the spool is
/// sent after the next start. Meanwhile the camera shows how it is as `config.telemetry` says, and
/// reports on its health topic. Needs a tokio runtime.
///
/// # Errors
/// A key file that cannot be used, an address for metrics that cannot be listened on, a key set that
/// is or becomes retired, frames too large for `delivery.bytes_on_the_way`, tiles that do not fit the
/// packet limit, a broker that does not answer at the start of a camera without a spool, a source that cannot be read, or a bug.
pub async fn run(
    config: CameraConfig,
    source: Box<dyn Source>,
    observer: Observer,
    shutdown: CancellationToken,
) -> Result<CameraSummary, Failure> {
    let began = Instant::now();
    let figures = Figures::default();
    let shown = figures.clone();
    let families = move || shown.families();
    let needs = [
        "the keys are not loaded",
        "the MQTT broker has not answered yet",
        "the spool cannot be written",
    ];
    let telemetry = Telemetry::start("camera", &config.telemetry, needs, families, &shutdown);
    let (mut telemetry, [keys_loaded, connected, spool_works]) = telemetry.await?;
    let node = config.link.node.clone();
    let (mqtt, delivery) = (config.link.mqtt.clone(), config.delivery.clone());
    let (feature, key_mode) = (config.stream.feature, config.stream.key.mode());
    let (credentials, sealer, frame) = blocking(move || {
        let credentials = Credentials::load(&config.link.node, NodeRole::Camera)?;
        let sealer = Sealer::load(&config, credentials.identity.clone())?;
        let frame = sealer.frame_size();
        let frame = frame.map_err(|error| Failure::of(FailureKind::Bug, &error))?;
        Ok::<_, Failure>((credentials, sealer, frame))
    })
    .await??;
    retirement::check(&credentials.trust, sealer.key_set(), &node.trust)?;
    keys_loaded.set(true);
    frame.check_packet(mqtt.max_packet_bytes)?;
    let spool = open_spool(&delivery, &node, frame.bytes).await?;
    spool_works.set(true);
    let credit = room::credit(&delivery, frame.bytes)?;
    let (credit, largest_frame) = match &spool {
        None => (credit, frame),
        // Frames of an earlier configuration may be larger than those of this one.
        Some((_, found)) => {
            let largest = frame.max(found.largest);
            let fits = largest.check_packet(mqtt.max_packet_bytes);
            let credit = fits.and_then(|()| room::credit(&delivery, largest.bytes));
            (
                credit.map_err(|failure| of_the_spool(failure, &delivery))?,
                largest,
            )
        }
    };
    if credit < delivery.credit {
        tracing::warn!(
            credit,
            frame_bytes = largest_frame.bytes,
            bytes_on_the_way = delivery.bytes_on_the_way,
            "fewer frames are on their way at a time than `delivery.credit` allows, because no \
             more fit `delivery.bytes_on_the_way`"
        );
    }

    if key_mode == KeyMode::Secret {
        tracing::warn!(
            key_set = %sealer.key_set(),
            "this camera holds the key that decrypts its frames and the maps made of them, and \
             those of every other camera of its key set (key_mode = \"secret\")"
        );
    }

    // The link outlives the shutdown: a frame that is half sent may still be finished.
    let link_end = CancellationToken::new();
    let _ends_with_this = link_end.clone().drop_guard();
    let receipts = Topic::Receipt {
        site: node.site.clone(),
        camera: node.name.clone(),
    };
    let filters = vec![receipts.to_string(), Topic::all_node_states(&node.site)];
    let without_broker = match spool {
        Some(_) => WithoutBroker::Begins,
        None => WithoutBroker::Ends,
    };
    let link = tokio::select! {
        biased;
        () = shutdown.cancelled() => return Ok(CameraSummary::default()),
        link = NodeLink::connect(credentials, &mqtt, filters, without_broker, &link_end) => link?,
    };

    link.watched_by(telemetry.vitals());
    connected.set(true);
    let bulletin = link.publisher.bulletin(&node.health_topic());
    let flow = figures.clone();
    telemetry.report(NodeRole::Camera, bulletin, move || flow.flow());

    let session = SessionId::random()?;
    let spec = sealer.spec();
    tracing::info!(
        %session, %spec, %feature, %key_mode, key_set = %sealer.key_set(),
        tiles = spec.tile_plan().tile_count(), frame_bytes = frame.bytes, "camera started"
    );
    let preprocessor = Preprocessor::new(spec.clone(), feature);
    let (settle, arrivals) = mpsc::channel(ARRIVALS_QUEUE);
    let trust_file = node.trust.clone();
    let retirement = Retirement::watch(link.trust.clone(), sealer.key_set(), trust_file, &shutdown);
    let desk = ReceiptDesk {
        trust: link.trust.clone(),
        limits: Limits {
            max_envelope_bytes: mqtt.max_packet_bytes,
        },
        camera: node.name.clone(),
        refused: figures.refused.clone(),
    };
    let desk = desk.run(link.subscriber, settle);
    let desk = tokio::spawn(telemetry.vitals().during("taking receipts in", desk));
    let next = FrameId {
        site: node.site,
        camera: node.name,
        session,
        seq: 0,
    };
    let outbox = Outbox::new(delivery.policy, credit, delivery.receipt_timeout);
    let ledger = Ledger::new(outbox, spool, observer.clone(), next.clone(), link.trust);
    let ledger = figures.ledger.get_or_init(|| ledger).clone();
    let stream = Stream {
        sealer: Arc::new(sealer),
        outlet: &link.publisher,
        connected: link.publisher.connected(),
        ledger,
        policy: delivery.policy,
        frame_bytes: frame.bytes,
        next,
        observer,
        spool_works,
    };
    // Takes the queue of arrivals with it, whose end is that of the desk.
    let ended = stream.run(source, preprocessor, arrivals, retirement.stop());
    let ended = ended
        .await
        .and_then(|ended| retirement.check().map(|()| ended));
    // A desk that panicked has counted what it refused before.
    let _ = desk.await;
    let summary = figures.summary();
    link.publisher.stop(reason(&ended)).await;
    ended?;
    tracing::info!(
        ran_ms = began.elapsed().as_millis(),
        "camera stopped: {summary}"
    );
    Ok(summary)
}

/// Opens the spool, if there is one, and refuses one that is too small for a frame.
async fn open_spool(
    delivery: &DeliveryConfig,
    node: &NodeConfig,
    frame_bytes: u64,
) -> Result<Option<(Spool, Found)>, Failure> {
    let Some(SpoolConfig { folder, bytes }) = delivery.spool.clone() else {
        return Ok(None);
    };
    if bytes < frame_bytes {
        return Err(Failure::new(
            FailureKind::Configuration,
            format!("a frame takes up to {frame_bytes} bytes, `delivery.spool_bytes` is {bytes}"),
            "raise `delivery.spool_bytes`, or use a smaller `stream.size` or fewer levels",
        ));
    }
    let (site, camera) = (node.site.clone(), node.name.clone());
    let opened = blocking(move || Spool::open(&folder, bytes, &site, &camera)).await??;
    let frames = opened.1.frames.len();
    if frames > 0 {
        tracing::info!(
            frames,
            "frames of earlier runs are in the spool, sending them first"
        );
    }
    Ok(Some(opened))
}

/// A failure that frames of earlier runs are the reason of.
fn of_the_spool(failure: Failure, delivery: &DeliveryConfig) -> Failure {
    let folder = delivery.spool.as_ref().map(|spool| spool.folder.display());
    let folder = folder.map_or_else(String::new, |folder| format!(" {folder}"));
    Failure::new(
        failure.kind,
        format!(
            "a frame of an earlier run in the spool{folder} is too large: {}",
            failure.what
        ),
        "let it be sent with the earlier configuration, or move its file out of the spool",
    )
}

/// What the node's state says after the end.
fn reason(ended: &Result<Ended, Failure>) -> &'static str {
    match ended {
        Ok(Ended::Source) => "the source ended",
        Ok(Ended::Asked) => "asked to stop",
        Err(_) => "failed",
    }
}
