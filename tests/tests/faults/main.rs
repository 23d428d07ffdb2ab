//! Faults: programs are killed, networks cut, messages mistreated, disks filled, and every frame is accounted for.
//!
//! Real processes and real sockets. Every test adds a row to a table; with `BLINDSIGHT_FAULT_TABLE=FILE` the rows replace
//! those in FILE, which is docs/ref/reliability.md when `just faults` runs them.

// First, because it takes longest.
mod a_thousand_frames;
mod account;
mod broker;
mod clock;
mod messages;
mod network;
mod proxy;
mod relay;
mod rig;
mod sharing;
mod spool;
mod table;
mod viewer;
mod worker;
