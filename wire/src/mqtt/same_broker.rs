//! Whether two addresses are those of one broker. What is decrypted must never be published on the
//! bus, which the worker and the broker itself read.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time;

use super::MqttConfig;
use crate::failure::{Failure, FailureKind};

/// How long a name may take to be resolved.
const LOOKUP_PATIENCE: Duration = Duration::from_secs(5);

/// Whether two hosts and ports, as typed, surely lead to one broker: with or without TLS, however
/// the host is written, and by whatever name of this machine.
///
/// Other names of one machine are told only by [`meeting_point`].
#[must_use]
pub fn same_as_typed(one: (&str, u16), other: (&str, u16)) -> bool {
    one.1 == other.1 && Host::of(one.0) == Host::of(other.0)
}

/// An address to which both names lead, given what they resolve to.
#[must_use]
pub fn meeting_point(one: &[SocketAddr], other: &[SocketAddr]) -> Option<SocketAddr> {
    let place = |address: &SocketAddr| (canonical(address.ip()), address.port());
    let places: Vec<_> = other.iter().map(place).collect();
    let meets = |address: &&SocketAddr| places.contains(&place(address));
    one.iter().find(meets).copied()
}

/// Refuses a `broker` that is the bus, by what was typed and by what the names resolve to now.
/// `section` is that of the broker in the configuration file.
///
/// # Errors
/// [`FailureKind::Configuration`] when it is the bus; [`FailureKind::Unavailable`] when nobody can
/// tell because a name does not resolve, which may pass.
pub async fn refuse_the_bus(
    section: &str,
    broker: &MqttConfig,
    bus: &MqttConfig,
) -> Result<(), Failure> {
    let (broker, bus) = ((&*broker.host, broker.port), (&*bus.host, bus.port));
    let meets = if same_as_typed(broker, bus) {
        Some(format!("{}:{}", broker.0, broker.1))
    } else {
        let (one, other) = tokio::try_join!(resolve(broker), resolve(bus))?;
        meeting_point(&one, &other).map(|address| address.to_string())
    };
    let Some(meets) = meets else {
        return Ok(());
    };
    Err(Failure::new(
        FailureKind::Configuration,
        format!("`{section}.url` and `mqtt.url` lead to one broker, {meets}: {BUS_IS_READ}"),
        format!("write another broker into `{section}.url`"),
    ))
}

/// Why events do not belong on the bus.
pub(crate) const BUS_IS_READ: &str =
    "the bus is read by the worker and the broker, which must not learn what was seen";

async fn resolve((host, port): (&str, u16)) -> Result<Vec<SocketAddr>, Failure> {
    let name = host.trim_matches(['[', ']']);
    let reason = match time::timeout(LOOKUP_PATIENCE, lookup_host((name, port))).await {
        Ok(Ok(addresses)) => return Ok(addresses.collect()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", LOOKUP_PATIENCE.as_secs()),
    };
    Err(Failure::new(
        FailureKind::Unavailable,
        format!("nobody can tell whether {host} is the bus or another broker: {reason}"),
        "mend the name, or the system's name service",
    ))
}

/// A host however it was written.
#[derive(PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    Name(String),
}

impl Host {
    fn of(typed: &str) -> Self {
        if let Ok(address) = typed.trim_matches(['[', ']']).parse() {
            return Self::Address(canonical(address));
        }
        let name = typed.strip_suffix('.').unwrap_or(typed);
        let name = name.to_ascii_lowercase();
        if name == "localhost" || name.ends_with(".localhost") {
            return Self::Address(Ipv4Addr::LOCALHOST.into());
        }
        Self::Name(name)
    }
}

