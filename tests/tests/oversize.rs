//! Messages larger than the broker or a receiver allows: the connection that carries one is closed, and the stream
//! goes on.

use cipherframe::SchemeId;
use e2e::bus::{Listener, Stranger};
use e2e::frames::{Feed, busy, spec};
use e2e::log_record::LogRecord;
use e2e::site::{CAMERA, Site};
use e2e::stack::{Stack, start_broker};
use wire::mqtt::{DEFAULT_MAX_PACKET_BYTES, Incoming, PublishError, Publisher, Subscriber};
use wire::shutdown::Shutdown;
use wire::topic::Topic;

fn frames_of(site: &Site) -> Topic {
    Topic::Frame {
        site: site.name().clone(),
        camera: CAMERA.parse().unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_broker_hangs_up_on_a_stranger_who_sends_too_much_and_the_stream_goes_on() {
    let mut stack = Stack::start(Site::new("oversize"), SchemeId::Plain).await;
    let spec = spec(SchemeId::Plain, (4, 4), 4, (2, 2, 0));
    let (feed, source) = Feed::open();
    let camera = stack.camera(CAMERA, &spec, source, 1);
    feed.send(busy((4, 4), 0)).unwrap();
    assert_eq!(stack.map().await.0.seq, 0);

    let mut mqtt = stack.site.mqtt("stranger", stack.address());
    mqtt.max_packet_bytes = 2 * DEFAULT_MAX_PACKET_BYTES;
    let stranger = Stranger::connect(&mqtt);
    stranger.until_connected(true).await;
    let topic = frames_of(&stack.site);
    stranger
        .say(&topic, vec![0; DEFAULT_MAX_PACKET_BYTES + 1])
        .await;
    stranger.until_connected(false).await;
    drop(stranger);

    for seq in 1..4 {
        feed.send(busy((4, 4), seq)).unwrap();
        assert_eq!(stack.map().await.0.seq, u64::from(seq));
    }
    drop(feed);
    assert_eq!(camera.end().await.0.confirmed, 4);
    let (worker, _) = stack.stop().await;
    assert_eq!((worker.tiles, worker.refused), (4, 0));
}

#[tokio::test]
async fn a_node_does_not_send_what_the_broker_would_not_take() {
    let broker = start_broker().await;
    let site = Site::new("honest");
    let mqtt = site.mqtt(CAMERA, broker.addr());
    let publisher = Publisher::connect(&mqtt, "out", Shutdown::new());
    let bytes = DEFAULT_MAX_PACKET_BYTES + 1;
    let refused = publisher.publish(&frames_of(&site), vec![0; bytes]).await;
    let limit = DEFAULT_MAX_PACKET_BYTES;
    assert_eq!(refused, Err(PublishError::TooLarge { bytes, limit }));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "a message of 4259841 bytes does not fit the packet limit of 4259840 bytes; raise `max_packet_bytes` here and \
         at the broker, or send smaller tiles"
    );
    broker.stop().await;
}

/// A receiver with a lower limit than the broker's loses its connection over a large message, comes back and hears the
/// next one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_receiver_with_a_lower_limit_comes_back() {
    let log = LogRecord::of_this_process();
    let broker = start_broker().await;
    let site = Site::new("lower");
    let mut mqtt = site.mqtt("receiver", broker.addr());
    mqtt.max_packet_bytes = 8192;
    let filters = vec![frames_of(&site).to_string()];
    let mut receiver = Subscriber::connect(&mqtt, "in", filters, Shutdown::new());
    receiver.ready(e2e::PATIENCE).await.unwrap();
    assert_eq!(receiver.recv().await, Some(Incoming::Connected));
    let mut witness = Listener::start(
        &site.mqtt("witness", broker.addr()),
        &frames_of(&site).to_string(),
    )
    .await;

    let stranger = Stranger::connect(&site.mqtt("stranger", broker.addr()));
    stranger.say(&frames_of(&site), vec![0; 20_000]).await;
    assert_eq!(witness.next().await.bytes.len(), 20_000);
    let back = tokio::time::timeout(e2e::PATIENCE, receiver.recv()).await;
    assert_eq!(back.unwrap(), Some(Incoming::Reconnected));
    let address = mqtt.address();
    let lost = |line: &e2e::log_record::Line| {
        line.message == "connection lost, trying again" && line.field("broker") == address
    };
    let line = log.wait_for(0, lost).await;
    // rumqttc's words, after whose size limit the packet is.
    assert!(
        line.field("error")
            .ends_with("payload size limit exceeded: 20034"),
        "{line:?}"
    );

    stranger.say(&frames_of(&site), vec![1; 100]).await;
    let heard = tokio::time::timeout(e2e::PATIENCE, receiver.recv()).await;
    let Some(Incoming::Message { payload, .. }) = heard.unwrap() else {
        panic!("no message");
    };
    assert_eq!(payload, vec![1; 100]);
    broker.stop().await;
}
