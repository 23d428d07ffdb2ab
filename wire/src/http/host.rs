//! Which host a request asks for.
//!
//! A page in a browser whose own name was made to mean this machine could read the answers (DNS rebinding), so whoever
//! serves pages compares this with the names that it knows.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, Uri, header};

/// The host that a request asks for, as written in its one `Host` header and, if it has an absolute target, there too.
/// `None` when there is no such header, more than one, or when the two disagree about `is_known`.
pub fn named_host<'a>(
    headers: &'a HeaderMap,
    target: &Uri,
    is_known: impl Fn(&str) -> bool,
) -> Option<&'a str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok()?,
        _ => return None,
    };
    let target = target.authority();
    let is_known = is_known(host) && target.is_none_or(|authority| is_known(authority.as_str()));
    is_known.then_some(host)
}

/// `localhost`, 127.0.0.0/8 or `[::1]`, with or without a port.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    if port.is_some_and(|port| !port.bytes().all(|byte| byte.is_ascii_digit())) {
        return false;
    }
    if let Some(address) = name.strip_prefix('[') {
        let address = address.strip_suffix(']').map(str::parse::<Ipv6Addr>);
        return matches!(address, Some(Ok(address)) if address.is_loopback());
    }
    match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback(),
        Ok(IpAddr::V6(_)) => false,
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}
