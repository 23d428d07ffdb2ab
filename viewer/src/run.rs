//! Running a viewer: messages in, receipts, pictures, log lines and events out.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::OptionFuture;
use tokio::sync::watch;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{self, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use wire::envelope::Limits;
use wire::failure::{Failure, FailureKind};
use wire::mqtt::Incoming;
use wire::node::{Credentials, NodeLink, WithoutBroker};
use wire::role::NodeRole;
use wire::telemetry::{Page, Telemetry};
use wire::topic::Topic;

use crate::archive::Archive;
use crate::assemble::Assembler;
use crate::config::ViewerConfig;
use crate::desk::{Desk, Step};
use crate::event::{ViewerEvent, ViewerSummary};
use crate::events::Announcer;
use crate::figures::Figures;
use crate::keyring;
use crate::lab::{Courier, Lab};
use crate::outlet::Outlet;
use crate::watch::Watch;
use crate::web::hub::{Hub, Now};
use crate::web::{Pages, Server};

/// What the node is called in its metrics.
const NODE: &str = "viewer";
/// How often cameras are looked at that send nothing.
const TICK: Duration = Duration::from_secs(1);
/// How long pages may take to read what is said last.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Runs a viewer until `shutdown` is cancelled. `observer` is told what happens, in order, and must not block.
///
/// Each frame that arrives whole is in the log once and in order, its receipt goes out after that. On shutdown the
/// message in hand is finished, frames in progress are given up, and the viewer ends within 5 s. Meanwhile it shows how
/// it is as `config.telemetry` says, and reports on its health topic. Needs a tokio runtime.
///
/// # Errors
/// A key file that cannot be used, an address for metrics that cannot be listened on, a folder that cannot be made, a
/// broker that does not answer at the start, or a bug.
pub async fn run(
    config: ViewerConfig,
    observer: Arc<dyn Fn(ViewerEvent) + Send + Sync>,
    shutdown: CancellationToken,
) -> Result<ViewerSummary, Failure> {
    let credentials = Credentials::load(&config.link.node, NodeRole::Viewer)?;
    let (figures, shown) = watch::channel(Figures::default());
    let flow = shown.clone();
    let families = {
        let shown = shown.clone();
        move || shown.borrow().families()
    };
    let needs = [
        "the client keys are not loaded",
        "the MQTT broker has not answered yet",
        "the log of frames cannot be written",
    ];
    let telemetry = Telemetry::start(NODE, &config.telemetry, needs, families.clone(), &shutdown);
    let (mut telemetry, [keys_loaded, connected, log_works]) = telemetry.await?;
    let over = CancellationToken::new();
    let (mut pages, mut lab_work) = (JoinSet::new(), JoinSet::new());
    let mut courier = None;
    let mut hub = None;
    let observer = match &config.web {
        None => observer,
        Some(web) => {
            let server = Server::bind(web).await?;
            if let Some(lab) = config.lab.clone() {
                let site = config.link.node.site.clone();
                let loaded = task::spawn_blocking(move || Courier::load(&lab, &site));
                courier = Some(loaded.await.map_err(|error| panicked(&error))??);
            }
            let lab = courier.as_ref().map(Courier::lab);
            let address = server.address();
            tracing::info!(%address, "the web page is served");
            observer(ViewerEvent::Serving { address });
            let site = config.link.node.site.clone();
            let shown_hub = Arc::new(Hub::new(site, lab.as_ref().map(|lab| lab.camera().clone())));
            hub = Some(shown_hub.clone());
            let metrics = Page::new(NODE, telemetry.vitals().clone(), families);
            let vitals = telemetry.vitals().clone();
            let shown_pages = Pages::new(
                shown_hub.clone(),
                vitals,
                shown.clone(),
                metrics,
                lab.clone(),
                over.clone(),
            );
            pages.spawn(server.run(shown_pages));
            shown_on(shown_hub, lab, observer)
        }
    };
    let (out, site) = (config.out.clone(), config.link.node.site.clone());
    let archive = task::spawn_blocking(move || Archive::open(out.as_ref(), &site));
    let (archive, sessions) = archive.await.map_err(|error| panicked(&error))??;
    log_works.set(true);
    let (keys, insecure_plain) = (config.client_keys.clone(), config.insecure_plain);
    let keyring = task::spawn_blocking(move || keyring::load(&keys, insecure_plain));
    let keyring = keyring.await.map_err(|error| panicked(&error))??;
    keys_loaded.set(true);
    let filters = vec![Topic::all_maps(&config.link.node.site)];
    let announcer = match &config.events {
        Some(events) => {
            let (bus, site) = (&config.link.mqtt, &config.link.node.site);
            let started = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(ViewerSummary::default()),
                started = Announcer::start(events, bus, site) => started,
            };
            Some(started?)
        }
        None => None,
    };
    let link = NodeLink::connect(
        credentials,
        &config.link.mqtt,
        filters,
        WithoutBroker::Ends,
        &shutdown,
    )
    .await?;
    link.watched_by(telemetry.vitals());
    connected.set(true);
    let bulletin = link.publisher.bulletin(&config.link.node.health_topic());
    telemetry.report(NodeRole::Viewer, bulletin, move || flow.borrow().flow());
    let NodeLink {
        identity,
        trust,
        publisher,
        mut subscriber,
    } = link;

    let lab_camera = config.lab.map(|lab| lab.name);
    let watch = config.anomaly.map(|mut anomaly| {
        // What people try in the lab is no footage.
        anomaly.except.extend(lab_camera.clone());
        Watch::new(anomaly)
    });
    let publisher = Arc::new(publisher);
    let lab_over = shutdown.child_token();
    if let Some(courier) = courier {
        lab_work.spawn(courier.run(publisher.clone(), lab_over.clone()));
    }
    let limits = Limits {
        max_envelope_bytes: config.link.mqtt.max_packet_bytes,
    };
    let assembler = Assembler::new(config.frames_in_progress, sessions);
    let mut desk = Desk {
        trust,
        limits,
        keyring,
        assembler,
    };
    let summary = ViewerSummary::default();
    let mut outlet = Outlet {
        archive: Arc::new(archive),
        shutdown: shutdown.clone(),
        identity,
        publisher,
        observer,
        summary,
        log_works,
        events_wait: false,
        watch: watch.map(Box::new),
        lab_camera,
        announcer,
        hub,
    };
    let mut ticks = time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let incoming = tokio::select! {
            incoming = subscriber.recv() => incoming,
            _ = ticks.tick() => {
                outlet.tick().await;
                continue;
            }
        };
        let (topic, payload) = match incoming {
            None => break,
            Some(Incoming::Message { topic, payload, .. }) => (topic, payload),
            Some(Incoming::Connected) => continue,
            Some(Incoming::Reconnected) => {
                outlet.publisher.announce();
                continue;
            }
        };
        let step;
        (desk, step) = take(desk, &topic, payload).await?;
        outlet.follow(&topic, step).await;
        figures.send_replace(Figures {
            summary: outlet.summary,
            in_progress: desk.assembler.in_progress() as u64,
        });
    }
    // Before the last receipts go out, which the lab's frames must not hold up.
    lab_over.cancel();
    while lab_work.join_next().await.is_some() {}
    for part in desk.assembler.give_up_all() {
        outlet.incomplete(part);
    }
    outlet.finish().await;
    let Outlet {
        watch,
        publisher,
        announcer,
        summary,
        ..
    } = outlet;
    let kept = watch.map(|mut watch| task::spawn_blocking(move || watch.keep()));
    over.cancel();
    tokio::join!(
        last_answers(pages),
        OptionFuture::from(kept),
        OptionFuture::from(announcer.map(Announcer::stop)),
        OptionFuture::from(Arc::into_inner(publisher).map(|out| out.stop("asked to stop"))),
    );
    tracing::info!("viewer stopped: {summary}");
    if shutdown.is_cancelled() {
        Ok(summary)
    } else {
        Err(ended_unasked())
    }
}

