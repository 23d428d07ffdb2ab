//! The section `[telemetry]`, as typed and as meant.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use super::Problems;
use crate::telemetry::{LOOPBACK_MEND, loopback_problem};

/// How often a node reports on its health topic.
const HEALTH_INTERVAL: Duration = Duration::from_secs(10);

/// `[telemetry]` as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryToml {
    /// Address and port of the pages `/metrics`, `/healthz` and `/readyz`.
    pub listen: Option<String>,
}

/// `[telemetry]` as meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// Where metrics and health are served; a loopback address. `None` serves none.
    pub listen: Option<SocketAddr>,
    /// How often a signing node reports on its health topic. Never from a file.
    pub health_interval: Duration,
    /// Whether the service manager that started this program is told how the node is. Never from a file: for `main`
    /// functions, because a process may hold several nodes.
    pub supervised: bool,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            listen: None,
            health_interval: HEALTH_INTERVAL,
            supervised: false,
        }
    }
}

impl TelemetryConfig {
    /// The same, for a program that a service manager may have started.
    #[must_use]
    pub fn supervised(self) -> Self {
        Self {
            supervised: true,
            ..self
        }
    }
}

impl TelemetryToml {
    /// What the section means; without it, nothing is served.
    pub fn meaning(section: Option<Self>, problems: &mut Problems) -> Option<TelemetryConfig> {
        let listen = match section.unwrap_or_default().listen {
            Some(text) => Some(listen(&text, problems)?),
            None => None,
        };
        Some(TelemetryConfig {
            listen,
            ..TelemetryConfig::default()
        })
    }
}

fn listen(text: &str, problems: &mut Problems) -> Option<SocketAddr> {
    let mend = "write an IP address and a port, for example 127.0.0.1:9101";
    let address = problems.parsed::<SocketAddr>("telemetry.listen", text, mend)?;
    if let Some(problem) = loopback_problem(address) {
        problems.push("telemetry.listen", problem, LOOPBACK_MEND);
        return None;
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Typed {
        telemetry: Option<TelemetryToml>,
    }

    fn read(text: &str) -> Result<TelemetryConfig, String> {
        let meaning = |typed: Typed, problems: &mut Problems| {
            TelemetryToml::meaning(typed.telemetry, problems)
        };
        parse(Path::new("node.toml"), text, meaning).map_err(|errors| errors.to_string())
    }

    #[test]
    fn nothing_is_served_unless_the_file_says_where() {
        assert_eq!(read("").unwrap(), TelemetryConfig::default());
        assert_eq!(read("[telemetry]\n").unwrap().listen, None);
        let listen = read("[telemetry]\nlisten = \"[::1]:9101\"\n")
            .unwrap()
            .listen;
        assert_eq!(listen, Some("[::1]:9101".parse().unwrap()));
    }

    #[test]
    fn other_machines_are_kept_out() {
        assert_eq!(
            read("[telemetry]\nlisten = \"0.0.0.0:9101\"\n").unwrap_err(),
            "node.toml:2: telemetry.listen: 0.0.0.0:9101 can be reached from other machines and metrics are for \
             everybody who asks; listen on 127.0.0.1, and let the collector of the metrics run on this machine or \
             come through a tunnel"
        );
        assert_eq!(
            read("[telemetry]\nlisten = \"9101\"\n").unwrap_err(),
            "node.toml:2: telemetry.listen: invalid socket address syntax; write an IP address and a port, for \
             example 127.0.0.1:9101"
        );
    }

    #[test]
    fn a_file_cannot_speak_to_the_service_manager() {
        assert_eq!(
            read("[telemetry]\nsupervised = true\n").unwrap_err(),
            "node.toml:2: telemetry.supervised: unknown key; use `listen`, or remove it"
        );
    }
}
