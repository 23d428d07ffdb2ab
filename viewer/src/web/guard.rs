//! Who may ask: only for a name of this machine, only from the page itself, and with the token where one is needed.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use std::net::IpAddr;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use wire::failure::{Failure, FailureKind};
use wire::http::{is_loopback, named_host};
use wire::secret_file;
use zeroize::Zeroizing;

use super::WebConfig;
use super::api::answer::Refusal;

/// The cookie that holds the token in browsers.
pub(super) const COOKIE: &str = "blindsight-token";
/// A shorter token could be guessed.
const LEAST_TOKEN: usize = 16;

/// Decides about each request.
pub(super) struct Guard {
    /// Names without a port, in lower case.
    hosts: Vec<String>,
    /// Whether only this machine can reach the page.
    loopback: bool,
    token: Option<Zeroizing<String>>,
}

impl Guard {
    /// Reads the token file. Blocks for a moment.
    pub(super) fn load(config: &WebConfig) -> Result<Self, Failure> {
        let token = config.token_file.as_deref().map(|path| {
            let token = secret_file::password(path)?;
            if is_token(&token) {
                return Ok(token);
            }
            let what = format!(
                "the token in {} is no {LEAST_TOKEN} or more letters, digits, `-`, `_`, `.` or `~`",
                path.display()
            );
            let mend = "write a new one, for example with `openssl rand -hex 32`";
            Err(Failure::new(FailureKind::BadData, what, mend))
        });
        Ok(Self {
            hosts: config.hosts.clone(),
            loopback: config.listen.ip().is_loopback(),
            token: token.transpose()?,
        })
    }

    /// Whether a browser that goes to `host` means this machine. An address cannot be made to mean another machine's
    /// page, a name can (DNS rebinding).
    fn is_known(&self, host: &str) -> bool {
        if is_loopback(host) {
            return true;
        }
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let address = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'));
        let is_address = address.unwrap_or(name).parse::<IpAddr>().is_ok();
        let listed = self
            .hosts
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name));
        listed || is_address && !self.loopback
    }

    /// Whether `said` is the token. Takes as long for every wrong one of the same length.
    pub(super) fn is_token(&self, said: &str) -> bool {
        let token = self.token.as_deref();
        token.is_some_and(|token| bool::from(token.as_bytes().ct_eq(said.as_bytes())))
    }

    fn knows_token(&self, headers: &HeaderMap) -> bool {
        if self.token.is_none() {
            return true;
        }
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text(header::AUTHORIZATION).and_then(|said| said.strip_prefix("Bearer "));
        let cookies = headers.get_all(header::COOKIE).iter();
        let cookies = cookies.filter_map(|value| value.to_str().ok());
        let cookies = cookies.flat_map(|line| line.split(';'));
        let mut cookies = cookies.filter_map(|pair| pair.trim().split_once('='));
        bearer.is_some_and(|said| self.is_token(said))
            || cookies.any(|(name, said)| name == COOKIE && self.is_token(said))
    }
}

fn is_token(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.len() >= LEAST_TOKEN && text.bytes().all(is_plain)
}

/// The middleware.
pub(super) async fn check(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let Some(host) = named_host(headers, request.uri(), |host| guard.is_known(host)) else {
        return Refusal::new(
            StatusCode::MISDIRECTED_REQUEST,
            "this page is not served under that name",
            "ask for the address of this machine, or add the name to `web.hosts`",
        )
        .into_response();
    };
    if !is_from(host, request.method(), headers) {
        return Refusal::new(
            StatusCode::FORBIDDEN,
            "the request comes from another page",
            "use the page that this viewer serves",
        )
        .into_response();
    }
    let path = request.uri().path();
    // What is needed to say the token says nothing of the site.
    let is_open = path == "/login" || path.starts_with("/assets/");
    if is_open || guard.knows_token(headers) {
        return next.run(request).await;
    }
    if path.starts_with("/api/") || path == "/metrics" {
        let mend = "send `Authorization: Bearer TOKEN` with the token of `web.token_file`";
        return Refusal::new(
            StatusCode::UNAUTHORIZED,
            "the token is missing or wrong",
            mend,
        )
        .into_response();
    }
    Redirect::to("/login").into_response()
}

