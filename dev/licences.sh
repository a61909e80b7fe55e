#!/usr/bin/env bash
# licences.sh TARGET: prints the licences of the crates in the image's programs: a list, then each text once.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$DEV/programs.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Keeps each text under its hash, and the names of its crates next to it.
texts() {
  local crate folder file hash
  while IFS=$'\t' read -r crate folder; do
    while IFS= read -r file; do
      hash=$(sha256sum "$file" | cut -c1-16)
      cp "$file" "$scratch/$hash.text"
      printf '%s\n' "$crate" >>"$scratch/$hash.crates"
    done < <(find "$folder" -maxdepth 1 -type f -regextype posix-extended \
      -iregex '.*/(un)?(licen[cs]e|copying|copyright|notice)[^/]*' | LC_ALL=C sort)
  done
}

"$DEV/dependencies.sh" "${1:?usage: licences.sh TARGET}" "${packages[@]}" | jq 'map(select(.source != null))' >"$scratch/crates.json"
jq -r '.[] | "\(.name) \(.version)\t\(.manifest_path | rtrimstr("/Cargo.toml"))"' "$scratch/crates.json" | texts

say "The programs of EventPipeline contain these crates from https://crates.io, Rust's standard library (MIT OR Apache-2.0) and" \
  "the GNU C library (LGPL-2.1-or-later) of the builder's distribution. The texts of the crates' licences follow." ""
jq -r '.[] | "\(.name) \(.version): \(.license // "see its text")"' "$scratch/crates.json"
for list in "$scratch"/*.crates; do
  say '' '================================================================================' "$(paste -sd , "$list" | sed 's/,/, /g')" ''
  cat "${list%.crates}.text"
done
