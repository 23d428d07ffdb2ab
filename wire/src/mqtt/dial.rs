//! What rumqttc needs for one connection: its options, and over TLS the tunnel it speaks through.

use std::time::Duration;

use rumqttc::{AsyncClient, EventLoop, LastWill, MqttOptions, Transport};
use tokio::time;

use super::MqttConfig;
use super::config::unique;
use super::same_broker::refuse_the_bus;
use super::trouble::Trouble;
use super::tunnel::Tunnel;
use crate::failure::Failure;
use crate::secret_file;
use crate::tls::{self, ConnectError};

/// The section that messages speak of unless told otherwise.
const MQTT_SECTION: &str = "mqtt";

/// How one connection of a node is made, again and again.
#[derive(Debug)]
pub(super) struct Dial {
    pub(super) config: MqttConfig,
    pub(super) purpose: String,
    /// One for all connections, random: two clients with one identifier push each other off.
    client_id: String,
    will: Option<LastWill>,
    inflight: Option<u16>,
    /// Where the keys of the broker stand in the configuration file.
    section: &'static str,
    /// The broker that this one must not be.
    avoided: Option<MqttConfig>,
}

impl Dial {
    pub(super) fn new(config: &MqttConfig, purpose: &str) -> Self {
        let client_id = format!(
            "blindsight-{}-{}-{purpose}-{}",
            config.site,
            config.node,
            unique()
        );
        Self {
            config: config.clone(),
            purpose: purpose.to_owned(),
            client_id,
            will: None,
            inflight: None,
            section: MQTT_SECTION,
            avoided: None,
        }
    }

    /// What the broker says when the node vanishes.
    pub(super) fn with_will(mut self, will: LastWill) -> Self {
        self.will = Some(will);
        self
    }

    /// Messages that may be unconfirmed.
    pub(super) fn with_inflight(mut self, inflight: u16) -> Self {
        self.inflight = Some(inflight);
        self
    }

    /// The section of the configuration file that has the keys of the broker.
    pub(super) fn in_section(mut self, section: &'static str) -> Self {
        self.section = section;
        self
    }

    /// Never connects when the broker is `bus`: names may come to lead there at any time.
    pub(super) fn avoiding(mut self, bus: &MqttConfig) -> Self {
        self.avoided = Some(bus.clone());
        self
    }

    /// `trouble` with the keys of the right section.
    pub(super) fn in_its_words(&self, trouble: Trouble) -> Trouble {
        if self.section == MQTT_SECTION {
            trouble
        } else {
            trouble.in_section(self.section)
        }
    }

    /// An event loop that has not connected yet, and a handle for `queue` requests.
    pub(super) fn event_loop(&self, queue: usize) -> (AsyncClient, EventLoop) {
        let options = self.options(self.config.host.clone());
        let (client, mut eventloop) = AsyncClient::new(options, queue);
        let network = &mut eventloop.network_options;
        network.set_connection_timeout(self.patience().as_secs());
        // Receipts and confirmations are small and waited for.
        network.set_tcp_nodelay(true);
        (client, eventloop)
    }

    /// Gets `eventloop` ready to connect: reads the password, and over TLS opens the tunnel.
    pub(super) async fn prepare(
        &self,
        eventloop: &mut EventLoop,
    ) -> Result<Option<Tunnel>, Trouble> {
        if let Some(bus) = &self.avoided {
            refuse_the_bus(self.section, &self.config, bus).await?;
        }
        let mut tunnel = None;
        let mut options = match &self.config.tls {
            None => self.options(self.config.host.clone()),
            Some(_) => {
                let opened = self.tunnel().await?;
                let mut options = self.options(opened.path().to_owned());
                options.set_transport(Transport::Unix);
                tunnel = Some(opened);
                options
            }
        };
        if let Some(login) = &self.config.login {
            let password = secret_file::password(&login.password_file)?;
            options.set_credentials(login.username.clone(), password.as_str());
        }
        eventloop.mqtt_options = options;
        Ok(tunnel)
    }

    async fn tunnel(&self) -> Result<Tunnel, Trouble> {
        let MqttConfig { host, port, .. } = &self.config;
        let tls = self.config.tls.clone().unwrap_or_default();
        let patience = self.patience();
        let connected = match time::timeout(patience, tls::connect(&tls, host, *port)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(ConnectError::Local(failure))) => return Err(failure.into()),
            Ok(Err(ConnectError::Remote(error))) => return Err(self.remote(&error)),
            Ok(Err(ConnectError::Handshake(error))) => return Err(self.handshake(&error)),
            Err(_) => return Err(Trouble::passing("Network timeout")),
        };
        Tunnel::open(connected, patience).map_err(|error| {
            let failure = Failure::io(
                "making a private socket for the TLS connection",
                &error,
                "give this process a writable temporary folder with a short path in TMPDIR",
            );
            failure.into()
        })
    }

    /// The trouble that an error of the network means.
    pub(super) fn remote(&self, error: &std::io::Error) -> Trouble {
        self.explained(error)
            .unwrap_or_else(|| Trouble::passing(format!("I/O: {error}")))
    }

    fn explained(&self, error: &std::io::Error) -> Option<Trouble> {
        let tls = self.config.tls.as_ref()?;
        tls::explain(error, &self.config.host, tls).map(Trouble::from)
    }

    /// A broker without TLS, and one that is being restarted, just hang up.
    fn handshake(&self, error: &std::io::Error) -> Trouble {
        self.explained(error).unwrap_or_else(|| {
            Trouble::passing(format!(
                "it hung up during the TLS handshake, and may not speak TLS on this port (I/O: \
                 {error})"
            ))
        })
    }

    fn patience(&self) -> Duration {
        self.config.connection_timeout.max(Duration::from_secs(1))
    }

    fn options(&self, host: String) -> MqttOptions {
        let config = &self.config;
        let mut options = MqttOptions::new(self.client_id.clone(), host, config.port);
        // Below one second rumqttc panics, and rumqttd refuses zero.
        options.set_keep_alive(config.keep_alive.max(Duration::from_secs(1)));
        options.set_max_packet_size(config.max_packet_bytes, config.max_packet_bytes);
        options.set_clean_session(true);
        if let Some(will) = &self.will {
            options.set_last_will(will.clone());
        }
        if let Some(inflight) = self.inflight {
            options.set_inflight(inflight);
        }
        options
    }
}
