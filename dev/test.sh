#!/usr/bin/env bash
# Runs every check that needs no cluster, after building or installing its requirements. It continues after a failure and
# prints a summary at the end.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ROOT"
passed=0
failed=()
log=$CACHE/logs/test.log

# check LABEL COMMAND...: runs the command under a heading, with its output.
check() {
  local label=$1 started=$SECONDS
  shift
  say "" "== $label"
  if "$@"; then
    passed=$((passed + 1))
    say "== $label: passed, $((SECONDS - started)) s"
  else
    failed+=("$label")
    say "== $label: FAILED, $((SECONDS - started)) s"
  fi
}

# The tests of eventpipeline-e2e need a cluster: dev/e2e.sh.
tests() { cargo test --locked --workspace --exclude eventpipeline-e2e --no-fail-fast 2>&1 | tee "$log"; }

# count WORD: the sum over cargo's `test result:` lines.
count() { sed -n "s/^test result:.* \([0-9]*\) $1.*/\1/p" "$log" | awk '{ sum += $1 } END { print sum + 0 }'; }

need_rust
need_command openssl openssl
"$DEV/databases.sh"
"$DEV/binaries.sh" api tools chart
"$DEV/schemathesis.sh"
"$DEV/checkov.sh"
"$DEV/polyglot.sh"
"$DEV/debian-programs.sh" nginx usr/sbin/nginx
"$DEV/debian-programs.sh" prometheus usr/bin/prometheus usr/bin/promtool
: >"$log"

check "formatting and lints" "$DEV/lint.sh"
check "generated files" "$DEV/generate.sh" --check
check "tests" tests
check "chaos" "$DEV/chaos.sh" --seconds 60
check "documentation" env RUSTDOCFLAGS='-D warnings' cargo doc --locked --quiet --workspace --no-deps
check "dependencies" "$DEV/deny.sh"

say "" "tests: $(count passed) passed, $(count failed) failed, $((SECONDS / 60)) min $((SECONDS % 60)) s in total"
if [ ${#failed[@]} -eq 0 ]; then
  say "checks: $passed passed, 0 failed"
else
  say "checks: $passed passed, ${#failed[@]} failed:$(printf ' [%s]' "${failed[@]}")"
  exit 1
fi
