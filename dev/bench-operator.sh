#!/usr/bin/env bash
# Runs the operator's benchmark on release builds, with a dedicated kube-apiserver and etcd.
#   dev/bench-operator.sh [PIPELINES]
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ROOT"
need_rust
"$DEV/binaries.sh" api
cargo build --locked --release -p eventpipeline-operator -p eventpipeline-bench
exec "$CARGO_TARGET_DIR/release/eventpipeline-bench" --programs "$CARGO_TARGET_DIR/release" --operator "${1:-1000}"
