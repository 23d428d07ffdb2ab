//! The pages `/metrics`, `/healthz` and `/readyz`, on loopback only.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::metrics::{MEDIA_TYPE, Page};
use super::vitals::Vitals;
use crate::failure::{Failure, FailureKind};
use crate::http::{ConnectionLimits, LimitedListener, is_loopback, named_host};

/// What to do instead of listening on an address that others can reach.
pub const LOOPBACK_MEND: &str = "listen on 127.0.0.1, and let the collector of the metrics run on \
this machine or come through a tunnel";

/// Who wants to know more connects again.
const LIMITS: ConnectionLimits = ConnectionLimits {
    connections: 16,
    // Only this machine gets here.
    per_peer: 16,
    first_answer: Duration::from_secs(5),
    lifetime: Duration::from_secs(10),
    request_bytes: 16 << 10,
};

const OTHER_HOST: &str =
    "ask for 127.0.0.1, [::1] or localhost: these pages are served under no other name\n";
const UNKNOWN: &str = "there are /metrics, /healthz and /readyz\n";

/// What is wrong with serving metrics on `address`, if others can reach it.
#[must_use]
pub fn loopback_problem(address: SocketAddr) -> Option<String> {
    (!address.ip().is_loopback()).then(|| {
        format!(
            "{address} can be reached from other machines and metrics are for everybody who asks"
        )
    })
}

/// A server that has its port.
pub(super) struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Takes the port. 0 picks a free one.
    pub(super) async fn bind(listen: SocketAddr) -> Result<Self, Failure> {
        if let Some(problem) = loopback_problem(listen) {
            let what = format!("cannot serve metrics: {problem}");
            return Err(Failure::new(
                FailureKind::Configuration,
                what,
                LOOPBACK_MEND,
            ));
        }
        let failed = |error| {
            let what = format!("listening on {listen} for metrics");
            let mend =
                "end the program that has the port, or choose another one in `telemetry.listen`";
            Failure::io(what, &error, mend)
        };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until dropped; connections end then too.
    pub(super) async fn run(self, page: Arc<Page>, vitals: Vitals) {
        let closed = CancellationToken::new();
        let _ends_connections = closed.clone().drop_guard();
        let listener = LimitedListener::new(self.listener, LIMITS, closed);
        // It accepts for ever, and has no failure of its own.
        if let Err(error) = axum::serve(listener, router(page, vitals)).await {
            tracing::error!(%error, "metrics and health are no longer served");
        }
    }
}

fn router(page: Arc<Page>, vitals: Vitals) -> Router {
    let alive = vitals.clone();
    Router::new()
        .route("/metrics", get(async move || metrics(&page)))
        .route(
            "/healthz",
            get(async move || verdict("alive", &alive.ailments())),
        )
        .route(
            "/readyz",
            get(async move || verdict("ready", &vitals.lacking())),
        )
        .fallback(async || (StatusCode::NOT_FOUND, UNKNOWN))
        .layer(middleware::from_fn(loopback_only))
}

/// Turns away who asks for another host: a page in a browser of this machine whose own name was
/// made to mean 127.0.0.1 could read the answers (DNS rebinding).
async fn loopback_only(request: Request, next: Next) -> Response {
    if named_host(request.headers(), request.uri(), is_loopback).is_some() {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, OTHER_HOST).into_response()
    }
}

