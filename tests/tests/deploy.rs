//! What is in `deploy/` fits the programs and the configuration files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::data_folder::committed;
use e2e::programs::{Outcome, command, run};
use e2e::skipped;

const UNITS: [&str; 4] = [
    "blindsight-broker.service",
    "blindsight-worker.service",
    "blindsight-viewer.service",
    "blindsight-camera@.service",
];

/// As `systemd-analyze security` weighs it: 0 for locked up, 10 for anything goes.
const MOST_EXPOSED: f64 = 1.5;
/// With the devices of a camera and the addresses of private networks.
const MOST_EXPOSED_WITH_CAMERA: f64 = 2.0;

fn read(path: &str) -> String {
    fs::read_to_string(committed(path)).unwrap()
}

/// The values of each key of a unit, in order.
fn keys(unit: &str) -> BTreeMap<String, Vec<String>> {
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in unit.lines().filter(|line| !line.starts_with('#')) {
        if let Some((key, value)) = line.split_once('=') {
            keys.entry(key.to_owned())
                .or_default()
                .push(value.to_owned());
        }
    }
    keys
}

/// Checks that `words` run a node with a configuration file that is in `configs/deploy` and that the node takes.
fn check_command(words: &[&str]) {
    let [program, "run", "--config", config] = words else {
        panic!("{words:?}");
    };
    let name = Path::new(config).file_name().unwrap().to_str().unwrap();
    let whose = match name {
        "broker.toml" => "broker",
        "camera.toml" => "camera-node",
        "worker.toml" => "pooling-worker",
        "viewer.toml" => "viewer",
        _ => panic!("{config}"),
    };
    assert_eq!(*program, whose);
    let file = committed("configs/deploy").join(name);
    let file = file.to_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let checked = run("blindsight", &["config", "check", file], folder.path());
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    // It takes the option, and misses the file where it is not installed.
    let missing = folder.path().join(name);
    let started = run(
        program,
        &["run", "--config", missing.to_str().unwrap()],
        folder.path(),
    );
    assert_eq!(started.code, 78, "{}", started.stderr);
    assert!(
        started.stderr.contains("cannot read the file"),
        "{}",
        started.stderr
    );
}

#[test]
fn every_unit_starts_a_program_with_a_configuration_that_it_takes() {
    for name in UNITS {
        let keys = keys(&read(&format!("deploy/systemd/{name}")));
        let start = &keys["ExecStart"][0];
        let start = start.strip_prefix("/usr/local/bin/").unwrap();
        let config = start.rsplit(' ').next().unwrap();
        assert!(config.starts_with("/etc/blindsight/"), "{start}");
        check_command(&start.split(' ').collect::<Vec<_>>());
        assert_eq!(keys["Type"], ["notify"], "{name}");
        // Longer than a node takes to stop.
        let stop: u64 = keys["TimeoutStopSec"][0].parse().unwrap();
        assert!(stop > 5, "{name}");
        let users = read("deploy/systemd/blindsight.sysusers.conf");
        let user = &keys["User"][0];
        assert!(users.contains(&format!("\nu {user} - ")), "{user}");
    }
}

/// The units as they would be installed, with the programs where they were built.
fn installed(folder: &Path) -> Vec<String> {
    UNITS
        .map(|name| {
            let text = read(&format!("deploy/systemd/{name}"));
            let (before, rest) = text.split_once("ExecStart=").unwrap();
            let program = rest.split(' ').next().unwrap();
            let built = command(
                Path::new(program).file_name().unwrap().to_str().unwrap(),
                folder,
            );
            let built = built.get_program().to_str().unwrap();
            let rest = rest.strip_prefix(program).unwrap();
            let name = name.replace('@', "@gate");
            fs::write(
                folder.join(&name),
                format!("{before}ExecStart={built}{rest}"),
            )
            .unwrap();
            name
        })
        .to_vec()
}

/// `None` where there is no such program, which is said.
fn systemd_analyze(args: &[&str], folder: &Path) -> Option<Outcome> {
    match Command::new("systemd-analyze")
        .args(args)
        .current_dir(folder)
        .output()
    {
        Ok(output) => Some(Outcome {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }),
        Err(error) => {
            skipped(&format!("systemd-analyze cannot be run: {error}"));
            None
        }
    }
}

/// How exposed systemd finds a unit that it finds nothing wrong with; `None` where that cannot be said, which is said.
fn exposure(name: &str, folder: &Path) -> Option<f64> {
    let unit = format!("./{name}");
    let verified = systemd_analyze(&["verify", "--man=no", &unit], folder)?;
    assert_eq!((verified.code, &*verified.stderr), (0, ""), "{name}");
    // Before version 250 units that are not installed cannot be weighed.
    let weighed = systemd_analyze(&["security", "--offline=true", &unit], folder)?;
    if weighed.code != 0 && weighed.stderr.contains("unrecognized option") {
        skipped("this systemd-analyze weighs installed units only");
        return None;
    }
    let level = weighed
        .stdout
        .split("Overall exposure level for ")
        .nth(1)
        .unwrap();
    let level = level
        .split(": ")
        .nth(1)
        .and_then(|level| level.split(' ').next())
        .unwrap();
    Some(level.parse().unwrap())
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let folder = tempfile::tempdir().unwrap();
    for name in installed(folder.path()) {
        let Some(level) = exposure(&name, folder.path()) else {
            return;
        };
        assert!(level <= MOST_EXPOSED, "{name}: {level}");
    }
}

