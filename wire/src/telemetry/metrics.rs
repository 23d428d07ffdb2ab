//! Metrics as Prometheus reads them (OpenMetrics text, version 1.0.0).

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::process;
use super::vitals::Vitals;

/// The media type of [`Page::text`].
/// The media type of [`Page::text`].
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A metric with its values, one for each label, or a single one without.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    label: Option<&'static str>,
    series: Vec<(String, Value)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    Whole(u64),
    Real(f64),
}

impl Family {
    /// A count that only grows. The page adds `_total` to `name`.
    #[must_use]
    pub fn counter(name: &'static str, help: &'static str, value: u64) -> Self {
        Self::single(name, help, Kind::Counter, Value::Whole(value))
    }

    /// A sum of seconds, which only grows. The page adds `_total` to `name`, which ends with `_seconds`.
    #[must_use]
    pub fn seconds(name: &'static str, help: &'static str, value: Duration) -> Self {
        let value = Value::Real(value.as_secs_f64());
        Self::single(name, help, Kind::Counter, value)
    }

    /// A number that rises and falls.
    #[must_use]
    pub fn gauge(name: &'static str, help: &'static str, value: u64) -> Self {
        Self::single(name, help, Kind::Gauge, Value::Whole(value))
    }

    /// A time that rises and falls. `name` ends with `_seconds`.
    #[must_use]
    pub fn duration(name: &'static str, help: &'static str, value: Duration) -> Self {
        let value = Value::Real(value.as_secs_f64());
        Self::single(name, help, Kind::Gauge, value)
    }

    /// As [`Family::counter`], one count for each value of `label`.
    #[must_use]
    pub fn counters<L: Into<String>>(
        name: &'static str,
        help: &'static str,
        label: &'static str,
        series: impl IntoIterator<Item = (L, u64)>,
    ) -> Self {
        Self::labelled(name, help, Kind::Counter, label, series)
    }

    /// As [`Family::gauge`], one number for each value of `label`.
    #[must_use]
    pub fn gauges<L: Into<String>>(
        name: &'static str,
        help: &'static str,
        label: &'static str,
        series: impl IntoIterator<Item = (L, u64)>,
    ) -> Self {
        Self::labelled(name, help, Kind::Gauge, label, series)
    }

    fn single(name: &'static str, help: &'static str, kind: Kind, value: Value) -> Self {
        Self {
            name,
            help,
            kind,
            label: None,
            series: vec![(String::new(), value)],
        }
    }

    fn labelled<L: Into<String>>(
        name: &'static str,
        help: &'static str,
        kind: Kind,
        label: &'static str,
        series: impl IntoIterator<Item = (L, u64)>,
    ) -> Self {
        let series = series.into_iter();
        Self {
            name,
            help,
            kind,
            label: Some(label),
            series: series
                .map(|(value, count)| (value.into(), Value::Whole(count)))
                .collect(),
        }
    }

    fn encode(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
        };
        let mut family = to.encode_descriptor(self.name, self.help, None, kind)?;
        for (label, value) in &self.series {
            match self.label {
                Some(name) => {
                    let labels = [(name, label.as_str())];
                    self.encode_value(&mut family.encode_family(&labels)?, *value)?;
                }
                None => self.encode_value(&mut family, *value)?,
            }
        }
        Ok(())
    }

    fn encode_value(&self, to: &mut MetricEncoder<'_>, value: Value) -> fmt::Result {
        match (self.kind, value) {
            (Kind::Counter, Value::Whole(value)) => {
                to.encode_counter::<NoLabelSet, _, f64>(&value, None)
            }
            (Kind::Counter, Value::Real(value)) => {
                to.encode_counter::<NoLabelSet, _, f64>(&value, None)
            }
            (Kind::Gauge, Value::Whole(value)) => to.encode_gauge(&value),
            (Kind::Gauge, Value::Real(value)) => to.encode_gauge(&value),
        }
    }
}

/// The page `/metrics` of one node, made anew whenever it is asked for.
pub struct Page(Registry);

