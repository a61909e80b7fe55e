#!/usr/bin/env bash
# Builds this commit as a release for the registry of this proof, and before it the same commit under a lower version: the previous
# release. Prints both folders.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
. "$DEV/programs.sh"
. "$DEV/release/settings.sh"
. "$DEV/stranger/lib.sh"

version=$(workspace_version)
previous=$version-previous
commit=$(git -C "$ROOT" rev-parse HEAD)

# release VERSION CHECKOUT
release() {
  stamped "stranger-$1" "$commit" && [ -f "$folder/$1/SHA256SUMS" ] && return
  DIST=$folder/$1 REGISTRY=$registry ARCHITECTURES=$(architecture) "$2/dev/release.sh" "$1" >&2
  stamp "stranger-$1" "$commit"
}

# Everything that names the version, as a releaser changes it.
previous_checkout() {
  local checkout=$CACHE/work/stranger
  rm -rf "$checkout"
  git clone --quiet "$ROOT" "$checkout"
  cd "$checkout"
  sed -i "0,/^version = \"$version\"/s//version = \"$previous\"/" Cargo.toml
  sed -i "s/^\(version\|appVersion\): $version\$/\1: $previous/" charts/eventpipeline/Chart.yaml
  printf '\n## %s\n\nThe same commit as %s.\n' "$previous" "$version" >>CHANGELOG.md
  cargo update --quiet --workspace --offline
  git -c user.name=stranger -c user.email=stranger@localhost commit --quiet --all --message "Release $previous"
}

if ! stamped "stranger-$previous" "$commit"; then step "checkout of $previous" previous_checkout; fi
release "$previous" "$CACHE/work/stranger"
release "$version" "$ROOT"
say "$folder/$previous" "$folder/$version"
