//! The task behind a connection that sends: it counts confirmations, and sends again after a loss.

use std::collections::VecDeque;
use std::sync::Arc;

use rumqttc::{Event, Outgoing, Packet, Publish, QoS, Request};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::UNCONFIRMED_LIMIT;
use super::session::{Happening, Session};

/// Connections in a row that end without a single confirmation before the oldest message is given
/// up. A broker with a lower packet limit hangs up without a word, and that message must not stop
/// all others for ever.
const BARREN_CONNECTIONS: u32 = 3;

pub(super) struct Outbound {
    pub(super) session: Session,
    pub(super) birth: Publish,
    /// One permit for each message that may still be taken on; returned when the broker confirms.
    pub(super) slots: Arc<Semaphore>,
    pub(super) connected: watch::Sender<bool>,
    /// Ends the task at once; the broker then publishes the last will.
    pub(super) abandon: CancellationToken,
    /// Taken over from lost connections, to be sent again.
    pub(super) unconfirmed: VecDeque<Publish>,
    /// Connections in a row on which the broker confirmed nothing.
    pub(super) barren: u32,
    /// Whether it has confirmed something on this one.
    pub(super) fruitful: bool,
}

impl Outbound {
    /// Connects once `heard` says true.
    pub(super) async fn run(mut self, mut heard: watch::Receiver<bool>) {
        let abandon = self.abandon.clone();
        let drive = async {
            // Whoever kept it up to date is gone on an error: the node is ending.
            let _ = heard.wait_for(|heard| *heard).await;
            self.drive().await;
        };
        tokio::select! {
            () = abandon.cancelled() => {}
            () = drive => self.session.close().await,
        }
    }

    async fn drive(&mut self) {
        loop {
            match self.session.next().await {
                Happening::Connected => {
                    self.fruitful = false;
                    self.resume();
                }
                Happening::Event(Event::Incoming(Packet::PubAck(_))) => {
                    self.confirmed();
                }
                Happening::Event(Event::Outgoing(Outgoing::Disconnect)) => return,
                Happening::Event(_) => {}
                Happening::Lost { was_connected } => {
                    self.connected.send_replace(false);
                    for _ in 0..self.session.take_last_confirmations() {
                        self.confirmed();
                    }
                    if self.keep_unsent().is_break() {
                        return;
                    }
                    if was_connected {
                        self.give_up_on_a_refused_message();
                    }
                    self.session.pause().await;
                }
            }
        }
    }

    /// The birth message first, then what the last connection left behind, then what is queued.
    fn resume(&mut self) {
        let pending = &mut self.session.eventloop.pending;
        pending.push_back(self.birth.clone().into());
        pending.extend(self.unconfirmed.drain(..).map(Request::from));
        self.connected.send_replace(true);
    }

    /// Takes over what was not confirmed. Breaks when the publisher was saying goodbye.
    fn keep_unsent(&mut self) -> std::ops::ControlFlow<()> {
        let unsent = self.session.take_unsent();
        if unsent
            .iter()
            .any(|request| matches!(request, Request::Disconnect(_)))
        {
            return std::ops::ControlFlow::Break(());
        }
        self.unconfirmed.extend(in_order(unsent));
        std::ops::ControlFlow::Continue(())
    }

    fn give_up_on_a_refused_message(&mut self) {
        if self.unconfirmed.is_empty() || self.fruitful {
            return;
        }
        self.barren += 1;
        if self.barren < BARREN_CONNECTIONS {
            return;
        }
        self.barren = 0;
        if let Some(publish) = self.unconfirmed.pop_front() {
            tracing::warn!(
                topic = publish.topic,
                bytes = publish.payload.len(),
                "the broker hung up {BARREN_CONNECTIONS} times on this message, dropped it; \
                 compare the broker's packet limit with `mqtt.max_packet_bytes`"
            );
            self.release_slot();
        }
    }

    fn confirmed(&mut self) {
        self.barren = 0;
        self.fruitful = true;
        self.release_slot();
    }

    fn release_slot(&self) {
        // A broker that confirms what was never sent must not widen the window.
        if self.slots.available_permits() < UNCONFIRMED_LIMIT {
            self.slots.add_permits(1);
        }
    }
}

/// The messages to be sent again, in the order in which they were taken on.
///
/// rumqttc puts what was written behind what still waited. What was written has an identifier.
fn in_order(unsent: VecDeque<Request>) -> impl Iterator<Item = Publish> {
    let publishes = unsent.into_iter().filter_map(|request| match request {
        Request::Publish(publish) if publish.qos == QoS::AtLeastOnce => Some(publish),
        _ => None,
    });
    let (written, waiting): (Vec<_>, Vec<_>) = publishes.partition(|publish| publish.pkid != 0);
    written.into_iter().chain(waiting).map(|mut publish| {
        // A new session: the old packet identifier means nothing there.
        publish.pkid = 0;
        publish
    })
}

