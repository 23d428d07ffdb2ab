use std::path::Path;

use serde::Deserialize;

use super::*;
use crate::failure::{Failure, FailureKind};
use crate::mqtt::MqttConfig;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    node: Option<NodeToml>,
    mqtt: Option<MqttToml>,
    stream: Option<StreamToml>,
    log: Option<LogToml>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct StreamToml {
    fps: Option<f64>,
    bits: Option<u8>,
    levels: Option<Vec<u8>>,
    repeat: Option<bool>,
}

#[derive(Debug)]
struct Meant {
    node: NodeConfig,
    mqtt: MqttConfig,
    bits: u8,
    levels: Vec<u8>,
    log: LogConfig,
}

fn meaning(typed: Typed, problems: &mut Problems) -> Option<Meant> {
    let node = NodeToml::meaning(typed.node, problems);
    let placeholder = "x".parse().unwrap();
    let (site, name) = match &node {
        Some(node) => (&node.site, &node.name),
        None => (&placeholder, &placeholder),
    };
    let mqtt = MqttToml::meaning(typed.mqtt, site, name, problems);
    let stream = typed.stream.unwrap_or_default();
    let bits = problems.required("stream.bits", stream.bits, "add it, for example `bits = 4`");
    let bits = bits.and_then(|bits| problems.in_range("stream.bits", bits, 1..=8));
    if stream.fps.is_some_and(|fps| fps <= 0.0) || stream.repeat == Some(false) {
        problems.push("stream.fps", "never ends", "raise it");
    }
    Some(Meant {
        node: node?,
        mqtt: mqtt?,
        bits: bits?,
        levels: stream.levels.unwrap_or_default(),
        log: LogToml::meaning(typed.log),
    })
}

const GOOD: &str = r#"
[node]
site = "demo"
name = "gate"
signing_key = "../keys/gate.key"
trust = "/etc/trust.toml"

[mqtt]
url = "mqtt://127.0.0.1:18830"
keep_alive_s = 20

[stream]
bits = 4
levels = [8, 20, 45]

[log]
format = "json"
level = "debug"
"#;

fn read(text: &str) -> Result<Meant, ConfigErrors> {
    parse(Path::new("configs/camera.toml"), text, meaning)
}

