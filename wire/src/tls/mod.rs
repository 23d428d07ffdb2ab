//! TLS as both ends of a connection need it: certificates and keys from PEM files, and the one
//! choice of cryptography.

mod client;
mod explain;
mod pem;

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

pub use client::{ClientIdentity, ClientTls};
pub use pem::{authorities, certificates, private_key};

pub(crate) use client::{ConnectError, connect};
pub(crate) use explain::explain;

/// The cryptography of every TLS connection.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
