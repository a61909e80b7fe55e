#!/usr/bin/env bash
# A pipeline under faults of every kind, and whether it kept its promises.
#   dev/chaos.sh [--seconds N] [--seed N]     60 seconds and a random seed if not given
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ROOT"
need_rust
"$DEV/databases.sh"
cargo build --locked -p eventpipeline-producer -p eventpipeline-consumer -p eventpipeline-chaos
exec "$CARGO_TARGET_DIR/debug/eventpipeline-chaos" --programs "$CARGO_TARGET_DIR/debug" "$@"