fn refusal(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

/// The lines about one changed line of the good file.
fn refusal_of(line: &str, changed: &str) -> String {
    assert!(GOOD.contains(line));
    refusal(&GOOD.replace(line, changed))
}

#[test]
fn a_good_file_means_what_it_says() {
    let meant = read(GOOD).unwrap();
    assert_eq!(meant.node.name.as_str(), "gate");
    assert_eq!(
        meant.node.signing_key,
        Path::new("configs/../keys/gate.key")
    );
    assert_eq!(meant.node.trust, Path::new("/etc/trust.toml"));
    assert_eq!(meant.mqtt.address(), "127.0.0.1:18830");
    assert_eq!(meant.mqtt.node.as_str(), "gate");
    assert_eq!(meant.mqtt.keep_alive.as_secs(), 20);
    assert_eq!(meant.mqtt.connection_timeout.as_secs(), 60);
    assert_eq!(meant.mqtt.max_packet_bytes, 4_259_840);
    assert_eq!(
        (meant.bits, meant.levels.as_slice()),
        (4, [8, 20, 45].as_slice())
    );
    assert_eq!(
        meant.log,
        LogConfig {
            format: LogFormat::Json,
            level: LogLevel::Debug
        }
    );
}

#[test]
fn all_problems_come_at_once_and_in_the_order_of_lines() {
    let text = r#"
[node]
sight = "demo"
name = "Gate"
signing_key = 7

[mqtt]
url = "127.0.0.1:18830"
keep_alive_s = 1

[stream]
bits = 300
levels = [8, "twenty"]

[log]
level = "loud"

[viewer]
port = 1
"#;
    let expected = "\
configs/camera.toml:2: node.site: missing; add it, for example `site = \"demo\"`
configs/camera.toml:2: node.trust: missing; add the path of the list of enrolled nodes, made by \
`blindsight keys new`
configs/camera.toml:3: node.sight: unknown key; use one of `site`, `name`, `signing_key`, \
`trust`, or remove it
configs/camera.toml:4: node.name: the name holds 'G'; use only a-z, 0-9, `_` and `-`
configs/camera.toml:5: node.signing_key: wrong type: integer `7`; write a text in double quotes
configs/camera.toml:8: mqtt.url: `127.0.0.1:18830` does not begin with mqtt:// or mqtts://; write it as \
mqtt://host:port, for example mqtt://127.0.0.1:18830
configs/camera.toml:9: mqtt.keep_alive_s: 1 is out of range; write a value from 5 to 3600
configs/camera.toml:12: stream.bits: out of range: integer `300`; write a whole number from 0 to 255
configs/camera.toml:13: stream.levels[1]: wrong type: string \"twenty\"; write a whole number \
from 0 to 255
configs/camera.toml:16: log.level: unknown value `loud`; write one of `error`, `warn`, `info`, \
`debug`, `trace`
configs/camera.toml:18: viewer: unknown key; use one of `node`, `mqtt`, `stream`, `log`, or \
remove it";
    assert_eq!(refusal(text), expected);
}

#[test]
fn each_kind_of_mistake_has_its_words() {
    for (line, changed, expected) in [
        (
            "bits = 4",
            "bits = 4\nbit = 4",
            "configs/camera.toml:14: stream.bit: unknown key; use one of `fps`, `bits`, `levels`, \
             `repeat`, or remove it",
        ),
        (
            "bits = 4",
            "bits = \"four\"",
            "configs/camera.toml:13: stream.bits: wrong type: string \"four\"; write a whole \
             number from 0 to 255",
        ),
        (
            "bits = 4",
            "bits = 4\nfps = \"fast\"",
            "configs/camera.toml:14: stream.fps: wrong type: string \"fast\"; write a number",
        ),
        (
            "bits = 4",
            "bits = 4\nrepeat = 1",
            "configs/camera.toml:14: stream.repeat: wrong type: integer `1`; write true or false",
        ),
        (
            "levels = [8, 20, 45]",
            "levels = 8",
            "configs/camera.toml:14: stream.levels: wrong type: integer `8`; write a list in \
             square brackets",
        ),
        (
            "bits = 4",
            "",
            "configs/camera.toml:12: stream.bits: missing; add it, for example `bits = 4`",
        ),
        (
            "bits = 4",
            "bits = 9",
            "configs/camera.toml:13: stream.bits: 9 is out of range; write a value from 1 to 8",
        ),
        (
            "bits = 4",
            "bits = -1",
            "configs/camera.toml:13: stream.bits: out of range: integer `-1`; write a whole \
             number from 0 to 255",
        ),
        ("[log]\nformat = \"json\"\nlevel = \"debug\"", "", ""),
        (
            "format = \"json\"",
            "format = \"xml\"",
            "configs/camera.toml:17: log.format: unknown value `xml`; write `human` or `json`",
        ),
        (
            "[node]",
            "log = 3\n[node]",
            "configs/camera.toml:17: duplicate key; mend the TOML syntax of this line",
        ),
    ] {
        if expected.is_empty() {
            read(&GOOD.replace(line, changed)).unwrap();
        } else {
            assert_eq!(refusal_of(line, changed), expected);
        }
    }
}

#[test]
fn a_section_of_the_wrong_type_is_named_once() {
    let text = GOOD.replace("[stream]\nbits = 4\nlevels = [8, 20, 45]\n", "");
    assert_eq!(
        refusal(&format!("stream = 4\n{text}")),
        "configs/camera.toml:1: stream: wrong type: integer `4`; write a section with its keys \
        below it"
    );
}

#[test]
fn an_empty_file_lacks_everything_on_line_one() {
    let text = refusal("");
    let keys: Vec<_> = text
        .lines()
        .map(|line| line.split(": ").nth(1).unwrap())
        .collect();
    let expected = [
        "node.site",
        "node.name",
        "node.signing_key",
        "node.trust",
        "mqtt.url",
        "stream.bits",
    ];
    assert_eq!(keys, expected);
    assert!(
        text.lines()
            .all(|line| line.starts_with("configs/camera.toml:1: "))
    );
}

#[test]
fn syntax_errors_come_alone_and_all_at_once() {
    let text = "[node]\nname = gate\n\n[mqtt\nurl = \"mqtt://a\"\n";
    let errors = read(text).unwrap_err();
    let lines: Vec<_> = errors
        .problems()
        .iter()
        .map(|problem| problem.line.unwrap())
        .collect();
    assert_eq!(lines, [2, 4], "{errors}");
    assert!(
        errors
            .problems()
            .iter()
            .all(|problem| problem.key.is_empty())
    );
    assert!(
        errors
            .to_string()
            .ends_with("; mend the TOML syntax of this line"),
        "{errors}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing.toml");
    let errors = load(&path, meaning).unwrap_err();
    assert_eq!(
        errors.to_string(),
        format!(
            "{}: cannot read the file: No such file or directory (os error 2); check the path and \
             who may read it",
            path.display()
        )
    );
    std::fs::write(&path, vec![b' '; MAX_FILE_BYTES as usize + 1]).unwrap();
    let errors = load(&path, meaning).unwrap_err();
    assert!(
        errors
            .to_string()
            .ends_with("the file is larger than 1048576 bytes; give a configuration file")
    );
    std::fs::write(&path, [0xff]).unwrap();
    let errors = load(&path, meaning).unwrap_err();
    assert!(
        errors
            .to_string()
            .ends_with("the file is not UTF-8 text; save it as UTF-8")
    );
    std::fs::write(&path, GOOD).unwrap();
    load(&path, meaning).unwrap();
}

#[test]
fn the_failure_of_a_bad_file_ends_with_exit_code_78() {
    let failure = Failure::from(read("[stream]\nbits = 0\n[oops]\n").unwrap_err());
    assert_eq!(failure.kind, FailureKind::Configuration);
    assert_eq!(failure.kind.exit_code(), 78);
    assert!(
        failure
            .what
            .starts_with("7 problems in the configuration\nconfigs/camera.toml:1: ")
    );
}
