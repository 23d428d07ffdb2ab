//! A whole viewer that tells a real mosquitto, as its second broker, what it sees.

use std::path::Path;
use std::sync::Arc;

use cipherframe::SchemeId;
use e2e::bus::{Listener, Message};
use e2e::key_cache::key_set;
use e2e::mosquitto::Mosquitto;
use e2e::page_site::{sample_camera, sample_watch, start};
use e2e::site::{CAMERA, Site, VIEWER};
use e2e::stack::start_broker;
use serde_json::Value;
use viewer::ViewerConfig;
use wire::config::EventsMqttConfig;
use wire::failure::FailureKind;
use wire::mqtt::MqttConfig;
use wire::shutdown::Shutdown;

const SITE: &str = "second-broker";

fn topic(last: &str) -> String {
    format!("blindsight/{SITE}/{last}")
}

fn discovery(component: &str, part: &str) -> String {
    format!("homeassistant/{component}/blindsight-{SITE}/{CAMERA}-{part}/config")
}

fn json(message: &Message) -> Value {
    serde_json::from_slice(&message.bytes).unwrap()
}

/// `name` at this mosquitto, which takes everybody.
fn client(mosquitto: &Mosquitto, name: &str) -> MqttConfig {
    let url = format!("mqtt://{}", mosquitto.address());
    MqttConfig::new(
        url.parse().unwrap(),
        SITE.parse().unwrap(),
        name.parse().unwrap(),
    )
}

fn events(broker: MqttConfig) -> EventsMqttConfig {
    EventsMqttConfig {
        broker,
        discovery_prefix: "homeassistant".to_owned(),
        topic_prefix: "blindsight".to_owned(),
    }
}

/// Lets everybody in, from this machine.
fn open_to_all(_: &Path, port: u16) -> String {
    format!("listener {port} 127.0.0.1\nallow_anonymous true\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_second_broker_hears_of_a_camera_and_its_events_until_the_viewer_stops() {
    let Some(mosquitto) = Mosquitto::start(open_to_all) else {
        return;
    };
    let mut live = Listener::start(&client(&mosquitto, "live"), "#").await;
    let stack = start(SITE, |viewer| {
        viewer.anomaly = Some(sample_watch());
        viewer.events = Some(events(client(&mosquitto, VIEWER)));
    })
    .await;
    let camera = sample_camera(&stack, 10);

    let (state, event) = (
        topic(&format!("{CAMERA}/state")),
        topic(&format!("{CAMERA}/event")),
    );
    let heard = live
        .until(|message| message.topic == event && json(message)["kind"] == "end")
        .await;
    let of = |topic: &str| -> Vec<Value> {
        let about = heard.iter().filter(|message| message.topic == topic);
        about.map(json).collect()
    };
    let told = of(&event);
    assert_eq!(told[0]["kind"], "begin");
    assert!(told.iter().all(|event| event["id"] == told[0]["id"]));
    let states: Vec<Value> = of(&state)
        .iter()
        .map(|state| state["anomaly"].clone())
        .collect();
    assert_eq!((&states[0], &states[1]), (&"OFF".into(), &"ON".into()));
    assert_eq!(states.last(), Some(&"OFF".into()));

    // Whoever comes later hears what is retained: no event, but all else.
    camera.stop().await;
    let mut late = Listener::start(&client(&mosquitto, "late"), "#").await;
    let mut missing = vec![
        topic("availability"),
        state,
        discovery("binary_sensor", "anomaly"),
        discovery("sensor", "score"),
    ];
    while !missing.is_empty() {
        let message = late.next().await;
        assert_ne!(message.topic, event);
        if message.topic == topic("availability") {
            assert_eq!(message.bytes, "online");
        }
        missing.retain(|topic| *topic != message.topic);
    }

    stack.stop().await;
    let is_goodbye =
        |message: &Message| message.topic == topic("availability") && message.bytes == "offline";
    live.until(is_goodbye).await;
    let after = client(&mosquitto, "after");
    let kept = Listener::start(&after, &topic("availability"))
        .await
        .next()
        .await;
    assert!(is_goodbye(&kept));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bus_is_no_second_broker_and_the_viewer_ends() {
    let site = Site::new(SITE);
    let broker = start_broker().await;
    let link = site.link(VIEWER, broker.addr());
    let keys = key_set(SchemeId::Plain).join(client_key::CLIENT_KEY_FILE);
    let viewer = ViewerConfig {
        insecure_plain: true,
        events: Some(events(link.mqtt.clone())),
        ..ViewerConfig::new(link, vec![keys])
    };
    let failure = viewer::run(viewer, Arc::new(|_| {}), Shutdown::new())
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Configuration);
    assert!(failure.to_string().contains("events.mqtt"), "{failure}");
    broker.stop().await;
}
