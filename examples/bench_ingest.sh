#!/usr/bin/env bash
# Measures how fast the server takes in events, what reads and streams cost meanwhile, and prints tables
# (see docs/performance.md).
#
#   examples/bench_ingest.sh [--seconds N] [--events N] [--sessions N] [--streams N]
#
# BENCH_DIR chooses where the database lies (about 700 MB for the million events of the default).
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}

# A thousand streams take as many file descriptors, on both sides.
ulimit -n "$(ulimit -Hn)"
cargo build --release --locked -p agentmon-server
cargo build --release --locked -p agentmon-examples --example bench_ingest
"$target/release/examples/bench_ingest" --server "$target/release/agentmon-server" "$@"
