//! How much of what nobody has confirmed yet the broker keeps, by filter.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::*;
use broker::Broker;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, Publish, QoS};
use tokio::time::timeout;
use wire::mqtt::ECHO_FILTER;
use wire::topic::Topic;

/// A receipt's payload has about as many.
const RECEIPT_BYTES: usize = 200;
/// As many of them as would take 4 MB.
const MESSAGES: usize = 20_000;
/// rumqttd hands out so many before the first of them is confirmed.
const HANDED_OUT: usize = 100;
const LAST: &[u8] = b"last";

/// A client with a name of its own: one that takes over the name of another, which is just leaving,
/// may be sent away with it.
fn client(broker: &Broker) -> (AsyncClient, EventLoop) {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let id = format!("client-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut options = MqttOptions::new(id, "127.0.0.1", broker.addr().port());
    options.set_manual_acks(true).set_inflight(100);
    AsyncClient::new(options, 1000)
}

async fn polled(eventloop: &mut EventLoop) -> Packet {
    loop {
        let event = timeout(PATIENCE, eventloop.poll()).await;
        if let Event::Incoming(packet) = event.expect("nothing came").unwrap() {
            return packet;
        }
    }
}

async fn publish(broker: &Broker, topic: &str, bytes: usize) {
    let (client, mut eventloop) = client(broker);
    let payload = move |number| match number {
        MESSAGES => LAST.to_vec(),
        _ => vec![7; bytes],
    };
    let topic = topic.to_owned();
    tokio::spawn(async move {
        for number in 1..=MESSAGES {
            let sent = client.publish(&topic, QoS::AtLeastOnce, false, payload(number));
            sent.await.unwrap();
        }
        // Its last messages are on their way until the event loop is dropped.
        std::future::pending::<()>().await;
    });
    let mut confirmed = 0;
    while confirmed < MESSAGES {
        confirmed += usize::from(matches!(polled(&mut eventloop).await, Packet::PubAck(_)));
    }
}

/// How many of [`MESSAGES`] messages a subscriber gets that confirms none before all are published.
async fn kept(broker: &Broker, filter: &str, topic: &str, bytes: usize) -> usize {
    let (client, mut eventloop) = client(broker);
    client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
    while !matches!(polled(&mut eventloop).await, Packet::SubAck(_)) {}
    publish(broker, topic, bytes).await;
    let mut received = 0;
    loop {
        let Packet::Publish(publish) = polled(&mut eventloop).await else {
            continue;
        };
        received += 1;
        if publish.payload == LAST {
            return received;
        }
        confirm(&client, &publish).await;
    }
}

async fn confirm(client: &AsyncClient, publish: &Publish) {
    client.ack(publish).await.unwrap();
}

#[tokio::test]
async fn small_messages_and_echoes_have_small_ring_logs() {
    let broker = start().await;
    let at_least = |bytes: usize| bytes / (RECEIPT_BYTES + 64);
    for topic in [
        "blindsight/v1/test/gate/receipt",
        "blindsight/v1/test/nodes/gate/state",
        "blindsight/v1/test/nodes/gate/health",
    ] {
        let filter = topic.replace("gate", "+");
        for filter in [topic, &filter] {
            let received = kept(&broker, filter, topic, RECEIPT_BYTES).await;
            let kept = received - HANDED_OUT;
            assert!(kept > at_least(400 << 10), "{filter}: {kept}");
            assert!(kept < (640 << 10) / RECEIPT_BYTES, "{filter}: {kept}");
        }
    }
    let topic = ECHO_FILTER.replace('+', "other");
    let received = kept(&broker, &topic, &topic, 8).await;
    assert!(received < HANDED_OUT + 150, "{received}");
    let topic = frames().to_string();
    for filter in [&topic, &Topic::all_frames(&"test".parse().unwrap())] {
        let received = kept(&broker, filter, &topic, RECEIPT_BYTES).await;
        assert_eq!(received, MESSAGES);
    }
}
