#!/usr/bin/env bash
# Runs the benchmark on release builds, and prints figures with their baselines. It starts everything it needs.
#   dev/bench.sh [--only SCENARIO,...] [--quick]
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ROOT"
need_rust
"$DEV/databases.sh"
# The scenario `peers` needs other queues and their server. A run of all scenarios includes it if they were built before.
arguments=" $* "
if [[ $arguments =~ [\ ,=]peers[\ ,] ]] || { [ -d "$CACHE/peers" ] && [[ $arguments != *' --only'* ]]; }; then
  "$DEV/peers.sh"
  export PEERS=$CACHE/peers
fi
cargo build --locked --release -p eventpipeline-producer -p eventpipeline-consumer -p eventpipeline-bench
# A full run updates the committed figures.
[ $# -gt 0 ] || set -- --figures bench/FIGURES.md
exec "$CARGO_TARGET_DIR/release/eventpipeline-bench" --programs "$CARGO_TARGET_DIR/release" "$@"
