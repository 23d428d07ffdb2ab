//! A real broker and real connections, each test on a port of its own.

mod connections;
mod lifecycle;
mod support;
