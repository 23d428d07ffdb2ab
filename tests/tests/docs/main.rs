//! The documentation says what is so: its links, files, tests, commands, options, configuration files, keys, exit codes,
//! JSON fields and topics.

mod commands;
mod configuration;
mod facts;
mod markdown;
mod metrics;
mod names;
