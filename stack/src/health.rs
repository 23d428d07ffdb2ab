//! `blindsight health`: asks a node whether it is ready, for supervisors that know programs and exit codes only.

use clap::Args as ClapArgs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use wire::failure::{Failure, FailureKind};
use wire::stdout;

/// How long connecting, asking and answering may take, each.
const PATIENCE: Duration = Duration::from_secs(3);

/// Longest answer that is read. A node's answer is a few lines.
const MOST_BYTES: u64 = 16 << 10;

/// Options of `blindsight health`.
#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// Where the node serves its metrics, the `telemetry.listen` of its configuration, for example 127.0.0.1:9101
    address: SocketAddr,
    /// Ask only whether it is alive, which it may be without being ready
    #[arg(long)]
    alive: bool,
}

/// Asks, and prints the answer.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let address = args.address;
    let (path, word) = match args.alive {
        true => ("/healthz", "alive"),
        false => ("/readyz", "ready"),
    };
    let answer = ask(address, path).map_err(|error| {
        Failure::new(
            FailureKind::Unavailable,
            format!("the node at {address} does not answer: {error}"),
            "start it, or mend `telemetry.listen` of its configuration",
        )
    })?;
    match parse(&answer) {
        Some((200, _)) => {
            stdout::line(format_args!("{address}: {word}"));
            Ok(())
        }
        Some((503, reasons)) => Err(Failure::new(
            FailureKind::Unavailable,
            format!("the node at {address} is not {word}: {reasons}"),
            "look into its log",
        )),
        _ => Err(Failure::new(
            FailureKind::Unavailable,
            format!("what answers at {address} is no node"),
            "give the `telemetry.listen` of a node's configuration",
        )),
    }
}

fn ask(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The status of an answer, and its lines as one.
fn parse(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let lines: Vec<String> = body.lines().map(printable).collect();
    Some((status, lines.join("; ")))
}

/// The line without what could disturb a terminal.
fn printable(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_nothing_else() {
        let answer =
            "HTTP/1.1 503 Service Unavailable\r\nx: y\r\n\r\nnot connected\n\u{1b}no keys\n";
        assert_eq!(
            parse(answer),
            Some((503, "not connected; no keys".to_owned()))
        );
        assert_eq!(
            parse("HTTP/1.1 200 OK\r\n\r\nready\n"),
            Some((200, "ready".to_owned()))
        );
        for other in [
            "",
            "\r\n\r\n",
            "SSH-2.0-x\r\n\r\n",
            "HTTP/1.1 \r\n\r\n",
            "HTTP/1.1 2é0 x\r\n\r\n",
        ] {
            assert_eq!(parse(other), None, "{other:?}");
        }
    }
}
