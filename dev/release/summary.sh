#!/usr/bin/env bash
# summary.sh VERSION FOLDER ARCHITECTURES: prints what a release consists of, and what is not in it.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

version=${1:?usage: summary.sh VERSION FOLDER ARCHITECTURES}
folder=${2:?usage: summary.sh VERSION FOLDER ARCHITECTURES}
architectures=${3:?usage: summary.sh VERSION FOLDER ARCHITECTURES}

say "" "The release is in $folder:"
(cd "$folder" && du -sh -- * | sed 's/^/  /')
say "" "Digests:"
sed 's/^/  /' "$folder/DIGESTS"
say "" "Not in it:"
for architecture in amd64 arm64; do
  [[ " $architectures " = *" $architecture "* ]] || say "  - programs for $architecture: ARCHITECTURES leaves it out"
done
say "  - the command-line tool for macOS: linking it needs Apple's SDK. Build it on a Mac: cargo build --release -p eventpipeline-cli"
[ -f "$folder/SHA256SUMS.sigstore.json" ] || say "  - signatures: COSIGN_KEY is not set"
say "" "Nothing is published. To publish: make publish VERSION=$version REGISTRY=$REGISTRY"
