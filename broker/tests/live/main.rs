//! A real broker and real connections, each test on a port of its own.

mod certificates;
mod connections;
mod lifecycle;
mod login;
mod strangers;
mod support;
mod tls;
