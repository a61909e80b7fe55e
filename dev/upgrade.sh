#!/usr/bin/env bash
# A rolling upgrade under load and faults, forward and back: programs of the previous version and of this one run side by side
# on this version's tables, and the checker of chaos judges them.
#   dev/upgrade.sh [--seconds N] [--seed N]     60 seconds and a random seed by default
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

programs=(eventpipeline-producer eventpipeline-consumer)
previous=$CACHE/previous/$PREVIOUS_COMMIT

# The source is built outside the checkout, with the same target folder: most dependencies are compiled already.
build() {
  local source=$CACHE/work/previous
  rm -rf "$source"
  mkdir -p "$source" "$previous"
  git -C "$ROOT" archive "$PREVIOUS_COMMIT" | tar -x -C "$source"
  forget_builds
  (cd "$source" && cargo build --locked "${programs[@]/#/--package=}")
  cp "${programs[@]/#/$CARGO_TARGET_DIR/debug/}" "$previous/"
  forget_builds
  rm -rf "$source"
}

if ! git -C "$ROOT" cat-file -e "$PREVIOUS_COMMIT^{commit}" 2>/dev/null; then
  warn "skipped: this clone does not contain $PREVIOUS_COMMIT, the previous version (git fetch --unshallow)"
  exit 0
fi
need_rust
lock previous
if [ ! -x "$previous/${programs[1]}" ]; then step "previous version ${PREVIOUS_COMMIT:0:12}" build; fi
exec "$DEV/chaos.sh" --previous "$previous" "$@"
