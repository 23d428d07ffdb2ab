//! The receiving connection of a node.

use std::time::Duration;

use bytes::Bytes;
use rumqttc::{Event, Packet, QoS, SubAck, Subscribe, SubscribeFilter, SubscribeReasonCode};
use tokio::sync::{mpsc, watch};
use tokio::time;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::MqttConfig;
use super::dial::Dial;
use super::session::{Happening, Session};
use super::trouble::Trouble;
use crate::failure::{Failure, FailureKind};

/// Messages that wait to be taken. While it is full nothing is read from the network.
pub const RECEIVE_QUEUE: usize = 8;
/// Requests are put straight into rumqttc's pending queue; its channel stays unused.
const REQUEST_QUEUE: usize = 1;
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_millis(200);

/// What a subscriber has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// The subscriptions are in force for the first time.
    Connected,
    /// The subscriptions are in force again. Messages may have been lost before.
    Reconnected,
    /// A message.
    Message {
        /// The topic it came on, as the broker says.
        topic: String,
        /// Its bytes, not to be trusted.
        payload: Bytes,
        /// Whether it is older than the subscription: the broker had kept it.
        retained: bool,
    },
}

/// Receives messages, and subscribes again after every loss of the connection.
#[derive(Debug)]
pub struct Subscriber {
    queue: mpsc::Receiver<Incoming>,
    subscribed: watch::Receiver<bool>,
    trouble: watch::Receiver<Option<Trouble>>,
    address: String,
    cancel: CancellationToken,
    // Ends the task when the subscriber is dropped.
    _guard: DropGuard,
}

impl Subscriber {
    /// Starts connecting and returns at once. `purpose` becomes part of the client identifier:
    /// `a-z`, `0-9` and `-`.
    ///
    /// `cancel` ends it. Needs a tokio runtime.
    #[must_use]
    pub fn connect(
        config: &MqttConfig,
        purpose: &str,
        filters: Vec<String>,
        cancel: CancellationToken,
    ) -> Self {
        let dial = Dial::new(config, purpose);
        let (_, eventloop) = dial.event_loop(REQUEST_QUEUE);
        let (session, trouble) = Session::new(eventloop, dial);
        let (sender, queue) = mpsc::channel(RECEIVE_QUEUE);
        let (subscribed_sender, subscribed) = watch::channel(false);
        let ended = cancel.child_token();
        let inbound = Inbound {
            session,
            filters,
            queue: sender,
            subscribed: subscribed_sender,
            ping_every: config.keep_alive.max(Duration::from_secs(1)) / 2,
            was_connected: false,
        };
        tokio::spawn(inbound.run(ended.clone()));
        let guard = ended.drop_guard();
        Self {
            queue,
            subscribed,
            trouble,
            address: config.address(),
            cancel,
            _guard: guard,
        }
    }

    /// The next message or connection; `None` once cancelled. Cancel safe.
    pub async fn recv(&mut self) -> Option<Incoming> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => None,
            incoming = self.queue.recv() => incoming,
        }
    }

    /// Waits until the broker has accepted all subscriptions.
    ///
    /// # Errors
    /// [`FailureKind::Unavailable`] when that takes longer than `patience`; at once when trying
    /// again cannot help: [`FailureKind::Permissions`] for a user, a password or a certificate that
    /// the broker refuses, others for what has to be mended on this side.
    pub async fn ready(&mut self, patience: Duration) -> Result<(), Failure> {
        let ready = async {
            tokio::select! {
                biased;
                accepted = self.subscribed.wait_for(|subscribed| *subscribed) => accepted.is_ok(),
                _ = self.trouble.wait_for(|trouble| matches!(trouble, Some(Trouble::Lasting(_)))) => false,
            }
        };
        if matches!(time::timeout(patience, ready).await, Ok(true)) {
            return Ok(());
        }
        let trouble = self.trouble.borrow().clone();
        let trouble = trouble.unwrap_or_else(|| Trouble::passing("no answer"));
        Err(trouble.failure(&self.address, patience))
    }

    /// Whether the subscriptions are in force, as it changes.
    #[must_use]
    pub fn subscribed(&self) -> watch::Receiver<bool> {
        self.subscribed.clone()
    }
}

