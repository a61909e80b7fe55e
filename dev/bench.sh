#!/usr/bin/env bash
# The benchmark: release builds, then a run that starts all it needs and prints figures with their baselines.
#   dev/bench.sh [--only SCENARIO,...] [--quick]
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ROOT"
need_rust
"$DEV/databases.sh"
cargo build --locked --release -p eventpipeline-producer -p eventpipeline-consumer -p eventpipeline-bench
# All of it is what the repository keeps.
[ $# -gt 0 ] || set -- --figures bench/FIGURES.md
exec "$CARGO_TARGET_DIR/release/eventpipeline-bench" --programs "$CARGO_TARGET_DIR/release" "$@"