/// One address for all of loopback: a broker seldom listens on a part of it. What is no address of
/// anybody's, `0.0.0.0` and `::`, leads there too.
fn canonical(address: IpAddr) -> IpAddr {
    let address = address.to_canonical();
    if address.is_loopback() || address.is_unspecified() {
        return Ipv4Addr::LOCALHOST.into();
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::BrokerAddress;

    fn same(one: &str, other: &str) -> bool {
        let [one, other] = [one, other].map(|url| url.parse::<BrokerAddress>().unwrap());
        let (one, other) = ((&*one.host, one.port), (&*other.host, other.port));
        assert_eq!(same_as_typed(one, other), same_as_typed(other, one));
        same_as_typed(one, other)
    }

    #[test]
    fn one_broker_has_many_addresses() {
        for (one, other) in [
            ("mqtt://hub.lan", "mqtt://hub.lan:1883"),
            ("mqtts://hub.lan", "mqtts://hub.lan:8883/"),
            ("mqtt://hub.lan:8883", "mqtts://hub.lan"),
            ("mqtt://HUB.lan.", "mqtt://hub.LAN/"),
            ("mqtt://localhost", "mqtt://127.0.0.1"),
            ("mqtt://[::1]", "mqtt://127.0.0.1"),
            ("mqtt://[0:0:0:0:0:0:0:1]", "mqtt://LocalHost"),
            ("mqtt://broker.localhost", "mqtt://127.1.2.3"),
            ("mqtt://0.0.0.0:5", "mqtts://[::]:5"),
            ("mqtt://[::ffff:10.0.0.1]", "mqtt://10.0.0.1"),
            ("mqtt://[2001:DB8::1]", "mqtt://[2001:db8:0::1]"),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn other_brokers_are_others() {
        for (one, other) in [
            ("mqtt://hub.lan", "mqtts://hub.lan"),
            ("mqtt://hub.lan:1884", "mqtt://hub.lan"),
            ("mqtt://hub.lan", "mqtt://hub"),
            ("mqtt://10.0.0.1", "mqtt://10.0.0.2"),
            ("mqtt://localhost", "mqtt://notlocalhost"),
            ("mqtt://127.0.0.1:18830", "mqtt://127.0.0.1:1883"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn names_meet_at_an_address() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let hub = addresses(&["10.0.0.1:1883", "[fd00::1]:1883"]);
        let other = addresses(&["10.0.0.2:1883", "[fd00::1]:1883"]);
        assert_eq!(meeting_point(&hub, &other), Some(hub[1]));
        let mapped = addresses(&["[::ffff:10.0.0.1]:1883"]);
        assert_eq!(meeting_point(&hub, &mapped), Some(hub[0]));
        let home = addresses(&["[::1]:1883"]);
        let local = addresses(&["127.0.0.1:1883"]);
        assert_eq!(meeting_point(&home, &local), Some(home[0]));
        let port = addresses(&["10.0.0.1:1884", "[fd00::2]:1883"]);
        assert_eq!(meeting_point(&hub, &port), None);
        assert_eq!(meeting_point(&hub, &[]), None);
    }

    #[tokio::test]
    async fn the_bus_is_refused_under_every_name() {
        let config = |url: &str| {
            let name: crate::name::Name = "viewer".parse().unwrap();
            MqttConfig::new(url.parse().unwrap(), name.clone(), name)
        };
        let bus = config("mqtt://127.0.0.1:18830");
        let broker = config("mqtts://localhost:18830");
        let failure = refuse_the_bus("events.mqtt", &broker, &bus)
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Configuration);
        assert_eq!(
            failure.to_string(),
            "`events.mqtt.url` and `mqtt.url` lead to one broker, localhost:18830: the bus is read by \
             the worker and the broker, which must not learn what was seen\n  help: write another \
             broker into `events.mqtt.url`"
        );
        let another = config("mqtt://127.0.0.1:1883");
        assert_eq!(refuse_the_bus("events.mqtt", &another, &bus).await, Ok(()));
        // As the system resolves it, and as no parser of addresses reads it.
        let short = config("mqtt://127.1:18830");
        let failure = refuse_the_bus("events.mqtt", &short, &bus)
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Configuration);
    }

    #[tokio::test]
    async fn a_name_that_does_not_resolve_is_no_other_broker() {
        let name: crate::name::Name = "viewer".parse().unwrap();
        let config = |url: &str| MqttConfig::new(url.parse().unwrap(), name.clone(), name.clone());
        let broker = config("mqtt://127.0.0.1");
        // Reserved: it never resolves.
        let bus = config("mqtt://bus.invalid");
        for (broker, bus) in [(&broker, &bus), (&bus, &broker)] {
            let failure = refuse_the_bus("events.mqtt", broker, bus)
                .await
                .unwrap_err();
            assert_eq!(failure.kind, FailureKind::Unavailable);
        }
    }
}
