//! What a crate does not depend on, its code cannot name: no encryption scheme in the broker, no client key where the
//! network is not trusted.

use std::collections::BTreeSet;
use std::process::Command;

use e2e::programs::command;

const CRATES: [&str; 10] = [
    "broker",
    "camera-node",
    "cipherframe",
    "client-key",
    "e2e",
    "keyfile",
    "pooling-worker",
    "stack",
    "viewer",
    "wire",
];

/// The names of all crates that are linked into `package`, itself included; tests and build scripts do not count.
fn tree(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--package",
            package,
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let name = |line: &str| line.split(' ').next().map(str::to_owned);
    let text = String::from_utf8(output.stdout).unwrap();
    let names: BTreeSet<String> = text.lines().filter_map(name).collect();
    assert!(names.contains(package), "{names:?}");
    names
}

/// The crates of this workspace that link `name`.
fn users_of(name: &str) -> Vec<&'static str> {
    CRATES
        .into_iter()
        .filter(|package| tree(package).contains(name))
        .collect()
}

#[test]
fn the_list_of_crates_is_whole() {
    let root = std::fs::read_to_string(e2e::data_folder::committed("Cargo.toml")).unwrap();
    let members = root
        .split("members = [")
        .nth(1)
        .unwrap()
        .split(']')
        .next()
        .unwrap();
    assert_eq!(members.matches('"').count() / 2, CRATES.len(), "{members}");
}

#[test]
fn broker_and_wire_know_no_encryption_scheme() {
    for package in ["broker", "wire"] {
        let names = tree(package);
        let forbidden = |name: &&String| name.contains("fhe") || *name == "cipherframe";
        assert_eq!(names.iter().find(forbidden), None, "{package}");
    }
    assert_eq!(
        users_of("tfhe"),
        [
            "camera-node",
            "cipherframe",
            "client-key",
            "e2e",
            "pooling-worker",
            "stack",
            "viewer"
        ]
    );
}

#[test]
fn only_the_viewer_and_who_makes_keys_can_name_a_client_key() {
    assert_eq!(
        users_of("client-key"),
        ["client-key", "e2e", "stack", "viewer"]
    );
}

/// Their libraries have secret keys that `cipherframe` does not pass on.
#[test]
fn no_node_can_name_the_secret_key_of_a_schemes_library() {
    for node in ["broker", "camera-node", "pooling-worker", "viewer", "wire"] {
        let manifest = e2e::data_folder::committed(&format!("{node}/Cargo.toml"));
        let manifest = std::fs::read_to_string(manifest).unwrap();
        assert!(!manifest.contains("fhe"), "{node}");
    }
}

/// The functions and constants that are linked into a program. `nm` comes with every C compiler.
fn symbols(program: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let program = command(program, folder.path()).get_program().to_owned();
    let listed = Command::new("nm").arg(program).output().unwrap();
    let said = String::from_utf8_lossy(&listed.stderr);
    assert!(listed.status.success(), "{said}");
    String::from_utf8_lossy(&listed.stdout).into_owned()
}

#[test]
fn a_camera_links_nothing_that_pools() {
    let (worker, camera) = (symbols("pooling-worker"), symbols("camera-node"));
    for name in ["blind_rotate", "BfvEvaluationKey", "TfheEvaluationKey"] {
        assert!(worker.contains(name), "{name}");
        assert!(!camera.contains(name), "{name}");
    }
}

#[test]
fn only_the_broker_embeds_a_broker() {
    assert_eq!(users_of("rumqttd"), ["broker", "e2e", "stack"]);
}

#[test]
fn nodes_do_not_depend_on_each_other() {
    for node in ["broker", "camera-node", "pooling-worker", "viewer"] {
        assert_eq!(
            users_of(node),
            BTreeSet::from([node, "e2e", "stack"])
                .into_iter()
                .collect::<Vec<_>>()
        );
    }
}

#[test]
fn wire_and_cipherframe_do_not_know_each_other() {
    assert!(!tree("cipherframe").contains("wire"));
    assert!(!tree("wire").contains("cipherframe"));
}

#[test]
fn a_frame_that_a_scheme_allows_fits_the_tile_numbers_of_an_envelope() {
    assert_eq!(cipherframe::MAX_TILES, wire::message::TileHeader::MAX_TILES);
}
