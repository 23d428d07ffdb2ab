//! Log lines on stderr, for people or for programs.

use std::env;
use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};
use crate::failure::{Failure, FailureKind};

/// Overrides the configured level with a filter such as `info,wire=debug`.
pub const FILTER_VARIABLE: &str = "RUST_LOG";

/// The MQTT libraries report every client that comes or goes; what matters of that, this crate
/// reports itself. rumqttd calls it an error when a client leaves in good order.
const QUIET: &str = "rumqttc=error,rumqttd=off";

/// Starts logging for the whole process. The first call counts; later ones change nothing.
///
/// # Errors
/// [`FailureKind::Usage`] when `RUST_LOG` is set and is not a filter.
pub fn init(log: LogConfig) -> Result<(), Failure> {
    let filter = filter(log, env::var(FILTER_VARIABLE).ok().as_deref())?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        // A line that cannot be written would be reported on stderr, and where nobody reads that
        // any more the report is a panic.
        .log_internal_errors(false);
    // An error only says that logging had been started before.
    let _ = match log.format {
        LogFormat::Human => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    if env!("WIRE_OPT_LEVEL") == "0" {
        tracing::warn!("built without optimisation, encryption will crawl; build with --release");
    }
    Ok(())
}

fn filter(log: LogConfig, variable: Option<&str>) -> Result<EnvFilter, Failure> {
    let directives = match variable {
        Some(directives) if !directives.is_empty() => directives.to_owned(),
        _ => format!("{},{QUIET}", log.level.as_str()),
    };
    EnvFilter::try_new(&directives).map_err(|error| {
        Failure::new(
            FailureKind::Usage,
            format!("`{FILTER_VARIABLE}={directives}` is not a log filter: {error}"),
            "write it like `info,wire=debug`, or unset it",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LogLevel;

    fn directives(level: LogLevel, variable: Option<&str>) -> String {
        let log = LogConfig {
            format: LogFormat::Human,
            level,
        };
        let filter = filter(log, variable).unwrap().to_string();
        let mut parts: Vec<_> = filter.split(',').collect();
        parts.sort_unstable();
        parts.join(",")
    }

    #[test]
    fn the_mqtt_libraries_are_quiet_by_default() {
        assert_eq!(directives(LogLevel::Debug, None), format!("debug,{QUIET}"));
        assert_eq!(
            directives(LogLevel::Info, Some("")),
            format!("info,{QUIET}")
        );
    }

    #[test]
    fn the_variable_replaces_the_configuration() {
        assert_eq!(
            directives(LogLevel::Info, Some("warn,wire=trace")),
            "warn,wire=trace"
        );
    }

    #[test]
    fn a_bad_variable_is_refused_with_the_mend() {
        let failure = filter(LogConfig::default(), Some("wire=loud")).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Usage);
        assert!(
            failure
                .what
                .starts_with("`RUST_LOG=wire=loud` is not a log filter: ")
        );
        assert_eq!(failure.mend, "write it like `info,wire=debug`, or unset it");
    }
}