#[test]
fn the_drop_in_of_a_raspberry_pi_opens_its_camera_and_little_more() {
    let folder = tempfile::tempdir().unwrap();
    installed(folder.path());
    let name = "blindsight-camera@gate.service";
    let drop_ins = folder.path().join(format!("{name}.d"));
    fs::create_dir(&drop_ins).unwrap();
    let drop_in = committed("deploy/systemd/raspberry-pi.conf");
    fs::copy(drop_in, drop_ins.join("raspberry-pi.conf")).unwrap();
    let Some(level) = exposure(name, folder.path()) else {
        return;
    };
    // That it is taken into account at all.
    assert!(
        level > MOST_EXPOSED && level <= MOST_EXPOSED_WITH_CAMERA,
        "{level}"
    );
}

/// The services of the compose file by name, each with its lines.
fn services() -> BTreeMap<String, Vec<String>> {
    let text = read("deploy/compose.yaml");
    let (_, services) = text.split_once("\nservices:\n").unwrap();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut current = String::new();
    for line in services
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with(' '))
    {
        let line = line.strip_prefix("  ").unwrap_or("");
        if !line.is_empty() && !line.starts_with(' ') {
            current = line.strip_suffix(':').unwrap().to_owned();
        } else if !line.is_empty() {
            found
                .entry(current.clone())
                .or_default()
                .push(line.trim().to_owned());
        }
    }
    found
}

/// The list that stands behind `key`.
fn list(lines: &[String], key: &str) -> Vec<String> {
    let line = lines
        .iter()
        .find_map(|line| line.strip_prefix(key))
        .unwrap();
    serde_json::from_str(line.trim()).unwrap()
}

#[test]
fn every_service_of_the_compose_file_runs_a_program_that_says_how_it_is() {
    let services = services();
    assert_eq!(
        services.keys().collect::<Vec<_>>(),
        ["broker", "camera", "network", "viewer", "worker"]
    );
    let mut users = Vec::new();
    for (name, lines) in services.iter().filter(|(name, _)| *name != "network") {
        let command = list(lines, "command:");
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        check_command(&words);
        // The folder of the configuration is mounted, and cannot be written.
        let config = Path::new(words[3]).parent().unwrap().to_str().unwrap();
        let volumes = list(lines, "volumes:");
        let mounted = |volume: &String| volume.ends_with(&format!(":{config}:ro"));
        assert!(volumes.iter().any(mounted), "{name}: {volumes:?}");
        // It is asked where it serves its pages.
        let file = Path::new(words[3]).file_name().unwrap().to_str().unwrap();
        let check = list(lines, "test:");
        let ["CMD", "blindsight", "health", address] =
            check.iter().map(String::as_str).collect::<Vec<_>>()[..]
        else {
            panic!("{check:?}");
        };
        let file = read(&format!("configs/deploy/{file}"));
        assert!(
            file.contains(&format!("[telemetry]\nlisten = \"{address}\"")),
            "{name}"
        );
        users.push(
            lines
                .iter()
                .find(|line| line.starts_with("user:"))
                .unwrap()
                .clone(),
        );
        assert!(lines.iter().any(|line| line == "<<: *node"), "{name}");
    }
    users.dedup();
    assert_eq!(users.len(), 4, "each node has a user of its own: {users:?}");
}

/// Everything that follows from YAML itself, by a program that knows it.
#[test]
fn the_compose_file_is_yaml() {
    let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let file = committed("deploy/compose.yaml");
    let read = Command::new("python3")
        .args(["-c", script])
        .arg(file)
        .output();
    let output = match read {
        Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("ModuleNotFoundError") => {
            output
        }
        _ => {
            skipped("there is no python3 with yaml");
            return;
        }
    };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let compose: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let services = compose["services"].as_object().unwrap();
    assert_eq!(services.len(), 5);
    for (name, service) in services {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]), "{name}");
        assert!(service.get("ports").is_none(), "{name}");
        assert!(service["mem_limit"].is_string(), "{name}");
    }
    assert_eq!(compose["networks"]["inside"]["internal"], true);
}

#[test]
fn the_image_has_every_program_that_is_run_in_it_and_runs_as_nobody_special() {
    let file = read("deploy/Dockerfile");
    for program in [
        "blindsight",
        "broker",
        "camera-node",
        "pooling-worker",
        "viewer",
    ] {
        assert!(
            file.contains(&format!("/src/target/release/{program} ")),
            "{program}"
        );
    }
    let last_stage = file.rsplit("\nFROM ").next().unwrap();
    assert!(last_stage.contains("\nUSER 10000:10000\n"));
    assert!(!last_stage.contains("apt-get") && !last_stage.contains("curl"));
}
