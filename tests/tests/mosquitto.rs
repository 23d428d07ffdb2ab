//! The whole stack through a real mosquitto, with the committed configuration and access list: TLS, a user for each node,
//! and nobody says or hears what is not its own.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use camera_node::Feature;
use cipherframe::{SchemeId, max_pool};
use e2e::PATIENCE;
use e2e::bus::{Listener, Stranger};
use e2e::camera::{RunningCamera, configuration};
use e2e::data_folder::committed;
use e2e::frames::{Frames, busy, spec};
use e2e::key_cache::key_set;
use e2e::mosquitto::{Mosquitto, program};
use e2e::site::{CAMERA, Site, VIEWER, WORKER, parse};
use pooling_worker::WorkerConfig;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::sync::mpsc;
use tokio::time::timeout;
use viewer::{ViewerConfig, ViewerEvent};
use wire::config::{LogConfig, TelemetryConfig};
use wire::failure::FailureKind;
use wire::mqtt::{Login, MqttConfig, Subscriber};
use wire::shutdown::Shutdown;
use wire::tls::ClientTls;
use wire::topic::Topic;

/// The committed files are for this site.
const SITE: &str = "home";
/// The user who watches the nodes.
const MONITOR: &str = "monitor";
/// Where the committed files expect the rest.
const FOLDER: &str = "/etc/mosquitto/blindsight";

/// A mosquitto with users for the nodes.
struct Bus(Mosquitto);

impl Bus {
    /// Starts one; `None`, and said so, where there is no mosquitto.
    fn start() -> Option<Self> {
        Mosquitto::start(configure).map(Self)
    }

    /// How `user` reaches it.
    fn mqtt(&self, user: &str) -> MqttConfig {
        let url = format!("mqtts://localhost:{}", self.0.address().port());
        let mut mqtt = MqttConfig::new(url.parse().unwrap(), parse(SITE), parse(user));
        mqtt.tls = Some(ClientTls {
            ca: Some(self.0.folder().join("ca.pem")),
            identity: None,
        });
        mqtt.login = Some(self.login(user, &password(user)));
        mqtt
    }

    fn login(&self, user: &str, password: &str) -> Login {
        let password_file = self.0.folder().join(format!("{user}.password"));
        fs::write(&password_file, password).unwrap();
        fs::set_permissions(&password_file, fs::Permissions::from_mode(0o600)).unwrap();
        Login {
            username: user.to_owned(),
            password_file,
        }
    }
}

