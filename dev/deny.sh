#!/usr/bin/env bash
# Checks the dependencies against deny.toml: licenses, bans, sources, and, where its database can be fetched, known
# vulnerabilities. The checker is built once a version into the cache.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ROOT"

build() {
  # A folder of its own: the one for this repository's builds would be thrown over by other features and flags.
  nice cargo install --locked --quiet --root "$CACHE" --target-dir "$CACHE/work/cargo-deny" \
    --version "$CARGO_DENY_VERSION" cargo-deny
  rm -rf "$CACHE/work/cargo-deny"
}

lock cargo-deny
if ! stamped bin-cargo-deny "$CARGO_DENY_VERSION" || ! [ -x "$CACHE/bin/cargo-deny" ]; then
  step "cargo-deny $CARGO_DENY_VERSION" build
  stamp bin-cargo-deny "$CARGO_DENY_VERSION"
fi

cargo-deny --locked --log-level error check --hide-inclusion-graph licenses bans sources

# On a machine without a way to it, the rest still counts.
if timeout 60 cargo-deny --log-level off fetch db >/dev/null 2>&1; then
  cargo-deny --locked --log-level error check --hide-inclusion-graph --disable-fetch advisories
else
  warn "advisories are not checked: their database cannot be fetched from here"
fi
