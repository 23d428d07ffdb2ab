//! What every signing node needs before its own work begins: who it is, whom it trusts, and two connections.

use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::{MqttToml, NodeConfig, NodeToml, Problems};
use crate::failure::{Failure, FailureKind};
use crate::identity::SigningIdentity;
use crate::mqtt::{MqttConfig, Publisher, Subscriber};
use crate::name::Name;
use crate::role::NodeRole;
use crate::telemetry::Vitals;
use crate::topic::Topic;
use crate::trust::{OwnKey, Trust, TrustStore};

/// How long a node that starts waits for the broker, so that the nodes of a site may start in any order.
pub const START_PATIENCE: Duration = Duration::from_secs(15);
/// How long a node waits that can begin without the broker: long enough to be told that it may not come in.
const SHORT_START_PATIENCE: Duration = Duration::from_secs(3);

/// What becomes of a node that finds no broker when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutBroker {
    /// There is nothing that it could do: it ends after [`START_PATIENCE`].
    Ends,
    /// It has work meanwhile, begins after 3 s and connects when the broker is there.
    Begins,
}

/// The sections `[node]` and `[mqtt]` as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    /// Who the node is.
    pub node: NodeConfig,
    /// Which broker it speaks to.
    pub mqtt: MqttConfig,
}

impl LinkConfig {
    /// What the two sections mean. The problems of both come out, whatever is wrong with one of them.
    pub fn meaning(
        node: Option<NodeToml>,
        mqtt: Option<MqttToml>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let node = NodeToml::meaning(node, problems);
        // A name for the time being lets the checks of `[mqtt]` run when `[node]` has none.
        let nameless: Name = "nameless".parse().ok()?;
        let (site, name) = node
            .as_ref()
            .map_or((&nameless, &nameless), |node| (&node.site, &node.name));
        let mqtt = MqttToml::meaning(mqtt, site, name, problems);
        Some(Self {
            node: node?,
            mqtt: mqtt?,
        })
    }
}

/// A node's signing key, and the nodes whose signatures it accepts.
#[derive(Debug)]
pub struct Credentials {
    /// Signs what the node sends.
    pub identity: SigningIdentity,
    /// The enrolled nodes, as the trust file lists them at the start.
    pub trust: TrustStore,
    trust_file: PathBuf,
    role: NodeRole,
}

impl Credentials {
    /// Reads both files that the section `[node]` names. Blocks for a moment.
    ///
    /// # Errors
    /// A file that cannot be used, or a signing key that was made for a node of another name: what it signs would be
    /// refused everywhere. [`FailureKind::Configuration`] when the trust file enrols this very key in another role
    /// than `role`.
    pub fn load(config: &NodeConfig, role: NodeRole) -> Result<Self, Failure> {
        let identity = SigningIdentity::load(&config.signing_key)?;
        let trust = TrustStore::load(&config.trust)?;
        if *identity.name() != config.name {
            return Err(Failure::new(
                FailureKind::Configuration,
                format!(
                    "{} is the signing key of `{}`, the node is called `{}`",
                    config.signing_key.display(),
                    identity.name(),
                    config.name
                ),
                "mend `node.name` or `node.signing_key`",
            ));
        }
        if let Some(enrolled) = trust.get(&identity.signer_id())
            && enrolled.role() != role
        {
            return Err(Failure::new(
                FailureKind::Configuration,
                format!(
                    "{} enrols `{}` as {}, it runs as {role}",
                    config.trust.display(),
                    config.name,
                    enrolled.role()
                ),
                format!("enrol it with `role = \"{role}\"`, or start the node that it is"),
            ));
        }
        Ok(Self {
            identity,
            trust,
            trust_file: config.trust.clone(),
            role,
        })
    }

    /// Begins to follow the trust file. Needs a tokio runtime.
    fn into_parts(self) -> (SigningIdentity, Trust) {
        let own = OwnKey {
            name: self.identity.name().clone(),
            role: self.role,
            id: self.identity.signer_id(),
        };
        let trust = Trust::follow(self.trust_file, self.trust, own);
        (self.identity, trust)
    }
}

/// A node that has said who it is and is connected both ways.
#[derive(Debug)]
pub struct NodeLink {
    /// Signs what the node sends.
    pub identity: SigningIdentity,
    /// The enrolled nodes, as the trust file lists them now.
    pub trust: Trust,
    /// The connection that sends.
    pub publisher: Publisher,
    /// The connection that receives.
    pub subscriber: Subscriber,
}

