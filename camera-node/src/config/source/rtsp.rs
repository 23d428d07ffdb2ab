//! The keys of `[source]` about a camera on the network.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use url::Url;
use wire::config::Problems;

/// A camera that speaks RTSP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtspConfig {
    /// Its address, without a user or a password.
    pub url: Url,
    /// The user name, and the file whose first line is the password.
    pub login: Option<(String, PathBuf)>,
    /// How it sends its pictures.
    pub transport: RtspTransport,
    /// The time between two frames at least; `None` takes all that there are.
    pub interval: Option<Duration>,
}

/// How a camera sends its pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RtspTransport {
    /// Over the connection on which they were asked for: nothing gets lost.
    #[default]
    Tcp,
    /// In packets that may get lost.
    Udp,
}

/// A word that names no [`RtspTransport`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown transport `{0}`; known are: tcp, udp")]
pub struct UnknownTransport(String);

impl FromStr for RtspTransport {
    type Err = UnknownTransport;

    fn from_str(text: &str) -> Result<RtspTransport, UnknownTransport> {
        match text {
            "tcp" => Ok(RtspTransport::Tcp),
            "udp" => Ok(RtspTransport::Udp),
            other => Err(UnknownTransport(other.to_owned())),
        }
    }
}

/// What was typed.
pub(super) struct Typed<'a> {
    pub(super) url: &'a str,
    pub(super) username: Option<&'a str>,
    pub(super) password_file: Option<&'a Path>,
    pub(super) transport: Option<&'a str>,
}

impl Typed<'_> {
    /// `interval` is `None` outside where it was a problem.
    pub(super) fn meaning(
        &self,
        interval: Option<Option<Duration>>,
        problems: &mut Problems,
    ) -> Option<RtspConfig> {
        let url = self.url(problems);
        let login = self.login(problems);
        let transport = match self.transport {
            None => Some(RtspTransport::default()),
            Some(transport) => problems.parsed("source.transport", transport, ""),
        };
        Some(RtspConfig {
            url: url?,
            login: login?,
            transport: transport?,
            interval: interval?,
        })
    }

    /// The URL. It is not repeated in problems: it may hold a password.
    fn url(&self, problems: &mut Problems) -> Option<Url> {
        let mut refuse = |what: &str, mend| {
            problems.push("source.rtsp", what, mend);
            None
        };
        let url = match Url::parse(self.url) {
            Ok(url) if url.scheme() == "rtsp" && url.has_host() => url,
            Ok(_) => return refuse("not the URL of a camera", "write it as rtsp://HOST/PATH"),
            Err(error) => {
                let what = format!("not a URL: {error}");
                return refuse(&what, "write it as rtsp://HOST/PATH");
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            let mend = "write the user as `source.username` and the password into a file, named by \
                        `source.password_file`";
            return refuse(
                "a user or a password in the URL would be in log lines",
                mend,
            );
        }
        Some(url)
    }

    /// The login, if there is one. `None` outside is a problem.
    fn login(&self, problems: &mut Problems) -> Option<Option<(String, PathBuf)>> {
        let missing = match (self.username, self.password_file) {
            (None, None) => return Some(None),
            (Some(username), Some(file)) => {
                if username.is_empty() || username.chars().any(char::is_control) {
                    let mend = "write one without control characters";
                    problems.push("source.username", "not a user name", mend);
                }
                return Some(Some((username.to_owned(), problems.resolve(file))));
            }
            (None, Some(_)) => "source.username",
            (Some(_), None) => "source.password_file",
        };
        problems.push(missing, "a user name and a password go together", "add it");
        None
    }
}
