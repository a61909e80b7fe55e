#!/usr/bin/env bash
# A pipeline on a small volume that is filled and recovers, again and again. Root may mount that volume, which is in a mount
# namespace of its own.
#   dev/fill.sh [--rounds N]     20 rounds if not given
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ROOT"
need_rust
"$DEV/databases.sh"
cargo build --locked -p eventpipeline-agent -p eventpipeline-producer -p eventpipeline-consumer -p eventpipeline-operator -p eventpipeline-fill
as_root=()
[ "$(id -u)" = 0 ] || as_root=(--map-root-user)
exec unshare --mount "${as_root[@]}" "$CARGO_TARGET_DIR/debug/eventpipeline-fill" --programs "$CARGO_TARGET_DIR/debug" "$@"
