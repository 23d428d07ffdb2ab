//! Publishes to a broker that is not the bus: one whose readers may know what was seen.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rumqttc::{LastWill, Publish, QoS};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::MqttConfig;
use super::dial::Dial;
use super::notices::{Notice, Notices};
use super::sending::{PublishError, Sending};

/// Said on the availability topic, retained, on every connection.
pub const ONLINE: &str = "online";
/// Said there before leaving, and by the broker when the notifier vanishes.
pub const OFFLINE: &str = "offline";
/// How long [`Notifier::stop`] tries to get rid of what waits.
const STOP_DEADLINE: Duration = Duration::from_secs(2);

/// Where a [`Notifier`] publishes, and where it never does.
#[derive(Clone, Debug)]
pub struct NotifierConfig<'c> {
    /// The broker.
    pub broker: &'c MqttConfig,
    /// The section of the configuration file with the keys of that broker, for messages.
    pub section: &'static str,
    /// The bus. A broker that turns out to be the bus is not connected to.
    pub bus: &'c MqttConfig,
    /// Part of the client identifier: `a-z`, `0-9` and `-`.
    pub purpose: &'c str,
    /// The topic of [`ONLINE`] and [`OFFLINE`].
    pub availability: String,
}

/// Says things to the readers of a broker that is not the bus, and never holds up who says them.
///
/// Messages have QoS 1. Those that are retained are states: only the latest of a topic counts, and
/// all of them are said again, in the order of their first mention, on every connection. Dropping
/// it without [`Notifier::stop`] makes the broker publish the last will.
#[derive(Debug)]
pub struct Notifier {
    shared: Arc<Shared>,
    connected: watch::Receiver<bool>,
    leave: CancellationToken,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    notices: Mutex<Notices>,
    posted: Notify,
}

impl Shared {
    /// Every method of [`Notices`] leaves it whole, whatever happens.
    fn notices(&self) -> MutexGuard<'_, Notices> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notifier {
    /// Starts connecting and returns at once. Needs a tokio runtime.
    #[must_use]
    pub fn connect(config: NotifierConfig<'_>) -> Self {
        let topic = config.availability;
        let will = LastWill::new(&topic, OFFLINE, QoS::AtLeastOnce, true);
        let dial = Dial::new(config.broker, config.purpose)
            .with_will(will)
            .in_section(config.section)
            .avoiding(config.bus);
        let heard = watch::channel(true).1;
        let birth = availability(&topic, ONLINE);
        let sending = Sending::connect(dial, birth, heard, CancellationToken::new());
        let shared = Arc::new(Shared::default());
        let connected = sending.connected();
        let leave = CancellationToken::new();
        let speaker = Speaker {
            sending,
            shared: shared.clone(),
            connected: connected.clone(),
            leave: leave.clone(),
            goodbye: availability(&topic, OFFLINE),
        };
        Self {
            shared,
            connected,
            leave,
            task: tokio::spawn(speaker.run()),
        }
    }

    /// Takes on a message, without waiting. Gives whether nothing was dropped for it: the oldest
    /// that is not retained is when too many wait.
    pub fn post(&self, notice: Notice) -> bool {
        let dropped = self.shared.notices().post(notice);
        self.shared.posted.notify_one();
        if let Some(total) = dropped {
            warn_of_dropped(total, "too many wait for the broker");
        }
        dropped.is_none()
    }

    /// How many messages were dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.notices().dropped()
    }

    /// Whether there is a connection, as it changes.
    #[must_use]
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.connected.clone()
    }

    /// Says what waits and then [`OFFLINE`], and disconnects.
    ///
    /// Gives up after 2 s. The broker then publishes the last will, which says the same.
    pub async fn stop(mut self) {
        self.leave.cancel();
        if time::timeout(STOP_DEADLINE, &mut self.task).await.is_err() {
            tracing::warn!("stopped before the broker for events confirmed every message");
        }
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Says one notice after the other while there is a connection.
struct Speaker {
    sending: Sending,
    shared: Arc<Shared>,
    connected: watch::Receiver<bool>,
    leave: CancellationToken,
    goodbye: Publish,
}

impl Speaker {
    async fn run(mut self) {
        // Nothing is handed over without a connection: where it waits, a state takes the place of
        // the one before it.
        let mut online = false;
        loop {
            if self.connected.has_changed().unwrap_or(false) {
                online = *self.connected.borrow_and_update();
                if online {
                    self.shared.notices().greet();
                }
            }
            let next = if online {
                self.shared.notices().next()
            } else {
                None
            };
            if let Some(notice) = next {
                if self.say(notice).await == Err(PublishError::Closed) {
                    return;
                }
                continue;
            }
            // Whoever leaves has said all that waits, or waits for a connection to say it on.
            let leaving = self.leave.is_cancelled();
            if leaving && online {
                break;
            }
            tokio::select! {
                changed = self.connected.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    // Looked at above.
                    self.connected.mark_changed();
                }
                () = self.shared.posted.notified() => {}
                () = self.leave.cancelled(), if !leaving => {}
            }
        }
        self.sending.leave(self.goodbye).await;
    }

    /// Waits while the broker confirms nothing.
    async fn say(&self, notice: Notice) -> Result<(), PublishError> {
        let Notice {
            topic,
            payload,
            retained,
        } = notice;
        let said = self.sending.publish(topic, retained, payload).await;
        if let Err(PublishError::TooLarge { .. }) = said {
            let total = self.shared.notices().note_dropped();
            warn_of_dropped(total, "larger than a packet may be");
        }
        said
    }
}

/// Rarer and rarer, so that a broker that is away for a night does not fill the log.
fn warn_of_dropped(total: u64, reason: &str) {
    if total.is_power_of_two() {
        tracing::warn!(total, reason, "a message about an event was dropped");
    }
}

// QoS 0, as a node's state: confirmations are left to the messages that hold a place in the window.
fn availability(topic: &str, word: &str) -> Publish {
    let mut publish = Publish::new(topic, QoS::AtMostOnce, word);
    publish.retain = true;
    publish
}
