//! Certificates and private keys from PEM files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::failure::{Failure, FailureKind};
use crate::secret_file;

/// Reads the certificates of a PEM file, at least one, in their order.
///
/// # Errors
/// When reading fails, and [`FailureKind::BadData`] for a file that is not PEM or holds no
/// certificate.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let shown = path.display();
    let io = |error| {
        let mend = "check the path and who may read it";
        Failure::io(
            format_args!("reading the certificate {shown}"),
            &error,
            mend,
        )
    };
    let bad = |reason: String| {
        Failure::new(
            FailureKind::BadData,
            format!("{shown} {reason}"),
            "give a PEM file with `-----BEGIN CERTIFICATE-----`",
        )
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(io)?;
    file.take(secret_file::MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(io)?;
    if bytes.len() as u64 > secret_file::MAX_BYTES {
        return Err(bad(format!(
            "is larger than {} bytes",
            secret_file::MAX_BYTES
        )));
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err(bad("holds no certificate".to_owned())),
        Ok(found) => Ok(found),
        Err(error) => Err(bad(format!("is not a PEM file: {error}"))),
    }
}

/// Reads certificates that others are checked against.
///
/// # Errors
/// As [`certificates`], and for a certificate that no authority can have.
pub fn authorities(path: &Path) -> Result<RootCertStore, Failure> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store.add(certificate).map_err(|error| {
            Failure::new(
                FailureKind::BadData,
                format!("{} holds a bad certificate: {error}", path.display()),
                "give the certificate of the authority, an X.509 certificate of version 3",
            )
        })?;
    }
    Ok(store)
}

/// Reads the private key of a PEM file that only its owner may read.
///
/// # Errors
/// As [`secret_file::read`], and [`FailureKind::BadData`] for a file without a key.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Failure> {
    let bytes = secret_file::read("the private key", path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
        Failure::new(
            FailureKind::BadData,
            // The error of a PEM parser may quote a line of the file.
            match error {
                rustls::pki_types::pem::Error::NoItemsFound => {
                    format!("{} holds no private key", path.display())
                }
                _ => format!("{} is not a PEM file", path.display()),
            },
            "give a PEM file with an unencrypted `-----BEGIN PRIVATE KEY-----`",
        )
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_no_certificate_or_key_is_refused_with_the_mend() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pem");
        let shown = path.display();
        fs::write(&path, "hello").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let failure = certificates(&path).unwrap_err();
        assert_eq!(failure.kind, FailureKind::BadData);
        assert_eq!(failure.what, format!("{shown} holds no certificate"));
        let failure = private_key(&path).unwrap_err();
        assert_eq!(failure.kind, FailureKind::BadData);
        assert_eq!(failure.what, format!("{shown} holds no private key"));

        fs::write(&path, "-----BEGIN CERTIFICATE-----\n!!!\n").unwrap();
        assert_eq!(certificates(&path).unwrap_err().kind, FailureKind::BadData);
        let missing = folder.path().join("missing.pem");
        assert_eq!(certificates(&missing).unwrap_err().kind, FailureKind::Io);
    }

    #[test]
    fn a_private_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        let key = rcgen::KeyPair::generate().unwrap();
        fs::write(&path, key.serialize_pem()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let failure = private_key(&path).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Permissions);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(private_key(&path).is_ok());
    }
}
