//! Words to the service manager that started this program: ready, stopping, still alive.
//!
//! It is told `READY` once the node has started. A node that begins without the broker has; `STATUS` says what it lacks.
//!
//! They go to the socket that `NOTIFY_SOCKET` names, as `sd_notify(3)` describes, and nowhere without it.

use std::env;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{self, Instant};

use super::vitals::Vitals;

/// How often the node is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Words that may wait for a service manager that does not read.
const WORDS: usize = 16;
/// How long a node that ends waits until the last word is said.
const LAST_WORD: Duration = Duration::from_millis(200);

/// Speaks to the service manager on a thread of its own: sending waits while the other end reads nothing, and nothing
/// else may wait for that.
#[derive(Clone, Debug)]
pub(super) struct Voice(SyncSender<Word>);

#[derive(Debug)]
enum Word {
    Ready,
    Status(String),
    Watchdog,
    Stopping {
        /// Told once it is said.
        said: SyncSender<()>,
    },
}

impl Voice {
    /// `None` without a service manager.
    pub(super) fn start() -> Option<Self> {
        env::var_os("NOTIFY_SOCKET")?;
        let (sender, words) = mpsc::sync_channel::<Word>(WORDS);
        let speak = move || words.into_iter().for_each(Word::speak);
        let thread = thread::Builder::new().name("supervisor".to_owned());
        if let Err(error) = thread.spawn(speak) {
            tracing::warn!(%error, "the service manager hears nothing: no thread can be started");
            return None;
        }
        Some(Self(sender))
    }

    /// Has a word said. `false` when too many wait.
    fn say(&self, word: Word) -> bool {
        self.0.try_send(word).is_ok()
    }

    /// Has it said that the node stops. The receiver hears of it, or is cut off when nobody will say it.
    fn say_stopping(&self) -> Receiver<()> {
        let (said, waits) = mpsc::sync_channel(1);
        self.say(Word::Stopping { said });
        waits
    }
}

impl Word {
    fn speak(self) {
        let state = match &self {
            Self::Ready => NotifyState::Ready,
            Self::Status(status) => NotifyState::Status(status),
            Self::Watchdog => NotifyState::Watchdog,
            Self::Stopping { .. } => NotifyState::Stopping,
        };
        if let Err(error) = sd_notify::notify(&[state]) {
            tracing::debug!(%error, word = ?self, "the service manager cannot be told");
        }
        if let Self::Stopping { said } = self {
            // Who waits no longer need not know.
            let _ = said.try_send(());
        }
    }
}

/// Tells the service manager how the node is, until dropped.
pub(super) async fn run(vitals: Vitals, voice: Voice) {
    // Twice in the time that is allowed, as systemd advises.
    let pat_every = sd_notify::watchdog_enabled().map(|limit| limit / 2);
    supervise(vitals, pat_every, voice).await;
}

async fn supervise(vitals: Vitals, pat_every: Option<Duration>, voice: Voice) {
    let mut ticks = time::interval(LOOK_EVERY.min(pat_every.unwrap_or(LOOK_EVERY)));
    let mut said = Said::default();
    let mut pat_at = Instant::now();
    loop {
        tokio::select! {
            biased;
            () = vitals.stopping() => break,
            _ = ticks.tick() => {}
        }
        let before = said.clone();
        let news = said.news(vitals.has_started(), &vitals.lacking());
        if !news.into_iter().all(|word| voice.say(word)) {
            // What was not taken is said again.
            said = before;
        }
        if let Some(every) = pat_every
            && Instant::now() >= pat_at
            && vitals.ailments().is_empty()
        {
            voice.say(Word::Watchdog);
            pat_at = Instant::now() + every;
        }
    }
    voice.say_stopping();
}

/// What the service manager knows already.
#[derive(Clone, Debug, Default)]
struct Said {
    ready: bool,
    status: Option<String>,
}

