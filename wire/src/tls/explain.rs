//! What a failed TLS connection means to the person who configured it.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

use super::ClientTls;
use crate::failure::{Failure, FailureKind};

/// What is wrong if `error` is one of TLS, and what to do; `None` for any other I/O error.
pub(crate) fn explain(error: &io::Error, host: &str, tls: &ClientTls) -> Option<Failure> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match error {
        Error::InvalidCertificate(reason) => certificate(reason, host, tls),
        Error::AlertReceived(alert) => refusal(*alert, tls),
        Error::InvalidMessage(_) => Failure::new(
            FailureKind::Configuration,
            "it does not speak TLS on this port",
            "write the port that speaks TLS, or mqtt://, in `mqtt.url`",
        ),
        other => Failure::new(
            FailureKind::Unavailable,
            format!("the TLS handshake failed: {other}"),
            "compare the TLS settings of the broker with `[mqtt]`",
        ),
    })
}

fn certificate(reason: &CertificateError, host: &str, tls: &ClientTls) -> Failure {
    // A machine that has just started may not know the time yet: that passes.
    let untimely = |what| {
        Failure::new(
            FailureKind::Unavailable,
            format!("{what}, or this machine's clock is wrong"),
            "set this machine's clock, or renew the broker's certificate",
        )
    };
    let (what, mend) = match reason {
        CertificateError::UnknownIssuer => (
            match &tls.ca {
                Some(ca) => format!(
                    "its certificate is not signed by an authority of {}",
                    ca.display()
                ),
                None => {
                    "its certificate is not signed by an authority that this system knows".into()
                }
            },
            "write the certificate of the authority that signed it in `mqtt.ca`",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            format!("its certificate is not for the name `{host}`"),
            "write a name that the certificate has in `mqtt.url`, or give the broker a certificate \
             with this name",
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            return untimely("its certificate has expired");
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            return untimely("its certificate is not valid yet");
        }
        other => (
            format!("its certificate is refused: {other}"),
            "give the broker a certificate for servers, signed by the authority in `mqtt.ca`",
        ),
    };
    Failure::new(FailureKind::Configuration, what, mend)
}

/// The broker's side of the handshake ends in an alert; which one is up to its library.
fn refusal(alert: AlertDescription, tls: &ClientTls) -> Failure {
    match (alert, &tls.identity) {
        (AlertDescription::ProtocolVersion, _) => Failure::new(
            FailureKind::Configuration,
            "it speaks no TLS newer than 1.1",
            "allow TLS 1.2 or 1.3 at the broker",
        ),
        (AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure, None) => {
            Failure::new(
                FailureKind::Permissions,
                "it wants a client certificate",
                "write `mqtt.client_certificate` and `mqtt.client_key`",
            )
        }
        (
            AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::DecryptError
            | AlertDescription::AccessDenied,
            Some(identity),
        ) => Failure::new(
            FailureKind::Permissions,
            format!(
                "it refuses the client certificate {} ({alert:?})",
                identity.certificate.display()
            ),
            "have it signed by the broker's `tls.client_ca`",
        ),
        _ => Failure::new(
            FailureKind::Unavailable,
            format!("it ended the TLS connection: {alert:?}"),
            "look into the broker's log",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::tls::ClientIdentity;

    fn said(error: Error, tls: &ClientTls) -> (FailureKind, String) {
        let error = io::Error::new(io::ErrorKind::InvalidData, error);
        let failure = explain(&error, "broker.lan", tls).unwrap();
        (failure.kind, failure.what)
    }

    #[test]
    fn each_cause_is_named() {
        let plain = ClientTls::default();
        let with_ca = ClientTls {
            ca: Some(PathBuf::from("ca.pem")),
            identity: Some(ClientIdentity {
                certificate: PathBuf::from("gate.pem"),
                key: PathBuf::from("gate.key"),
            }),
        };
        for (error, tls, kind, what) in [
            (
                Error::InvalidCertificate(CertificateError::UnknownIssuer),
                &with_ca,
                FailureKind::Configuration,
                "its certificate is not signed by an authority of ca.pem",
            ),
            (
                Error::InvalidCertificate(CertificateError::NotValidForName),
                &plain,
                FailureKind::Configuration,
                "its certificate is not for the name `broker.lan`",
            ),
            (
                Error::InvalidCertificate(CertificateError::Expired),
                &plain,
                FailureKind::Unavailable,
                "its certificate has expired, or this machine's clock is wrong",
            ),
            (
                Error::InvalidCertificate(CertificateError::NotValidYet),
                &plain,
                FailureKind::Unavailable,
                "its certificate is not valid yet, or this machine's clock is wrong",
            ),
            (
                Error::AlertReceived(AlertDescription::CertificateRequired),
                &plain,
                FailureKind::Permissions,
                "it wants a client certificate",
            ),
            (
                Error::AlertReceived(AlertDescription::UnknownCA),
                &with_ca,
                FailureKind::Permissions,
                "it refuses the client certificate gate.pem (UnknownCA)",
            ),
            (
                Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType),
                &plain,
                FailureKind::Configuration,
                "it does not speak TLS on this port",
            ),
        ] {
            assert_eq!(said(error, tls), (kind, what.to_owned()));
        }
    }

    #[test]
    fn other_errors_are_left_alone() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert!(explain(&refused, "a", &ClientTls::default()).is_none());
        assert!(explain(&io::Error::other("x"), "a", &ClientTls::default()).is_none());
    }
}
