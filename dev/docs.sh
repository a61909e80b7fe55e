#!/usr/bin/env bash
# Builds the documentation as a searchable site in site/, checks its links, and prints its address.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

install_mdbook() {
  # A separate target folder: other features and flags would invalidate the repository's builds.
  nice cargo install --locked --quiet --root "$CACHE" --target-dir "$CACHE/work/mdbook" \
    --version "$MDBOOK_VERSION" --no-default-features --features search mdbook
  rm -rf "$CACHE/work/mdbook"
}

# The site replaces the old one only if it was built and checked.
site() {
  "$DEV/book.pl" "$scratch/src" "$SOURCE_URL"
  cp docs/book.toml docs/site.css "$scratch/"
  mdbook build --dest-dir "$scratch/site" "$scratch"
  "$DEV/site-links.pl" "$scratch/site"
  rm -rf site
  mv "$scratch/site" site
}

cd "$ROOT"
need_rust
need_command perl perl
lock mdbook
if ! stamped bin-mdbook "$MDBOOK_VERSION" || ! [ -x "$CACHE/bin/mdbook" ]; then
  step "mdbook $MDBOOK_VERSION" install_mdbook
  stamp bin-mdbook "$MDBOOK_VERSION"
fi
: "${SOURCE_URL=$(sed -n 's/^SOURCE_URL=//p' release.env)}"
if [ -n "$SOURCE_URL" ]; then export MDBOOK_OUTPUT__HTML__GIT_REPOSITORY_URL=$SOURCE_URL; fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
step "site" site
say "file://$ROOT/site/index.html"
