//! The connections of `wire` through a real broker.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::support::*;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use wire::failure::FailureKind;
use wire::mqtt::{Incoming, PublishError, Publisher, Subscriber, UNCONFIRMED_LIMIT};
use wire::shutdown::Shutdown;
use wire::topic::Topic;

#[tokio::test]
async fn three_mebibytes_arrive_unchanged() {
    let broker = start().await;
    let config = client_of(broker.addr());
    let mut subscriber = frame_subscriber(&config).await;
    let publisher = publisher(&config);
    let sent: Vec<u8> = (0..3 << 20)
        .map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    publisher.publish(&frames(), sent.clone()).await.unwrap();
    match next(&mut subscriber).await {
        Incoming::Message { topic, payload, .. } => {
            assert_eq!(topic, "blindsight/v1/test/gate/frame");
            assert!(payload == sent, "the payload changed on its way");
        }
        other => panic!("{other:?}"),
    }
    publisher.stop("done").await;
    broker.stop().await;
}

#[tokio::test]
async fn the_largest_packet_passes_and_one_byte_more_is_refused_before_it_is_sent() {
    let broker = start().await;
    let config = client_of(broker.addr());
    let mut subscriber = frame_subscriber(&config).await;
    let publisher = publisher(&config);
    let largest = config.max_packet_bytes - frames().to_string().len() - 16;
    publisher
        .publish(&frames(), vec![7; largest])
        .await
        .unwrap();
    assert_eq!(message(&mut subscriber).await.len(), largest);
    let error = publisher
        .publish(&frames(), vec![7; largest + 1])
        .await
        .unwrap_err();
    assert_eq!(
        error,
        PublishError::TooLarge {
            bytes: largest + 1,
            limit: config.max_packet_bytes
        }
    );
    assert_eq!(
        error.to_string(),
        format!(
            "a message of {} bytes does not fit the packet limit of 4259840 bytes; raise \
             `max_packet_bytes` here and at the broker, or send smaller tiles",
            largest + 1
        )
    );
    publisher.publish(&frames(), vec![8]).await.unwrap();
    assert_eq!(message(&mut subscriber).await, [8]);
}

#[tokio::test]
async fn a_new_broker_on_the_same_port_is_found_and_subscribed_to() {
    let first = start().await;
    let address = first.addr();
    let config = client_of(address);
    let mut subscriber = frame_subscriber(&config).await;
    let publisher = publisher(&config);
    publisher
        .publish(&frames(), b"before".to_vec())
        .await
        .unwrap();
    assert_eq!(message(&mut subscriber).await, b"before");
    first.stop().await;
    wait_until_connected(&publisher, false).await;

    let _second = start_on(address).await;
    assert_eq!(next(&mut subscriber).await, Incoming::Reconnected);
    wait_until_connected(&publisher, true).await;
    publisher
        .publish(&frames(), b"after".to_vec())
        .await
        .unwrap();
    assert_eq!(message(&mut subscriber).await, b"after");
}

#[tokio::test]
async fn what_the_broker_had_kept_is_told_from_news() {
    let broker = start().await;
    let config = client_of(broker.addr());
    let states = Topic::all_node_states(&config.site);
    let mut early = subscriber(&config, states.clone()).await;
    let publisher = publisher(&config);
    let retained = async |subscriber: &mut Subscriber| match next(subscriber).await {
        Incoming::Message { retained, .. } => retained,
        other => panic!("{other:?}"),
    };
    assert!(!retained(&mut early).await);
    let mut late = subscriber(&config, states).await;
    assert!(retained(&mut late).await);
    publisher.announce();
    assert!(!retained(&mut late).await);
}

#[tokio::test]
async fn a_connection_that_is_cut_again_and_again_loses_no_message() {
    const MESSAGES: u32 = 60;
    let broker = start().await;
    let mut subscriber = frame_subscriber(&client_of(broker.addr())).await;
    let (proxy, cut) = cuttable_proxy(broker.addr()).await;
    let publisher = publisher(&client_of(proxy));
    let mut missing: BTreeSet<u32> = (0..MESSAGES).collect();
    let send = async {
        for number in 0..MESSAGES {
            let mut bytes = vec![0; 200_000];
            bytes[..4].copy_from_slice(&number.to_le_bytes());
            publisher.publish(&frames(), bytes).await.unwrap();
            if number % 15 == 7 {
                cut.send_modify(|cuts| *cuts += 1);
            }
        }
    };
    let receive = async {
        while !missing.is_empty() {
            let bytes = message(&mut subscriber).await;
            missing.remove(&u32::from_le_bytes(bytes[..4].try_into().unwrap()));
        }
    };
    tokio::join!(send, receive);
    assert!(*cut.borrow() >= 4);
}

/// A proxy in front of `broker` that drops its connections whenever the number changes.
async fn cuttable_proxy(broker: SocketAddr) -> (SocketAddr, watch::Sender<u32>) {
    let (cut, seen) = watch::channel(0);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut seen = seen.clone();
            seen.mark_unchanged();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(broker).await.unwrap();
                tokio::select! {
                    _ = copy_bidirectional(&mut client, &mut server) => {}
                    _ = seen.changed() => {}
                }
            });
        }
    });
    (address, cut)
}

