//! Authorities and certificates made for a test.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// An authority and the folder that it writes to.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, a PEM file.
    pub(crate) certificate: PathBuf,
    folder: PathBuf,
}

impl Authority {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let certificate = folder.join(format!("{name}.pem"));
        let signed = params.self_signed(&key).unwrap();
        fs::write(&certificate, signed.pem()).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            certificate,
            folder: folder.to_owned(),
        }
    }

    /// A certificate for these host names and addresses, and its key.
    pub(crate) fn sign(&self, file: &str, names: &[&str]) -> (PathBuf, PathBuf) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        self.sign_params(file, CertificateParams::new(names).unwrap())
    }

    /// A certificate that was valid for a day, long ago.
    pub(crate) fn sign_expired(&self, file: &str, name: &str) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2001, 1, 2);
        self.sign_params(file, params)
    }

    fn sign_params(&self, file: &str, params: CertificateParams) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        let certificate = self.folder.join(format!("{file}.pem"));
        fs::write(&certificate, signed.pem()).unwrap();
        let path = self.folder.join(format!("{file}.key"));
        fs::write(&path, key.serialize_pem()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        (certificate, path)
    }
}
