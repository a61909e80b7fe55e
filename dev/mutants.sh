#!/usr/bin/env bash
# Removes the guards of the queue's SQL statements (mutants.txt) one at a time, in a copy, and reports those that the tests of
# database/ do not notice. Mutation testing tools for Rust do not change SQL.
#   dev/mutants.sh [WORD]      only lines that contain WORD
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Timeout of the tests in seconds: with a broken guard they may wait forever.
limit=240
copy=$CACHE/work/mutants
log=$CACHE/logs/mutants.log

need_rust
"$DEV/databases.sh"
lock mutants
rm -rf "$copy"
mkdir -p "$copy"
(cd "$ROOT" && git ls-files -z | xargs -0 cp --parents -t "$copy")
forget_builds
trap forget_builds EXIT
cd "$copy"

# Skips the tests of accounts, certificates and the schema, which no guard concerns.
tests() {
  timeout "$limit" cargo test --locked --offline -p eventpipeline-database --lib --test it -- \
    --skip accounts --skip tls --skip schema >"$log" 2>&1
}

# noticed FILE SUBSTITUTION: returns whether the tests fail with it. A substitution that changes nothing or does not compile is
# an error in the list.
noticed() {
  local file=database/src/$1 status=0
  cp "$ROOT/$file" "$file"
  perl -0pi -e "$2" "$file"
  if cmp -s "$file" "$ROOT/$file"; then die "mutants.txt: $2 changes nothing in $1"; fi
  tests || status=$?
  cp "$ROOT/$file" "$file"
  # Cargo compares modification times.
  touch "$file"
  if grep -q '^error.*could not compile' "$log"; then die "mutants.txt: $1 does not compile with $2: see $log"; fi
  [ "$status" -ne 0 ]
}

tests || die "the tests fail with every guard in place: see $log"
caught=0
survived=()
while IFS='|' read -r file what substitution; do
  file=${file%% *}
  what=$(sed 's/^ *//; s/ *$//' <<<"$what")
  if noticed "$file" "${substitution# }"; then
    caught=$((caught + 1))
    say "caught    $what"
  else
    survived+=("$what")
    say "SURVIVED  $what"
  fi
done < <(grep -v '^#' "$DEV/mutants.txt" | grep -F -- "${1:-|}")

say "" "$caught caught, ${#survived[@]} survived"
[ ${#survived[@]} -eq 0 ]
