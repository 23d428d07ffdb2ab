//! Starting, stopping and what happens when that fails.

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::*;
use broker::{Broker, BrokerConfig};
use tokio::time::timeout;
use wire::failure::FailureKind;
use wire::shutdown::Shutdown;

#[tokio::test]
async fn stop_closes_the_port_and_every_connection_within_the_deadline() {
    let broker = start().await;
    let address = broker.addr();
    let _subscriber = frame_subscriber(&client_of(address)).await;
    let publisher = publisher(&client_of(address));
    wait_until_connected(&publisher, true).await;
    let mut silent = TcpStream::connect(address).unwrap();

    let started = Instant::now();
    broker.stop().await;
    assert!(started.elapsed() < Duration::from_secs(3));
    assert!(TcpStream::connect(address).is_err());
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(!matches!(silent.read(&mut [0; 1]), Ok(1..)));
    wait_until_connected(&publisher, false).await;
    broker::bind(address).unwrap();
}

#[tokio::test]
async fn a_dropped_broker_gives_its_port_back() {
    let broker = start().await;
    let address = broker.addr();
    drop(broker);
    let freed = async {
        while broker::bind(address).is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, freed).await.unwrap();
}

#[tokio::test]
async fn a_listener_that_others_can_reach_is_refused() {
    let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let address = listener.local_addr().unwrap();
    let failure = Broker::start(BrokerConfig::default(), listener)
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Configuration);
    assert_eq!(
        failure.what,
        format!(
            "cannot listen: {address} can be reached from other machines and nothing tells clients \
             apart"
        )
    );
}

#[tokio::test]
async fn run_ends_well_when_asked_to() {
    let address = free_address();
    let shutdown = Shutdown::new();
    let listener = broker::bind(address).unwrap();
    let running = tokio::spawn(broker::run(
        BrokerConfig::default(),
        listener,
        shutdown.clone(),
    ));
    let _subscriber = frame_subscriber(&client_of(address)).await;
    shutdown.cancel();
    timeout(Duration::from_secs(5), running)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}
