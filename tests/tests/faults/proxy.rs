//! The proxy that makes the network bad.

use std::io;
use std::time::{Duration, Instant};

use e2e::PATIENCE;
use e2e::proxy::{Cut, Flow, Proxy, Way};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// A time in which bytes that are not held back have long arrived.
const A_WHILE: Duration = Duration::from_millis(300);
/// Bytes: several chunks, and less than socket buffers hold.
const CHUNKS: usize = 50_000;

/// A server that sends everything back, and a proxy in front of it.
async fn echo() -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    Proxy::start(server)
}

async fn dial(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

/// `bytes` sent, and so many received back.
async fn there_and_back(stream: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
    stream.write_all(bytes).await.unwrap();
    let mut back = vec![0; bytes.len()];
    let read = timeout(PATIENCE, stream.read_exact(&mut back)).await;
    read.expect("nothing came back").unwrap();
    back
}

/// Everything until the end, however that comes.
async fn the_rest(stream: &mut TcpStream) -> (Vec<u8>, io::Result<()>) {
    let mut back = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut back)).await;
    let ended = read.expect("the stream goes on").map(drop);
    (back, ended)
}

fn noise(bytes: usize) -> Vec<u8> {
    (0..bytes as u32)
        .map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

#[tokio::test]
async fn bytes_come_through_unchanged_and_are_counted() {
    let proxy = echo().await;
    let mut stream = dial(&proxy).await;
    let sent = noise(CHUNKS);
    assert_eq!(there_and_back(&mut stream, &sent).await, sent);
    assert_eq!(proxy.accepted(), 1);
    stream.shutdown().await.unwrap();
    let (rest, ended) = the_rest(&mut stream).await;
    assert!(rest.is_empty() && ended.is_ok(), "{ended:?}");
    // Bytes are counted once they are on.
    let passed = [Way::Forth, Way::Back].map(|way| proxy.passed(way));
    assert_eq!(passed, [CHUNKS as u64; 2]);
}

#[tokio::test]
async fn a_delay_holds_bytes_back_without_slowing_them_down() {
    let proxy = echo().await;
    let mut stream = dial(&proxy).await;
    proxy.set(Way::Forth, Flow::Delay(A_WHILE));
    let began = Instant::now();
    let sent = noise(CHUNKS);
    assert_eq!(there_and_back(&mut stream, &sent).await, sent);
    let took = began.elapsed();
    assert!(took >= A_WHILE, "{took:?}");
    // Were each of its chunks delayed after the one before, it would be four times as long.
    assert!(took < 3 * A_WHILE, "{took:?}");
}

#[tokio::test]
async fn a_trickle_has_a_rate() {
    let proxy = echo().await;
    let mut stream = dial(&proxy).await;
    let slow = Flow::Trickle {
        bytes_per_s: CHUNKS as u32 * 2,
    };
    proxy.set(Way::Back, slow);
    let began = Instant::now();
    let sent = noise(CHUNKS);
    assert_eq!(there_and_back(&mut stream, &sent).await, sent);
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(480), "{took:?}");
}

#[tokio::test]
async fn exactly_so_many_bytes_come_through_before_the_end() {
    let proxy = echo().await;
    let mut stream = dial(&proxy).await;
    assert_eq!(there_and_back(&mut stream, b"before").await, b"before");
    proxy.set(Way::Back, Flow::Truncate { after: 20_001 });
    let sent = noise(CHUNKS);
    stream.write_all(&sent).await.unwrap();
    let (back, _) = the_rest(&mut stream).await;
    assert_eq!(back, sent[..20_001]);
    // Every connection has its own count.
    let mut stream = dial(&proxy).await;
    stream.write_all(&sent).await.unwrap();
    assert_eq!(the_rest(&mut stream).await.0, sent[..20_001]);
}

#[tokio::test]
async fn a_stalled_way_goes_on_where_it_stopped() {
    let proxy = echo().await;
    let mut stream = dial(&proxy).await;
    proxy.set(Way::Forth, Flow::Stall);
    let sent = noise(CHUNKS);
    stream.write_all(&sent).await.unwrap();
    let mut back = vec![0; CHUNKS];
    let nothing = timeout(A_WHILE, stream.read(&mut back)).await;
    assert!(nothing.is_err(), "{nothing:?}");
    assert_eq!(proxy.passed(Way::Forth), 0);
    proxy.set(Way::Forth, Flow::Pass);
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(back, sent);
}

#[tokio::test]
async fn a_cut_ends_what_is_open_and_nothing_else() {
    let proxy = echo().await;
    for how in [Cut::Close, Cut::Reset] {
        let mut stream = dial(&proxy).await;
        assert_eq!(there_and_back(&mut stream, b"hello").await, b"hello");
        proxy.cut(how);
        let (_, ended) = the_rest(&mut stream).await;
        assert_eq!(ended.is_err(), how == Cut::Reset, "{ended:?}");
    }
    let mut stream = dial(&proxy).await;
    assert_eq!(there_and_back(&mut stream, b"again").await, b"again");
}

#[tokio::test]
async fn a_closed_proxy_takes_nobody_until_it_is_open_again() {
    let proxy = echo().await;
    proxy.close();
    let mut stream = dial(&proxy).await;
    let (rest, _) = the_rest(&mut stream).await;
    assert!(rest.is_empty());
    proxy.open();
    let mut stream = dial(&proxy).await;
    assert_eq!(there_and_back(&mut stream, b"hello").await, b"hello");
}

#[tokio::test]
async fn a_server_that_is_away_looks_like_a_reset() {
    // Bound and not listening any more.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    drop(listener);
    let proxy = Proxy::start(server);
    let mut stream = dial(&proxy).await;
    let (rest, _) = the_rest(&mut stream).await;
    assert!(rest.is_empty());
}
