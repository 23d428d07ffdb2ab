//! What a viewer keeps on the disk: its log of frames and their pictures.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cipherframe::FeatureMap;
use wire::failure::Failure;
use wire::message::FrameId;
use wire::name::Name;

use crate::config::OutConfig;
use crate::event::AnomalyEvent;
use crate::events::EventLog;
use crate::journal::{Journal, Record};
use crate::picture;
use crate::sessions::Sessions;

/// The folder of a viewer, or nothing where none is configured.
#[derive(Debug)]
pub(crate) struct Archive {
    journal: Option<Mutex<Journal>>,
    pictures: Option<PathBuf>,
    events: Option<Mutex<EventLog>>,
}

impl Archive {
    /// Opens what `out` says, and reads what was logged before. Blocks.
    ///
    /// # Errors
    /// Those of [`Journal::open`].
    pub(crate) fn open(out: Option<&OutConfig>, site: &Name) -> Result<(Self, Sessions), Failure> {
        let Some(OutConfig {
            folder,
            pictures,
            log_bytes,
        }) = out
        else {
            let nothing = Self {
                journal: None,
                pictures: None,
                events: None,
            };
            return Ok((nothing, Sessions::default()));
        };
        let (journal, sessions) = Journal::open(folder, *log_bytes, site)?;
        let events = EventLog::open(folder, *log_bytes).map_err(|error| {
            let what = format!("opening the log of events in {}", folder.display());
            let mend = "make the folder writable, or choose another one in `out.folder`";
            Failure::io(what, &error, mend)
        })?;
        let archive = Self {
            journal: Some(Mutex::new(journal)),
            pictures: pictures.then(|| folder.clone()),
            events: Some(Mutex::new(events)),
        };
        Ok((archive, sessions))
    }

    /// Writes the picture of a frame, if pictures are wanted. Blocks.
    pub(crate) fn picture(
        &self,
        frame: &FrameId,
        session_unix_ms: u64,
        map: &FeatureMap,
    ) -> io::Result<()> {
        let write = |folder: &Path| picture::write(folder, frame, session_unix_ms, map).map(drop);
        self.pictures.as_deref().map_or(Ok(()), write)
    }

    /// Writes what became of events, if there is a log of them. Blocks.
    pub(crate) fn events(&self, events: &[AnomalyEvent]) -> io::Result<()> {
        let Some(log) = &self.events else {
            return Ok(());
        };
        log.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(events)
    }

    /// Writes a line of the log, if there is one. Blocks.
    pub(crate) fn line(&self, record: &Record) -> io::Result<()> {
        let Some(journal) = &self.journal else {
            return Ok(());
        };
        // A journal is as it was before a line that panicked: its length counts whole lines.
        let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
        journal.write(record)
    }
}
