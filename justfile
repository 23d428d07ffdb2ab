# The menu: `just --list`.

# Show the menu
default:
    @just --list

# The main job on the bundled samples, with the embedded broker
demo *args:
    cargo run --release -- demo {{args}}

# Encrypt, pool and decrypt one frame and say what each step costs
bench *args:
    cargo run --release -- bench {{args}}

# Learn from DIR/train and say how well the clips of DIR/labels.csv are ranked
auc dir *args:
    cargo run --release -- auc {{dir}} {{args}}

# All tests
test:
    cargo test --workspace

# Kill, cut and mistreat everything, and write down in docs/ref/reliability.md what was counted
faults:
    BLINDSIGHT_FAULT_TABLE=docs/ref/reliability.md cargo test --workspace --test faults

# Formatting and lints
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Licences, advisories and sources of all dependencies (needs cargo-deny, and the network for the advisories)
deny:
    cargo deny --locked check

# Fuzz all parsers for so many seconds altogether, or only the targets named (needs nightly Rust and cargo-fuzz)
fuzz seconds="60" *targets:
    fuzz/run {{seconds}} {{targets}}

# Run broker, worker, viewer and camera at full rate and watch their memory
soak seconds="900":
    BLINDSIGHT_SOAK_SECONDS={{seconds}} cargo test --release --workspace --test soak -- --ignored --nocapture

# Render samples/ again
samples:
    cargo run --release -p camera-node -- render-samples --out samples

# Build camera-node for a Raspberry Pi, for machines without rustup targets too (needs gcc and g++ for aarch64)
pi *args:
    deploy/raspberry-pi/build {{args}}

# Run that program under qemu against broker, worker and viewer of this machine, and compare each map (needs qemu-user)
pi-test:
    deploy/raspberry-pi/test

# Everything that a change must pass
ci:
    bash .ci/run
