//! Does the runs that are ordered: frames are sent, and beside that their outcomes are taken note of.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use wire::identity::SigningIdentity;
use wire::message::SessionId;
use wire::name::Name;

use super::Lab;
use super::referee::judge;
use super::returns::{Errand, Outcome, Returns};
use super::sender::{Keys, Post, Sender};
use super::shelf::Shelf;
use crate::web::api::schema::Problem;

/// The part of the lab that does the work.
pub(crate) struct Courier {
    lab: Arc<Lab>,
    sender: Sender,
    outcomes: mpsc::UnboundedReceiver<(Errand, Outcome)>,
}

impl Courier {
    /// A courier with an empty lab, whose session begins at `session_unix_ms`.
    pub(super) fn new(
        site: Name,
        identity: SigningIdentity,
        keys: Keys,
        session: SessionId,
        session_unix_ms: u64,
    ) -> Self {
        let (returns, outcomes) = Returns::new();
        let lab = Arc::new(Lab {
            camera: identity.name().clone(),
            schemes: keys.keys().copied().collect(),
            shelf: Mutex::new(Shelf::default()),
            ordered: Notify::new(),
            returns,
        });
        let sender = Sender {
            lab: lab.clone(),
            site,
            identity: Arc::new(identity),
            keys,
            session,
            session_unix_ms,
            next_seq: 0,
        };
        Self {
            lab,
            sender,
            outcomes,
        }
    }

    /// The lab that it works for.
    pub(crate) fn lab(&self) -> Arc<Lab> {
        self.lab.clone()
    }

    /// Works until `shutdown` is cancelled, after which nothing is sent. However it ends, no run is left waiting, and no
    /// other is begun.
    pub(crate) async fn run(self, post: Arc<impl Post>, shutdown: CancellationToken) {
        let Self {
            lab,
            mut sender,
            outcomes,
        } = self;
        let sending = async {
            loop {
                let run = lab.shelf().take_next();
                match run {
                    Some(run) => sender.send(&run, &*post).await,
                    None => lab.ordered.notified().await,
                }
            }
        };
        let work = async {
            tokio::select! {
                // In this order, so that nothing is sent after the shutdown.
                biased;
                () = shutdown.cancelled() => {}
                () = judge(&lab, outcomes) => {}
                () = sending => {}
            }
        };
        let problem = match AssertUnwindSafe(work).catch_unwind().await {
            Ok(()) => Problem {
                error: "the viewer is stopping".to_owned(),
                mend: "run it again when the viewer is back".to_owned(),
            },
            Err(_) => {
                tracing::error!("the lab panicked; it is closed until the viewer starts again");
                Problem {
                    error: "the lab broke down".to_owned(),
                    mend: "start the viewer again, and report this with its log".to_owned(),
                }
            }
        };
        lab.shelf().close(problem);
    }
}

#[cfg(test)]
mod tests;
