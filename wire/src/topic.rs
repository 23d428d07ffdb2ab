//! MQTT topics: the only place that writes or reads them.

use std::fmt;

use crate::name::{Name, NameError};

const PREFIX: &str = "blindsight/v1";

/// A topic that a message is published on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Encrypted tiles of a camera's frames, camera to worker.
    Frame {
        /// The site that the camera belongs to.
        site: Name,
        /// The camera.
        camera: Name,
    },
    /// Encrypted tiles of feature maps, worker to viewer.
    Map {
        /// The site that the camera belongs to.
        site: Name,
        /// The camera whose frames were pooled.
        camera: Name,
    },
    /// Receipts for whole frames, viewer to camera.
    Receipt {
        /// The site that the camera belongs to.
        site: Name,
        /// The camera whose frame arrived.
        camera: Name,
    },
    /// Whether a node is online (retained, last will).
    NodeState {
        /// The site that the node belongs to.
        site: Name,
        /// The node.
        node: Name,
    },
    /// A node's rates, queues and drops; nothing that follows from plaintext.
    NodeHealth {
        /// The site that the node belongs to.
        site: Name,
        /// The node.
        node: Name,
    },
}

/// Why a text is not a [`Topic`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// No topic of this version has such a form.
    #[error(
        "`{}` is not a topic of this version; use `{PREFIX}/SITE/CAMERA/frame|map|receipt` or \
         `{PREFIX}/SITE/nodes/NODE/state|health`",
        printable(topic)
    )]
    Form {
        /// The refused text.
        topic: String,
    },
    /// A part of the topic that should be a name is none.
    #[error("the topic `{}` has a bad part: {source}", printable(topic))]
    Name {
        /// The refused text.
        topic: String,
        /// What is wrong with the part.
        source: NameError,
    },
}

impl Topic {
    /// Reads a topic as it came from the broker.
    ///
    /// # Errors
    /// When the form is none of the five, or a part is not a [`Name`].
    pub fn parse(topic: &str) -> Result<Self, TopicError> {
        let whole = || topic.to_owned();
        let name = |part: &str| {
            part.parse::<Name>().map_err(|source| TopicError::Name {
                topic: whole(),
                source,
            })
        };
        let form = || TopicError::Form { topic: whole() };
        let rest = topic.strip_prefix(PREFIX).ok_or_else(form)?;
        let rest = rest.strip_prefix('/').ok_or_else(form)?;
        let mut parts = rest.split('/');
        // One part more than the longest form has, so that a longer topic matches nothing.
        let parts: [Option<&str>; 5] = std::array::from_fn(|_| parts.next());
        match parts {
            [Some(site), Some(camera), Some("frame"), None, None] => Ok(Self::Frame {
                site: name(site)?,
                camera: name(camera)?,
            }),
            [Some(site), Some(camera), Some("map"), None, None] => Ok(Self::Map {
                site: name(site)?,
                camera: name(camera)?,
            }),
            [Some(site), Some(camera), Some("receipt"), None, None] => Ok(Self::Receipt {
                site: name(site)?,
                camera: name(camera)?,
            }),
            [Some(site), Some("nodes"), Some(node), Some("state"), None] => Ok(Self::NodeState {
                site: name(site)?,
                node: name(node)?,
            }),
            [Some(site), Some("nodes"), Some(node), Some("health"), None] => Ok(Self::NodeHealth {
                site: name(site)?,
                node: name(node)?,
            }),
            _ => Err(form()),
        }
    }

    /// The filter for the frames of all cameras of a site.
    #[must_use]
    pub fn all_frames(site: &Name) -> String {
        format!("{PREFIX}/{site}/+/frame")
    }

    /// The filter that shares the frames of all cameras of a site out among the members of a group: each message goes to
    /// one of them. Some brokers know a group by its name alone, so the site is part of it.
    #[must_use]
    pub fn shared_frames(site: &Name, group: &Name) -> String {
        format!("$share/{site}-{group}/{}", Self::all_frames(site))
    }

    /// The filter for the feature maps of all cameras of a site.
    #[must_use]
    pub fn all_maps(site: &Name) -> String {
        format!("{PREFIX}/{site}/+/map")
    }

    /// The filter for the receipts of all cameras of a site. A camera subscribes to its own
    /// [`Topic::Receipt`].
    #[must_use]
    pub fn all_receipts(site: &Name) -> String {
        format!("{PREFIX}/{site}/+/receipt")
    }

    /// The filters for the small messages of all sites: receipts, states and health.
    #[must_use]
    pub fn small_messages() -> [String; 3] {
        ["+/receipt", "nodes/+/state", "nodes/+/health"].map(|rest| format!("{PREFIX}/+/{rest}"))
    }

    /// The filter for the states of all nodes of a site.
    #[must_use]
    pub fn all_node_states(site: &Name) -> String {
        format!("{PREFIX}/{site}/nodes/+/state")
    }

    /// The filter for the health of all nodes of a site.
    #[must_use]
    pub fn all_node_health(site: &Name) -> String {
        format!("{PREFIX}/{site}/nodes/+/health")
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame { site, camera } => write!(f, "{PREFIX}/{site}/{camera}/frame"),
            Self::Map { site, camera } => write!(f, "{PREFIX}/{site}/{camera}/map"),
            Self::Receipt { site, camera } => write!(f, "{PREFIX}/{site}/{camera}/receipt"),
            Self::NodeState { site, node } => write!(f, "{PREFIX}/{site}/nodes/{node}/state"),
            Self::NodeHealth { site, node } => write!(f, "{PREFIX}/{site}/nodes/{node}/health"),
        }
    }
}

