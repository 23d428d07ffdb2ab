//! The command: exit codes and what it says.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

fn broker() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_broker"));
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

fn config(folder: &TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("broker.toml");
    fs::write(&path, text).unwrap();
    path
}

/// The exit code and stderr of a run that ends by itself.
fn run(config: &Path) -> (i32, String) {
    let output = broker()
        .arg("run")
        .arg("--config")
        .arg(config)
        .output()
        .unwrap();
    assert!(output.stdout.is_empty());
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn a_signal_ends_it_with_exit_code_0() {
    for signal in ["INT", "TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let path = config(&folder, "[broker]\nlisten = \"127.0.0.1:0\"\n");
        let mut child = broker()
            .args(["run", "--config"])
            .arg(path)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(log.any(|line| line.unwrap().contains("broker is ready")));
        let asked = Instant::now();
        let sent = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        let rest: Vec<_> = log.map(Result::unwrap).collect();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal}: {rest:?}");
        assert!(asked.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_busy_port_ends_it_with_exit_code_74() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let path = config(
        &folder,
        &format!("[broker]\nlisten = \"127.0.0.1:{port}\"\n"),
    );
    let expected = format!(
        "error: cannot listen on 127.0.0.1:{port}: the port is in use\n  help: end the program \
        that has it (`ss -ltnp 'sport = :{port}'` names it), or choose another port in \
         `broker.listen` and in the nodes' `mqtt.url`\n"
    );
    assert_eq!(run(&path), (74, expected));
}

#[test]
fn a_bad_configuration_ends_it_with_exit_code_78() {
    let folder = tempfile::tempdir().unwrap();
    let path = config(
        &folder,
        "[broker]\nlistn = \"127.0.0.1:0\"\nmax_connections = \"many\"\n",
    );
    let file = path.display();
    let expected = format!(
        "error: 2 problems in the configuration\n\
         {file}:2: broker.listn: unknown key; use one of `listen`, `max_packet_bytes`, \
         `max_connections`, `ring_log_bytes`, `name`, or remove it\n\
         {file}:3: broker.max_connections: wrong type: string \"many\"; write a whole number, 0 \
         or more\n  help: docs/ref/configuration.md describes every key\n"
    );
    assert_eq!(run(&path), (78, expected));
}

#[test]
fn an_address_that_others_can_reach_ends_it_with_exit_code_78() {
    let folder = tempfile::tempdir().unwrap();
    let path = config(&folder, "[broker]\nlisten = \"0.0.0.0:1883\"\n");
    let (code, said) = run(&path);
    assert_eq!(code, 78);
    assert!(
        said.contains("the broker cannot tell clients apart; listen on 127.0.0.1"),
        "{said}"
    );
}

#[test]
fn no_scheme_is_in_its_dependencies() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--package",
            "broker",
            "--edges",
            "normal",
            "--prefix",
            "none",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success());
    let tree = String::from_utf8(tree.stdout).unwrap();
    let names: Vec<_> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(names.contains(&"rumqttd") && names.contains(&"wire"));
    for name in names {
        assert!(
            !name.contains("fhe") && name != "cipherframe" && name != "client-key",
            "{name}"
        );
    }
}
