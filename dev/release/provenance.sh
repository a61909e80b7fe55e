#!/usr/bin/env bash
# provenance.sh VERSION FOLDER ARCHITECTURES: writes how the release was built, as an in-toto statement with SLSA's predicate.
# It names the commit, the tools that the result depends on, and the digest of every result. BUILDER_ID names the service that
# runs the build.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
. "$DEV/oci.sh"

version=${1:?usage: provenance.sh VERSION FOLDER ARCHITECTURES}
folder=${2:?usage: provenance.sh VERSION FOLDER ARCHITECTURES}
architectures=${3:?usage: provenance.sh VERSION FOLDER ARCHITECTURES}

# Every file, and what a registry gets.
subjects() {
  {
    (cd "$folder" && find . -maxdepth 1 -type f ! -name DIGESTS -printf '%f\n' | sort | xargs sha256sum)
    sed 's/^sha256:\([0-9a-f]*\) /\1  /' "$folder/DIGESTS"
  } | jq -Rn '[inputs | capture("^(?<hash>[0-9a-f]{64})  (?<name>.*)$") | {name, digest: {sha256: .hash}}]'
}

# Static programs contain a part of the distribution's C library, and the image contains its certificates.
tools() {
  {
    rustc --version
    gzip --version | head -n 1
    if have dpkg-query; then
      dpkg-query -W -f '${Package} ${Version}\n' gcc libc6-dev gcc-aarch64-linux-gnu libc6-dev-arm64-cross ca-certificates 2>/dev/null || true
    fi
  } | jq -Rn '[inputs | select(test(" .")) | capture("^(?<name>[^ ]+) (?<version>.*)$") | {(.name): .version}] | add'
}

cd "$ROOT"
jq -nS --argjson subject "$(subjects)" --argjson tools "$(tools)" --arg version "$version" --arg architectures "$architectures" \
  --arg registry "$REGISTRY" --arg commit "$COMMIT" --arg source "${SOURCE_URL:-file:///eventpipeline}" \
  --arg lock "$(digest Cargo.lock)" --arg builder "${BUILDER_ID:-urn:eventpipeline:make-release}" '{
    _type: "https://in-toto.io/Statement/v1",
    $subject,
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "urn:eventpipeline:make-release:v1",
        externalParameters: {VERSION: $version, REGISTRY: $registry, ARCHITECTURES: $architectures},
        internalParameters: {$tools},
        resolvedDependencies: [
          {uri: "git+\($source)", digest: {gitCommit: $commit}},
          {name: "Cargo.lock", digest: {sha256: $lock}}
        ]
      },
      runDetails: {builder: {id: $builder}}
    }
  }' >"$folder/eventpipeline-$version.intoto.json"
