//! The connection to a broker that is not the bus: what its readers hear, through brokers that come and go.

mod broker;
mod mosquitto;

use std::time::{Duration, Instant};

use broker::{Broker, Manner, Said};
use tokio::net::TcpListener;
use tokio::time::timeout;
use wire::mqtt::{MqttConfig, Notice, Notifier, NotifierConfig, WAITING_LIMIT};

const PATIENCE: Duration = Duration::from_secs(60);
const AVAILABILITY: &str = "blindsight/home/availability";
/// How long a stop may take, and what a busy machine adds to it.
const STOPPED: Duration = Duration::from_secs(2 + 3);

fn config(url: &str) -> MqttConfig {
    let address = url.parse().unwrap();
    MqttConfig::new(address, "home".parse().unwrap(), "viewer".parse().unwrap())
}

fn notifier(broker: &MqttConfig, bus: &str) -> Notifier {
    Notifier::connect(NotifierConfig {
        broker,
        section: "events.mqtt",
        bus: &config(bus),
        purpose: "events",
        availability: AVAILABILITY.to_owned(),
    })
}

/// A notifier whose bus is elsewhere.
fn connect(url: &str) -> Notifier {
    notifier(&config(url), "mqtt://127.0.0.1:1")
}

fn state(topic: &str, payload: &str) -> Notice {
    Notice {
        topic: topic.to_owned(),
        payload: payload.into(),
        retained: true,
    }
}

fn news(payload: &str) -> Notice {
    Notice {
        topic: "event".to_owned(),
        payload: payload.into(),
        retained: false,
    }
}

fn said(topic: &str, payload: &str, retained: bool, qos: u8) -> Said {
    Said {
        topic: topic.to_owned(),
        payload: payload.to_owned(),
        retained,
        qos,
    }
}

#[tokio::test]
async fn states_are_said_on_every_connection_and_news_once() {
    let mut broker = Broker::start(Manner::Confirms).await;
    let notifier = connect(&broker.url());
    for notice in [state("config", "c"), state("gate", "ON"), news("begin")] {
        assert!(notifier.post(notice));
    }
    let online = said(AVAILABILITY, "online", true, 0);
    let will = said(AVAILABILITY, "offline", true, 1);
    assert_eq!(broker.connected().await, will);
    let mut expected = vec![online.clone(), said("config", "c", true, 1)];
    expected.push(said("gate", "ON", true, 1));
    expected.push(said("event", "begin", false, 1));
    assert_eq!(broker.next(4).await, expected);

    // Confirmed in time, so that the loss leaves nothing behind that would be sent again.
    assert!(notifier.post(state("gate", "OFF")));
    assert_eq!(broker.next(1).await, [said("gate", "OFF", true, 1)]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    broker.hang_up();
    assert_eq!(broker.connected().await, will);
    expected = vec![online, said("config", "c", true, 1)];
    expected.push(said("gate", "OFF", true, 1));
    assert_eq!(broker.next(3).await, expected);

    notifier.stop().await;
    let goodbye = said(AVAILABILITY, "offline", true, 0);
    assert_eq!(broker.next(1).await, [goodbye]);
    assert!(broker.was_told_goodbye().await);
}

#[tokio::test]
async fn without_a_broker_nobody_is_held_up_and_the_latest_is_kept() {
    // Bound, so that nobody else takes the port, and never accepted.
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mqtt://{}", taken.local_addr().unwrap());
    let notifier = connect(&url);
    let began = Instant::now();
    let posts = 20 * WAITING_LIMIT;
    for number in 0..posts {
        assert!(notifier.post(state("gate", &number.to_string())));
        notifier.post(news(&number.to_string()));
    }
    assert!(began.elapsed() < PATIENCE / 2);
    assert_eq!(notifier.dropped(), (posts - WAITING_LIMIT) as u64);
    assert!(!*notifier.connected().borrow());
    let began = Instant::now();
    notifier.stop().await;
    assert!(began.elapsed() < STOPPED, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_broker_that_confirms_nothing_holds_up_neither_posts_nor_the_end() {
    let mut broker = Broker::start(Manner::Silent).await;
    let notifier = connect(&broker.url());
    broker.connected().await;
    for number in 0..10 * WAITING_LIMIT {
        notifier.post(news(&number.to_string()));
    }
    let began = Instant::now();
    notifier.stop().await;
    assert!(began.elapsed() < STOPPED, "{:?}", began.elapsed());
    // No goodbye: the broker says the last will.
    assert!(!broker.was_told_goodbye().await);
}

#[tokio::test]
async fn the_bus_under_another_name_hears_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // As the system resolves it, which no comparison of what was typed could tell.
    let broker = config(&format!("mqtt://127.1:{port}"));
    let notifier = notifier(&broker, &format!("mqtt://127.0.0.1:{port}"));
    notifier.post(state("gate", "ON"));
    let connection = timeout(Duration::from_secs(1), listener.accept()).await;
    assert!(connection.is_err());
    notifier.stop().await;
}
