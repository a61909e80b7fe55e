#!/usr/bin/env bash
# Breaks the programs in one way at a time (broken.txt), in a copy, and demands that chaos reports the promise that this breaks.
#   dev/broken.sh [WORD]      only those with WORD in their line
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The same faults for all.
seed=7
seconds=45
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
cd "$copy"

# reported PROMISE FILE SUBSTITUTION: succeeds if chaos reports a violation of the promise. A substitution that changes nothing, or
# does not compile, is an error in the list.
reported() {
  local promise=$1 file=$2
  cp "$file" "$original"
  perl -0pi -e "$3" "$file"
  if cmp -s "$file" "$original"; then die "broken.txt: $3 changes nothing in $file"; fi
  if ! cargo build --locked --offline "${packages[@]/#/--package=}" >"$log" 2>&1; then
    die "broken.txt: $file does not compile with $3: see $log"
  fi
  cp "${packages[@]/#/$CARGO_TARGET_DIR/debug/}" "$programs/"
  cp "$original" "$file"
  # Cargo compares times.
  touch "$file"
  "$chaos" --programs "$programs" --seconds "$seconds" --seed "$seed" >"$log" 2>&1 || true
  grep -q "^VIOLATION $promise:" "$log"
}

missed=0
while IFS='|' read -r promise file what substitution; do
  promise=${promise// /}
  file=${file// /}
  what=$(sed 's/^ *//; s/ *$//' <<<"$what")
  if reported "$promise" "$file" "${substitution# }"; then
    say "reported  $promise  $what: $(grep -c '^VIOLATION' "$log") violations"
    grep -m 1 "^VIOLATION $promise:" "$log" | sed 's/^/          /'
  else
    missed=$((missed + 1))
    say "MISSED    $promise  $what"
  fi
done < <(grep -v '^#' "$DEV/broken.txt" | grep -F -- "${1:-|}")

say "" "$missed missed"
[ "$missed" -eq 0 ]
