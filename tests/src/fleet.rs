//! All the programs of a site, each with a configuration file of its own, to be started, killed, stopped and started
//! again in any order.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use cipherframe::SchemeId;

use crate::key_cache::key_set;
use crate::node_process::NodeProcess;
use crate::programs::command;
use crate::site::{CAMERA, Site, VIEWER, WORKER};

mod ports;

/// The broker's name in a fleet.
pub const BROKER: &str = "broker";
/// The last lines of each program that a failing test shows.
const LAST_LINES: usize = 25;

/// What a camera of a fleet is to do; the rest is the same for all tests.
#[derive(Clone, Debug)]
pub struct CameraPlan {
    /// The section `[source]`.
    pub source: String,
    /// The scheme.
    pub scheme: SchemeId,
    /// The section `[stream]` but for scheme and key.
    pub stream: String,
    /// The section `[delivery]`.
    pub delivery: String,
}

/// A site whose nodes are processes. Dropping it kills them; if the test has failed, it shows their last lines first.
pub struct Fleet {
    site: Site,
    brokers: BTreeMap<String, SocketAddr>,
    members: BTreeMap<String, Member>,
}

/// One node.
struct Member {
    program: &'static str,
    /// The scheme hides nothing, which must be allowed on the command line.
    insecure_plain: bool,
    /// Words before the command, of programs that end up running it in their place.
    wrapped_in: Vec<String>,
    environment: Vec<(String, String)>,
    running: Option<NodeProcess>,
    /// What it said in earlier runs.
    said: Vec<String>,
}

impl Fleet {
    /// The site `name` and its broker, which does not run yet.
    pub fn new(name: &str) -> Self {
        let mut fleet = Self {
            site: Site::new(name),
            brokers: BTreeMap::new(),
            members: BTreeMap::new(),
        };
        fleet.add_broker(BROKER, "");
        fleet
    }

    /// Adds a broker, or configures it anew, and gives where it listens. `broker` are more lines of its section
    /// `[broker]`.
    pub fn add_broker(&mut self, node: &str, broker: &str) -> SocketAddr {
        let new = || SocketAddr::from(([127, 0, 0, 1], ports::lasting_port()));
        let listen = *self.brokers.entry(node.to_owned()).or_insert_with(new);
        let text = format!("[broker]\nlisten = \"{listen}\"\n{broker}\n{LOG}");
        self.add(node, "broker", false, &text);
        listen
    }

    /// The identities.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The identities, to enroll more before anything runs.
    pub fn site_mut(&mut self) -> &mut Site {
        &mut self.site
    }

    /// Where the broker [`BROKER`] listens.
    pub fn broker(&self) -> SocketAddr {
        self.brokers[BROKER]
    }

    /// The folder that a viewer writes to.
    pub fn out(&self, viewer: &str) -> PathBuf {
        self.site.path().join(viewer).join("out")
    }

    /// Adds broker, worker, viewer and camera, all of them joined directly.
    pub fn add_line(&mut self, plan: &CameraPlan) {
        let broker = self.broker();
        self.add_worker(WORKER, plan.scheme, broker, "");
        self.add_viewer(VIEWER, plan.scheme, broker, "");
        self.add_camera(CAMERA, broker, plan);
    }

    /// Adds a worker, or configures it anew. `pool` are more lines of its section `[pool]`.
    pub fn add_worker(&mut self, node: &str, scheme: SchemeId, broker: SocketAddr, pool: &str) {
        let keys = key_set(scheme).join(client_key::EVALUATION_KEY_FILE);
        let keys = keys.display();
        let link = self.link(node, broker);
        let text = format!("{link}[pool]\nevaluation_keys = [\"{keys}\"]\n{pool}\n{LOG}");
        self.add(node, "pooling-worker", scheme == SchemeId::Plain, &text);
    }

    /// Adds a viewer, or configures it anew. `out` are more lines of its section `[out]`.
    pub fn add_viewer(&mut self, node: &str, scheme: SchemeId, broker: SocketAddr, out: &str) {
        let keys = key_set(scheme).join(client_key::CLIENT_KEY_FILE);
        let (keys, folder) = (keys.display(), self.out(node));
        let (link, folder) = (self.link(node, broker), folder.display());
        let text = format!(
            "{link}[decrypt]\nclient_keys = [\"{keys}\"]\n[out]\nfolder = \"{folder}\"\n{out}\n{LOG}"
        );
        self.add(node, "viewer", scheme == SchemeId::Plain, &text);
    }

    /// Adds a camera, or configures it anew.
    pub fn add_camera(&mut self, node: &str, broker: SocketAddr, plan: &CameraPlan) {
        let key = key_set(plan.scheme).join(client_key::PUBLIC_KEY_FILE);
        let CameraPlan {
            source,
            scheme,
            stream,
            delivery,
        } = plan;
        let (key, link) = (key.display(), self.link(node, broker));
        let text = format!(
            "{link}[source]\n{source}\n[stream]\nscheme = \"{scheme}\"\npublic_key = \"{key}\"\n{stream}\n\
             [delivery]\n{delivery}\n{LOG}"
        );
        self.add(node, "camera-node", *scheme == SchemeId::Plain, &text);
    }

    /// The sections `[node]` and `[mqtt]`. A connection without a sign of life is given up sooner than by default.
    fn link(&self, node: &str, broker: SocketAddr) -> String {
        let (site, key) = (self.site.name(), self.site.signing_key(node));
        let (key, trust) = (key.display(), self.site.trust_file());
        let trust = trust.display();
        format!(
            "[node]\nsite = \"{site}\"\nname = \"{node}\"\nsigning_key = \"{key}\"\ntrust = \"{trust}\"\n\
             [mqtt]\nurl = \"mqtt://{broker}\"\nkeep_alive_s = 5\nconnection_timeout_s = 5\n"
        )
    }

