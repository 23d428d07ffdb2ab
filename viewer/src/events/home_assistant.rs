//! Anomaly events as messages for Home Assistant, by its MQTT discovery. Pure.
//!
//! What each field means is said by <https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery>,
//! <https://www.home-assistant.io/integrations/binary_sensor.mqtt/> and
//! <https://www.home-assistant.io/integrations/sensor.mqtt/>. A camera is a device with two entities,
//! each announced by a message of its own, which older versions understand too:
//!
//! - A binary sensor of the class `problem`, shown as "Problem" or "OK": something is not as usual,
//!   and somebody should look. `motion` would say what is not known, for a thing that has gone
//!   missing is an anomaly too, and would switch lights on; `safety` would promise too much.
//! - A sensor with the score while an anomaly lasts. In between it is unknown, not the last one.
//!
//! Both read one retained message, so that whatever they set off sees the event that belongs to it.
//! There is no `expire_after`: no news is good news, and a viewer that is gone shows on the
//! availability topic.
//!
//! Names hold `_` and `-`, so in topics and identifiers they stand between `/`, or last after a fixed
//! text or before one: no two sites and cameras share an identifier.

use serde::Serialize;

use wire::mqtt::Notice;

use crate::anomaly::Region;
use crate::event::{AnomalyEvent, AnomalyKind};

/// Shown as the maker of the cameras, and as the origin of the messages.
const MAKER: &str = "Blindsight";

/// Where the messages of one site go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HomeAssistant {
    /// First part of the topics on which Home Assistant looks for devices.
    pub(crate) discovery_prefix: String,
    /// First part of all other topics.
    pub(crate) topic_prefix: String,
    /// The site, a name.
    pub(crate) site: String,
    /// The version of the program that says all this.
    pub(crate) version: String,
}

impl HomeAssistant {
    /// The topic on which the viewer is `online` or `offline`.
    #[must_use]
    pub(crate) fn availability_topic(&self) -> String {
        format!("{}/{}/availability", self.topic_prefix, self.site)
    }

    /// Announces `camera`. To be said before its first state.
    #[must_use]
    pub(crate) fn discovery(&self, camera: &str) -> [Notice; 2] {
        let anomaly = Entity {
            device_class: Some("problem"),
            value_template: "{{ value_json.anomaly }}",
            ..self.entity(camera, &ANOMALY)
        };
        let score = Entity {
            state_class: Some("measurement"),
            suggested_display_precision: Some(2),
            icon: Some("mdi:chart-bell-curve-cumulative"),
            value_template: "{{ value_json.score }}",
            ..self.entity(camera, &SCORE)
        };
        [(&ANOMALY, anomaly), (&SCORE, score)]
            .map(|(part, entity)| retained(self.discovery_topic(camera, part), json(&entity)))
    }

    /// The state of a camera of which no event is known: what an earlier viewer left is not true.
    #[must_use]
    pub(crate) fn quiet(&self, camera: &str) -> Notice {
        let nothing = State {
            anomaly: OFF,
            score: None,
            event: EventAttributes::default(),
        };
        retained(self.state_topic(camera), json(&nothing))
    }

    /// The state of the camera of `event` from now on.
    #[must_use]
    pub(crate) fn state(&self, event: &AnomalyEvent) -> Notice {
        let ended = event.kind == AnomalyKind::End;
        let state = State {
            anomaly: if ended { OFF } else { ON },
            score: (!ended).then_some(event.score),
            event: EventAttributes {
                id: Some(&event.id),
                began_unix_ms: Some(event.began_unix_ms),
                ended_unix_ms: event.ended_unix_ms,
                peak: Some(event.peak),
                threshold: Some(event.threshold),
                region: event.region,
            },
        };
        retained(self.state_topic(event.camera.as_str()), json(&state))
    }