/// The task behind a subscriber.
struct Inbound {
    session: Session,
    filters: Vec<String>,
    queue: mpsc::Sender<Incoming>,
    subscribed: watch::Sender<bool>,
    ping_every: Duration,
    /// Whether the subscriptions were in force before.
    was_connected: bool,
}

impl Inbound {
    async fn run(mut self, cancel: CancellationToken) {
        tokio::select! {
            () = cancel.cancelled() => {}
            () = self.drive() => {}
        }
        if let Some(network) = &mut self.session.eventloop.network {
            let goodbye = async {
                network.write(Packet::Disconnect).await?;
                network.flush().await
            };
            // Without it the broker only logs a lost connection.
            let _ = time::timeout(GOODBYE, goodbye).await;
        }
        self.session.close().await;
    }

    /// Returns when nobody takes messages any more.
    async fn drive(&mut self) {
        loop {
            let incoming = match self.session.next().await {
                Happening::Connected => {
                    self.subscribe();
                    continue;
                }
                Happening::Event(Event::Incoming(Packet::SubAck(answer))) => {
                    if !self.accept(&answer) {
                        // Who mends the rights at the broker need not start the node again.
                        self.forget();
                        self.session.close().await;
                        self.session.pause().await;
                        continue;
                    }
                    if std::mem::replace(&mut self.was_connected, true) {
                        Incoming::Reconnected
                    } else {
                        Incoming::Connected
                    }
                }
                Happening::Event(Event::Incoming(Packet::Publish(publish))) => Incoming::Message {
                    topic: publish.topic,
                    payload: publish.payload,
                    retained: publish.retain,
                },
                Happening::Event(_) => continue,
                Happening::Lost { .. } => {
                    self.forget();
                    self.session.pause().await;
                    continue;
                }
            };
            if self.deliver(incoming).await.is_err() {
                return;
            }
        }
    }

    fn subscribe(&mut self) {
        let at_least_once = |path: &String| SubscribeFilter::new(path.clone(), QoS::AtLeastOnce);
        let subscribe = Subscribe::new_many(self.filters.iter().map(at_least_once));
        self.session.eventloop.pending.push_back(subscribe.into());
    }

    fn accept(&mut self, answer: &SubAck) -> bool {
        let refused = answer.return_codes.contains(&SubscribeReasonCode::Failure);
        if refused {
            let failure = Failure::new(
                FailureKind::Permissions,
                format!("it refuses the subscription to {}", self.filters.join(", ")),
                "allow this user to read these topics at the broker",
            );
            let trouble = Trouble::Lasting(failure);
            tracing::error!("the broker is of no use: {trouble}");
            self.session.note_trouble(trouble);
        } else {
            self.subscribed.send_replace(true);
        }
        !refused
    }

    /// Nothing of the lost connection may speak for the next one.
    fn forget(&mut self) {
        self.subscribed.send_replace(false);
        self.session.take_unsent();
        let events = &mut self.session.eventloop.state.events;
        events.retain(|event| !matches!(event, Event::Incoming(Packet::SubAck(_))));
    }

    /// Waits for room in the queue. Meanwhile nothing is read, which slows the broker down; only
    /// pings go out, or the broker would take the connection for dead.
    async fn deliver(&mut self, incoming: Incoming) -> Result<(), mpsc::error::SendError<()>> {
        let room = self.queue.reserve();
        tokio::pin!(room);
        let mut waited = false;
        let permit = loop {
            match time::timeout(self.ping_every, &mut room).await {
                Ok(permit) => break permit?,
                Err(_) => {
                    waited = true;
                    if let Some(network) = &mut self.session.eventloop.network {
                        // A failure shows again as soon as the connection is read.
                        let ping = async {
                            network.write(Packet::PingReq).await?;
                            network.flush().await
                        };
                        let _ = time::timeout(self.ping_every, ping).await;
                    }
                }
            }
        };
        permit.send(incoming);
        if waited {
            // An answer to rumqttc's own ping may lie unread; it must not be held against the
            // broker.
            self.session.eventloop.state.await_pingresp = false;
        }
        Ok(())
    }
}