/// Whether a request comes from the page itself, or from no page at all: browsers say so. Another page may link to this
/// one; it may not ask in the background or in a frame, which would take up places even though it is not shown the answer.
fn is_from(host: &str, method: &Method, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let is_link = method == Method::GET
        && text("sec-fetch-mode") == Some("navigate")
        && text("sec-fetch-dest") == Some("document");
    let site = text("sec-fetch-site")
        .is_none_or(|site| site == "same-origin" || site == "none" || is_link);
    let origin = text("origin").is_none_or(|origin| {
        let name = origin.split_once("://").map(|(_, name)| name);
        name.is_some_and(|name| name.eq_ignore_ascii_case(host))
    });
    site && origin
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(loopback: bool, hosts: &[&str], token: Option<&str>) -> Guard {
        Guard {
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
            loopback,
            token: token.map(|token| Zeroizing::new(token.to_owned())),
        }
    }

    #[test]
    fn loopback_answers_to_its_own_names_only() {
        let guard = guard(true, &["viewer.lan"], None);
        for host in [
            "localhost:8470",
            "127.0.0.1",
            "[::1]:8470",
            "Viewer.lan",
            "viewer.lan:1",
        ] {
            assert!(guard.is_known(host), "{host}");
        }
        for host in [
            "rebound.example",
            "192.168.1.2",
            "viewer.lan.example",
            "viewer.lan:x",
            "",
        ] {
            assert!(!guard.is_known(host), "{host}");
        }
    }

    #[test]
    fn others_reach_it_by_address_or_listed_name() {
        let guard = guard(false, &["viewer.lan"], Some("0123456789abcdef"));
        for host in ["192.168.1.2:80", "[fe80::1]:80", "viewer.lan", "10.0.0.1"] {
            assert!(guard.is_known(host), "{host}");
        }
        assert!(!guard.is_known("rebound.example"));
    }

    #[test]
    fn the_token_comes_in_a_header_or_a_cookie() {
        let guard = guard(false, &[], Some("0123456789abcdef"));
        let with = |name: &str, value: &str| {
            let mut headers = HeaderMap::new();
            let name: header::HeaderName = name.parse().unwrap();
            headers.insert(name, value.parse().unwrap());
            guard.knows_token(&headers)
        };
        assert!(with("authorization", "Bearer 0123456789abcdef"));
        assert!(with("cookie", "a=b; blindsight-token=0123456789abcdef"));
        assert!(!with("authorization", "0123456789abcdef"));
        assert!(!with("authorization", "Bearer 0123456789abcde"));
        assert!(!with("cookie", "other=0123456789abcdef"));
        assert!(!guard.knows_token(&HeaderMap::new()));
    }

    #[test]
    fn a_token_is_long_and_plain() {
        assert!(is_token("0123456789abcdef"));
        for bad in [
            "0123456789abcde",
            "0123456789abcde;",
            "0123456789 abcdef",
            "",
        ] {
            assert!(!is_token(bad), "{bad}");
        }
    }

    #[test]
    fn requests_come_from_the_page_or_from_no_page() {
        let from_by = |method: &Method, pairs: &[(&str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                let name: header::HeaderName = name.parse().unwrap();
                headers.insert(name, value.parse().unwrap());
            }
            is_from("localhost:8470", method, &headers)
        };
        let from = |pairs: &[(&str, &str)]| {
            let get = from_by(&Method::GET, pairs);
            assert_eq!(from_by(&Method::POST, pairs), get, "{pairs:?}");
            get
        };
        assert!(from(&[]));
        assert!(from(&[
            ("origin", "http://localhost:8470"),
            ("sec-fetch-site", "same-origin")
        ]));
        for other in ["http://localhost:1", "http://evil.example", "null", ""] {
            assert!(!from(&[("origin", other)]), "{other}");
        }
        assert!(!from(&[("sec-fetch-site", "cross-site")]));
        assert!(!from(&[("sec-fetch-site", "same-site")]));
        let link = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        assert!(from_by(&Method::GET, &link));
        assert!(!from_by(&Method::POST, &link));
        let frame = [link[0], link[1], ("sec-fetch-dest", "iframe")];
        assert!(!from_by(&Method::GET, &frame));
    }
}
