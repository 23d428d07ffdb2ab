//! A program that runs beside the test.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::PATIENCE;
use crate::programs::command;

const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running program. It is killed when this is dropped.
pub struct NodeProcess {
    name: String,
    child: Child,
    incoming: Receiver<String>,
    log: Vec<String>,
}

impl NodeProcess {
    /// Starts a program in `folder`. Its stdout goes nowhere.
    pub fn start(name: &str, args: &[&str], folder: &Path) -> Self {
        Self::start_with(name, args, folder, None)
    }

    /// As [`NodeProcess::start`], with a log filter.
    pub fn start_with(name: &str, args: &[&str], folder: &Path, filter: Option<&str>) -> Self {
        let mut command = command(name, folder);
        command.args(args);
        if let Some(filter) = filter {
            command.env("RUST_LOG", filter);
        }
        Self::spawn(name, command)
    }

    /// Starts a command, which is called `name` in messages. Its stdout goes nowhere.
    pub fn spawn(name: &str, mut command: Command) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, incoming) = mpsc::channel();
        // The pipe is always read, or the program would stop at a full one.
        thread::spawn(move || {
            for line in stderr.split(b'\n') {
                let line = String::from_utf8_lossy(&line.unwrap()).into_owned();
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            name: name.to_owned(),
            child,
            incoming,
            log: Vec::new(),
        }
    }

    /// Waits for the next line on stderr that holds `part`.
    pub fn wait_for(&mut self, part: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.incoming.recv_timeout(left) {
                Ok(line) => {
                    self.log.push(line.clone());
                    if line.contains(part) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.fail(&format!("did not say `{part}`")),
                Err(RecvTimeoutError::Disconnected) => {
                    self.fail(&format!("ended and did not say `{part}`"))
                }
            }
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Closes the other end of its stderr, with the next line that it writes.
    pub fn stop_listening(&mut self) {
        self.incoming = mpsc::channel().1;
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// All that it has said so far.
    pub fn said(&mut self) -> &[String] {
        self.log.extend(self.incoming.try_iter());
        &self.log
    }

    /// Kills it, as `kill -9` does, waits until it is gone, and gives all that it said.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.log.extend(self.incoming.iter());
        std::mem::take(&mut self.log)
    }

    /// Asks it to stop, as `kill` and service managers do.
    pub fn terminate(&mut self) {
        self.signal(Signal::TERM);
    }

    /// Stops it where it stands, until [`NodeProcess::resume`]. Its connections stay open.
    pub fn pause(&mut self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&mut self) {
        self.signal(Signal::CONT);
    }

    fn signal(&mut self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it has ended, and gives how it did and all that it said.
    pub fn end(mut self) -> (ExitStatus, Vec<String>) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                self.fail("did not end");
            }
            thread::sleep(LOOK_EVERY);
        };
        self.log.extend(self.incoming.iter());
        (status, std::mem::take(&mut self.log))
    }

    fn fail(&self, what: &str) -> ! {
        panic!("{} {what}; it said:\n{}", self.name, self.log.join("\n"))
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
