//! Why a connection is of no use, and whether trying again can help.

use rumqttc::{ConnectReturnCode, ConnectionError};

use super::{Login, MqttConfig};
use crate::failure::{Failure, FailureKind};

/// The latest trouble of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It may pass by itself: the broker is away.
    Passing(String),
    /// Somebody has to mend something first. The text follows "the MQTT broker cannot be used: ".
    Lasting(Failure),
}

impl Trouble {
    pub(super) fn passing(reason: impl Into<String>) -> Self {
        Self::Passing(reason.into())
    }

    /// The trouble that an error of rumqttc means.
    pub(super) fn of(error: &ConnectionError, config: &MqttConfig) -> Self {
        match error {
            ConnectionError::ConnectionRefused(
                ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
            ) => Self::Lasting(refused(config.login.as_ref())),
            other => Self::Passing(other.to_string()),
        }
    }

    /// The same of a broker whose keys stand in `section`: who finds the trouble speaks of `[mqtt]`.
    pub(super) fn in_section(self, section: &str) -> Self {
        let keys = format!("`{section}.");
        let worded = |text: String| text.replace("`mqtt.", &keys);
        match self {
            Self::Passing(reason) => Self::Passing(worded(reason)),
            // One that names two sections already knows what it speaks of.
            Self::Lasting(failure) if failure.what.contains(&keys) => Self::Lasting(failure),
            Self::Lasting(failure) => Self::Lasting(Failure::new(
                failure.kind,
                worded(failure.what),
                worded(failure.mend),
            )),
        }
    }

    /// What a node that cannot start says.
    pub(super) fn failure(&self, address: &str, patience: std::time::Duration) -> Failure {
        match self {
            Self::Passing(reason) => Failure::new(
                FailureKind::Unavailable,
                format!(
                    "cannot reach the MQTT broker at {address} within {} s: {reason}",
                    patience.as_secs_f32()
                ),
                "start the broker or mend `mqtt.url`",
            ),
            Self::Lasting(failure) => Failure::new(
                failure.kind,
                format!(
                    "the MQTT broker at {address} cannot be used: {}",
                    failure.what
                ),
                failure.mend.clone(),
            ),
        }
    }
}

/// For log lines.
impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Passing(reason) => f.write_str(reason),
            Self::Lasting(failure) => write!(f, "{}; {}", failure.what, failure.mend),
        }
    }
}

/// Alone, an error of TLS is worth another try: a broker that is being restarted may end a
/// handshake in any way.
impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        if failure.kind == FailureKind::Unavailable {
            Self::Passing(format!("{}; {}", failure.what, failure.mend))
        } else {
            Self::Lasting(failure)
        }
    }
}

fn refused(login: Option<&Login>) -> Failure {
    match login {
        None => Failure::new(
            FailureKind::Permissions,
            "it wants a user name and a password",
            "write `mqtt.username` and `mqtt.password_file`",
        ),
        Some(login) => Failure::new(
            FailureKind::Permissions,
            format!("it refuses the user `{}` or its password", login.username),
            format!(
                "compare {} with what `broker passwd` was given for this user",
                login.password_file.display()
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn messages_name_the_section_of_the_broker() {
        let refused = Trouble::Lasting(refused(None)).in_section("events.mqtt");
        assert_eq!(
            refused.to_string(),
            "it wants a user name and a password; write `events.mqtt.username` and \
             `events.mqtt.password_file`"
        );
        assert_eq!(refused.clone().in_section("events.mqtt"), refused);
        let two = "`events.mqtt.url` and `mqtt.url` lead to one broker";
        let two = Trouble::Lasting(Failure::new(FailureKind::Configuration, two, ""));
        assert_eq!(two.clone().in_section("events.mqtt"), two);
    }

    #[test]
    fn only_what_somebody_has_to_mend_is_lasting() {
        let address: crate::mqtt::BrokerAddress = "mqtt://broker:1883".parse().unwrap();
        let mut config = MqttConfig::new(address, "a".parse().unwrap(), "b".parse().unwrap());
        let refused = ConnectionError::ConnectionRefused(ConnectReturnCode::NotAuthorized);
        let busy = ConnectionError::ConnectionRefused(ConnectReturnCode::ServiceUnavailable);
        assert!(matches!(Trouble::of(&busy, &config), Trouble::Passing(_)));
        let failure = Trouble::of(&refused, &config).failure("broker:1883", Duration::ZERO);
        assert_eq!(failure.kind, FailureKind::Permissions);
        assert_eq!(
            failure.to_string(),
            "the MQTT broker at broker:1883 cannot be used: it wants a user name and a password\n  \
             help: write `mqtt.username` and `mqtt.password_file`"
        );
        config.login = Some(Login {
            username: "gate".to_owned(),
            password_file: "gate.password".into(),
        });
        let trouble = Trouble::of(&refused, &config);
        assert_eq!(
            trouble.to_string(),
            "it refuses the user `gate` or its password; compare gate.password with what `broker \
             passwd` was given for this user"
        );
    }
}
