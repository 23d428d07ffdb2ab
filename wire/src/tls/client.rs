//! The client's side: TCP, then TLS, to a broker whose name is always checked.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{authorities, certificates, private_key, provider};
use crate::failure::{Failure, FailureKind};

/// What a client needs to know for TLS. Files are read at each connection, so that renewed ones are
/// used without a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// PEM file with the authorities that the broker's certificate is checked against; without it,
    /// those of the system.
    pub ca: Option<PathBuf>,
    /// What the client shows of itself, for brokers that want that.
    pub identity: Option<ClientIdentity>,
}

/// A client certificate and its key, both PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The certificate, and those between it and the authority.
    pub certificate: PathBuf,
    /// The private key; nobody but its owner may have any right to the file.
    pub key: PathBuf,
}

impl ClientTls {
    /// Reads the files. Blocks for some milliseconds.
    fn load(&self) -> Result<ClientConfig, Failure> {
        let roots = match &self.ca {
            Some(path) => authorities(path)?,
            None => system_roots()?,
        };
        let unusable = |error: rustls::Error| {
            Failure::new(
                FailureKind::BadData,
                format!("the client certificate cannot be used: {error}"),
                "give the key that belongs to the certificate in `mqtt.client_key`",
            )
        };
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_root_certificates(roots);
        let Some(identity) = &self.identity else {
            return Ok(builder.with_no_client_auth());
        };
        let certificates = certificates(&identity.certificate)?;
        let key = private_key(&identity.key)?;
        builder
            .with_client_auth_cert(certificates, key)
            .map_err(unusable)
    }
}

fn system_roots() -> Result<RootCertStore, Failure> {
    let mut store = RootCertStore::empty();
    // A system may have authorities of formats that are not understood; the others count.
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        return Err(Failure::new(
            FailureKind::Configuration,
            "this system has no list of certificate authorities",
            "write the broker's authority in `mqtt.ca`, or install ca-certificates",
        ));
    }
    Ok(store)
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// Something on this machine must be mended first.
    Local(Failure),
    /// The network or the other end.
    Remote(io::Error),
    /// The other end, once it was reached.
    Handshake(io::Error),
}

/// Connects to `host`, which may be an IPv6 address in square brackets.
pub(crate) async fn connect(
    tls: &ClientTls,
    host: &str,
    port: u16,
) -> Result<TlsStream<TcpStream>, ConnectError> {
    let host = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    let loading = tls.clone();
    let config = match task::spawn_blocking(move || loading.load()).await {
        Ok(config) => config.map_err(ConnectError::Local)?,
        Err(error) => return Err(ConnectError::Remote(io::Error::other(error))),
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|_| {
        ConnectError::Local(Failure::new(
            FailureKind::Configuration,
            format!("`{host}` cannot be a name in a certificate"),
            "write a host name of letters, digits, dots and hyphens in `mqtt.url`",
        ))
    })?;
    let stream = TcpStream::connect((host, port))
        .await
        .map_err(ConnectError::Remote)?;
    // Receipts and confirmations are small and waited for.
    stream.set_nodelay(true).map_err(ConnectError::Remote)?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(ConnectError::Handshake)
}
