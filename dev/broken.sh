#!/usr/bin/env bash
# Breaks the programs in one way at a time (broken.txt), in a copy, and checks that chaos reports the broken promise.
#   dev/broken.sh [WORD]      only lines that contain WORD
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The same faults for all.
seed=7
seconds=60
copy=$CACHE/work/broken
programs=$CACHE/work/broken-programs
original=$CACHE/work/broken-original
log=$CACHE/logs/broken.log
packages=(eventpipeline-producer eventpipeline-consumer)

cd "$ROOT"
need_rust
"$DEV/databases.sh"
lock broken
# As in chaos.sh: the same packages share the features of their dependencies, and so their builds.
cargo build --locked "${packages[@]/#/--package=}" -p eventpipeline-chaos
chaos=$CARGO_TARGET_DIR/debug/eventpipeline-chaos
rm -rf "$copy"
mkdir -p "$copy" "$programs"
git ls-files -z | xargs -0 cp --parents -t "$copy"
cp "$chaos" "$programs/"
chaos=$programs/eventpipeline-chaos
forget_builds
trap forget_builds EXIT
cd "$copy"

# reported PROMISE FAULTS FILE SUBSTITUTION: succeeds if chaos reports a violation of the promise. A substitution that
# changes nothing or does not compile is an error in the list.
reported() {
  local promise=$1 faults=$2 file=$3 count
  cp "$file" "$original"
  perl -0pi -e "$4" "$file"
  if cmp -s "$file" "$original"; then die "broken.txt: $4 changes nothing in $file"; fi
  if ! cargo build --locked --offline "${packages[@]/#/--package=}" >"$log" 2>&1; then
    die "broken.txt: $file does not compile with $4: see $log"
  fi
  cp "${packages[@]/#/$CARGO_TARGET_DIR/debug/}" "$programs/"
  cp "$original" "$file"
  # Cargo compares times.
  touch "$file"
  "$chaos" --programs "$programs" --seconds "$seconds" --seed "$seed" --faults "$faults" >"$log" 2>&1 || true
  count=$(violations "$promise")
  [ "${count:-0}" -gt 0 ]
}

# violations PROMISE: the number in the report of the last run.
violations() { sed -n "s/^[a-z ]* \([0-9]*\)   $1\$/\1/p" "$log"; }

missed=0
while IFS='|' read -r promise faults file what substitution; do
  promise=${promise// /}
  faults=${faults// /}
  file=${file// /}
  what=$(sed 's/^ *//; s/ *$//' <<<"$what")
  if reported "$promise" "$faults" "$file" "${substitution# }"; then
    say "reported  $promise  $what: $(violations "$promise") violations"
  else
    missed=$((missed + 1))
    say "MISSED    $promise  $what"
  fi
done < <(grep -v '^#' "$DEV/broken.txt" | grep -F -- "${1:-|}")

say "" "$missed missed"
[ "$missed" -eq 0 ]
