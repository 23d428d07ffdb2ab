//! Anomaly events leave the viewer: into `events.jsonl`, into the log lines, to a second broker.

mod announcer;
mod home_assistant;
mod log;

pub(crate) use announcer::Announcer;
pub(crate) use log::EventLog;
