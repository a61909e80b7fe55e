#!/usr/bin/env bash
# Formats Rust and Go.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ROOT"
cargo fmt --all
cargo fmt --manifest-path bench/peers/apalis/Cargo.toml
if have gofmt; then gofmt -w "$OFFLINE/nodekit" "$ROOT/examples" "$ROOT/tests/gitops" "$ROOT/bench/peers"; fi