#[tokio::test]
async fn a_node_is_online_then_offline_when_it_vanishes_and_stopped_when_it_says_so() {
    let broker = start().await;
    let config = client_of(broker.addr());
    let states = Topic::all_node_states(&config.site);
    let mut watcher = subscriber(&config, states.clone()).await;

    let vanishing = publisher(&config);
    assert_eq!(
        state(&mut watcher).await,
        ("online".into(), "connected".into())
    );
    drop(vanishing);
    assert_eq!(
        state(&mut watcher).await,
        ("offline".into(), "connection lost".into())
    );

    let leaving = publisher(&config);
    assert_eq!(
        state(&mut watcher).await,
        ("online".into(), "connected".into())
    );
    leaving.stop("asked to").await;
    assert_eq!(
        state(&mut watcher).await,
        ("stopped".into(), "asked to".into())
    );
    let last_will = timeout(Duration::from_millis(300), watcher.recv()).await;
    assert!(
        last_will.is_err(),
        "a node that stopped is not offline too: {last_will:?}"
    );

    // Retained: who comes later learns it as well.
    let mut late = subscriber(&config, states).await;
    assert_eq!(
        state(&mut late).await,
        ("stopped".into(), "asked to".into())
    );
}

async fn state(watcher: &mut Subscriber) -> (String, String) {
    let state: serde_json::Value = serde_json::from_slice(&message(watcher).await).unwrap();
    let text = |key: &str| state[key].as_str().unwrap().to_owned();
    (text("state"), text("reason"))
}

#[tokio::test]
async fn without_a_broker_a_publisher_takes_a_bounded_number_of_messages() {
    let cancel = Shutdown::new();
    let publisher = Publisher::connect(&client_of(free_address()), "out", cancel.clone());
    for _ in 0..UNCONFIRMED_LIMIT {
        publisher.publish(&frames(), vec![1]).await.unwrap();
    }
    let topic = frames();
    {
        let one_more = publisher.publish(&topic, vec![1]);
        tokio::pin!(one_more);
        let waited = timeout(Duration::from_millis(200), &mut one_more).await;
        assert!(waited.is_err());
        cancel.cancel();
        assert_eq!(
            timeout(PATIENCE, one_more).await.unwrap(),
            Err(PublishError::Closed)
        );
    }
    let started = Instant::now();
    publisher.stop("no broker").await;
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn what_was_published_before_the_broker_came_is_sent_then() {
    let address = free_address();
    let publisher = publisher(&client_of(address));
    for number in 0..UNCONFIRMED_LIMIT as u8 {
        publisher.publish(&frames(), vec![number]).await.unwrap();
    }
    let _broker = start_on(address).await;
    // A ninth message is taken once a confirmation has come back for one of the eight.
    timeout(PATIENCE, publisher.publish(&frames(), vec![9]))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_slow_consumer_slows_the_broker_down_and_keeps_its_connection() {
    const MESSAGES: u32 = 80;
    let broker = start().await;
    let mut config = client_of(broker.addr());
    // The broker hangs up after 1.5 s without a ping.
    config.keep_alive = Duration::from_secs(1);
    let mut subscriber = frame_subscriber(&config).await;
    let publisher = publisher(&config);
    for number in 0..MESSAGES {
        let mut bytes = vec![0; 256 << 10];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        publisher.publish(&frames(), bytes).await.unwrap();
    }
    sleep(Duration::from_secs(4)).await;
    for number in 0..MESSAGES {
        // `message` panics when the subscriber had to connect again.
        assert_eq!(message(&mut subscriber).await[..4], number.to_le_bytes());
    }
}

#[tokio::test]
async fn a_consumer_that_stalls_on_a_quiet_connection_keeps_it_too() {
    let broker = start().await;
    let mut config = client_of(broker.addr());
    config.keep_alive = Duration::from_secs(1);
    let mut subscriber = frame_subscriber(&config).await;
    let publisher = publisher(&config);
    // A few more than the queue holds, so that the task waits for room with next to nothing on the
    // wire.
    for number in 0..12 {
        publisher.publish(&frames(), vec![number]).await.unwrap();
    }
    sleep(Duration::from_secs(4)).await;
    for number in 0..12 {
        assert_eq!(message(&mut subscriber).await, [number]);
    }
    publisher.publish(&frames(), vec![99]).await.unwrap();
    assert_eq!(message(&mut subscriber).await, [99]);
}

#[tokio::test]
async fn a_broker_that_cannot_be_reached_is_named_with_the_mend() {
    let address = free_address();
    let config = client_of(address);
    let mut subscriber = Subscriber::connect(&config, "in", vec!["#".into()], Shutdown::new());
    let failure = subscriber
        .ready(Duration::from_millis(500))
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable);
    assert_eq!(
        failure.to_string(),
        format!(
            "cannot reach the MQTT broker at {address} within 0.5 s: I/O: Connection refused \
             (os error 111)\n  help: start the broker or mend `mqtt.url`"
        )
    );
}

#[tokio::test]
async fn a_cancelled_subscriber_ends() {
    let broker = start().await;
    let cancel = Shutdown::new();
    let filters = vec!["blindsight/#".to_owned()];
    let mut subscriber =
        Subscriber::connect(&client_of(broker.addr()), "in", filters, cancel.clone());
    subscriber.ready(PATIENCE).await.unwrap();
    cancel.cancel();
    assert_eq!(subscriber.recv().await, None);
}

#[tokio::test]
async fn a_message_that_the_broker_refuses_does_not_stop_the_others() {
    let listener = broker::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let small = broker::BrokerConfig {
        max_packet_bytes: 10_000,
        ..Default::default()
    };
    let broker = broker::Broker::start(small, listener).await.unwrap();
    let config = client_of(broker.addr());
    let mut subscriber = frame_subscriber(&config).await;
    let publisher = publisher(&config);
    publisher
        .publish(&frames(), vec![0; 100_000])
        .await
        .unwrap();
    publisher.publish(&frames(), vec![1]).await.unwrap();
    assert_eq!(message(&mut subscriber).await, [1]);
}
