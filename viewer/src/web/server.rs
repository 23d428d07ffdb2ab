//! The port and the routes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time;
use tokio_util::sync::CancellationToken;
use wire::failure::Failure;
use wire::http::{ConnectionLimits, LimitedListener};
use wire::telemetry::{Page, Vitals};

use super::api::answer::{Refusal, as_problems};
use super::guard::{self, Guard};
use super::hub::Hub;
use super::{WebConfig, api, assets, headers, login};
use crate::figures::Figures;
use crate::lab::Lab;

/// A browser opens up to six connections for a page.
const LIMITS: ConnectionLimits = ConnectionLimits {
    connections: 96,
    per_peer: 64,
    // An upload may take long until it is answered.
    first_answer: UPLOAD_PATIENCE.saturating_add(Duration::from_secs(5)),
    // Pages that are told what happens come back by themselves.
    lifetime: Duration::from_secs(15 * 60),
    request_bytes: 64 << 20,
};
/// Pages that are told what happens at the same time.
const STREAMS: usize = 32;
/// Pictures that are taken and decoded at the same time: each may take much memory.
const UPLOADS: usize = 2;

/// Bodies of requests, but for uploads, are no longer than this.
const MAX_BODY_BYTES: usize = 64 << 10;
/// How long an upload may take.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(60);
/// Where pictures are uploaded to.
const UPLOAD_PATH: &str = "/api/lab/pictures";

/// What the pages are made from.
#[derive(Clone)]
pub(crate) struct Pages {
    pub(crate) hub: Arc<Hub>,
    pub(crate) vitals: Vitals,
    pub(crate) figures: watch::Receiver<Figures>,
    pub(crate) metrics: Arc<Page>,
    pub(crate) lab: Option<Arc<Lab>>,
    pub(crate) started: Instant,
    /// A place for each page that is told what happens.
    pub(crate) streams: Arc<Semaphore>,
    /// Cancelled when nothing will happen any more.
    pub(crate) over: CancellationToken,
}

impl Pages {
    pub(crate) fn new(
        hub: Arc<Hub>,
        vitals: Vitals,
        figures: watch::Receiver<Figures>,
        metrics: Page,
        lab: Option<Arc<Lab>>,
        over: CancellationToken,
    ) -> Self {
        Self {
            hub,
            vitals,
            figures,
            metrics: Arc::new(metrics),
            lab,
            started: Instant::now(),
            streams: Arc::new(Semaphore::new(STREAMS)),
            over,
        }
    }
}

/// A server that has its port and its token.
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    guard: Guard,
}

impl Server {
    /// Takes the port, 0 for a free one, and reads the token.
    ///
    /// # Errors
    /// The port is taken, or the file of the token cannot be used.
    pub(crate) async fn bind(config: &WebConfig) -> Result<Self, Failure> {
        let guard = Guard::load(config)?;
        let listen = config.listen;
        let failed = |error| {
            let what = format!("listening on {listen} for the web page");
            let mend = "end the program that has the port, or choose another one in `web.listen`";
            Failure::io(what, &error, mend)
        };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            address,
            guard,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until everything is over and the requests in progress are answered, or until dropped; connections end
    /// then too.
    pub(crate) async fn run(self, pages: Pages) {
        let closed = CancellationToken::new();
        let _ends_connections = closed.clone().drop_guard();
        let listener = LimitedListener::new(self.listener, LIMITS, closed);
        let over = pages.over.clone().cancelled_owned();
        let serving = axum::serve(listener, router(pages, self.guard));
        if let Err(error) = serving.with_graceful_shutdown(over).await {
            tracing::error!(%error, "the web page is no longer served");
        }
    }
}

fn router(pages: Pages, guard: Guard) -> Router {
    let guard = Arc::new(guard);
    let uploads = Arc::new(Semaphore::new(UPLOADS));
    let (api, description) = api::router();
    let description = serde_json::to_string(&description).unwrap_or_default();
    let json = [(header::CONTENT_TYPE, "application/json")];
    let login = Router::new()
        .route("/login", post(login::login))
        .with_state(guard.clone());
    api.route("/metrics", get(metrics))
        .with_state(pages)
        .route(
            "/api/openapi.json",
            get(async move || (json, description).into_response()),
        )
        .merge(login)
        .merge(assets::router())
        .fallback(async || {
            let mend = "begin at /, or at /api/openapi.json";
            Refusal::unknown("there is no such page", mend)
        })
        .layer(middleware::from_fn(as_problems))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(uploads, one_upload))
        .layer(middleware::from_fn_with_state(guard, guard::check))
        .layer(middleware::from_fn(headers::add))
}

/// Turns uploads away, before anything of them is read, while others are under way.
async fn one_upload(
    State(uploads): State<Arc<Semaphore>>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::POST || request.uri().path() != UPLOAD_PATH {
        return next.run(request).await;
    }
    let Ok(_place) = uploads.try_acquire() else {
        let error = "other pictures are being uploaded";
        let mend = "try again in a moment";
        return Refusal::new(StatusCode::TOO_MANY_REQUESTS, error, mend).into_response();
    };
    match time::timeout(UPLOAD_PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let error = "the upload took too long";
            let mend = "try again, or choose a smaller file";
            Refusal::new(StatusCode::REQUEST_TIMEOUT, error, mend).into_response()
        }
    }
}

/// The metrics of the viewer, as on `telemetry.listen`.
async fn metrics(State(pages): State<Pages>) -> Response {
    match pages.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, wire::telemetry::MEDIA_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
