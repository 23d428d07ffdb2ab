//! The command: exit codes and what it says.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use broker::Users;
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
    let file = path.display();
    let expected = format!(
        "error: 1 problem in the configuration\n\
         {file}:2: broker.listen: 0.0.0.0:1883 can be reached from other machines and nothing tells \
         clients apart; add `[tls]` with `certificate` and `key`, and `[auth]` with `users`, or \
         listen on 127.0.0.1\n  help: docs/ref/configuration.md describes every key\n"
    );
    assert_eq!(run(&path), (78, expected));
}

#[test]
fn passwords_in_the_clear_end_it_with_exit_code_78() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[broker]\nlisten = \"[::]:1883\"\n[auth]\nusers = \"users.txt\"\n";
    let path = config(&folder, text);
    let file = path.display();
    let expected = format!(
        "error: 1 problem in the configuration\n\
         {file}:2: broker.listen: [::]:1883 can be reached from other machines and passwords would \
         cross the network in the clear; add `[tls]` with `certificate` and `key`, or listen on \
         127.0.0.1\n  help: docs/ref/configuration.md describes every key\n"
    );
    assert_eq!(run(&path), (78, expected));
}

#[test]
fn a_users_file_that_others_may_read_ends_it_with_exit_code_77() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[broker]\nlisten = \"127.0.0.1:0\"\n[auth]\nusers = \"users.txt\"\n";
    let path = config(&folder, text);
    let users = folder.path().join("users.txt");
    fs::write(&users, "").unwrap();
    fs::set_permissions(&users, fs::Permissions::from_mode(0o644)).unwrap();
    let users = users.display();
    let expected = format!(
        "error: the users file {users} is open to others (mode 0644)\n  help: run `chmod 600 \
         {users}`, and change what is in it if others may have read it\n"
    );
    assert_eq!(run(&path), (77, expected));
}

/// A broker started by a shell that first runs `limits`.
fn limited(limits: &str, config: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            &format!("{limits} && exec \"$0\" run --config \"$1\""),
        ])
        .arg(env!("CARGO_BIN_EXE_broker"))
        .arg(config)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    command
}

#[test]
fn it_allows_itself_the_open_files_that_its_clients_need() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[broker]\nlisten = \"127.0.0.1:0\"\nmax_connections = 100\n";
    let path = config(&folder, text);
    let mut child = limited("ulimit -Sn 100", &path).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let ready = log.any(|line| line.unwrap().contains("broker is ready"));
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(ready);
    let limits = limits.unwrap();
    let open_files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = open_files.unwrap().split_whitespace().nth(3);
    assert_eq!(soft, Some("428"));
}

#[test]
fn more_open_files_than_the_system_allows_end_it_with_exit_code_78() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[broker]\nlisten = \"127.0.0.1:0\"\nmax_connections = 100\n";
    let path = config(&folder, text);
    let output = limited("ulimit -n 427", &path).output().unwrap();
    let expected = "error: 100 clients need 428 open files and the system allows this process 427\n  \
                    help: lower `broker.max_connections`, or raise the limit: `LimitNOFILE=` of the \
                    service, or `ulimit -n`\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
    assert_eq!(output.status.code(), Some(78));
}

/// `broker passwd` with a password on stdin: exit code and stderr.
fn passwd(users: &Path, more: &[&str], password: &str) -> (i32, String) {
    let mut child = broker()
        .args(["passwd", "--users"])
        .arg(users)
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may have ended without reading.
    let _ = stdin.write_all(password.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said)
}

#[test]
fn passwd_makes_changes_and_takes_out_users() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.txt");
    let done = (0, String::new());
    assert_eq!(passwd(&path, &["--user", "gate"], "first pass\n"), done);
    assert_eq!(passwd(&path, &["--user", "viewer"], "second pass"), done);
    let users = Users::load(&path).unwrap();
    assert!(users.accepts("gate", b"first pass") && users.accepts("viewer", b"second pass"));
    assert_eq!(passwd(&path, &["--user", "gate"], "third pass\n"), done);
    assert_eq!(passwd(&path, &["--user", "viewer", "--remove"], ""), done);
    let users = Users::load(&path).unwrap();
    assert!(users.accepts("gate", b"third pass") && users.len() == 1);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("\ngate:$argon2id$v=19$") && !text.contains("pass\n"));
}

#[test]
fn passwd_refuses_what_makes_no_user() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.txt");
    let file = path.display();
    let name = "error: `a:b` is not a user name\n  help: write 1 to 64 of the characters a-z, A-Z, \
                0-9, `.`, `_`, `-` and `@`\n";
    let short = "error: the password has 5 bytes\n  help: choose one of 8 to 1024 bytes\n";
    let absent = format!(
        "error: reading the users file {file} failed: No such file or directory (os error 2)\n  \
         help: check the path and who may read it\n"
    );
    for (more, password, code, said) in [
        (&["--user", "a:b"][..], "long enough", 2, name),
        (&["--user", "gate"], "short\n", 2, short),
        (&["--user", "gate", "--remove"], "", 74, absent.as_str()),
    ] {
        assert_eq!(passwd(&path, more, password), (code, said.to_owned()));
        assert!(!path.exists());
    }
    assert_eq!(passwd(&path, &["--user", "gate"], "long enough").0, 0);
    let nobody = format!(
        "error: {file} holds no user `yard`\n  help: look into the file for the names that it has\n"
    );
    let more = ["--user", "yard", "--remove"];
    assert_eq!(passwd(&path, &more, ""), (2, nobody));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let (code, said) = passwd(&path, &["--user", "gate"], "long enough");
    assert_eq!(code, 77, "{said}");
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