fn metrics(page: &Page) -> Response {
    match page.text() {
        Ok(text) => ([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// `well`, or what is amiss, one line for each.
fn verdict(well: &str, amiss: &[String]) -> (StatusCode, String) {
    match amiss {
        [] => (StatusCode::OK, format!("{well}\n")),
        amiss => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{}\n", amiss.join("\n")),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::super::{Family, Need, Telemetry};
    use super::*;
    use crate::config::TelemetryConfig;
    use crate::shutdown::Shutdown;

    /// The status and the body of the answer to `request`.
    async fn ask(address: SocketAddr, request: String) -> (u16, String, String) {
        let answer = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(60)))
                .unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        let answer = answer.await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_owned())
    }

    async fn get(address: SocketAddr, path: &str) -> (u16, String, String) {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        ask(address, request).await
    }

    async fn start<const N: usize>(
        needs: [&'static str; N],
        shutdown: &Shutdown,
    ) -> (Telemetry, [Need; N]) {
        let config = TelemetryConfig {
            listen: Some("127.0.0.1:0".parse().unwrap()),
            ..TelemetryConfig::default()
        };
        let figures = || vec![Family::counter("blindsight_test_tiles", "Tiles.", 3)];
        Telemetry::start("test", &config, needs, figures, shutdown)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn each_page_says_what_is_so() {
        let shutdown = Shutdown::new();
        let needs = ["the keys are not loaded", "not connected"];
        let (telemetry, [keys, link]) = start(needs, &shutdown).await;
        let address = telemetry.address().unwrap();
        let (status, head, body) = get(address, "/metrics").await;
        assert_eq!(status, 200);
        assert!(
            head.contains(&format!("content-type: {MEDIA_TYPE}")),
            "{head}"
        );
        assert!(body.contains("\nblindsight_test_tiles_total 3\n"), "{body}");
        assert!(body.ends_with("# EOF\n"));

        let (status, _, body) = get(address, "/readyz").await;
        assert_eq!(
            (status, &*body),
            (503, "the keys are not loaded\nnot connected\n")
        );
        keys.set(true);
        link.set(true);
        let (status, _, body) = get(address, "/readyz").await;
        assert_eq!((status, &*body), (200, "ready\n"));

        let vitals = telemetry.vitals();
        let intake = vitals.during("the intake", std::future::pending::<()>());
        let (status, _, body) = get(address, "/healthz").await;
        assert_eq!((status, &*body), (200, "alive\n"));
        drop(intake);
        let (status, _, body) = get(address, "/healthz").await;
        assert_eq!((status, &*body), (503, "the intake ended\n"));

        shutdown.cancel();
        let (status, _, body) = get(address, "/readyz").await;
        assert_eq!((status, &*body), (503, "asked to stop\n"));
    }

    #[tokio::test]
    async fn nothing_else_is_there() {
        let (telemetry, []) = start([], &Shutdown::new()).await;
        let address = telemetry.address().unwrap();
        for path in ["/", "/metrics/", "/readyz/x", "/..", "/favicon.ico"] {
            let (status, _, body) = get(address, path).await;
            assert_eq!((status, &*body), (404, UNKNOWN), "{path}");
        }
        let post = "POST /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(ask(address, post.to_owned()).await.0, 405);
    }

    #[tokio::test]
    async fn another_host_is_turned_away() {
        let (telemetry, []) = start([], &Shutdown::new()).await;
        let address = telemetry.address().unwrap();
        let status = async |path: &str, hosts: &[&str]| {
            let hosts: String = hosts
                .iter()
                .map(|host| format!("Host: {host}\r\n"))
                .collect();
            let request = format!("GET {path} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
            ask(address, request).await.0
        };
        for host in [
            "localhost",
            "LocalHost:1",
            "127.0.0.1:9101",
            "127.8.9.10",
            "[::1]",
            "[::1]:9101",
        ] {
            assert_eq!(status("/metrics", &[host]).await, 200, "{host}");
        }
        for host in [
            "",
            "rebound.example",
            "rebound.example:9101",
            "localhost.example",
            "127.0.0.1.example",
            "192.168.1.2",
            "::1",
            "[::2]",
            "[::1",
            "127.0.0.1:x",
            "localhost@rebound.example",
        ] {
            for path in ["/metrics", "/readyz", "/other"] {
                let status = status(path, &[host]).await;
                assert!(matches!(status, 400 | 421), "{host}: {status}");
            }
        }
        for (path, hosts) in [
            ("/metrics", &[][..]),
            ("/metrics", &["localhost", "rebound.example"]),
            ("http://rebound.example/metrics", &["localhost"]),
        ] {
            assert!(matches!(status(path, hosts).await, 400 | 421), "{hosts:?}");
        }
    }

    #[tokio::test]
    async fn only_loopback_is_served() {
        for address in ["0.0.0.0:0", "[::]:0", "192.168.1.2:9101"] {
            let failure = Server::bind(address.parse().unwrap()).await.err().unwrap();
            assert_eq!(failure.kind, FailureKind::Configuration);
            assert_eq!(
                failure.to_string(),
                format!(
                    "cannot serve metrics: {address} can be reached from other machines and metrics are for everybody \
                     who asks\n  help: listen on 127.0.0.1, and let the collector of the metrics run on this machine \
                     or come through a tunnel"
                )
            );
        }
    }

    #[tokio::test]
    async fn a_taken_port_is_an_error_with_its_mend() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let failure = Server::bind(address).await.err().unwrap();
        assert_eq!(failure.kind, FailureKind::Io);
        assert!(
            failure
                .what
                .starts_with(&format!("listening on {address} for metrics failed: "))
        );
        assert!(
            failure
                .mend
                .ends_with("choose another one in `telemetry.listen`")
        );
    }

    #[tokio::test]
    async fn its_end_gives_the_port_back() {
        let (telemetry, []) = start([], &Shutdown::new()).await;
        let address = telemetry.address().unwrap();
        drop(telemetry);
        while Server::bind(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
