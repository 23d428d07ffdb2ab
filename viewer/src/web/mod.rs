//! The web page of the viewer: live maps, events and a lab, and the API behind them.
//!
//! - [`config`] the section `[web]`; [`server`] the port and the routes
//! - [`guard`] who may ask: host, origin, token; [`login`] the token for browsers; [`headers`] what browsers may do
//! - [`hub`] what there is to show (no I/O); [`api`] the same as JSON; [`live`] as it happens
//! - [`assets`] the files of the pages, embedded

pub(crate) mod api;
mod assets;
mod config;
mod guard;
mod headers;
pub(crate) mod hub;
mod live;
mod login;
mod server;

pub use config::WebConfig;
pub(crate) use config::WebToml;
pub(crate) use server::{Pages, Server};
