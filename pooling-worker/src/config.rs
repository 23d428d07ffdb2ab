//! The worker's configuration file: what was typed and what it means.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use wire::config::{
    self, ConfigErrors, LogConfig, LogToml, MqttToml, NodeToml, Problems, TelemetryConfig,
    TelemetryToml,
};
use wire::name::Name;
use wire::node::LinkConfig;

/// Bytes of tiles that may wait in each lane when the file does not say: 4600 of the longest tiles of scheme tfhe, or
/// 160 of 0.4 MB.
pub const DEFAULT_BACKLOG_BYTES: usize = 64 << 20;
const LEAST_BACKLOG_BYTES: usize = 1 << 20;
const MOST_BACKLOG_BYTES: usize = 16 << 30;

/// What a worker needs to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerConfig {
    /// Who the worker is and which broker it speaks to.
    pub link: LinkConfig,
    /// The files of the evaluation keys, at least one.
    pub evaluation_keys: Vec<PathBuf>,
    /// Threads that pool in each lane; 0 takes one for each core.
    pub threads: usize,
    /// How many bytes of tiles may wait in each lane, 1 MiB to 16 GiB. A full lane stops reading.
    pub backlog_bytes: usize,
    /// The workers of one group share the tiles out among them; `None` takes all.
    pub share: Option<Name>,
    /// Where its metrics and health are served.
    pub telemetry: TelemetryConfig,
    /// How log lines look.
    pub log: LogConfig,
    /// Whether keys of the scheme `plain`, which hides nothing, are taken. Never from a file.
    pub insecure_plain: bool,
}

/// The file as typed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkerToml {
    node: Option<NodeToml>,
    mqtt: Option<MqttToml>,
    pool: Option<PoolToml>,
    telemetry: Option<TelemetryToml>,
    log: Option<LogToml>,
}

/// `[pool]` as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PoolToml {
    evaluation_keys: Option<Vec<PathBuf>>,
    threads: Option<usize>,
    backlog_bytes: Option<usize>,
    share: Option<String>,
}

impl WorkerConfig {
    /// Reads the configuration file at `path`. Opens nothing that it names.
    ///
    /// # Errors
    /// All problems of the file.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        config::load(path, meaning)
    }
}

fn meaning(typed: WorkerToml, problems: &mut Problems) -> Option<WorkerConfig> {
    let link = LinkConfig::meaning(typed.node, typed.mqtt, problems);
    let pool = typed.pool.unwrap_or_default();
    let mend = "add it, for example `evaluation_keys = [\"evaluation.key\"]`";
    let keys = problems.required("pool.evaluation_keys", pool.evaluation_keys, mend);
    if keys.as_ref().is_some_and(Vec::is_empty) {
        let mend = "name at least one file made by `blindsight keys new`";
        problems.push("pool.evaluation_keys", "the list is empty", mend);
    }
    let threads = problems.in_range("pool.threads", pool.threads.unwrap_or(0), 0..=1024);
    let backlog = pool.backlog_bytes.unwrap_or(DEFAULT_BACKLOG_BYTES);
    let backlog = problems.in_range(
        "pool.backlog_bytes",
        backlog,
        LEAST_BACKLOG_BYTES..=MOST_BACKLOG_BYTES,
    );
    let telemetry = TelemetryToml::meaning(typed.telemetry, problems);
    let mend = "name the group with 1 to 32 of the characters a-z, 0-9, _ and -";
    let share = match &pool.share {
        Some(group) => Some(problems.parsed::<Name>("pool.share", group, mend)?),
        None => None,
    };
    Some(WorkerConfig {
        link: link?,
        evaluation_keys: keys?.iter().map(|key| problems.resolve(key)).collect(),
        threads: threads?,
        backlog_bytes: backlog?,
        share,
        telemetry: telemetry?,
        log: LogToml::meaning(typed.log),
        insecure_plain: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
[node]
site = "demo"
name = "worker"
signing_key = "keys/signing.key"
trust = "/etc/blindsight/trust.toml"

[mqtt]
url = "mqtt://127.0.0.1:18830"

[pool]
evaluation_keys = ["keys/evaluation.key"]
"#;

    fn parse(text: &str) -> Result<WorkerConfig, ConfigErrors> {
        config::parse(Path::new("site/worker.toml"), text, meaning)
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let config = parse(WHOLE).expect("a valid file");
        assert_eq!(config.link.node.name.as_str(), "worker");
        assert_eq!(
            config.link.node.signing_key,
            Path::new("site/keys/signing.key")
        );
        assert_eq!(
            config.link.node.trust,
            Path::new("/etc/blindsight/trust.toml")
        );
        assert_eq!(
            (config.link.mqtt.host.as_str(), config.link.mqtt.port),
            ("127.0.0.1", 18830)
        );
        assert_eq!(
            config.evaluation_keys,
            [Path::new("site/keys/evaluation.key")]
        );
        assert_eq!((config.threads, config.backlog_bytes), (0, 67_108_864));
        assert_eq!(config.share, None);
        assert!(!config.insecure_plain);
    }

    #[test]
    fn all_problems_come_out_at_once() {
        let text = r#"
[node]
site = "Demo"
name = "worker"
signing_key = "signing.key"

[mqtt]
url = "tcp://localhost"
keep_alive_s = 1

[pool]
evaluation_keys = []
thread = 2
backlog_bytes = 0
"#;
        let errors = parse(text).expect_err("problems").to_string();
        let lines: Vec<&str> = errors.lines().collect();
        for (line, start) in lines.iter().zip([
            "site/worker.toml:2: node.trust: missing; ",
            "site/worker.toml:3: node.site: ",
            "site/worker.toml:8: mqtt.url: ",
            "site/worker.toml:9: mqtt.keep_alive_s: 1 is out of range; write a value from 5 to 3600",
            "site/worker.toml:12: pool.evaluation_keys: the list is empty; \
             name at least one file made by `blindsight keys new`",
            "site/worker.toml:13: pool.thread: unknown key; \
             use one of `evaluation_keys`, `threads`, `backlog_bytes`, `share`, or remove it",
            "site/worker.toml:14: pool.backlog_bytes: 0 is out of range; write a value from 1048576 to 17179869184",
        ]) {
            assert!(line.starts_with(start), "{line}\nshould start with\n{start}");
        }
        assert_eq!(lines.len(), 7, "{errors}");
    }

    #[test]
    fn plain_keys_cannot_be_allowed_by_a_file() {
        let errors = parse(&format!("{WHOLE}insecure_plain = true\n")).expect_err("a problem");
        assert_eq!(
            errors.to_string(),
            "site/worker.toml:13: pool.insecure_plain: unknown key; \
             use one of `evaluation_keys`, `threads`, `backlog_bytes`, `share`, or remove it"
        );
    }

    #[test]
    fn the_file_of_the_demo_loads() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let config =
            WorkerConfig::load(&root.join("configs/demo/worker.toml")).expect("a valid file");
        assert_eq!(config.link.node.name.as_str(), "worker");
    }
}
