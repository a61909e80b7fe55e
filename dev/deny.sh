#!/usr/bin/env bash
# Checks the dependencies against deny.toml with cargo-deny, which is built into the cache once per version.
#   dev/deny.sh              all of it
#   dev/deny.sh policy       licences, banned crates, sources
#   dev/deny.sh advisories   known vulnerabilities; exits with 77 if no database is available
#   dev/deny.sh snapshot     replaces the snapshot in dev/advisories by the database that was fetched last
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fetched=$CACHE/advisories/fetched
unpacked=$CACHE/advisories/snapshot
# cargo-deny's name for the folder of https://github.com/RustSec/advisory-db.
name=advisory-db-3157b0e258782691
snapshots=$DEV/advisories
config=$CACHE/work/deny.toml
# Older databases miss too much to call the check passed.
days_at_most=365
skipped=77

build() {
  # A separate target folder: other features and flags would invalidate the repository's builds.
  nice cargo install --locked --quiet --root "$CACHE" --target-dir "$CACHE/work/cargo-deny" \
    --version "$CARGO_DENY_VERSION" cargo-deny
  rm -rf "$CACHE/work/cargo-deny"
}

install_cargo_deny() {
  lock cargo-deny
  if stamped bin-cargo-deny "$CARGO_DENY_VERSION" && [ -x "$CACHE/bin/cargo-deny" ]; then return; fi
  step "cargo-deny $CARGO_DENY_VERSION" build
  stamp bin-cargo-deny "$CARGO_DENY_VERSION"
}

policy() { cargo-deny --locked --log-level error check --hide-inclusion-graph licenses bans sources; }

# with_database FOLDER COMMAND ARGUMENT...: runs cargo-deny with the databases of that folder. Without a network git may hang.
with_database() {
  # [advisories] is the last table of deny.toml.
  { cat deny.toml && printf 'db-path = "%s"\nmaximum-db-staleness = "P%sD"\n' "$1" "$days_at_most"; } >"$config"
  timeout 120 cargo-deny --config "$config" --locked --log-level error "${@:2}"
}

# The day on which the database of a folder was fetched, or nothing.
day_of() { date -u -r "$1/$name/.git/FETCH_HEAD" +%F 2>/dev/null || true; }

# The archive of the newest snapshot, and its day.
snapshot_file() { find "$snapshots" -name 'rustsec-*.tar.xz' | sort | tail -n 1; }
snapshot_day() { snapshot_file | sed -n 's/.*rustsec-\(.*\)\.tar\.xz$/\1/p'; }

unpack_snapshot() {
  rm -rf "$unpacked"
  mkdir -p "$unpacked/$name/.git"
  tar -C "$unpacked/$name" -xf "$(snapshot_file)" crates
  # cargo-deny reads the age of a database from this file.
  touch -d "$(snapshot_day)" "$unpacked/$name/.git/FETCH_HEAD"
}

advisories() {
  local database=$fetched day from='fetched now'
  mkdir -p "$fetched" "$CACHE/work"
  if ! fetch; then
    day=$(day_of "$fetched")
    from="fetched on $day"
    if [[ "$(snapshot_day)" > "$day" ]]; then
      day=$(snapshot_day)
      from="dev/advisories of $day"
      database=$unpacked
      [ "$(day_of "$unpacked")" = "$day" ] || unpack_snapshot
    fi
    if [ -z "$day" ] || [ $((($(date +%s) - $(date -d "$day" +%s)) / 86400)) -ge "$days_at_most" ]; then
      warn "advisories are not checked: GitHub is not reachable, and no database is younger than $days_at_most days"
      return "$skipped"
    fi
  fi
  say "database of advisories: $from"
  with_database "$database" --offline check --hide-inclusion-graph advisories
}

fetch() { with_database "$fetched" fetch db >/dev/null 2>&1; }

snapshot() {
  local day
  day=$(day_of "$fetched")
  [ -n "$day" ] || die "no database was fetched on this machine: run make deny where GitHub is reachable"
  rm -f "$snapshots"/rustsec-*.tar.xz
  tar -C "$fetched/$name" --owner=0 --group=0 --numeric-owner --sort=name -cJf "$snapshots/rustsec-$day.tar.xz" crates rust \
    LICENSE.txt LICENSES README.md
}

cd "$ROOT"
install_cargo_deny
case ${1:-} in
  policy | advisories | snapshot) "$1" ;;
  '')
    policy
    advisories
    ;;
  *) die "usage: deny.sh [policy|advisories|snapshot]" ;;
esac
