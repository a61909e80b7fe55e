#!/usr/bin/env bash
# Runs every check that needs no cluster, after building or installing its requirements. It continues after a failure and
# prints a summary at the end.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ROOT"
passed=0
failed=()
skipped=()
log=$CACHE/logs/test.log

# check LABEL COMMAND...: runs the command under a heading, with its output. The exit code 77 means that it was skipped.
check() {
  local label=$1 started=$SECONDS status=0
  shift
  say "" "== $label"
  "$@" || status=$?
  case $status in
    0)
      passed=$((passed + 1))
      say "== $label: passed, $((SECONDS - started)) s"
      ;;
    77)
      skipped+=("$label")
      say "== $label: SKIPPED, $((SECONDS - started)) s"
      ;;
    *)
      failed+=("$label")
      say "== $label: FAILED, $((SECONDS - started)) s"
      ;;
  esac
}

# The tests of eventpipeline-e2e need a cluster: dev/e2e.sh. Most tests wait for servers, leases and timers, so two run per core.
tests() {
  RUST_TEST_THREADS=$((2 * $(nproc))) \
    cargo test --locked --workspace --exclude eventpipeline-e2e --no-fail-fast 2>&1 | tee "$log"
}

# Argo CD's health script and kstatus, with recorded states of a pipeline.
gitops() ( cd "$ROOT/tests/gitops" && again go mod download && go vet ./... && go test -count=1 ./... )

# count WORD: the sum over cargo's `test result:` lines.
count() { sed -n "s/^test result:.* \([0-9]*\) $1.*/\1/p" "$log" | awk '{ sum += $1 } END { print sum + 0 }'; }

need_rust
need_command openssl openssl
need_command jq jq
"$DEV/databases.sh"
"$DEV/binaries.sh" api tools docs chart dashboards
"$DEV/schemathesis.sh"
"$DEV/checkov.sh"
"$DEV/polyglot.sh"
"$DEV/debian-programs.sh" nginx usr/sbin/nginx
"$DEV/debian-programs.sh" prometheus usr/bin/prometheus usr/bin/promtool
: >"$log"

check "formatting and lints" "$DEV/lint.sh"
check "generated files" "$DEV/generate.sh" --check
check "tests" tests
check "health in Argo CD and Flux" gitops
check "chaos" "$DEV/chaos.sh" --seconds 60
check "documentation" env RUSTDOCFLAGS='-D warnings' cargo doc --locked --quiet --workspace --no-deps
check "dependencies" "$DEV/deny.sh" policy
check "advisories" "$DEV/deny.sh" advisories

say "" "tests: $(count passed) passed, $(count failed) failed, $((SECONDS / 60)) min $((SECONDS % 60)) s in total"
summary="checks: $passed passed, ${#failed[@]} failed, ${#skipped[@]} skipped"
for label in "${failed[@]}" "${skipped[@]}"; do summary+=" [$label]"; done
say "$summary"
[ ${#failed[@]} -eq 0 ]
