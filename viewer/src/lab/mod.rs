//! The lab: a picture of one's own through the real broker and worker, beside plaintext pooling.
//!
//! The lab is a camera of its own: it has a signing key, is enrolled at worker and viewer, and encrypts with public keys
//! alone. What comes back is decrypted by the viewer like every other map.
//!
//! - [`config`] the section `[lab]`; [`load`] its keys; [`plan`] what may be asked for; [`picture`] uploads (pure)
//! - [`courier`] does what is ordered: [`sender`] sends one frame after the other, [`returns`] is told what comes back,
//!   [`referee`] takes note of what came of it
//! - [`comparison`] the map beside plaintext pooling (pure); [`shelf`] pictures and runs that are kept

use std::sync::{Mutex, MutexGuard, PoisonError};

use cipherframe::SchemeId;
use tokio::sync::Notify;
use wire::name::Name;
use wire::random;

use crate::event::ViewerEvent;
use crate::web::api::schema::Problem;
use returns::Returns;
use shelf::Shelf;

pub(crate) mod comparison;
mod config;
mod courier;
mod load;
pub(crate) mod picture;
pub(crate) mod plan;
mod referee;
mod returns;
mod sender;
pub(crate) mod shelf;

pub use config::LabConfig;
pub(crate) use config::LabToml;
pub(crate) use courier::Courier;

/// The lab as the pages know it.
pub(crate) struct Lab {
    camera: Name,
    schemes: Vec<SchemeId>,
    shelf: Mutex<Shelf>,
    /// Told when a run is on the shelf.
    ordered: Notify,
    returns: Returns,
}

impl Lab {
    /// The schemes that it has keys of.
    pub(crate) fn schemes(&self) -> Vec<SchemeId> {
        self.schemes.clone()
    }

    pub(crate) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // Each change leaves the shelf whole.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has what is queued on the shelf done, in its order.
    pub(crate) fn order(&self) {
        self.ordered.notify_one();
    }

    /// The camera that its frames come from.
    pub(crate) fn camera(&self) -> &Name {
        &self.camera
    }

    /// Takes note of what happened at the viewer.
    pub(crate) fn observe(&self, event: &ViewerEvent) {
        self.returns.observe(event);
    }
}

/// A name that nobody guesses.
pub(crate) fn new_id() -> Result<String, random::RandomError> {
    let bytes = random::bytes::<8>()?;
    Ok(format!("{:016x}", u64::from_le_bytes(bytes)))
}

fn bug(error: &dyn std::fmt::Display) -> Problem {
    Problem {
        error: error.to_string(),
        mend: "report this with the viewer's log".to_owned(),
    }
}
