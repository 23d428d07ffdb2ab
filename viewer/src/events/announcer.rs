//! Events go to a second, trusted broker.

use std::collections::BTreeSet;

use wire::config::EventsMqttConfig;
use wire::failure::{Failure, FailureKind};
use wire::mqtt::{MqttConfig, Notifier, NotifierConfig, refuse_the_bus};
use wire::name::Name;

use super::home_assistant::HomeAssistant;
use crate::event::AnomalyEvent;

/// Tells the second broker.
#[derive(Debug)]
pub(crate) struct Announcer {
    notifier: Notifier,
    messages: HomeAssistant,
    /// The cameras that Home Assistant knows of.
    known: BTreeSet<Name>,
}

impl Announcer {
    /// Begins to connect to the broker of `config`, unless it is `bus`.
    ///
    /// # Errors
    /// It is the bus, which the worker reads.
    pub(crate) async fn start(
        config: &EventsMqttConfig,
        bus: &MqttConfig,
        site: &Name,
    ) -> Result<Self, Failure> {
        match refuse_the_bus(EventsMqttConfig::SECTION, &config.broker, bus).await {
            // Names that do not resolve yet are looked at again before each connection.
            Err(failure) if failure.kind != FailureKind::Unavailable => return Err(failure),
            Ok(()) | Err(_) => {}
        }
        let messages = HomeAssistant {
            discovery_prefix: config.discovery_prefix.clone(),
            topic_prefix: config.topic_prefix.clone(),
            site: site.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let notifier = Notifier::connect(NotifierConfig {
            broker: &config.broker,
            section: EventsMqttConfig::SECTION,
            bus,
            purpose: "events",
            availability: messages.availability_topic(),
        });
        Ok(Self {
            notifier,
            messages,
            known: BTreeSet::new(),
        })
    }

    /// A camera is watched.
    pub(crate) fn meet(&mut self, camera: &Name) {
        if self.known.insert(camera.clone()) {
            // Nothing goes on that this viewer knows of, whatever the one before has said last.
            let quiet = self.messages.quiet(camera.as_str());
            let notices = self.messages.discovery(camera.as_str());
            for notice in notices.into_iter().chain([quiet]) {
                self.notifier.post(notice);
            }
        }
    }

    /// What became of an event.
    pub(crate) fn tell(&mut self, event: &AnomalyEvent) {
        self.meet(&event.camera);
        self.notifier.post(self.messages.state(event));
        self.notifier.post(self.messages.event(event));
    }

    /// Says goodbye.
    pub(crate) async fn stop(self) {
        self.notifier.stop().await;
    }
}
