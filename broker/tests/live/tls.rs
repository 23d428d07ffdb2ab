//! TLS, with and without client certificates.

use std::path::Path;
use std::time::Duration;

use crate::certificates::Authority;
use crate::login::{login, refusal, users};
use crate::support::*;
use broker::{Broker, BrokerConfig, Refusal, TlsConfig};
use tempfile::TempDir;
use wire::failure::FailureKind;
use wire::mqtt::{MqttConfig, Subscriber};
use wire::shutdown::Shutdown;
use wire::tls::{ClientIdentity, ClientTls};

/// A folder with an authority, and the broker's TLS for `names`.
fn server_tls(folder: &Path, names: &[&str]) -> (Authority, TlsConfig) {
    let authority = Authority::new(folder, "authority");
    let (certificate, key) = authority.sign("broker", names);
    let tls = TlsConfig {
        certificate,
        key,
        client_ca: None,
        handshake_timeout: PATIENCE,
    };
    (authority, tls)
}

fn over_tls(broker: &Broker, ca: &Path, identity: Option<ClientIdentity>) -> MqttConfig {
    let mut config = client_of(broker.addr());
    config.tls = Some(ClientTls {
        ca: Some(ca.to_owned()),
        identity,
    });
    config
}

/// A broker with TLS for 127.0.0.1 and the user `gate`, and the configuration of that user.
pub(crate) async fn secure_broker(
    folder: &TempDir,
    handshake_timeout: Duration,
) -> (Broker, MqttConfig) {
    let (authority, mut tls) = server_tls(folder.path(), &["127.0.0.1"]);
    tls.handshake_timeout = handshake_timeout;
    let broker = start_as(BrokerConfig {
        tls: Some(tls),
        users: Some(users(folder.path(), &["gate"])),
        ..BrokerConfig::default()
    })
    .await;
    let mut config = over_tls(&broker, &authority.certificate, None);
    config.login = Some(login(folder.path(), "gate", "gate's password"));
    (broker, config)
}

#[tokio::test]
async fn three_mebibytes_pass_encrypted_and_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let (broker, config) = secure_broker(&folder, PATIENCE).await;
    let mut subscriber = frame_subscriber(&config).await;
    let publisher = publisher(&config);
    let sent: Vec<u8> = (0..3 << 20)
        .map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for _ in 0..3 {
        publisher.publish(&frames(), sent.clone()).await.unwrap();
        assert!(message(&mut subscriber).await == sent, "it changed");
    }
    publisher.stop("done").await;
    broker.stop().await;
}

