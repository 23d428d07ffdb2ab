//! Compares what came back with plaintext pooling. Nothing that is sent waits for it.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::task;

use super::comparison::Comparison;
use super::returns::{Errand, Outcome};
use super::shelf::Stage;
use super::{Lab, bug};
use crate::web::api::schema::Problem;

/// Takes note of each outcome, one after the other, until dropped.
pub(super) async fn judge(lab: &Lab, mut outcomes: mpsc::UnboundedReceiver<(Errand, Outcome)>) {
    while let Some((errand, outcome)) = outcomes.recv().await {
        let (run, at) = (errand.run.clone(), errand.variant);
        let stage = match outcome {
            Outcome::Lost(reason) => Stage::Failed(Problem {
                error: format!("the frame gave no map: {reason}"),
                mend: "run it again; if that does not help, look at the viewer's log".to_owned(),
            }),
            Outcome::Map {
                map,
                decrypt,
                pool_ms,
                bytes,
            } => {
                let compared = task::spawn_blocking(move || {
                    let began = Instant::now();
                    let comparison = Comparison::new(&errand.frame, &errand.spec, map);
                    comparison.map(|comparison| (comparison, began.elapsed()))
                });
                match compared.await {
                    Ok(Ok((comparison, took))) => {
                        lab.shelf().change(&run, at, |variant| {
                            variant.decrypt = Some(decrypt);
                            variant.compare = Some(took);
                            variant.pool_ms = Some(pool_ms);
                            variant.bytes_down = bytes;
                        });
                        Stage::Done(Arc::new(comparison))
                    }
                    Ok(Err(error)) => Stage::Failed(bug(&error)),
                    Err(panic) => Stage::Failed(bug(&panic)),
                }
            }
        };
        lab.shelf().change(&run, at, |variant| variant.end(stage));
    }
}
