#!/usr/bin/env bash
# Checks formatting and lints, with warnings as errors: prose, links, shell, Go, Rust.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

go_formatted() {
  local files
  files=$(gofmt -l "$OFFLINE/nodekit" "$ROOT/examples" "$ROOT/tests/gitops" "$ROOT/bench/peers")
  [ -z "$files" ] || die "gofmt would change: $files"
}

cd "$ROOT"
need_command shellcheck shellcheck
mapfile -t scripts < <(git ls-files --cached --others --exclude-standard '*.sh' dev/offline/runc-bounded .ci/run)
step "shellcheck" shellcheck "${scripts[@]}"
need_command perl perl
step "prose" "$DEV/prose.sh"
mapfile -t pages < <(git ls-files --cached --others --exclude-standard '*.md')
step "links" "$DEV/links.pl" "${pages[@]}"
if have gofmt; then step "gofmt" go_formatted; fi
if have go; then
  "$DEV/binaries.sh" lint
  step "actionlint" actionlint .github/workflows/*.yaml
fi
step "cargo fmt" cargo fmt --all --check
# It has a workspace of its own.
step "cargo fmt of bench/peers" cargo fmt --manifest-path bench/peers/apalis/Cargo.toml --check
step "cargo clippy" cargo clippy --locked --workspace --all-targets -- --deny warnings
