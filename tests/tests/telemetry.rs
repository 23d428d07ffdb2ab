//! What running programs show of themselves: their pages, what they tell a service manager, and their health topic.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use cipherframe::SchemeId;
use e2e::bus::Listener;
use e2e::data_folder::{Checkout, free_port};
use e2e::node_process::NodeProcess;
use e2e::pages::{Metrics, get, served_by, wait_for, wait_for_metric};
use e2e::programs::{check, command, run};
use e2e::service_manager::ServiceManager;
use wire::mqtt::MqttConfig;
use wire::topic::Topic;

/// A site whose frames are small and not encrypted.
fn checkout() -> (Checkout, u16) {
    let checkout = Checkout::new(SchemeId::Plain);
    let port = free_port();
    checkout.move_to_port(port);
    checkout.edit("camera", "scheme = \"tfhe\"", "scheme = \"plain\"");
    for node in ["camera", "worker", "viewer"] {
        checkout.edit(node, "blindsight-data/tfhe/", "blindsight-data/plain/");
    }
    (checkout, port)
}

/// Starts a program of the site with a service manager of its own.
fn start(checkout: &Checkout, program: &str, node: &str) -> (NodeProcess, ServiceManager) {
    let socket = checkout.path().join(format!("{node}-{}.sock", free_port()));
    let manager = ServiceManager::listen(&socket);
    let mut command = command(program, checkout.path());
    let config = format!("configs/demo/{node}.toml");
    command.args(["run", "--config", &config]);
    if program != "broker" {
        command.arg("--insecure-plain");
    }
    manager.supervise(&mut command);
    (NodeProcess::spawn(program, command), manager)
}

fn is_ready(status: u16, body: &str) -> bool {
    status == 200 && body == "ready\n"
}

#[test]
fn counters_move_and_readiness_follows_the_broker() {
    let (checkout, _) = checkout();
    let (mut broker, mut broker_manager) = start(&checkout, "broker", "broker");
    let broker_pages = served_by(&mut broker);
    let heard = broker_manager.wait_for("READY=1");
    // Nothing had come back before.
    assert_eq!(
        heard[0],
        "STATUS=not ready: messages to itself do not come back"
    );
    assert_eq!(get(broker_pages, "/readyz"), (200, "ready\n".to_owned()));

    let (mut worker, mut worker_manager) = start(&checkout, "pooling-worker", "worker");
    let pages = served_by(&mut worker);
    worker_manager.wait_for("READY=1");
    worker_manager.wait_for("WATCHDOG=1");
    assert_eq!(get(pages, "/healthz"), (200, "alive\n".to_owned()));
    let before = Metrics::of(pages);
    assert_eq!(before.value("blindsight_worker_maps_total"), 0.0);
    assert_eq!(
        before.value("blindsight_mqtt_connected{connection=\"in\"}"),
        1.0
    );
    assert_eq!(
        before.value("blindsight_mqtt_connected{connection=\"out\"}"),
        1.0
    );
    assert!(before.value("process_resident_memory_bytes") > 1e6);

    let (mut viewer, _viewer_manager) = start(&checkout, "viewer", "viewer");
    viewer.wait_for("purpose=\"out\"");
    let (_camera, _camera_manager) = start(&checkout, "camera-node", "camera");
    wait_for_metric(pages, "blindsight_worker_maps_total", 3.0);
    let after = Metrics::of(pages);
    assert!(after.value("blindsight_worker_tiles_total") >= 3.0);
    assert_eq!(after.types, before.types);
    let began = "process_start_time_seconds";
    assert_eq!(after.value(began), before.value(began));

    // The broker goes and comes back; the worker stays alive, and says that it is not ready meanwhile.
    worker_manager.forget();
    broker.kill();
    wait_for(pages, "/readyz", |status, body| {
        status == 503
            && body
                == "not connected to the MQTT broker to send\nnot subscribed at the MQTT broker\n"
    });
    assert_eq!(get(pages, "/healthz").0, 200);
    assert_eq!(Metrics::of(pages).value("blindsight_ready"), 0.0);
    worker_manager.wait_for(
        "STATUS=not ready: not connected to the MQTT broker to send; not subscribed at the MQTT broker",
    );
    let (mut broker, mut broker_manager) = start(&checkout, "broker", "broker");
    wait_for(pages, "/readyz", is_ready);
    worker_manager.wait_for("STATUS=ready");
    broker_manager.wait_for("READY=1");

    for (mut node, mut manager) in [(worker, worker_manager), (viewer, _viewer_manager)] {
        node.terminate();
        manager.wait_for("STOPPING=1");
        assert_eq!(node.end().0.code(), Some(0));
    }
    broker.terminate();
    broker_manager.wait_for("STOPPING=1");
    assert_eq!(broker.end().0.code(), Some(0));
}

