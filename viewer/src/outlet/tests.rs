use std::fs;
use std::path::Path;
use std::sync::Mutex;

use wire::mqtt::MqttConfig;
use wire::telemetry::Vitals;

use super::*;
use crate::config::OutConfig;
use crate::journal::SessionText;
use crate::testing::{frame, name};

/// An outlet with a log in `folder` and a broker that never answers.
fn outlet(folder: &Path, observer: impl Fn(ViewerEvent) + Send + Sync + 'static) -> Outlet {
    let out = OutConfig {
        folder: folder.to_owned(),
        pictures: false,
        log_bytes: crate::DEFAULT_LOG_BYTES,
    };
    let (archive, _) = Archive::open(Some(&out), &name("home")).unwrap();
    let url = "mqtt://127.0.0.1:1".parse().unwrap();
    let mqtt = MqttConfig::new(url, name("home"), name("viewer"));
    let shutdown = CancellationToken::new();
    Outlet {
        archive: Arc::new(archive),
        identity: SigningIdentity::from_seed(name("viewer"), &[1; 32]),
        publisher: Arc::new(Publisher::connect(&mqtt, "out", shutdown.clone())),
        shutdown,
        observer: Arc::new(observer),
        summary: ViewerSummary::default(),
        log_works: Vitals::new(CancellationToken::new()).need("the log"),
        events_wait: false,
        watch: None,
        lab_camera: None,
        announcer: None,
        hub: None,
    }
}

fn event(kind: AnomalyKind) -> AnomalyEvent {
    AnomalyEvent {
        kind,
        id: "gate-1".to_owned(),
        camera: name("gate"),
        session: SessionText(frame("gate", 1, 7).session),
        seq: 7,
        captured_unix_ms: 5,
        began_unix_ms: 5,
        ended_unix_ms: None,
        score: 1.5,
        peak: 1.5,
        peak_seq: 7,
        peak_unix_ms: 5,
        threshold: 1.4,
        region: None,
    }
}

fn lines(folder: &Path) -> usize {
    let log = fs::read_to_string(folder.join("events.jsonl"));
    log.unwrap_or_default().lines().count()
}

#[tokio::test]
async fn an_event_is_in_the_log_before_anybody_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = seen.clone();
    let observer = move |_| told.lock().unwrap().push(lines(&path));
    let mut outlet = outlet(folder.path(), observer);
    outlet.anomalies(vec![event(AnomalyKind::Begin)]).await;
    outlet.anomalies(vec![event(AnomalyKind::End)]).await;
    assert_eq!(*seen.lock().unwrap(), [1, 2]);
}

#[tokio::test]
async fn events_that_wait_are_written_with_the_next_map_and_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let mut outlet = outlet(&path, |_| {});
    for again in ["with a map without an event", "at the end"] {
        let aside = folder.path().join("aside");
        fs::rename(&path, &aside).unwrap();
        let before = lines(&aside);
        outlet.anomalies(vec![event(AnomalyKind::Begin)]).await;
        assert!(outlet.events_wait);
        fs::rename(&aside, &path).unwrap();
        assert_eq!(lines(&path), before);
        match again {
            "at the end" => outlet.finish().await,
            _ => outlet.anomalies(Vec::new()).await,
        }
        assert_eq!(lines(&path), before + 1, "{again}");
        assert!(!outlet.events_wait);
    }
}