    /// The event itself, for programs that follow events rather than states.
    #[must_use]
    pub(crate) fn event(&self, event: &AnomalyEvent) -> Notice {
        Notice {
            topic: self.topic(event.camera.as_str(), "event"),
            payload: json(event),
            retained: false,
        }
    }

    fn topic(&self, camera: &str, last: &str) -> String {
        format!("{}/{}/{camera}/{last}", self.topic_prefix, self.site)
    }

    fn state_topic(&self, camera: &str) -> String {
        self.topic(camera, "state")
    }

    /// `PREFIX/COMPONENT/NODE_ID/OBJECT_ID/config`.
    fn discovery_topic(&self, camera: &str, part: &Part) -> String {
        let (prefix, site) = (&self.discovery_prefix, &self.site);
        let Part { component, id, .. } = part;
        format!("{prefix}/{component}/blindsight-{site}/{camera}-{id}/config")
    }

    /// What both entities of `camera` have.
    fn entity(&self, camera: &str, part: &Part) -> Entity<'_> {
        let device = format!("blindsight/{}/{camera}", self.site);
        // An entity's identifier has no hyphens. Should two come out equal, Home Assistant adds a
        // number to one of them.
        let object = format!("{}_{camera}_{}", self.site, part.id).replace('-', "_");
        let state_topic = self.state_topic(camera);
        Entity {
            name: part.name,
            unique_id: format!("{device}/{}", part.id),
            default_entity_id: format!("{}.{object}", part.component),
            device_class: None,
            state_class: None,
            suggested_display_precision: None,
            icon: None,
            json_attributes_topic: state_topic.clone(),
            json_attributes_template: "{{ value_json.event | tojson }}",
            state_topic,
            value_template: "",
            availability_topic: self.availability_topic(),
            qos: 1,
            device: Device {
                identifiers: [device],
                name: format!("{} {camera}", self.site),
                manufacturer: MAKER,
                model: "Encrypted camera",
            },
            origin: Origin {
                name: MAKER,
                sw_version: &self.version,
            },
        }
    }
}

/// One of the entities of a camera.
struct Part {
    component: &'static str,
    id: &'static str,
    name: &'static str,
}

const ANOMALY: Part = Part {
    component: "binary_sensor",
    id: "anomaly",
    name: "Anomaly",
};
const SCORE: Part = Part {
    component: "sensor",
    id: "score",
    name: "Anomaly score",
};
/// What a binary sensor takes for on and off unless told otherwise.
const ON: &str = "ON";
const OFF: &str = "OFF";

/// A discovery message.
#[derive(Serialize)]
struct Entity<'h> {
    name: &'static str,
    unique_id: String,
    default_entity_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_class: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_class: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggested_display_precision: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<&'static str>,
    state_topic: String,
    value_template: &'static str,
    json_attributes_topic: String,
    json_attributes_template: &'static str,
    availability_topic: String,
    qos: u8,
    device: Device,
    origin: Origin<'h>,
}

#[derive(Serialize)]
struct Device {
    identifiers: [String; 1],
    name: String,
    manufacturer: &'static str,
    model: &'static str,
}

#[derive(Serialize)]
struct Origin<'h> {
    name: &'static str,
    sw_version: &'h str,
}

/// A state message. A `score` of null makes the sensor unknown.
#[derive(Serialize)]
struct State<'e> {
    anomaly: &'static str,
    score: Option<f64>,
    event: EventAttributes<'e>,
}

/// The event that lasts, or the last one. Without one it is an object without fields, which empties
/// the attributes.
#[derive(Default, Serialize)]
struct EventAttributes<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    began_unix_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_unix_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

fn retained(topic: String, payload: Vec<u8>) -> Notice {
    Notice {
        topic,
        payload,
        retained: true,
    }
}

fn json(message: &impl Serialize) -> Vec<u8> {
    // Structures of texts and numbers: there is nothing that JSON could refuse.
    serde_json::to_vec(message).unwrap_or_default()
}

#[cfg(test)]
mod tests;
