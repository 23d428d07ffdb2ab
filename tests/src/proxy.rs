//! A TCP proxy that is the bad network: it passes bytes on at once, late, slowly, in part or not at all, and cuts
//! connections. Each way of it is switched on its own, while connections are open.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use wire::shutdown::Shutdown;

use crate::PATIENCE;

mod pump;

use pump::pump;

const LOOK_EVERY: Duration = Duration::from_millis(2);

/// One of the two ways of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client, which dials the proxy, to the server.
    Forth,
    /// From the server to the client.
    Back,
}

/// What happens to the bytes of one way of every connection, from now on and also to new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// They are passed on at once.
    Pass,
    /// They are passed on so long after they came.
    Delay(Duration),
    /// They are passed on at this rate.
    Trickle {
        /// The rate, at least 50.
        bytes_per_s: u32,
    },
    /// So many more are passed on, then the connection is closed.
    Truncate {
        /// Counted on each connection from when this was switched on, or from its beginning.
        after: u64,
    },
    /// They are taken and not passed on, until this changes. At most 1 MiB is taken.
    Stall,
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Both sides see the end of the stream.
    Close,
    /// Both sides see a reset.
    Reset,
}

/// A proxy in a thread of its own, in front of one server. Dropping it closes everything.
pub struct Proxy {
    address: SocketAddr,
    switches: Arc<Switches>,
    stop: Shutdown,
    thread: Option<JoinHandle<()>>,
}

/// What the test sets and the connections look at.
struct Switches {
    flows: [watch::Sender<Flow>; 2],
    /// Changes with each cut.
    cut: watch::Sender<Cut>,
    open: AtomicBool,
    passed: [AtomicU64; 2],
    accepted: AtomicU64,
}

impl Proxy {
    /// Listens on a free port in front of `server`, which need not run.
    pub fn start(server: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let switches = Arc::new(Switches {
            flows: [(); 2].map(|()| watch::Sender::new(Flow::Pass)),
            cut: watch::Sender::new(Cut::Close),
            open: AtomicBool::new(true),
            passed: Default::default(),
            accepted: AtomicU64::new(0),
        });
        let stop = Shutdown::new();
        let (shared, stopped) = (switches.clone(), stop.clone());
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = stopped.cancelled() => {}
                    ended = accept(listener, server, shared) => panic!("{ended:?}"),
                }
            });
        });
        Self {
            address,
            switches,
            stop,
            thread: Some(thread),
        }
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Switches one way.
    pub fn set(&self, way: Way, flow: Flow) {
        self.switches.flows[way as usize].send_replace(flow);
    }

    /// Switches both ways.
    pub fn set_both(&self, flow: Flow) {
        self.set(Way::Forth, flow);
        self.set(Way::Back, flow);
    }

    /// Cuts every connection that is open. New ones are taken.
    pub fn cut(&self, how: Cut) {
        self.switches.cut.send_replace(how);
    }

    /// Cuts every connection, and every new one at once, until [`Proxy::open`].
    pub fn close(&self) {
        self.switches.open.store(false, Ordering::SeqCst);
        self.cut(Cut::Reset);
    }

    /// Takes new connections again.
    pub fn open(&self) {
        self.switches.open.store(true, Ordering::SeqCst);
    }

    /// Bytes passed on so far on one way of all connections.
    pub fn passed(&self, way: Way) -> u64 {
        self.switches.passed[way as usize].load(Ordering::SeqCst)
    }

    /// Connections taken so far.
    pub fn accepted(&self) -> u64 {
        self.switches.accepted.load(Ordering::SeqCst)
    }

    /// Waits until `bytes` more have been passed on.
    pub fn wait_for_passed(&self, way: Way, bytes: u64) {
        let (began, mark) = (Instant::now(), self.passed(way));
        while self.passed(way) < mark + bytes {
            assert!(began.elapsed() < PATIENCE, "only {}", self.passed(way));
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed, and the test is about to miss its bytes.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, switches: Arc<Switches>) -> io::Error {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                switches.accepted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(connection(client, server, switches.clone()));
            }
            Err(error) => return error,
        }
    }
}

async fn connection(client: TcpStream, server: SocketAddr, switches: Arc<Switches>) {
    // Before anything else, so that no cut is missed.
    let mut cut = switches.cut.subscribe();
    if !switches.open.load(Ordering::SeqCst) {
        return finish(&[&client], Cut::Reset);
    }
    let dialled = tokio::select! {
        dialled = TcpStream::connect(server) => dialled,
        _ = cut.changed() => return finish(&[&client], *cut.borrow()),
    };
    let Ok(server) = dialled else {
        return finish(&[&client], Cut::Reset);
    };
    let (mut client, mut server) = (client, server);
    for stream in [&client, &server] {
        // A side that has hung up already shows as soon as it is read.
        let _ = stream.set_nodelay(true);
    }
    let how = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let way = |way: Way| {
            let place = way as usize;
            (switches.flows[place].subscribe(), &switches.passed[place])
        };
        let forth = pump(from_client, to_server, way(Way::Forth));
        let back = pump(from_server, to_client, way(Way::Back));
        tokio::select! {
            _ = async { tokio::try_join!(forth, back) } => Cut::Close,
            _ = cut.changed() => *cut.borrow(),
        }
    };
    finish(&[&client, &server], how);
}

/// Says how the streams are to end when they are dropped.
fn finish(streams: &[&TcpStream], how: Cut) {
    if how == Cut::Reset {
        for stream in streams {
            // Fails only on a stream that is gone.
            let _ = stream.set_zero_linger();
        }
    }
}
