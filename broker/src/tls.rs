//! The broker's side of TLS.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use tokio_rustls::TlsAcceptor;
use wire::failure::{Failure, FailureKind};
use wire::tls::{authorities, certificates, private_key, provider};

use crate::config::TlsConfig;

/// Reads the files that `config` names.
///
/// # Errors
/// A file that cannot be read or used, a private key that others may read, a key that is not that
/// of the certificate.
pub(crate) fn acceptor(config: &TlsConfig) -> Result<TlsAcceptor, Failure> {
    let (certificate, key) = (config.certificate.display(), config.key.display());
    let chain = certificates(&config.certificate)?;
    let private = private_key(&config.key)?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error.to_string()))?;
    let builder = match &config.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let roots = Arc::new(authorities(path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build();
            builder.with_client_cert_verifier(
                verifier.map_err(|error| unusable(&format!("{}: {error}", path.display())))?,
            )
        }
    };
    let server = builder.with_single_cert(chain, private).map_err(|error| {
        unusable(&format!(
            "{certificate} and {key} do not go together: {error}"
        ))
    })?;
    Ok(TlsAcceptor::from(Arc::new(server)))
}

fn unusable(reason: &str) -> Failure {
    Failure::new(
        FailureKind::BadData,
        format!("TLS cannot be set up: {reason}"),
        "compare `tls.certificate`, `tls.key` and `tls.client_ca` with docs/guide/lan.md",
    )
}
