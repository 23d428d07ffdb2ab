//! A real broker and real connections, each test on a port of its own.

mod certificates;
mod connections;
mod lifecycle;
mod login;
mod ring_logs;
mod strangers;
mod support;
mod tls;
