//! A broker on a port of its own, and clients for it.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use broker::{Broker, BrokerConfig};
use tokio::time::timeout;
use wire::mqtt::{Incoming, MqttConfig, Publisher, Subscriber};
use wire::shutdown::Shutdown;
use wire::topic::Topic;

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn start() -> Broker {
    start_on("127.0.0.1:0".parse().unwrap()).await
}

pub(crate) async fn start_on(address: SocketAddr) -> Broker {
    let listener = broker::bind(address).unwrap();
    Broker::start(BrokerConfig::default(), listener)
        .await
        .unwrap()
}

pub(crate) async fn start_as(config: BrokerConfig) -> Broker {
    let listener = broker::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    Broker::start(config, listener).await.unwrap()
}

/// A CONNECT packet of a client without anything special.
pub(crate) fn connect_packet(client_id: &str) -> Vec<u8> {
    let mut body = b"\x00\x04MQTT\x04\x02\x00\x1e".to_vec();
    body.extend((client_id.len() as u16).to_be_bytes());
    body.extend(client_id.as_bytes());
    let mut packet = vec![0x10, body.len() as u8];
    packet.extend(body);
    packet
}

/// A port that nobody listens on.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

pub(crate) fn client_of(address: SocketAddr) -> MqttConfig {
    let address = format!("mqtt://{address}").parse().unwrap();
    MqttConfig::new(address, "test".parse().unwrap(), "node".parse().unwrap())
}

pub(crate) fn frames() -> Topic {
    Topic::Frame {
        site: "test".parse().unwrap(),
        camera: "gate".parse().unwrap(),
    }
}

pub(crate) fn publisher(config: &MqttConfig) -> Publisher {
    Publisher::connect(config, "out", Shutdown::new())
}

/// A subscriber whose subscription is in force, its first notice taken.
pub(crate) async fn subscriber(config: &MqttConfig, filter: String) -> Subscriber {
    let mut subscriber = Subscriber::connect(config, "in", vec![filter], Shutdown::new());
    subscriber.ready(PATIENCE).await.unwrap();
    assert_eq!(next(&mut subscriber).await, Incoming::Connected);
    subscriber
}

pub(crate) async fn frame_subscriber(config: &MqttConfig) -> Subscriber {
    subscriber(config, Topic::all_frames(&config.site)).await
}

pub(crate) async fn next(subscriber: &mut Subscriber) -> Incoming {
    timeout(PATIENCE, subscriber.recv())
        .await
        .expect("nothing came")
        .expect("it ended")
}

/// The payload of the next message.
pub(crate) async fn message(subscriber: &mut Subscriber) -> Vec<u8> {
    match next(subscriber).await {
        Incoming::Message { payload, .. } => payload.to_vec(),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn wait_until_connected(publisher: &Publisher, expected: bool) {
    let mut connected = publisher.connected();
    timeout(
        PATIENCE,
        connected.wait_for(|connected| *connected == expected),
    )
    .await
    .expect("the connection did not change")
    .expect("the publisher ended");
}