impl Said {
    /// What there is to say about a node that lacks `lacking`.
    fn news(&mut self, has_started: bool, lacking: &[String]) -> Vec<Word> {
        let mut news = Vec::new();
        if has_started && !self.ready {
            self.ready = true;
            news.push(Word::Ready);
        }
        let status = status(lacking);
        if self.status.as_ref() != Some(&status) {
            self.status = Some(status.clone());
            news.push(Word::Status(status));
        }
        news
    }
}

/// A line for `systemctl status`.
fn status(lacking: &[String]) -> String {
    match lacking {
        [] => "ready".to_owned(),
        lacking => format!("not ready: {}", lacking.join("; ")),
    }
}

/// Says that the node stops, when it ends without having been asked to.
#[derive(Debug)]
pub(super) struct Goodbye(pub(super) Voice);

impl Drop for Goodbye {
    fn drop(&mut self) {
        // Said or not, this is the end.
        let _ = self.0.say_stopping().recv_timeout(LAST_WORD);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shutdown::Shutdown;

    /// A node that goes on and says that it does would never be started again.
    #[tokio::test]
    async fn a_node_whose_loop_ended_says_no_more_that_it_is_alive() {
        const PATIENCE: Duration = Duration::from_secs(60);
        let vitals = Vitals::new(Shutdown::new());
        let intake = vitals.during("the intake", std::future::pending::<()>());
        let (said, heard) = mpsc::sync_channel(WORDS);
        let supervised = supervise(vitals, Some(Duration::from_millis(5)), Voice(said));
        let supervised = tokio::spawn(supervised);
        let hear = |wanted: &'static str| {
            let began = Instant::now();
            let heard = &heard;
            async move {
                while !heard
                    .try_iter()
                    .any(|word| format!("{word:?}").starts_with(wanted))
                {
                    assert!(began.elapsed() < PATIENCE, "heard no {wanted}");
                    time::sleep(Duration::from_millis(1)).await;
                }
            }
        };
        hear("Watchdog").await;
        hear("Watchdog").await;
        drop(intake);
        hear("Status(\"not ready: the intake ended").await;
        time::sleep(Duration::from_millis(200)).await;
        assert_eq!(heard.try_iter().count(), 0);
        supervised.abort();
    }

    #[test]
    fn ready_is_said_once_and_a_status_when_it_changes() {
        let mut said = Said::default();
        let lacking = [
            "the keys are not loaded".to_owned(),
            "not connected".to_owned(),
        ];
        let mut news = |has_started, lacking: &[String]| -> Vec<String> {
            let words = said.news(has_started, lacking);
            let text = |word| match word {
                Word::Status(status) => status,
                other => format!("{other:?}"),
            };
            words.into_iter().map(text).collect()
        };
        assert_eq!(
            news(false, &lacking),
            ["not ready: the keys are not loaded; not connected"]
        );
        assert_eq!(news(false, &lacking), [""; 0]);
        assert_eq!(
            news(true, &lacking[1..]),
            ["Ready", "not ready: not connected"]
        );
        assert_eq!(news(true, &[]), ["ready"]);
        assert_eq!(news(true, &[]), [""; 0]);
        // What is lacking later does not make it a node that starts.
        assert_eq!(news(false, &lacking[1..]), ["not ready: not connected"]);
        assert_eq!(news(true, &[]), ["ready"]);
    }

    #[test]
    fn words_that_nobody_takes_are_few_and_hold_nobody_up() {
        let (sender, words) = mpsc::sync_channel(WORDS);
        let voice = Voice(sender);
        let taken = (0..100).filter(|_| voice.say(Word::Watchdog)).count();
        assert_eq!(taken, WORDS);
        drop(Goodbye(voice.clone()));
        assert_eq!(words.try_iter().count(), WORDS);
        // A word that is said ends the wait.
        let waits = voice.say_stopping();
        words.recv().unwrap().speak();
        assert_eq!(waits.try_recv(), Ok(()));
    }
}