/// A topic from the network as one short line for a log: control characters escaped, at most 96
/// characters.
pub(crate) fn printable(topic: &str) -> String {
    const MAX_CHARS: usize = 96;
    let mut line: String = topic.escape_debug().take(MAX_CHARS).collect();
    if topic.escape_debug().nth(MAX_CHARS).is_some() {
        line.push_str("...");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn topics_are_spelled_as_documented() {
        let (site, node, camera) = (name("demo"), name("viewer"), name("gate"));
        let (s, c) = (site.clone(), camera.clone());
        for (topic, text) in [
            (
                Topic::Frame {
                    site: s.clone(),
                    camera: c.clone(),
                },
                "blindsight/v1/demo/gate/frame",
            ),
            (
                Topic::Map {
                    site: s.clone(),
                    camera: c,
                },
                "blindsight/v1/demo/gate/map",
            ),
            (
                Topic::Receipt {
                    site: site.clone(),
                    camera,
                },
                "blindsight/v1/demo/gate/receipt",
            ),
            (
                Topic::NodeState {
                    site: site.clone(),
                    node: node.clone(),
                },
                "blindsight/v1/demo/nodes/viewer/state",
            ),
            (
                Topic::NodeHealth { site: s, node },
                "blindsight/v1/demo/nodes/viewer/health",
            ),
        ] {
            assert_eq!(topic.to_string(), text);
            assert_eq!(Topic::parse(text).unwrap(), topic);
        }
        assert_eq!(Topic::all_frames(&site), "blindsight/v1/demo/+/frame");
        assert_eq!(
            Topic::shared_frames(&site, &name("pool")),
            "$share/demo-pool/blindsight/v1/demo/+/frame"
        );
        assert_eq!(Topic::all_maps(&site), "blindsight/v1/demo/+/map");
        assert_eq!(Topic::all_receipts(&site), "blindsight/v1/demo/+/receipt");
        assert_eq!(
            Topic::all_node_states(&site),
            "blindsight/v1/demo/nodes/+/state"
        );
        assert_eq!(
            Topic::all_node_health(&site),
            "blindsight/v1/demo/nodes/+/health"
        );
    }

    #[test]
    fn a_camera_called_nodes_is_no_node() {
        assert_eq!(
            Topic::parse("blindsight/v1/demo/nodes/frame").unwrap(),
            Topic::Frame {
                site: name("demo"),
                camera: name("nodes")
            }
        );
    }

    #[test]
    fn other_topics_are_refused() {
        for text in [
            "",
            "/",
            "blindsight/v1",
            "blindsight/v1/",
            "blindsight/v2/demo/gate/frame",
            "blindsight/v1/demo/gate/frame/",
            "/blindsight/v1/demo/gate/frame",
            "blindsight/v1/demo/gate/frames",
            "blindsight/v1/demo/gate/state",
            "blindsight/v1/demo/nodes/viewer/frame",
            "blindsight/v1/demo/nodes/viewer/state/x",
            "blindsight/v1/demo/nodes/viewer/state/x/y/z",
        ] {
            assert!(
                matches!(Topic::parse(text), Err(TopicError::Form { .. })),
                "{text}"
            );
        }
        assert_eq!(
            Topic::parse("blindsight/v1/demo/+/frame")
                .unwrap_err()
                .to_string(),
            "the topic `blindsight/v1/demo/+/frame` has a bad part: the name holds '+'; use only \
             a-z, 0-9, `_` and `-`"
        );
        assert_eq!(
            Topic::parse("x").unwrap_err().to_string(),
            "`x` is not a topic of this version; use \
             `blindsight/v1/SITE/CAMERA/frame|map|receipt` or \
             `blindsight/v1/SITE/nodes/NODE/state|health`"
        );
    }

    #[test]
    fn a_hostile_topic_stays_one_short_line() {
        let line = printable(&"\n\u{1b}[2J".repeat(1000));
        assert!(
            line.len() <= 100 && line.is_ascii() && !line.contains(char::is_control),
            "{line}"
        );
        assert_eq!(
            printable("blindsight/v1/demo/gate/frame"),
            "blindsight/v1/demo/gate/frame"
        );
    }

    proptest! {
        #[test]
        fn parse_inverts_display(
            site in "[a-z0-9_-]{1,32}",
            other in "[a-z0-9_-]{1,32}",
            form in 0..5,
        ) {
            let (site, other) = (name(&site), name(&other));
            let topic = match form {
                0 => Topic::Frame { site, camera: other },
                1 => Topic::Map { site, camera: other },
                2 => Topic::Receipt { site, camera: other },
                3 => Topic::NodeState { site, node: other },
                _ => Topic::NodeHealth { site, node: other },
            };
            prop_assert_eq!(Topic::parse(&topic.to_string()).unwrap(), topic);
        }

        #[test]
        fn whatever_parses_prints_as_it_was(text in "(blindsight/v1/)?[a-z/+#]{0,40}") {
            if let Ok(topic) = Topic::parse(&text) {
                prop_assert_eq!(topic.to_string(), text);
            }
        }
    }
}