impl Drop for Outbound {
    /// However the task ended: nobody shall wait for a slot that will never be free.
    fn drop(&mut self) {
        self.connected.send_replace(false);
        self.slots.close();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rumqttc::mqttbytes::v4;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::*;
    use crate::mqtt::{MqttConfig, Publisher};
    use crate::topic::Topic;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// The next packet of a client, `None` when it has left.
    async fn packet(stream: &mut TcpStream, bytes: &mut bytes::BytesMut) -> Option<Packet> {
        loop {
            if let Ok(packet) = v4::Packet::read(bytes, 1 << 20) {
                return Some(packet);
            }
            if stream.read_buf(bytes).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    fn puback(pkid: u16) -> [u8; 4] {
        let [high, low] = pkid.to_be_bytes();
        [0x40, 2, high, low]
    }

    #[tokio::test]
    async fn a_message_is_not_given_up_for_one_that_was_confirmed_with_the_last_words() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("mqtt://{}", listener.local_addr().unwrap());
        let config = MqttConfig::new(
            url.parse().unwrap(),
            "home".parse().unwrap(),
            "gate".parse().unwrap(),
        );
        // Hangs up on the first message for as long as it may, then confirms it and hangs up; takes everything after.
        let broker = tokio::spawn(async move {
            let mut taken = Vec::new();
            for connection in 1.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = bytes::BytesMut::new();
                while let Some(packet) = packet(&mut stream, &mut bytes).await {
                    match packet {
                        Packet::Connect(_) => stream.write_all(&[0x20, 2, 0, 0]).await.unwrap(),
                        Packet::Publish(publish) if publish.qos == QoS::AtLeastOnce => {
                            if connection >= BARREN_CONNECTIONS {
                                taken.push(publish.payload.to_vec());
                                stream.write_all(&puback(publish.pkid)).await.unwrap();
                            }
                            if connection <= BARREN_CONNECTIONS {
                                // What the client still sends is read, or the last words would be lost.
                                stream.shutdown().await.unwrap();
                                while stream.read_buf(&mut bytes).await.unwrap_or(0) > 0 {}
                                break;
                            }
                        }
                        Packet::Disconnect => return taken,
                        _ => {}
                    }
                }
            }
            unreachable!()
        });
        let publisher = Publisher::connect(&config, "out", CancellationToken::new());
        let topic = Topic::NodeHealth {
            site: config.site.clone(),
            node: config.node.clone(),
        };
        for payload in [b"one", b"two"] {
            publisher.publish(&topic, payload.to_vec()).await.unwrap();
        }
        timeout(PATIENCE, publisher.confirmed()).await.unwrap();
        publisher.stop("done").await;
        let taken = timeout(PATIENCE, broker).await.unwrap().unwrap();
        assert_eq!(taken, [b"one", b"two"]);
    }

    /// A broker that reads so many messages on each connection, hangs up without a word, and takes all on the one after.
    /// What it took.
    async fn taken_after(read: &[usize], acknowledged: &[usize]) -> Vec<Vec<u8>> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("mqtt://{}", listener.local_addr().unwrap());
        let config = MqttConfig::new(
            url.parse().unwrap(),
            "home".parse().unwrap(),
            "gate".parse().unwrap(),
        );
        let (read, acknowledged) = (read.to_vec(), acknowledged.to_vec());
        let broker = tokio::spawn(async move {
            let mut taken = Vec::new();
            for connection in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = bytes::BytesMut::new();
                let last = read.get(connection).is_none();
                let mut count = 0;
                while let Some(packet) = packet(&mut stream, &mut bytes).await {
                    match packet {
                        Packet::Connect(_) => stream.write_all(&[0x20, 2, 0, 0]).await.unwrap(),
                        Packet::Publish(publish) if publish.qos == QoS::AtLeastOnce => {
                            count += 1;
                            if last || count <= acknowledged[connection] {
                                taken.push(publish.payload.to_vec());
                                stream.write_all(&puback(publish.pkid)).await.unwrap();
                            }
                            if !last && count == read[connection] {
                                break;
                            }
                        }
                        Packet::Disconnect => return taken,
                        _ => {}
                    }
                }
            }
            unreachable!()
        });
        let publisher = Publisher::connect(&config, "out", CancellationToken::new());
        let topic = Topic::NodeHealth {
            site: config.site.clone(),
            node: config.node.clone(),
        };
        for payload in 0..UNCONFIRMED_LIMIT as u8 {
            publisher.publish(&topic, vec![payload]).await.unwrap();
        }
        timeout(PATIENCE, publisher.confirmed()).await.unwrap();
        publisher.stop("done").await;
        timeout(PATIENCE, broker).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn after_three_losses_the_first_message_is_given_up_and_the_others_keep_their_order() {
        for read in [[7, 7, 7], [8, 3, 8], [1, 1, 1]] {
            let taken = taken_after(&read, &[0; 3]).await;
            let expected: Vec<_> = (1..8).map(|payload| vec![payload]).collect();
            assert_eq!(taken, expected, "{read:?}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_confirmed_something_is_not_held_against_the_next_message() {
        let taken = taken_after(&[2, 1, 1], &[1, 0, 0]).await;
        let expected: Vec<_> = (0..8).map(|payload| vec![payload]).collect();
        assert_eq!(taken, expected);
    }

    #[test]
    fn what_was_written_comes_before_what_waited() {
        let message = |name: &str, pkid| {
            let mut publish = Publish::new(name, QoS::AtLeastOnce, []);
            publish.pkid = pkid;
            publish
        };
        let birth = Publish::new("birth", QoS::AtMostOnce, []);
        let unsent = [
            message("third", 0),
            birth,
            message("fourth", 0),
            message("first", 7),
            message("second", 1),
        ];
        let unsent = unsent.into_iter().map(Request::Publish).collect();
        let ordered: Vec<_> = in_order(unsent)
            .map(|publish| (publish.topic, publish.pkid))
            .collect();
        let expected = ["first", "second", "third", "fourth"];
        assert_eq!(ordered, expected.map(|name| (name.to_owned(), 0)));
    }
}
