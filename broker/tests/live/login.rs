//! Users and passwords.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::*;
use broker::{Broker, BrokerConfig, Refusal, Users};
use tempfile::TempDir;
use wire::failure::{Failure, FailureKind};
use wire::mqtt::{Login, MqttConfig, Subscriber};
use wire::shutdown::Shutdown;

/// A users file with one user of each name, its password being `NAME's password`.
pub(crate) fn users(folder: &Path, names: &[&str]) -> PathBuf {
    let path = folder.join("users.txt");
    let mut users = Users::default();
    for name in names {
        users.set(name, &format!("{name}'s password")).unwrap();
    }
    users.save(&path).unwrap();
    path
}

/// The login of `name`, with this password in a file of its own.
pub(crate) fn login(folder: &Path, name: &str, password: &str) -> Login {
    let password_file = folder.join(format!("{name}.password"));
    fs::write(&password_file, format!("{password}\n")).unwrap();
    fs::set_permissions(&password_file, fs::Permissions::from_mode(0o600)).unwrap();
    Login {
        username: name.to_owned(),
        password_file,
    }
}

/// What a node that starts is told.
pub(crate) async fn refusal(config: &MqttConfig) -> Failure {
    let filters = vec!["blindsight/#".to_owned()];
    let mut subscriber = Subscriber::connect(config, "in", filters, Shutdown::new());
    let began = Instant::now();
    let failure = subscriber.ready(PATIENCE).await.unwrap_err();
    // Trying again cannot help, so nobody waits for it.
    assert!(began.elapsed() < PATIENCE, "{failure}");
    failure
}

async fn broker_for_gate() -> (Broker, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = BrokerConfig {
        users: Some(users(folder.path(), &["gate"])),
        ..BrokerConfig::default()
    };
    (start_as(config).await, folder)
}

#[tokio::test]
async fn the_right_password_lets_in_and_the_stream_flows() {
    let (broker, folder) = broker_for_gate().await;
    let mut config = client_of(broker.addr());
    config.login = Some(login(folder.path(), "gate", "gate's password"));
    let mut subscriber = frame_subscriber(&config).await;
    let publisher = publisher(&config);
    publisher
        .publish(&frames(), vec![1; 300_000])
        .await
        .unwrap();
    assert_eq!(message(&mut subscriber).await, vec![1; 300_000]);
    assert_eq!(broker.counters().clients(), 2);
    assert!(broker.counters().bytes_in() > 300_000 && broker.counters().bytes_out() > 300_000);
    publisher.stop("done").await;
    broker.stop().await;
}

#[tokio::test]
async fn whoever_has_no_password_or_a_wrong_one_is_told_so() {
    let (broker, folder) = broker_for_gate().await;
    let address = broker.addr();
    let mut config = client_of(address);
    let failure = refusal(&config).await;
    assert_eq!(failure.kind, FailureKind::Permissions);
    assert_eq!(
        failure.to_string(),
        format!(
            "the MQTT broker at {address} cannot be used: it wants a user name and a password\n  \
             help: write `mqtt.username` and `mqtt.password_file`"
        )
    );
    for (name, password) in [
        ("gate", "yard's password"),
        ("yard", "gate's password"),
        ("gate", "gate's passwor"),
    ] {
        let login = login(folder.path(), name, password);
        let file = login.password_file.display().to_string();
        config.login = Some(login);
        let failure = refusal(&config).await;
        assert_eq!(failure.kind, FailureKind::Permissions);
        assert_eq!(
            failure.to_string(),
            format!(
                "the MQTT broker at {address} cannot be used: it refuses the user `{name}` or its \
                 password\n  help: compare {file} with what `broker passwd` was given for this user"
            )
        );
    }
    assert!(broker.counters().refused(Refusal::Credentials) >= 4);
    assert_eq!(broker.counters().clients(), 0);
}

#[tokio::test]
async fn a_password_file_that_others_may_read_is_not_used() {
    let (broker, folder) = broker_for_gate().await;
    let mut config = client_of(broker.addr());
    let login = login(folder.path(), "gate", "gate's password");
    fs::set_permissions(&login.password_file, fs::Permissions::from_mode(0o644)).unwrap();
    config.login = Some(login);
    let failure = refusal(&config).await;
    assert_eq!(failure.kind, FailureKind::Permissions);
    assert!(
        failure.what.contains("is open to others (mode 0644)"),
        "{failure}"
    );
    assert!(failure.mend.contains("chmod 600"), "{failure}");
}

#[tokio::test]
async fn a_password_that_was_mended_is_used_without_a_restart() {
    let (broker, folder) = broker_for_gate().await;
    let mut config = client_of(broker.addr());
    config.login = Some(login(folder.path(), "gate", "a wrong password"));
    let publisher = publisher(&config);
    let started = Instant::now();
    while broker.counters().refused(Refusal::Credentials) == 0 {
        assert!(started.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    login(folder.path(), "gate", "gate's password");
    wait_until_connected(&publisher, true).await;
}

/// The last byte of a CONNACK, and whether the connection was closed after it.
fn connack(address: std::net::SocketAddr, packet: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(packet).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

/// A CONNECT packet with a login.
fn login_packet(username: &str, password: &str) -> Vec<u8> {
    let mut packet = connect_packet("a");
    // The flags: a user name, a password and a clean session.
    packet[9] = 0xc2;
    for text in [username, password] {
        packet.extend((text.len() as u16).to_be_bytes());
        packet.extend(text.as_bytes());
    }
    packet[1] = packet.len() as u8 - 2;
    packet
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_login_is_answered_after_a_second_whatever_is_wrong_with_it() {
    let (broker, _folder) = broker_for_gate().await;
    for (username, password) in [("gate", "guess"), ("nobody", "guess"), ("gate", "")] {
        let began = Instant::now();
        let answer = connack(broker.addr(), &login_packet(username, password));
        assert_eq!(answer, [0x20, 2, 0, 5]);
        assert!(began.elapsed() >= Duration::from_secs(1));
    }
    assert_eq!(broker.counters().refused(Refusal::Credentials), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_on_the_wire_are_those_of_the_standard() {
    let (broker, _folder) = broker_for_gate().await;
    assert_eq!(
        connack(broker.addr(), &connect_packet("a")),
        [0x20, 2, 0, 5]
    );
    let mut new = connect_packet("a");
    new[8] = 5;
    assert_eq!(connack(broker.addr(), &new), [0x20, 2, 0, 1]);
    let mut nameless = connect_packet("");
    nameless[9] = 0;
    assert_eq!(connack(broker.addr(), &nameless), [0x20, 2, 0, 2]);
    let counters = broker.counters();
    let refused = [Refusal::Credentials, Refusal::Version, Refusal::Malformed]
        .map(|reason| counters.refused(reason));
    assert_eq!(refused, [1, 1, 1]);
}
