#!/usr/bin/env bash
# Runs a pipeline under faults of every kind and checks its guarantees.
#   dev/chaos.sh [--seconds N] [--seed N]     default: 60 seconds and a random seed
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ROOT"
need_rust
"$DEV/databases.sh"
cargo build --locked -p eventpipeline-producer -p eventpipeline-consumer -p eventpipeline-chaos
exec "$CARGO_TARGET_DIR/debug/eventpipeline-chaos" --programs "$CARGO_TARGET_DIR/debug" "$@"
