#!/usr/bin/env bash
# Checks the language of docs, comments, help, messages and alerts by the rules of prose-rules.txt.
#   dev/prose.sh            all files that `make lint` checks
#   dev/prose.sh PATH...    these, even where prose-rules.txt lists them as unfinished
set -euo pipefail

DEV=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rules=$DEV/prose-rules.txt
# Files with text for people.
names=('*.rs' '*.md' '*.sh' '*.pl' '*.yaml' '*.yml' '*.tpl' '*.txt' '*.toml' '*.sql' '*.py' '*.go' '*.js' '*.conf'
  '*.awk' '*Dockerfile' '*Makefile' .ci/run)

# section NAME: the lines of that section of the rules.
section() { sed -n "/^\[$1\]\$/,/^\[/ { /^[^#[]/p }" "$rules"; }

# list PATHSPEC...: tracked and new files, with their paths in the repository.
list() { git ls-files --full-name --cached --others --exclude-standard -- "$@"; }

perl "$DEV/prose.pl" "$rules" --self-test
asked=''
if [ $# -gt 0 ]; then asked=$(list "$@"); fi
cd "$DEV/.."
mapfile -t without < <(section generated)
if [ $# -eq 0 ]; then mapfile -t -O "${#without[@]}" without < <(section unfinished); fi
files=()
while read -r file; do
  # A deleted file is listed until the deletion is staged.
  [ ! -f "$file" ] || files+=("$file")
done < <(list "${names[@]}" "${without[@]/#/:(exclude)}" | if [ $# -eq 0 ]; then cat; else grep -Fxf <(echo "$asked"); fi | sort -u)
[ ${#files[@]} -eq 0 ] || perl "$DEV/prose.pl" "$rules" "${files[@]}"