#[test]
fn a_worker_without_a_broker_is_not_ready() {
    let (checkout, _) = checkout();
    let (mut worker, mut manager) = start(&checkout, "pooling-worker", "worker");
    let pages = served_by(&mut worker);
    wait_for(pages, "/readyz", |status, body| {
        status == 503 && body == "the MQTT broker has not answered yet\n"
    });
    manager.wait_for("STATUS=not ready: the MQTT broker has not answered yet");
    let (mut broker, _broker_manager) = start(&checkout, "broker", "broker");
    broker.wait_for("broker is ready");
    let heard = manager.wait_for("READY=1");
    assert!(heard.iter().all(|line| line != "STOPPING=1"), "{heard:?}");
    wait_for(pages, "/readyz", is_ready);
}

#[test]
fn a_node_is_asked_by_a_command() {
    let (checkout, _) = checkout();
    let (mut broker, mut manager) = start(&checkout, "broker", "broker");
    let address = served_by(&mut broker).to_string();
    manager.wait_for("READY=1");
    for (options, word) in [(&[][..], "ready"), (&["--alive"], "alive")] {
        let outcome = run(
            "blindsight",
            &[&["health", &address], options].concat(),
            checkout.path(),
        );
        assert_eq!(
            (outcome.code, outcome.stdout),
            (0, format!("{address}: {word}\n"))
        );
    }
    broker.kill();
    let outcome = run("blindsight", &["health", &address], checkout.path());
    assert_eq!(outcome.code, 69);
    let said = format!("error: the node at {address} does not answer: ");
    assert!(outcome.stderr.starts_with(&said), "{}", outcome.stderr);

    let (mut worker, _manager) = start(&checkout, "pooling-worker", "worker");
    let address = served_by(&mut worker);
    wait_for(address, "/readyz", |status, body| {
        status == 503 && body == "the MQTT broker has not answered yet\n"
    });
    let expected = format!(
        "error: the node at {address} is not ready: the MQTT broker has not answered yet\n  help: look into its log\n"
    );
    check(
        "blindsight",
        &["health", &address.to_string()],
        checkout.path(),
        69,
        &expected,
    );
}

#[test]
fn a_port_that_is_taken_ends_the_node() {
    let (checkout, _) = checkout();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    checkout.edit(
        "broker",
        "listen = \"127.0.0.1:0\"",
        &format!("listen = \"{address}\""),
    );
    let outcome = run(
        "broker",
        &["run", "--config", "configs/demo/broker.toml"],
        checkout.path(),
    );
    assert_eq!(outcome.code, 74, "{}", outcome.stderr);
    let said = format!("error: listening on {address} for metrics failed: ");
    assert!(outcome.stderr.contains(&said), "{}", outcome.stderr);
}

/// A service manager that is suspended, say.
#[test]
fn a_service_manager_that_reads_nothing_holds_no_node_up() {
    let (checkout, _) = checkout();
    let socket = checkout.path().join("nobody.sock");
    let _nobody = ServiceManager::listen(&socket);
    let mut command = command("broker", checkout.path());
    command
        .args(["run", "--config", "configs/demo/broker.toml"])
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "2000");
    let mut broker = NodeProcess::spawn("broker", command);
    let pages = served_by(&mut broker);
    broker.wait_for("broker is ready");
    // Many more words than a socket keeps.
    thread::sleep(Duration::from_secs(3));
    assert_eq!(get(pages, "/readyz"), (200, "ready\n".to_owned()));
    broker.terminate();
    assert_eq!(broker.end().0.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_reports_its_health() {
    let (checkout, port) = checkout();
    let (mut broker, _broker_manager) = start(&checkout, "broker", "broker");
    broker.wait_for("broker is ready");
    let broker_address = SocketAddr::from(([127, 0, 0, 1], port));
    let address = format!("mqtt://{broker_address}").parse().unwrap();
    let site = "demo".parse().unwrap();
    let filter = Topic::all_node_health(&site);
    let mqtt = MqttConfig::new(address, site, "listener".parse().unwrap());
    let mut health = Listener::start(&mqtt, &filter).await;

    let (_worker, _manager) = start(&checkout, "pooling-worker", "worker");
    let report = health.next().await;
    assert_eq!(report.topic, "blindsight/v1/demo/nodes/worker/health");
    let report: serde_json::Value = serde_json::from_slice(&report.bytes).unwrap();
    let fields: BTreeSet<&str> = report
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        fields,
        BTreeSet::from([
            "done_per_minute",
            "dropped",
            "ready",
            "refused",
            "resident_mib",
            "role",
            "taken_per_minute",
            "uptime_s",
            "waiting",
        ])
    );
    assert_eq!(
        (&report["role"], &report["ready"]),
        (&"worker".into(), &true.into())
    );
    assert_eq!(report["resident_mib"].as_u64().unwrap() % 16, 0);
    assert!((5..=PLENTY_S).contains(&report["uptime_s"].as_u64().unwrap()));
    assert_eq!(report["taken_per_minute"], 0);
}

/// The first report comes after ten seconds, or later on a busy machine.
const PLENTY_S: u64 = 240;