impl NodeLink {
    /// Connects both ways and waits until the broker has accepted the subscriptions to `filters`, or until `shutdown`
    /// is cancelled; the subscriber then has nothing to receive. The publisher connects once the subscriptions are in
    /// force. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`FailureKind::Unavailable`] when the broker takes longer than [`START_PATIENCE`], unless the node begins
    /// without it; at once when trying again cannot help.
    pub async fn connect(
        credentials: Credentials,
        mqtt: &MqttConfig,
        filters: Vec<String>,
        without_broker: WithoutBroker,
        shutdown: &CancellationToken,
    ) -> Result<Self, Failure> {
        let (identity, trust) = credentials.into_parts();
        let mut subscriber = Subscriber::connect(mqtt, "in", filters, shutdown.clone());
        let subscribed = subscriber.subscribed();
        let patience = match without_broker {
            WithoutBroker::Ends => START_PATIENCE,
            WithoutBroker::Begins => SHORT_START_PATIENCE,
        };
        let ready = subscriber.ready(patience);
        let ready = tokio::select! {
            biased;
            () = shutdown.cancelled() => Ok(()),
            ready = ready => ready,
        };
        match (ready, without_broker) {
            (Err(failure), WithoutBroker::Begins) if failure.kind == FailureKind::Unavailable => {
                tracing::warn!("beginning without the broker: {failure}");
            }
            (ready, _) => ready?,
        }
        let publisher = Publisher::connect_once(subscribed, mqtt, "out", shutdown.clone());
        Ok(Self {
            identity,
            trust,
            publisher,
            subscriber,
        })
    }

    /// The node is ready only while both connections are up, and its metrics tell how its trust file fares.
    pub fn watched_by(&self, vitals: &Vitals) {
        vitals.follows(self.trust.clone());
        let lacking = "not connected to the MQTT broker to send";
        vitals.connection("out", lacking, self.publisher.connected());
        let lacking = "not subscribed at the MQTT broker";
        vitals.connection("in", lacking, self.subscriber.subscribed());
    }
}

impl NodeConfig {
    /// Where the node reports its health.
    #[must_use]
    pub fn health_topic(&self) -> Topic {
        Topic::NodeHealth {
            site: self.site.clone(),
            node: self.name.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    /// A folder with the signing key of `gate` and a trust file that enrols it as a camera.
    fn gate(folder: &Path) -> NodeConfig {
        let identity = SigningIdentity::from_seed(name("gate"), &[3; 32]);
        let config = NodeConfig {
            site: name("demo"),
            name: name("gate"),
            signing_key: folder.join("signing.key"),
            trust: folder.join("trust.toml"),
        };
        identity
            .to_key_file()
            .unwrap()
            .create(&config.signing_key)
            .unwrap();
        let mut trust = TrustStore::new();
        trust
            .enroll(&name("gate"), NodeRole::Camera, &identity.verifying_key())
            .unwrap();
        trust.save(&config.trust).unwrap();
        config
    }

    #[test]
    fn a_node_has_the_name_of_its_signing_key() {
        let folder = tempfile::tempdir().unwrap();
        let config = gate(folder.path());
        let credentials = Credentials::load(&config, NodeRole::Camera).unwrap();
        assert_eq!(*credentials.identity.name(), config.name);

        let other = NodeConfig {
            name: name("yard"),
            ..config.clone()
        };
        let failure = Credentials::load(&other, NodeRole::Camera).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Configuration);
        let key = config.signing_key.display();
        assert_eq!(
            failure.to_string(),
            format!(
                "{key} is the signing key of `gate`, the node is called `yard`\n  \
                 help: mend `node.name` or `node.signing_key`"
            )
        );
    }

    #[test]
    fn a_node_runs_in_the_role_that_it_is_enrolled_in() {
        let folder = tempfile::tempdir().unwrap();
        let config = gate(folder.path());
        let failure = Credentials::load(&config, NodeRole::Worker).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Configuration);
        let trust = config.trust.display();
        assert_eq!(
            failure.to_string(),
            format!(
                "{trust} enrols `gate` as camera, it runs as worker\n  \
                 help: enrol it with `role = \"worker\"`, or start the node that it is"
            )
        );
        TrustStore::new().save(&config.trust).unwrap();
        assert!(
            Credentials::load(&config, NodeRole::Worker).is_ok(),
            "others enrol it"
        );
    }

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Typed {
        node: Option<NodeToml>,
        mqtt: Option<MqttToml>,
    }

    #[test]
    fn a_nameless_node_still_learns_what_is_wrong_with_its_broker() {
        let text = "[node]\nsite = \"demo\"\nsigning_key = \"a\"\ntrust = \"b\"\n\
                    [mqtt]\nurl = \"mqtt://localhost:1883\"\nkeep_alive_s = 1\n";
        let meaning = |typed: Typed, problems: &mut Problems| {
            LinkConfig::meaning(typed.node, typed.mqtt, problems)
        };
        let errors = config::parse(Path::new("node.toml"), text, meaning).unwrap_err();
        let keys: Vec<&str> = errors
            .problems()
            .iter()
            .map(|problem| problem.key.as_str())
            .collect();
        assert_eq!(keys, ["node.name", "mqtt.keep_alive_s"]);
    }
}