/// Gives the pages time to be told what happened last.
async fn last_answers(mut pages: JoinSet<()>) {
    if time::timeout(LAST_ANSWERS, pages.join_next())
        .await
        .is_err()
    {
        tracing::debug!("pages that were still asking are cut off");
    }
    pages.shutdown().await;
}

/// Tells the pages first, then `observer`.
fn shown_on(
    hub: Arc<Hub>,
    lab: Option<Arc<Lab>>,
    observer: Arc<dyn Fn(ViewerEvent) + Send + Sync>,
) -> Arc<dyn Fn(ViewerEvent) + Send + Sync> {
    Arc::new(move |event| {
        hub.observe(&event, Now::read());
        if let Some(lab) = &lab {
            lab.observe(&event);
        }
        observer(event);
    })
}

/// Takes a message on a thread that may block.
async fn take(mut desk: Desk, topic: &str, payload: Bytes) -> Result<(Desk, Step), Failure> {
    let topic = topic.to_owned();
    let taken = task::spawn_blocking(move || {
        let step = desk.take(&topic, payload);
        (desk, step)
    });
    taken.await.map_err(|error| panicked(&error))
}

fn panicked(error: &JoinError) -> Failure {
    Failure::new(
        FailureKind::Bug,
        format!("a step of the viewer panicked: {error}"),
        "report this with the log lines above",
    )
}

fn ended_unasked() -> Failure {
    Failure::new(
        FailureKind::Bug,
        "the subscription ended without being asked to",
        "report this with the log lines above",
    )
}
