//! Raw sockets that break every rule: the stream goes on, and new clients get in.

use std::time::Duration;

use crate::support::*;
use crate::tls::secure_broker;
use broker::{Broker, BrokerConfig, Refusal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use wire::mqtt::{MqttConfig, Publisher, Subscriber};

/// How soon a message must be there while strangers do their worst, on a machine that is busy with other work.
const PROMPT: Duration = Duration::from_secs(25);
/// A handshake that holds others up would do so for longer.
const LONG: Duration = Duration::from_secs(60);

/// A stream through a broker.
struct Stream {
    config: MqttConfig,
    publisher: Publisher,
    subscriber: Subscriber,
    number: u32,
}

impl Stream {
    async fn start(config: MqttConfig) -> Self {
        let subscriber = frame_subscriber(&config).await;
        let publisher = publisher(&config);
        wait_until_connected(&publisher, true).await;
        Self {
            config,
            publisher,
            subscriber,
            number: 0,
        }
    }

    /// A message of 100 kB passes, over the connections that there are and over new ones.
    async fn goes_on(&mut self) {
        let began = Instant::now();
        self.number += 1;
        let sent = [self.number.to_le_bytes().to_vec(), vec![7; 100_000]].concat();
        let mut late = frame_subscriber(&self.config).await;
        let new = publisher(&self.config);
        for publisher in [&self.publisher, &new] {
            publisher.publish(&frames(), sent.clone()).await.unwrap();
            assert!(message(&mut self.subscriber).await == sent);
            assert!(message(&mut late).await == sent);
        }
        new.stop("done").await;
        assert!(began.elapsed() < PROMPT, "took {:?}", began.elapsed());
    }
}

async fn stranger(broker: &Broker) -> TcpStream {
    TcpStream::connect(broker.addr()).await.unwrap()
}

/// The connection is closed, within `limit`.
async fn is_closed(stream: &mut TcpStream, limit: Duration) {
    let mut answer = Vec::new();
    let ended = timeout(limit, stream.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "still open after {limit:?}");
}

#[tokio::test]
async fn a_connack_as_first_packet_is_answered_by_hanging_up() {
    let broker = start().await;
    let mut stream = Stream::start(client_of(broker.addr())).await;
    for bytes in [
        &[0x20, 2, 0, 0][..],
        // The same, as MQTT 5 has it.
        &[0x20, 3, 0, 0, 0],
        b"GET / HTTP/1.1\r\n\r\n",
        &[0x30, 0xff, 0xff, 0xff, 0x7f],
        &[0xff; 64],
        &[0x10, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x10, 2, 0, 9],
        &[0xe0, 0],
    ] {
        let mut rude = stranger(&broker).await;
        rude.write_all(bytes).await.unwrap();
        is_closed(&mut rude, PROMPT).await;
        stream.goes_on().await;
    }
    assert_eq!(broker.counters().refused(Refusal::Malformed), 8);
}

#[tokio::test]
async fn a_silent_tls_peer_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let (broker, config) = secure_broker(&folder, LONG).await;
    let mut stream = Stream::start(config).await;
    let mut silent = Vec::new();
    for _ in 0..8 {
        silent.push(stranger(&broker).await);
    }
    let mut halting = stranger(&broker).await;
    // The first bytes of a ClientHello.
    halting
        .write_all(b"\x16\x03\x01\x02\x00\x01")
        .await
        .unwrap();
    stream.goes_on().await;
    assert!(broker.counters().waiting() >= 9);
}

#[tokio::test]
async fn a_silent_tls_peer_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let (broker, _) = secure_broker(&folder, Duration::from_secs(1)).await;
    let mut silent = stranger(&broker).await;
    is_closed(&mut silent, PROMPT).await;
    assert_eq!(broker.counters().refused(Refusal::TooSlow), 1);
}

#[tokio::test]
async fn two_hundred_idle_connections_keep_nobody_out() {
    for tls in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (broker, config) = if tls {
            secure_broker(&folder, LONG).await
        } else {
            let broker = start().await;
            let config = client_of(broker.addr());
            (broker, config)
        };
        let mut stream = Stream::start(config).await;
        let mut idle = Vec::new();
        for _ in 0..200 {
            idle.push(stranger(&broker).await);
        }
        stream.goes_on().await;
        let counters = broker.counters();
        assert!(counters.waiting() <= 32);
        assert!(counters.refused(Refusal::Displaced) >= 168);
        // All through the time in which the last ones may still speak.
        for _ in 0..3 {
            sleep(Duration::from_millis(500)).await;
            stream.goes_on().await;
        }
        drop(idle);
    }
}

