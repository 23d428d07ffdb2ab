//! The real programs, as a user starts them.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// What a program said, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its exit code.
    pub code: i32,
    /// What it wrote on stdout.
    pub stdout: String,
    /// What it wrote on stderr.
    pub stderr: String,
}

/// Runs a program in `folder` until it ends. In what it said, `DIR` stands for the folder's path.
pub fn run(name: &str, args: &[&str], folder: &Path) -> Outcome {
    outcome(command(name, folder).args(args), folder)
}

fn outcome(command: &mut Command, folder: &Path) -> Outcome {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        text.replace(folder.to_str().unwrap(), "DIR")
    };
    Outcome {
        code: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Runs a program that has to end with `code`, say nothing on stdout and exactly `expected` on stderr, beside its log.
pub fn check(program: &str, args: &[&str], folder: &Path, code: i32, expected: &str) {
    let Outcome {
        code: ended,
        stdout,
        stderr,
    } = outcome(
        command(program, folder).args(args).env("RUST_LOG", "off"),
        folder,
    );
    assert_eq!(
        (stderr.as_str(), ended),
        (expected, code),
        "{program} {args:?}"
    );
    assert_eq!(stdout, "", "{program} {args:?}");
}

/// A program that is to run in `folder`, undisturbed by the user's own log filter.
pub fn command(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(program(name));
    command
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

/// The path of a program of this workspace, built from the sources as they are now.
fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).join(name)
}

/// Builds all programs and gives their folder.
///
/// `cargo test` itself builds the programs of only those packages that have integration tests. Mostly there is nothing
/// left to do but to link. The running test is named too: without a test, cargo leaves the features out that only
/// dev-dependencies ask for, and compiles half of this workspace once more. What cargo tells the running test about its
/// own package is not handed on: the build script of `ring` would run again for it, and all that uses `ring` be compiled.
fn build() -> PathBuf {
    let test = env::current_exe().unwrap();
    let (name, _hash) = test
        .file_name()
        .and_then(OsStr::to_str)
        .unwrap()
        .rsplit_once('-')
        .unwrap();
    // The test program is TARGET/PROFILE/deps/NAME.
    let folder = test.ancestors().nth(2).unwrap();
    let profile = match folder.file_name().and_then(OsStr::to_str).unwrap() {
        "debug" => "dev",
        other => other,
    };
    let mut cargo = Command::new(env!("CARGO"));
    let of_this_package = |name: &OsString| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
    };
    for (name, _) in env::vars_os().filter(|(name, _)| of_this_package(name)) {
        cargo.env_remove(name);
    }
    let output = cargo
        .args([
            "build",
            "--workspace",
            "--bins",
            "--test",
            name,
            "--offline",
            "--profile",
            profile,
        ])
        .arg("--target-dir")
        .arg(folder.parent().unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "the programs cannot be built:\n{said}"
    );
    folder.to_owned()
}
