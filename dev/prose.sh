#!/usr/bin/env bash
# Checks the language of docs, comments, help, messages and alerts by the rules of prose-rules.txt.
#   dev/prose.sh            all files that `make lint` checks
#   dev/prose.sh PATH...    these, even where prose-rules.txt lists them as unfinished
set -euo pipefail

DEV=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rules=$DEV/prose-rules.txt
# Where people write text. Snapshots and other generated files are checked by their sources.
names=('*.rs' '*.md' '*.sh' '*.pl' '*.yaml' '*.yml' '*.tpl' '*.txt' '*.toml' '*.sql' '*.py' '*.go' '*.js' '*.conf'
  '*Dockerfile' Makefile .ci/run)

# section NAME: the lines of that section of the rules.
section() { sed -n "/^\[$1\]\$/,/^\[/ { /^[^#[]/p }" "$rules"; }

cd "$DEV/.."
perl "$DEV/prose.pl" "$rules" --self-test
mapfile -t without < <(section generated)
# A path with a slash at its end is a folder.
if [ $# -eq 0 ]; then mapfile -t -O "${#without[@]}" without < <(section unfinished); fi
mapfile -t files < <(git ls-files --cached --others --exclude-standard -- "${names[@]}" "${without[@]/#/:(exclude)}" |
  if [ $# -eq 0 ]; then cat; else grep -Fx -f <(git ls-files --cached --others --exclude-standard -- "$@") || true; fi |
  sort -u)
existing=()
for file in "${files[@]}"; do [ ! -f "$file" ] || existing+=("$file"); done
[ ${#existing[@]} -eq 0 ] || perl "$DEV/prose.pl" "$rules" "${existing[@]}"
