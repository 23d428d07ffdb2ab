//! Starting and stopping a worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time;
use tokio_util::sync::CancellationToken;
use wire::envelope::Limits;
use wire::failure::{Failure, FailureKind};
use wire::node::{Credentials, NodeLink, WithoutBroker};
use wire::role::NodeRole;
use wire::telemetry::Telemetry;
use wire::topic::Topic;

use crate::config::WorkerConfig;
use crate::figures::Figures;
use crate::in_flight::InFlight;
use crate::keyring::{self, Keyring};
use crate::lane::Lanes;
use crate::progress::LoggedProgress;
use crate::stages::{Intake, Outlet};
use crate::summary::{Counters, WorkerSummary};
use crate::threads::{Pooling, spawn};

/// How long the tiles in work may go on after the worker was asked to stop. Publishing their maps, and what is still
/// queued at the publisher, takes at most 2 s more, so that the worker ends within 5 s.
const DRAIN: Duration = Duration::from_secs(2);

/// How long a cancelled tile may take to notice.
const GRACE: Duration = Duration::from_millis(500);

/// Maps that may wait for the publisher, which has a queue of its own.
const OUTGOING_QUEUE: usize = 4;

/// Runs a worker until `shutdown` is cancelled: takes tiles in, pools them and sends the maps out.
///
/// Meanwhile it shows how it is as `config.telemetry` says, and reports on its health topic.
///
/// It then finishes the tiles in work if that takes at most 2 s, gives up the others, and ends within 5 s. Needs a
/// tokio runtime; pooling runs on threads of its own.
///
/// # Errors
/// A key file that cannot be used, an address for metrics that cannot be listened on, a broker that does not answer at
/// the start, or a bug.
pub async fn run(
    config: WorkerConfig,
    shutdown: CancellationToken,
) -> Result<WorkerSummary, Failure> {
    let credentials = Credentials::load(&config.link.node, NodeRole::Worker)?;
    let stop = Arc::new(AtomicBool::new(false));
    let site = &config.link.node.site;
    let filters = vec![match &config.share {
        Some(group) => Topic::shared_frames(site, group),
        None => Topic::all_frames(site),
    }];
    let figures = Figures {
        counters: Arc::new(Counters::default()),
        lanes: Arc::new(Lanes::new(config.backlog_bytes)),
        in_flight: InFlight::default(),
    };
    let shown = figures.clone();
    let families = move || shown.families();
    let needs = [
        "the evaluation keys are not loaded",
        "the MQTT broker has not answered yet",
    ];
    let telemetry = Telemetry::start("worker", &config.telemetry, needs, families, &shutdown);
    let (mut telemetry, [keys_loaded, connected]) = telemetry.await?;
    let vitals = telemetry.vitals().clone();
    let load = async {
        let keyring = load_keys(&config, &stop, &shutdown).await?;
        keys_loaded.set(keyring.is_some());
        Ok::<_, Failure>(keyring)
    };
    let connect = async {
        let link = NodeLink::connect(
            credentials,
            &config.link.mqtt,
            filters,
            WithoutBroker::Ends,
            &shutdown,
        )
        .await?;
        link.watched_by(&vitals);
        connected.set(true);
        Ok::<_, Failure>(link)
    };
    // At once: what is sent before a worker has subscribed is lost, and loading keys takes seconds.
    let (keyring, link) = tokio::try_join!(load, connect)?;
    let NodeLink {
        identity,
        trust,
        publisher,
        mut subscriber,
    } = link;
    let Some(keyring) = keyring else {
        publisher.stop("asked to stop").await;
        return Ok(WorkerSummary::default());
    };

    let bulletin = publisher.bulletin(&config.link.node.health_topic());
    let flow = figures.clone();
    telemetry.report(NodeRole::Worker, bulletin, move || flow.flow());
    let Figures {
        counters,
        lanes,
        in_flight,
    } = figures;
    let (pooled, outgoing) = mpsc::channel(OUTGOING_QUEUE);
    let pooling = Pooling {
        lanes: lanes.clone(),
        outgoing: pooled,
        counters: counters.clone(),
        shutdown: shutdown.clone(),
        stop: stop.clone(),
    };
    let schemes = keyring.schemes();
    // Before the threads: should starting them fail, it closes the lanes, and those that run already end.
    let intake = Intake {
        trust,
        limits: Limits {
            max_envelope_bytes: config.link.mqtt.max_packet_bytes,
        },
        keyring,
        in_flight,
        lanes,
        counters: counters.clone(),
        shutdown: shutdown.clone(),
    };
    pooling.start(&schemes, config.threads)?;
    let outlet = Outlet {
        identity,
        publisher: &publisher,
        outgoing,
        counters: counters.clone(),
    };
    let deadline = async {
        shutdown.cancelled().await;
        time::sleep(DRAIN).await;
        stop.store(true, Ordering::Relaxed);
        time::sleep(GRACE).await;
    };
    let stages = async {
        tokio::join!(
            vitals.during("the intake", intake.run(&mut subscriber, &publisher)),
            vitals.during("the outlet", outlet.run()),
        )
    };
    tokio::select! {
        _ = stages => {}
        () = deadline => tracing::warn!("not every tile in work ended in time, gave up the rest"),
    }
    publisher.stop("asked to stop").await;
    let summary = counters.summary();
    tracing::info!("worker stopped: {summary}");
    if shutdown.is_cancelled() {
        Ok(summary)
    } else {
        Err(ended_unasked())
    }
}

/// Loads the keys on a thread of their own; `None` when the worker is asked to stop meanwhile.
async fn load_keys(
    config: &WorkerConfig,
    stop: &Arc<AtomicBool>,
    shutdown: &CancellationToken,
) -> Result<Option<Keyring>, Failure> {
    let (loaded, keyring) = oneshot::channel();
    let (paths, insecure_plain) = (config.evaluation_keys.clone(), config.insecure_plain);
    let told_to_stop = stop.clone();
    spawn("load-keys", move || {
        let progress = LoggedProgress::new("loading evaluation keys".to_owned(), &told_to_stop);
        // Nobody waits for the keys any more when the worker was asked to stop.
        let _ = loaded.send(keyring::load(&paths, insecure_plain, &progress));
    })?;
    tokio::select! {
        keyring = keyring => match keyring {
            Ok(keyring) => keyring.map(Some),
            Err(_) => Err(Failure::new(
                FailureKind::Bug,
                "loading the evaluation keys panicked",
                "report this with the log lines above",
            )),
        },
        () = shutdown.cancelled() => {
            stop.store(true, Ordering::Relaxed);
            Ok(None)
        }
    }
}

fn ended_unasked() -> Failure {
    Failure::new(
        FailureKind::Bug,
        "a stage of the worker ended without being asked to",
        "report this with the log lines above",
    )
}
