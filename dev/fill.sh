#!/usr/bin/env bash
# Fills the small volume of a pipeline and lets it recover, repeatedly. The volume is mounted in a separate mount namespace.
#   dev/fill.sh [--rounds N]     default: 20 rounds
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ROOT"
need_rust
"$DEV/databases.sh"
cargo build --locked -p eventpipeline-agent -p eventpipeline-producer -p eventpipeline-consumer -p eventpipeline-operator -p eventpipeline-fill
as_root=()
[ "$(id -u)" = 0 ] || as_root=(--map-root-user)
exec unshare --mount "${as_root[@]}" "$CARGO_TARGET_DIR/debug/eventpipeline-fill" --programs "$CARGO_TARGET_DIR/debug" "$@"