    fn add(&mut self, node: &str, program: &'static str, insecure_plain: bool, text: &str) {
        fs::write(self.site.path().join(format!("{node}.toml")), text).unwrap();
        let new = || Member {
            program,
            insecure_plain,
            wrapped_in: Vec::new(),
            environment: Vec::new(),
            running: None,
            said: Vec::new(),
        };
        // A node that is known goes on, and keeps its log.
        self.members.entry(node.to_owned()).or_insert_with(new);
    }

    /// From its next start on, a node is started by `words`, which have to run the rest of the command in their place.
    pub fn wrap(&mut self, node: &str, words: &[&str]) {
        self.member(node).wrapped_in = words.iter().map(|word| (*word).to_owned()).collect();
    }

    /// From its next start on, a node sees this variable.
    pub fn set_variable(&mut self, node: &str, name: &str, value: &str) {
        let variable = (name.to_owned(), value.to_owned());
        self.member(node).environment.push(variable);
    }

    /// Starts a node that does not run. Waits for a broker until it is ready.
    pub fn start(&mut self, node: &str) {
        let folder = self.site.path().to_owned();
        let member = self.member(node);
        assert!(member.running.is_none(), "{node} runs already");
        let own = command(member.program, &folder);
        let mut command = match member.wrapped_in.split_first() {
            None => own,
            Some((first, words)) => {
                let mut wrapped = Command::new(first);
                wrapped.args(words).arg(own.get_program());
                wrapped.current_dir(&folder).env_remove("RUST_LOG");
                wrapped.stdin(Stdio::null());
                wrapped
            }
        };
        command
            .args(["run", "--config"])
            .arg(format!("{node}.toml"));
        if member.insecure_plain {
            command.arg("--insecure-plain");
        }
        command.envs(member.environment.iter().cloned());
        member.running = Some(NodeProcess::spawn(node, command));
        if member.program == "broker" {
            self.wait_for(node, "broker is ready");
        }
    }

    /// Starts nodes one after the other.
    pub fn start_all(&mut self, nodes: &[&str]) {
        for node in nodes {
            self.start(node);
        }
    }

    /// Waits until a node has subscribed to what it takes. Not to be called for a node that was waited for before.
    pub fn until_subscribed(&mut self, node: &str) {
        self.wait_for(node, "\"purpose\":\"in\"");
    }

    /// Waits for the next line of a node that holds `part`.
    pub fn wait_for(&mut self, node: &str, part: &str) -> String {
        self.process(node).wait_for(part)
    }

    /// Waits until a node has said `part`, now or earlier.
    pub fn until_said(&mut self, node: &str, part: &str) {
        if !self.said(node).iter().any(|line| line.contains(part)) {
            self.wait_for(node, part);
        }
    }

    /// Whether a node was started and not stopped since.
    pub fn runs(&self, node: &str) -> bool {
        self.members[node].running.is_some()
    }

    /// Whether a node that was started has ended by itself.
    pub fn has_ended(&mut self, node: &str) -> bool {
        self.process(node).has_ended()
    }

    /// Kills a node, as `kill -9` does.
    pub fn kill(&mut self, node: &str) {
        let member = self.member(node);
        let process = member.running.take().expect("it runs");
        member.said.extend(process.kill());
    }

    /// Stops a node where it stands.
    pub fn pause(&mut self, node: &str) {
        self.process(node).pause();
    }

    /// Lets a node go on that was stopped where it stood.
    pub fn resume(&mut self, node: &str) {
        self.process(node).resume();
    }

    /// Asks a node to stop and waits until it has ended in good order.
    pub fn stop(&mut self, node: &str) {
        self.process(node).terminate();
        self.until_ended(node);
    }

    /// Waits until a node has ended by itself, in good order.
    pub fn until_ended(&mut self, node: &str) {
        let process = self.member(node).running.take().expect("it runs");
        let (status, said) = process.end();
        self.member(node).said.extend(said);
        let code = status.code();
        assert_eq!(
            code,
            Some(0),
            "{node} ended badly:\n{}",
            self.last_lines(node)
        );
    }

    /// All that a node has said, in all its runs.
    pub fn said(&mut self, node: &str) -> Vec<String> {
        let member = self.member(node);
        let mut said = member.said.clone();
        if let Some(process) = &mut member.running {
            said.extend_from_slice(process.said());
        }
        said
    }

    /// The names of all nodes.
    pub fn nodes(&self) -> Vec<String> {
        self.members.keys().cloned().collect()
    }

    fn member(&mut self, node: &str) -> &mut Member {
        let member = self.members.get_mut(node);
        member.unwrap_or_else(|| panic!("no node {node}"))
    }

    fn process(&mut self, node: &str) -> &mut NodeProcess {
        let process = self.member(node).running.as_mut();
        process.unwrap_or_else(|| panic!("{node} does not run"))
    }

    fn last_lines(&mut self, node: &str) -> String {
        let said = self.said(node);
        said[said.len().saturating_sub(LAST_LINES)..].join("\n")
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for node in self.nodes() {
            let lines = self.last_lines(&node);
            eprintln!("--- the last lines of {node}:\n{lines}");
        }
    }
}

/// Logs are read by the tests.
const LOG: &str = "[log]\nformat = \"json\"\n";
