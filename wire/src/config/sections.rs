//! Sections that several nodes share: `[node]` and `[log]`, as typed and as meant.

use std::path::PathBuf;

use serde::Deserialize;

use super::Problems;
use crate::name::Name;

/// `[node]` as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeToml {
    /// Name of the site, the first part of every topic.
    pub site: Option<String>,
    /// Name of this node, unique within the site.
    pub name: Option<String>,
    /// File with the node's Ed25519 signing key.
    pub signing_key: Option<PathBuf>,
    /// File with the enrolled nodes and their verifying keys.
    pub trust: Option<PathBuf>,
}

/// `[node]` as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfig {
    /// Name of the site, the first part of every topic.
    pub site: Name,
    /// Name of this node, unique within the site.
    pub name: Name,
    /// File with the node's Ed25519 signing key.
    pub signing_key: PathBuf,
    /// File with the enrolled nodes and their verifying keys.
    pub trust: PathBuf,
}

impl NodeToml {
    /// What the section means. All four keys are required; paths start at the configuration file's
    /// folder.
    pub fn meaning(section: Option<Self>, problems: &mut Problems) -> Option<NodeConfig> {
        let typed = section.unwrap_or_default();
        let site = name(
            problems,
            "node.site",
            typed.site,
            "add it, for example `site = \"demo\"`",
        );
        let own = name(
            problems,
            "node.name",
            typed.name,
            "add it, for example `name = \"gate\"`",
        );
        let mend = "add the path of the node's signing key, made by `blindsight keys new`";
        let signing_key = problems.required("node.signing_key", typed.signing_key, mend);
        let mend = "add the path of the list of enrolled nodes, made by `blindsight keys new`";
        let trust = problems.required("node.trust", typed.trust, mend);
        Some(NodeConfig {
            site: site?,
            name: own?,
            signing_key: problems.resolve(&signing_key?),
            trust: problems.resolve(&trust?),
        })
    }
}

fn name(problems: &mut Problems, key: &str, typed: Option<String>, missing: &str) -> Option<Name> {
    let typed = problems.required(key, typed, missing)?;
    problems.parsed(
        key,
        &typed,
        "use 1 to 32 of the characters a-z, 0-9, _ and -",
    )
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One readable line for each event.
    #[default]
    Human,
    /// One JSON object for each event.
    Json,
}

/// The least important log lines that are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what ends the program.
    Error,
    /// Also what was lost or refused.
    Warn,
    /// Also each step worth knowing.
    #[default]
    Info,
    /// Also what helps to find a fault.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The word used in the configuration and in log filters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// `[log]` as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogToml {
    /// `human` or `json`.
    pub format: Option<LogFormat>,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: Option<LogLevel>,
}

/// `[log]` as meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogConfig {
    /// How log lines look.
    pub format: LogFormat,
    /// The least important log lines that are shown.
    pub level: LogLevel,
}

impl LogToml {
    /// What the section means; without it, readable lines from level `info`.
    #[must_use]
    pub fn meaning(section: Option<Self>) -> LogConfig {
        let typed = section.unwrap_or_default();
        LogConfig {
            format: typed.format.unwrap_or_default(),
            level: typed.level.unwrap_or_default(),
        }
    }
}