#[tokio::test]
async fn a_node_that_stops_says_so_through_the_tunnel() {
    let folder = tempfile::tempdir().unwrap();
    let (_broker, config) = secure_broker(&folder, PATIENCE).await;
    let states = wire::topic::Topic::all_node_states(&config.site);
    let mut watcher = subscriber(&config, states).await;
    let leaving = publisher(&config);
    let said = message(&mut watcher).await;
    assert!(said.starts_with(b"{\"reason\":\"connected\""), "{said:?}");
    leaving.stop("asked to").await;
    let said = message(&mut watcher).await;
    assert!(said.starts_with(b"{\"reason\":\"asked to\""), "{said:?}");
    let vanishing = publisher(&config);
    message(&mut watcher).await;
    drop(vanishing);
    let said = message(&mut watcher).await;
    assert!(
        said.starts_with(b"{\"reason\":\"connection lost\""),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_new_broker_on_the_same_port_is_found_over_tls_too() {
    let folder = tempfile::tempdir().unwrap();
    let (_, tls) = server_tls(folder.path(), &["127.0.0.1"]);
    let config = BrokerConfig {
        tls: Some(tls),
        ..BrokerConfig::default()
    };
    let first = start_as(config.clone()).await;
    let address = first.addr();
    let client = over_tls(&first, &folder.path().join("authority.pem"), None);
    let mut subscriber = frame_subscriber(&client).await;
    let publisher = publisher(&client);
    publisher.publish(&frames(), vec![1]).await.unwrap();
    assert_eq!(message(&mut subscriber).await, [1]);
    first.stop().await;
    wait_until_connected(&publisher, false).await;
    publisher.publish(&frames(), vec![2]).await.unwrap();
    let _second = Broker::start(config, broker::bind(address).unwrap())
        .await
        .unwrap();
    loop {
        // The publisher may be back before the subscriber.
        match next(&mut subscriber).await {
            wire::mqtt::Incoming::Message { payload, .. } if payload[..] == [3] => break,
            wire::mqtt::Incoming::Reconnected => {
                publisher.publish(&frames(), vec![3]).await.unwrap();
            }
            wire::mqtt::Incoming::Message { .. } | wire::mqtt::Incoming::Connected => {}
        }
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_fit_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, mut tls) = server_tls(folder.path(), &["broker.example"]);
    let config = |tls: &TlsConfig| BrokerConfig {
        tls: Some(tls.clone()),
        ..BrokerConfig::default()
    };
    let broker = start_as(config(&tls)).await;
    let other = Authority::new(folder.path(), "other");
    let stranger = other.certificate.display().to_string();
    let check = async |client: MqttConfig, reason: &str| {
        let failure = refusal(&client).await;
        let prefix = format!("the MQTT broker at {} cannot be used: ", client.address());
        assert_eq!(failure.kind, FailureKind::Configuration);
        assert_eq!(failure.what, format!("{prefix}{reason}"));
    };
    check(
        over_tls(&broker, &other.certificate, None),
        &format!("its certificate is not signed by an authority of {stranger}"),
    )
    .await;
    check(
        over_tls(&broker, &authority.certificate, None),
        "its certificate is not for the name `127.0.0.1`",
    )
    .await;
    assert!(broker.counters().refused(Refusal::Handshake) >= 2);
    broker.stop().await;

    (tls.certificate, tls.key) = authority.sign_expired("old", "127.0.0.1");
    let broker = start_as(config(&tls)).await;
    let passing = async |client: MqttConfig, said: &str| {
        let filters = vec!["blindsight/#".to_owned()];
        let mut subscriber = Subscriber::connect(&client, "in", filters, Shutdown::new());
        let failure = subscriber.ready(Duration::from_secs(2)).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable);
        assert!(failure.what.contains(said), "{failure}");
    };
    // The clock of a machine that has just started may be wrong: that may pass.
    passing(
        over_tls(&broker, &authority.certificate, None),
        " 2 s: its certificate has expired, or this machine's clock is wrong",
    )
    .await;
    broker.stop().await;

    // Without TLS it just hangs up, as one that is being restarted does: that may pass.
    let plain = start().await;
    passing(
        over_tls(&plain, &authority.certificate, None),
        "it hung up during the TLS handshake, and may not speak TLS on this port",
    )
    .await;
    assert!(plain.counters().refused(Refusal::Malformed) >= 1);
}

#[tokio::test]
async fn a_client_needs_a_certificate_where_the_broker_wants_one() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, mut tls) = server_tls(folder.path(), &["127.0.0.1"]);
    let clients = Authority::new(folder.path(), "clients");
    tls.client_ca = Some(clients.certificate.clone());
    let broker = start_as(BrokerConfig {
        tls: Some(tls),
        ..BrokerConfig::default()
    })
    .await;
    let identity = |(certificate, key)| Some(ClientIdentity { certificate, key });
    let of = |identity| over_tls(&broker, &authority.certificate, identity);
    let right = of(identity(clients.sign("gate", &[])));
    // Signed by the authority of the broker, which is not that of its clients.
    let wrong = of(identity(authority.sign("stranger", &[])));

    let failure = refusal(&of(None)).await;
    assert_eq!(failure.kind, FailureKind::Permissions);
    assert!(
        failure.what.ends_with("it wants a client certificate"),
        "{failure}"
    );
    let failure = refusal(&wrong).await;
    assert_eq!(failure.kind, FailureKind::Permissions);
    assert!(
        failure.what.contains("it refuses the client certificate"),
        "{failure}"
    );
    assert_eq!(broker.counters().clients(), 0);

    let mut subscriber = frame_subscriber(&right).await;
    let publisher = publisher(&right);
    publisher.publish(&frames(), vec![7]).await.unwrap();
    assert_eq!(message(&mut subscriber).await, [7]);
}

#[tokio::test]
async fn files_that_do_not_fit_keep_the_broker_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, tls) = server_tls(folder.path(), &["127.0.0.1"]);
    let (_, other_key) = authority.sign("other", &["127.0.0.1"]);
    let failure = |tls: TlsConfig| async {
        let listener = broker::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let config = BrokerConfig {
            tls: Some(tls),
            ..BrokerConfig::default()
        };
        Broker::start(config, listener).await.unwrap_err()
    };
    let mismatch = failure(TlsConfig {
        key: other_key,
        ..tls.clone()
    });
    let mismatch = mismatch.await;
    assert_eq!(mismatch.kind, FailureKind::BadData);
    assert!(mismatch.what.contains("do not go together"), "{mismatch}");
    let missing = failure(TlsConfig {
        certificate: folder.path().join("missing.pem"),
        ..tls.clone()
    });
    assert_eq!(missing.await.kind, FailureKind::Io);
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&tls.key, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(failure(tls).await.kind, FailureKind::Permissions);
}