impl Page {
    /// The page of `node`: what every process has, and what `figures` gives.
    #[must_use]
    pub fn new(
        node: &'static str,
        vitals: Vitals,
        figures: impl Fn() -> Vec<Family> + Send + Sync + 'static,
    ) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Node {
            name: node,
            began: SystemTime::now(),
            vitals,
            figures: Box::new(figures),
        }));
        Self(registry)
    }

    /// The page as it is now.
    ///
    /// # Errors
    /// Never in practice: text is written to memory.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        text::encode(&mut page, &self.0)?;
        Ok(page)
    }
}

struct Node {
    name: &'static str,
    began: SystemTime,
    vitals: Vitals,
    figures: Box<dyn Fn() -> Vec<Family> + Send + Sync>,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("name", &self.name).finish()
    }
}

impl Collector for Node {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "The node and its release.";
        to.encode_descriptor("blindsight_build", help, None, MetricType::Info)?
            .encode_info(&[("node", self.name), ("version", env!("CARGO_PKG_VERSION"))])?;
        for family in self.process().iter().chain(&(self.figures)()) {
            family.encode(&mut to)?;
        }
        Ok(())
    }
}

impl Node {
    fn process(&self) -> Vec<Family> {
        let began = self.began.duration_since(UNIX_EPOCH).unwrap_or_default();
        let connections = self.vitals.connections();
        let connections = connections.into_iter().map(|(name, up)| (name, up.into()));
        let mut families = vec![
            Family::duration(
                "process_start_time_seconds",
                "When the node began, in seconds since 1970 UTC.",
                began,
            ),
            Family::gauge(
                "blindsight_ready",
                "1 while /readyz says that the node is ready, otherwise 0.",
                self.vitals.lacking().is_empty().into(),
            ),
            Family::gauges(
                "blindsight_mqtt_connected",
                "1 while the connection to the broker is up, otherwise 0.",
                "connection",
                connections,
            ),
        ];
        families.push(Family::counter(
            "blindsight_trust_files_refused",
            "How often the trust file was changed into one that cannot be used.",
            self.vitals.refused_trust_files(),
        ));
        families.extend(process::resident_bytes().map(|bytes| {
            let help = "Resident memory of the process.";
            Family::gauge("process_resident_memory_bytes", help, bytes)
        }));
        families
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shutdown::Shutdown;

    #[test]
    fn a_page_is_open_metrics_text() {
        let figures = || {
            vec![
                Family::counter("blindsight_test_tiles", "Tiles.", 3),
                Family::gauges(
                    "blindsight_test_bytes",
                    "Bytes.",
                    "lane",
                    [("wide", 7), ("narrow", 0)],
                ),
                Family::counters(
                    "blindsight_test_refused",
                    "Refused.",
                    "reason",
                    [("a\"b", 1)],
                ),
                Family::seconds(
                    "blindsight_test_busy_seconds",
                    "Busy.",
                    Duration::from_millis(1500),
                ),
            ]
        };
        let page = Page::new("test", Vitals::new(Shutdown::new()), figures);
        let text = page.text().unwrap();
        let version = env!("CARGO_PKG_VERSION");
        assert!(text.starts_with(
            "# HELP blindsight_build The node and its release.\n# TYPE blindsight_build info\n"
        ));
        assert!(text.contains(&format!(
            "\nblindsight_build_info{{node=\"test\",version=\"{version}\"}} 1\n"
        )));
        assert!(
            text.ends_with(
                "# HELP blindsight_test_tiles Tiles.\n\
             # TYPE blindsight_test_tiles counter\n\
             blindsight_test_tiles_total 3\n\
             # HELP blindsight_test_bytes Bytes.\n\
             # TYPE blindsight_test_bytes gauge\n\
             blindsight_test_bytes{lane=\"wide\"} 7\n\
             blindsight_test_bytes{lane=\"narrow\"} 0\n\
             # HELP blindsight_test_refused Refused.\n\
             # TYPE blindsight_test_refused counter\n\
             blindsight_test_refused_total{reason=\"a\\\"b\"} 1\n\
             # HELP blindsight_test_busy_seconds Busy.\n\
             # TYPE blindsight_test_busy_seconds counter\n\
             blindsight_test_busy_seconds_total 1.5\n\
             # EOF\n"
            ),
            "{text}"
        );
        assert!(text.contains("\nblindsight_ready 1\n"));
        assert!(text.contains("\nprocess_start_time_seconds 1"));
    }
}
