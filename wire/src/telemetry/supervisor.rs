//! Words to the service manager that started this program: ready, stopping, still alive.
//!
//! It is told `READY` once the node has started. A node that begins without the broker has; `STATUS` says what it lacks.
//!
//! They go to the socket that `NOTIFY_SOCKET` names, as `sd_notify(3)` describes, and nowhere without it.

use std::env;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{self, Instant};

use super::vitals::Vitals;

/// How often the node is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Tells the service manager how the node is, until dropped.
pub(super) async fn run(vitals: Vitals) {
    if env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    // Twice in the time that is allowed, as systemd advises.
    let pat_every = sd_notify::watchdog_enabled().map(|limit| limit / 2);
    supervise(vitals, pat_every, say).await;
}

async fn supervise(
    vitals: Vitals,
    pat_every: Option<Duration>,
    mut say: impl FnMut(&NotifyState<'_>),
) {
    let mut ticks = time::interval(LOOK_EVERY.min(pat_every.unwrap_or(LOOK_EVERY)));
    let mut said = Said::default();
    let mut pat_at = Instant::now();
    loop {
        tokio::select! {
            biased;
            () = vitals.stopping() => break,
            _ = ticks.tick() => {}
        }
        for news in said.news(vitals.has_started(), &vitals.lacking()) {
            match news {
                News::Ready => say(&NotifyState::Ready),
                News::Status(status) => say(&NotifyState::Status(&status)),
            }
        }
        if let Some(every) = pat_every
            && Instant::now() >= pat_at
            && vitals.ailments().is_empty()
        {
            say(&NotifyState::Watchdog);
            pat_at = Instant::now() + every;
        }
    }
    say(&NotifyState::Stopping);
}

/// What the service manager knows already.
#[derive(Debug, Default)]
struct Said {
    ready: bool,
    status: Option<String>,
}

/// What there is to say.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Ready,
    Status(String),
}

impl Said {
    /// What there is to say about a node that lacks `lacking`.
    fn news(&mut self, has_started: bool, lacking: &[String]) -> Vec<News> {
        let mut news = Vec::new();
        if has_started && !self.ready {
            self.ready = true;
            news.push(News::Ready);
        }
        let status = status(lacking);
        if self.status.as_ref() != Some(&status) {
            self.status = Some(status.clone());
            news.push(News::Status(status));
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
pub(super) struct Goodbye;

impl Drop for Goodbye {
    fn drop(&mut self) {
        say(&NotifyState::Stopping);
    }
}

fn say(state: &NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::debug!(%error, "the service manager cannot be told `{state}`");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::shutdown::Shutdown;

    /// A node that goes on and says that it does would never be started again.
    #[tokio::test]
    async fn a_node_whose_loop_ended_says_no_more_that_it_is_alive() {
        const PATIENCE: Duration = Duration::from_secs(60);
        let vitals = Vitals::new(Shutdown::new());
        let intake = vitals.during("the intake", std::future::pending::<()>());
        let (said, heard) = mpsc::channel();
        let say = move |state: &NotifyState<'_>| {
            let _ = said.send(state.to_string());
        };
        let supervised = supervise(vitals, Some(Duration::from_millis(5)), say);
        let supervised = tokio::spawn(supervised);
        let hear = |wanted: &'static str| {
            let began = Instant::now();
            let heard = &heard;
            async move {
                while !heard.try_iter().any(|line| line.starts_with(wanted)) {
                    assert!(began.elapsed() < PATIENCE, "heard no {wanted}");
                    time::sleep(Duration::from_millis(1)).await;
                }
            }
        };
        hear("WATCHDOG=1").await;
        hear("WATCHDOG=1").await;
        drop(intake);
        hear("STATUS=not ready: the intake ended").await;
        time::sleep(Duration::from_millis(200)).await;
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), [""; 0]);
        supervised.abort();
    }

    #[test]
    fn ready_is_said_once_and_a_status_when_it_changes() {
        let mut said = Said::default();
        let lacking = [
            "the keys are not loaded".to_owned(),
            "not connected".to_owned(),
        ];
        let status = |text: &str| News::Status(text.to_owned());
        assert_eq!(
            said.news(false, &lacking),
            [status("not ready: the keys are not loaded; not connected")]
        );
        assert_eq!(said.news(false, &lacking), []);
        assert_eq!(
            said.news(true, &lacking[1..]),
            [News::Ready, status("not ready: not connected")]
        );
        assert_eq!(said.news(true, &[]), [status("ready")]);
        assert_eq!(said.news(true, &[]), []);
        // What is lacking later does not make it a node that starts.
        assert_eq!(
            said.news(false, &lacking[1..]),
            [status("not ready: not connected")]
        );
        assert_eq!(said.news(true, &[]), [status("ready")]);
    }
}
