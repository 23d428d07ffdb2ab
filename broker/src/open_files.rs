//! How many files the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wire::failure::{Failure, FailureKind};

use crate::config::BrokerConfig;

/// A client's connection, and both ends of the one from the front to rumqttd.
const OF_A_CLIENT: u64 = 3;
/// Who waits at the door, the pages of telemetry, echoes, and what the program has open anyway.
const BESIDES: u64 = 128;

/// Raises the limit of this process, as far as the system allows, to what the clients may need.
/// Without room for them, accepting would fail when the broker is in use.
///
/// # Errors
/// [`FailureKind::Configuration`] when the system does not allow so many.
pub(crate) fn allow(config: &BrokerConfig) -> Result<(), Failure> {
    let clients = config.max_connections;
    let needed = OF_A_CLIENT * clients as u64 + BESIDES;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // No limit at all is `None`.
    if current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let allowed = maximum.is_none_or(|maximum| maximum >= needed);
    let raised = Rlimit {
        current: Some(needed),
        maximum,
    };
    if allowed && setrlimit(Resource::Nofile, raised).is_ok() {
        return Ok(());
    }
    let limit = current.filter(|_| allowed).or(maximum).unwrap_or(0);
    Err(Failure::new(
        FailureKind::Configuration,
        format!(
            "{clients} clients need {needed} open files and the system allows this process {limit}"
        ),
        "lower `broker.max_connections`, or raise the limit: `LimitNOFILE=` of the service, or \
         `ulimit -n`",
    ))
}
