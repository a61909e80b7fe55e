#!/usr/bin/env bash
# reproduce.sh VERSION: builds the release in dist/VERSION again, from a fresh clone of the same commit in another folder, with
# an empty target folder, and compares all files. REGISTRY and ARCHITECTURES must be those of the first build.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$DEV/release/settings.sh"

version=${1:-}
read_home
check_release "$version"
first=${DIST:-$ROOT/dist/$version}
[ -f "$first/SHA256SUMS" ] || die "$first has no release to compare with: run make release VERSION=$version REGISTRY=$REGISTRY"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

git clone --quiet "$ROOT" "$scratch/another place"
env -u COSIGN_KEY CARGO_TARGET_DIR="$scratch/empty target" DIST="$scratch/second" REGISTRY="$REGISTRY" \
  "$scratch/another place/dev/release.sh" "$version"
# Signatures contain random numbers.
diff -r --exclude='*.sigstore.json' --exclude=cosign.pub "$first" "$scratch/second" ||
  die "the second build differs from $first"
say "" "The second build is equal to $first, file by file:" "$(sed 's/^/  /' "$first/DIGESTS")"
