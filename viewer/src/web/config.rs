//! The section `[web]`, as typed and as meant.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;
use wire::config::Problems;

/// The port of the page when the file does not say.
const DEFAULT_WEB_PORT: u16 = 8470;
const MAX_HOSTS: usize = 16;

/// `[web]` as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebToml {
    listen: Option<String>,
    token_file: Option<PathBuf>,
    hosts: Option<Vec<String>>,
}

/// `[web]` as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebConfig {
    /// Where the page is served.
    pub listen: SocketAddr,
    /// The file of the token that who asks has to know. Always there unless `listen` is a loopback address.
    pub token_file: Option<PathBuf>,
    /// Names under which others reach this machine, in lower case and without a port. Addresses need no entry.
    pub hosts: Vec<String>,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_WEB_PORT),
            token_file: None,
            hosts: Vec::new(),
        }
    }
}

impl WebToml {
    /// What the section means. The outer `None` stands for problems.
    pub(crate) fn meaning(
        section: Option<Self>,
        problems: &mut Problems,
    ) -> Option<Option<WebConfig>> {
        let Some(typed) = section else {
            return Some(None);
        };
        let mend = "write an IP address and a port, for example 127.0.0.1:8470";
        let listen = match typed.listen {
            Some(text) => problems.parsed::<SocketAddr>("web.listen", &text, mend),
            None => Some(WebConfig::default().listen),
        };
        let hosts = typed.hosts.unwrap_or_default();
        let bad = hosts.iter().find(|host| !is_host_name(host));
        if let Some(bad) = bad {
            let mend = "write a host name without a port, for example viewer.lan";
            problems.push("web.hosts", format!("`{bad}` is no host name"), mend);
        }
        if hosts.len() > MAX_HOSTS {
            let what = format!("{} names are more than {MAX_HOSTS}", hosts.len());
            problems.push("web.hosts", what, "name only those that people type");
        }
        let listen = listen?;
        if typed.token_file.is_none() && !hosts.is_empty() {
            let what = "who reaches the page under these names sees the maps";
            let mend = "name a `web.token_file`, or remove the names";
            problems.push("web.hosts", what, mend);
        }
        if !listen.ip().is_loopback() && typed.token_file.is_none() {
            let what = format!(
                "{listen} can be reached from other machines, and who reaches the page sees the maps"
            );
            let mend = "name a `web.token_file`, or listen on 127.0.0.1";
            problems.push("web.listen", what, mend);
            return None;
        }
        Some(Some(WebConfig {
            listen,
            token_file: typed.token_file.map(|file| problems.resolve(&file)),
            hosts: hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
        }))
    }
}

/// Letters, digits, `-` and dots in between.
fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use wire::config::parse;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Typed {
        web: Option<WebToml>,
    }

    fn read(text: &str) -> Result<Option<WebConfig>, String> {
        let meaning = |typed: Typed, problems: &mut Problems| WebToml::meaning(typed.web, problems);
        parse(Path::new("site/viewer.toml"), text, meaning).map_err(|errors| errors.to_string())
    }

    #[test]
    fn no_section_is_no_page_and_an_empty_one_is_loopback() {
        assert_eq!(read("").unwrap(), None);
        assert_eq!(read("[web]\n").unwrap(), Some(WebConfig::default()));
    }

    #[test]
    fn another_address_wants_a_token() {
        let text = "[web]\nlisten = \"0.0.0.0:80\"\n";
        assert_eq!(
            read(text).unwrap_err(),
            "site/viewer.toml:2: web.listen: 0.0.0.0:80 can be reached from other machines, and who reaches the page \
             sees the maps; name a `web.token_file`, or listen on 127.0.0.1"
        );
        let text = format!("{text}token_file = \"web.token\"\nhosts = [\"Viewer.lan\"]\n");
        let config = read(&text).unwrap().unwrap();
        assert_eq!(
            config.token_file.as_deref(),
            Some(Path::new("site/web.token"))
        );
        assert_eq!(config.hosts, ["viewer.lan"]);
    }

    #[test]
    fn a_host_is_a_name_without_a_port() {
        for bad in ["viewer.lan:80", "", "a..b", "http://viewer", "vïewer"] {
            let text = format!("[web]\nhosts = [{bad:?}]\ntoken_file = \"t\"\n");
            let error = read(&text).unwrap_err();
            assert!(
                error.starts_with("site/viewer.toml:2: web.hosts: "),
                "{error}"
            );
        }
    }
}
