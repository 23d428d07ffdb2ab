//! What a node shows of itself: log lines, metrics and health over HTTP, reports on its health topic, and a word to the
//! service manager.
//!
//! Figures are counts, sizes and times. None follows from plaintext; the viewer counts maps and never shows a value.

mod health;
mod logs;
mod metrics;
mod pages;
mod process;
mod supervisor;
mod vitals;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::config::TelemetryConfig;
use crate::failure::Failure;
use crate::mqtt::Bulletin;
use crate::role::NodeRole;
use crate::shutdown::Shutdown;

pub use health::{Flow, HealthReport, RESIDENT_STEP_MIB};
pub use logs::{FILTER_VARIABLE, init};
pub use metrics::{Family, MEDIA_TYPE, Page};
pub use pages::{LOOPBACK_MEND, loopback_problem};
pub use process::{cpu_time, peak_resident_bytes};
pub use vitals::{Need, Vitals};

/// The telemetry of one running node. Dropping it ends all of it.
#[derive(Debug)]
pub struct Telemetry {
    vitals: Vitals,
    health: health::Rhythm,
    address: Option<SocketAddr>,
    tasks: JoinSet<()>,
    _goodbye: Option<supervisor::Goodbye>,
}

impl Telemetry {
    /// Starts what `config` asks for: the HTTP pages, and the words to the service manager. `figures` gives the metrics
    /// of the node, which is called `node` in them, whenever somebody asks. The node is not ready before it says that
    /// `needs` are met, see [`Vitals::need`]. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the configured address cannot be listened on.
    pub async fn start<const N: usize>(
        node: &'static str,
        config: &TelemetryConfig,
        needs: [&'static str; N],
        figures: impl Fn() -> Vec<Family> + Send + Sync + 'static,
        shutdown: &Shutdown,
    ) -> Result<(Self, [Need; N]), Failure> {
        let vitals = Vitals::new(shutdown.clone());
        // Before anybody can ask.
        let needs = needs.map(|lacking| vitals.need(lacking));
        let page = Page::new(node, vitals.clone(), figures);
        let mut tasks = JoinSet::new();
        let mut address = None;
        if let Some(listen) = config.listen {
            let server = pages::Server::bind(listen).await?;
            tracing::info!(listen = %server.address(), "metrics and health are served");
            address = Some(server.address());
            tasks.spawn(server.run(Arc::new(page), vitals.clone()));
        }
        let mut goodbye = None;
        if config.supervised
            && let Some(voice) = supervisor::Voice::start()
        {
            tasks.spawn(supervisor::run(vitals.clone(), voice.clone()));
            goodbye = Some(supervisor::Goodbye(voice));
        }
        let health = health::Rhythm::new(config.health_interval);
        let telemetry = Self {
            vitals,
            health,
            address,
            tasks,
            _goodbye: goodbye,
        };
        Ok((telemetry, needs))
    }

    /// What the node needs to be ready, and what must go on.
    #[must_use]
    pub fn vitals(&self) -> &Vitals {
        &self.vitals
    }

    /// Where the pages are, if they are served.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Reports on the node's health topic from now on, with what `flow` gives each time.
    pub fn report(
        &mut self,
        role: NodeRole,
        bulletin: Bulletin,
        flow: impl Fn() -> Flow + Send + 'static,
    ) {
        let reports = self.health.run(role, self.vitals.clone(), bulletin, flow);
        self.tasks.spawn(reports);
    }
}