#[tokio::test]
async fn an_endless_packet_is_refused_by_its_announced_length() {
    let config = BrokerConfig {
        max_packet_bytes: 200_000,
        ..BrokerConfig::default()
    };
    let broker = start_as(config).await;
    let mut stream = Stream::start(client_of(broker.addr())).await;
    // A client that is let in and then announces a packet of 256 MB, of which some comes.
    let mut endless = stranger(&broker).await;
    endless.write_all(&connect_packet("endless")).await.unwrap();
    let mut answer = [0; 4];
    endless.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x20, 2, 0, 0]);
    endless
        .write_all(b"\x32\xff\xff\xff\x7f\x00\x01a\x00\x01")
        .await
        .unwrap();
    let feed = async {
        while endless.write_all(&[0; 10_000]).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PROMPT, feed).await.expect("it was read for ever");
    stream.goes_on().await;
    // And one that does so in its first packet.
    let mut endless = stranger(&broker).await;
    endless.write_all(b"\x10\xff\xff\xff\x7f").await.unwrap();
    let feed = async { while endless.write_all(&[0; 10_000]).await.is_ok() {} };
    timeout(PROMPT, feed).await.expect("it was read for ever");
    stream.goes_on().await;
}

#[tokio::test]
async fn a_connect_packet_that_trickles_in_is_not_waited_for() {
    let broker = start().await;
    let mut stream = Stream::start(client_of(broker.addr())).await;
    let began = Instant::now();
    let mut slow = stranger(&broker).await;
    // Packets of 30 bytes, a byte in half a second: it would take 15 s.
    for byte in connect_packet("sixteen-letters-") {
        if slow.write_all(&[byte]).await.is_err() {
            break;
        }
        sleep(Duration::from_millis(500)).await;
    }
    is_closed(&mut slow, PROMPT).await;
    assert!(began.elapsed() > Duration::from_secs(9));
    assert_eq!(broker.counters().refused(Refusal::TooSlow), 1);
    stream.goes_on().await;
}

#[tokio::test]
async fn as_many_clients_as_allowed_and_no_more() {
    let config = BrokerConfig {
        max_connections: 3,
        ..BrokerConfig::default()
    };
    let broker = start_as(config).await;
    let mut inside = Vec::new();
    for number in 0..3 {
        let mut client = stranger(&broker).await;
        let packet = connect_packet(&format!("client-{number}"));
        client.write_all(&packet).await.unwrap();
        let mut answer = [0; 4];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, [0x20, 2, 0, 0]);
        inside.push(client);
    }
    let mut fourth = stranger(&broker).await;
    fourth.write_all(&connect_packet("fourth")).await.unwrap();
    let mut answer = Vec::new();
    timeout(PROMPT, fourth.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer, [0x20, 2, 0, 3]);
    assert_eq!(broker.counters().refused(Refusal::Full), 1);
    // A place that becomes free is there for the next one.
    inside.pop();
    let began = Instant::now();
    loop {
        let mut next = stranger(&broker).await;
        next.write_all(&connect_packet("next")).await.unwrap();
        let mut answer = [0; 4];
        next.read_exact(&mut answer).await.unwrap();
        if answer == [0x20, 2, 0, 0] {
            break;
        }
        assert!(began.elapsed() < PROMPT);
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_client_that_vanished_without_a_word_gives_its_place_back() {
    let broker = start().await;
    let mut packet = connect_packet("gone");
    // A keep-alive of one second.
    packet[11] = 1;
    let mut client = stranger(&broker).await;
    client.write_all(&packet).await.unwrap();
    let mut answer = [0; 4];
    client.read_exact(&mut answer).await.unwrap();
    is_closed(&mut client, PROMPT).await;
    let began = Instant::now();
    while broker.counters().clients() > 0 {
        assert!(began.elapsed() < PROMPT);
        sleep(Duration::from_millis(10)).await;
    }
}