/// Writes passwords, certificates and access list, and gives the committed configuration with these.
fn configure(path: &Path, port: u16) -> String {
    write_certificates(path);
    fs::write(path.join("passwords"), "").unwrap();
    let passwd = program("mosquitto_passwd").expect("mosquitto_passwd comes with mosquitto");
    for user in [CAMERA, WORKER, VIEWER, MONITOR] {
        let status = Command::new(&passwd)
            .arg("-b")
            .arg(path.join("passwords"))
            .args([user, &password(user)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success());
    }
    fs::copy(committed("configs/mosquitto/acl"), path.join("acl")).unwrap();
    let text = fs::read_to_string(committed("configs/mosquitto/mosquitto.conf")).unwrap();
    let listener = "\nlistener 8883\n";
    assert!(text.contains(listener) && text.contains(FOLDER));
    text.replace(listener, &format!("\nlistener {port} 127.0.0.1\n"))
        .replace(FOLDER, path.to_str().unwrap())
}

fn password(user: &str) -> String {
    format!("the password of {user}")
}

/// An authority, `ca.pem`, and the broker's certificate and key.
fn write_certificates(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "authority");
    let signed = params.self_signed(&key).unwrap();
    fs::write(folder.join("ca.pem"), signed.pem()).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let signed = params.signed_by(&key, &issuer).unwrap();
    fs::write(folder.join("broker.pem"), signed.pem()).unwrap();
    fs::write(folder.join("broker.key"), key.serialize_pem()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn frames_become_maps_through_mosquitto_with_tls_and_passwords() {
    if let Some(mut mosquitto) = Bus::start() {
        stream(&mut mosquitto, 5, None).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_when_mosquitto_is_killed_and_started_again() {
    if let Some(mut mosquitto) = Bus::start() {
        stream(&mut mosquitto, 300, Some(10)).await;
    }
}

/// Sends `count` frames through it and wants a map of each, once and in order. After map `kill_after` it is killed.
async fn stream(mosquitto: &mut Bus, count: u64, kill_after: Option<u64>) {
    let site = Site::new(SITE);
    let keys = key_set(SchemeId::Plain);
    let stop = Shutdown::new();
    let mut link = site.link(VIEWER, mosquitto.0.address());
    link.mqtt = mosquitto.mqtt(VIEWER);
    let viewer = ViewerConfig {
        insecure_plain: true,
        ..ViewerConfig::new(link, vec![keys.join(client_key::CLIENT_KEY_FILE)])
    };
    let (sender, mut events) = mpsc::unbounded_channel();
    let observer = Arc::new(move |event| {
        if !matches!(event, ViewerEvent::Tile { .. }) {
            drop(sender.send(event));
        }
    });
    let viewer = tokio::spawn(viewer::run(viewer, observer, stop.clone()));
    let mut link = site.link(WORKER, mosquitto.0.address());
    link.mqtt = mosquitto.mqtt(WORKER);
    let worker = WorkerConfig {
        link,
        evaluation_keys: vec![keys.join(client_key::EVALUATION_KEY_FILE)],
        threads: 0,
        backlog_bytes: 1 << 20,
        share: None,
        telemetry: TelemetryConfig::default(),
        log: LogConfig::default(),
        insecure_plain: true,
    };
    let worker = tokio::spawn(pooling_worker::run(worker, stop.clone()));
    // What a camera sends before the others have subscribed is lost.
    let states = Topic::all_node_states(site.name());
    let mut states = Listener::start(&mosquitto.mqtt(MONITOR), &states).await;
    let mut missing = BTreeSet::from([WORKER, VIEWER]);
    while !missing.is_empty() {
        let message = states.next().await;
        if let Ok(Topic::NodeState { node, .. }) = Topic::parse(&message.topic)
            && wire::mqtt::is_online(&message.bytes)
        {
            missing.remove(node.as_str());
        }
    }

    let stream = spec(SchemeId::Plain, (64, 48), 4, (2, 2, 0));
    let frames: Vec<_> = (0..count).map(|seed| busy((64, 48), seed as u32)).collect();
    let address = mosquitto.0.address();
    let mut camera = configuration(&site, CAMERA, address, Feature::Luma, &stream, 2);
    camera.link.mqtt = mosquitto.mqtt(CAMERA);
    if kill_after.is_some() {
        camera.delivery.receipt_timeout = Duration::from_secs(1);
    }
    let camera = RunningCamera::start_configured(camera, Frames::source(frames.clone()));
    for (seq, frame) in frames.iter().enumerate() {
        let event = timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
        let ViewerEvent::Map { frame: id, map, .. } = event else {
            panic!("no map but {event:?}");
        };
        assert_eq!(id.seq, seq as u64);
        let expected = max_pool(&stream.quantiser().quantise(frame), stream.pool()).unwrap();
        assert_eq!(map, expected);
        if kill_after == Some(id.seq) {
            mosquitto.0.kill_and_start_again();
        }
    }
    let (summary, _) = camera.end().await;
    assert_eq!((summary.frames, summary.confirmed), (count, count));
    stop.cancel();
    worker.await.unwrap().unwrap();
    viewer.await.unwrap().unwrap();
}

/// Who is to hear what, when everybody says everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_access_list_lets_each_node_say_and_hear_its_own() {
    let Some(mosquitto) = Bus::start() else {
        return;
    };
    let (site, camera) = (parse(SITE), parse(CAMERA));
    let frame = Topic::Frame {
        site: site.clone(),
        camera: camera.clone(),
    };
    let map = Topic::Map {
        site: site.clone(),
        camera: camera.clone(),
    };
    let receipt = Topic::Receipt {
        site: site.clone(),
        camera,
    };
    let health = |node| Topic::NodeHealth {
        site: site.clone(),
        node: parse(node),
    };
    let mut listeners = Vec::new();
    for user in [CAMERA, WORKER, VIEWER, MONITOR] {
        listeners.push((
            user,
            Listener::start(&mosquitto.mqtt(user), "blindsight/#").await,
        ));
    }
    for user in [CAMERA, WORKER, VIEWER] {
        let stranger = Stranger::connect(&mosquitto.mqtt(user));
        for topic in [&frame, &map, &receipt] {
            stranger.say(topic, user.as_bytes().to_vec()).await;
        }
        for node in [CAMERA, WORKER, VIEWER] {
            stranger.say(&health(node), user.as_bytes().to_vec()).await;
        }
        // Everything has been confirmed, or refused often enough, when this is done.
        stranger.leave().await;
    }
    // After all that, what each is allowed to hear.
    let last = health(VIEWER);
    for (user, topic) in [
        (CAMERA, &frame),
        (WORKER, &map),
        (VIEWER, &receipt),
        (VIEWER, &last),
    ] {
        let stranger = Stranger::connect(&mosquitto.mqtt(user));
        stranger.say(topic, b"last".to_vec()).await;
        stranger.leave().await;
    }
    let expected = [
        (CAMERA, vec![(receipt.to_string(), VIEWER)]),
        (WORKER, vec![(frame.to_string(), CAMERA)]),
        (VIEWER, vec![(map.to_string(), WORKER)]),
        (
            MONITOR,
            vec![
                (health(CAMERA).to_string(), CAMERA),
                (health(WORKER).to_string(), WORKER),
                (health(VIEWER).to_string(), VIEWER),
            ],
        ),
    ];
    for ((user, listener), (name, expected)) in listeners.iter_mut().zip(expected) {
        assert_eq!(*user, name);
        let heard = listener.until(|message| message.bytes == "last").await;
        let said = heard
            .iter()
            .filter(|message| message.bytes != "last" && !message.topic.ends_with("/state"))
            .map(|message| (message.topic.clone(), message.bytes.to_vec()))
            .collect::<BTreeSet<_>>();
        let expected = expected
            .into_iter()
            .map(|(topic, by)| (topic, by.as_bytes().to_vec()))
            .collect();
        assert_eq!(said, expected, "what {user} hears");
        let states = heard
            .iter()
            .any(|message| message.topic.ends_with("/state"));
        assert_eq!(states, [CAMERA, MONITOR].contains(user), "{user}");
    }
}

#[tokio::test]
async fn mosquitto_turns_a_wrong_password_away_and_the_node_says_so() {
    let Some(mosquitto) = Bus::start() else {
        return;
    };
    let mut mqtt = mosquitto.mqtt(CAMERA);
    mqtt.login = Some(mosquitto.login(CAMERA, "a wrong password"));
    for (login, said) in [
        (
            mqtt.login.clone(),
            "it refuses the user `gate` or its password",
        ),
        (None, "it wants a user name and a password"),
    ] {
        mqtt.login = login;
        let filters = vec!["blindsight/#".to_owned()];
        let mut subscriber = Subscriber::connect(&mqtt, "in", filters, Shutdown::new());
        let failure = subscriber.ready(PATIENCE).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Permissions);
        assert!(failure.what.ends_with(said), "{failure}");
    }
}
