#!/usr/bin/env bash
# Runs the fuzz tests with libFuzzer, which prefers inputs that reach new code, and `lint` against a real kube-apiserver.
# `make test` runs the same tests with random inputs for a second each. A failure prints the smallest input that it found.
#   dev/fuzz.sh [--seconds N] [WORD]     default: 60 seconds per test; only tests with WORD in their name
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

seconds=60
if [ "${1:-}" = --seconds ]; then
  seconds=${2:?usage: fuzz.sh [--seconds N] [WORD]}
  shift 2
fi
only=${1:-}
packages=(outbound database service consumer producer)
target=$(uname -m)-unknown-linux-gnu
# Instrumentation for libFuzzer, which bolero selects by these cfgs. With --target, build scripts are built without it.
flags='--cfg fuzzing --cfg fuzzing_libfuzzer -Cdebug-assertions -Coverflow-checks -Ccodegen-units=1 -Cpasses=sancov-module'
flags+=' -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters'
flags+=' -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares'

# Builds the unit tests and prints the programs' paths.
build() {
  RUSTFLAGS=$flags cargo test --locked --no-run --lib --bins --target "$target" --target-dir "$CARGO_TARGET_DIR/fuzz" \
    --message-format json "${packages[@]/#/--package=eventpipeline-}" |
    sed -n 's/.*"profile":{[^}]*"test":true}.*"executable":"\([^"]*\)".*/\1/p'
}

# fuzz PROGRAM TEST: inputs that reached new code are kept in the cache for the next run.
fuzz() {
  local folder=$CACHE/fuzz/${2//::/-}
  mkdir -p "$folder/corpus" "$folder/crashes"
  say "" "== $2"
  BOLERO_LIBFUZZER_ARGS="$folder/corpus $folder/crashes -artifact_prefix=$folder/crashes/ -timeout=10 -max_total_time=$seconds" \
    "$1" "$2" --exact --nocapture
}

cd "$ROOT"
need_rust
need_command c++ g++
"$DEV/binaries.sh" api
programs=$(build)
failed=()
while read -r program; do
  while read -r name; do
    fuzz "$program" "$name" </dev/null || failed+=("$name")
  done < <("$program" --list fuzz:: | sed -n "s/: test\$//p" | grep -F -- "$only")
done <<<"$programs"
if [[ lint_fuzz = *"$only"* ]]; then
  FUZZ_SECONDS=$seconds cargo test --locked -p eventpipeline-operator --test it -- lint_fuzz || failed+=(lint_fuzz)
fi
[ ${#failed[@]} -eq 0 ] || die "failed: ${failed[*]}"
