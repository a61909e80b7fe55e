#!/usr/bin/env bash
# release.sh VERSION: builds everything that a release consists of into dist/VERSION and publishes nothing. The same commit
# gives the same files, except for signatures. --check only checks what can be wrong before the build.
# Variables: REGISTRY and SOURCE_URL (see release.env), ARCHITECTURES (such as `amd64`, to build for one only),
# COSIGN_KEY with COSIGN_PASSWORD or COSIGN_PASSWORD_FILE (to sign), DIST (another folder).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$DEV/programs.sh"
. "$DEV/oci.sh"
. "$DEV/release/settings.sh"
. "$DEV/release/signing.sh"

only_check=false
if [ "${1:-}" = --check ]; then
  only_check=true
  shift
fi
version=${1:-}
# Sorting and dates do not depend on the machine.
export LC_ALL=C TZ=UTC

image_of() {
  local folder=$scratch/$1 layer=$scratch/$1.tar
  fill_image "$1" "$folder"
  reproducible_tar "$SOURCE_DATE_EPOCH" "$folder" . >"$layer"
  add_image "$layout" "$1" "$SOURCE_DATE_EPOCH" "$layer" "$annotations" >>"$scratch/images"
  rm "$layer"
}

index_images() { add_index "$layout" "$annotations" <"$scratch/images" | name_in_layout "$layout" "$(image_name "$version")"; }

# Helm's media types.
chart() {
  local configuration layer
  "$DEV/release/chart.sh" "$version" "$scratch"
  configuration=$(add_blob "$layout" application/vnd.cncf.helm.config.v1+json <"$scratch/chart.json")
  layer=$(add_blob "$layout" application/vnd.cncf.helm.chart.content.v1.tar+gzip <"$scratch/eventpipeline-$version.tgz")
  add_manifest "$layout" "$configuration" "$layer" "$annotations" | name_in_layout "$layout" "$(chart_name "$version")"
  mv "$scratch/eventpipeline-$version.tgz" "$dist/"
}

# The command line tool is static, too: it needs no more than a kernel.
tool_archive() {
  local folder=eventpipeline-$version-linux-$1
  mkdir -p "$scratch/$folder"
  cp "$scratch/$1/eventpipeline" "$scratch/$1/licences"/* "$scratch/$folder/"
  reproducible_tar "$SOURCE_DATE_EPOCH" "$scratch" "$folder" | gzip -n -9 >"$dist/$folder.tar.gz"
}

# The compose file needs no other one. In that of a release, the default is the released image.
compose_file() {
  local stock=':-localhost/eventpipeline:dev}'
  grep -qF "$stock" "$ROOT/docker-compose.yaml" || die "docker-compose.yaml: the default image is not $stock"
  sed "s|$stock|:-$(image_name "$version")}|" "$ROOT/docker-compose.yaml" >"$dist/docker-compose.yaml"
}

# Names and digests of what is published to a registry.
digests() {
  jq -r '.manifests[] | "\(.digest) \(.annotations["org.opencontainers.image.ref.name"])"' "$layout/index.json" >"$dist/DIGESTS"
}

checksums() {
  (cd "$dist" && find . -maxdepth 1 -type f -printf '%f\n' | sort | xargs sha256sum) >"$scratch/checksums"
  mv "$scratch/checksums" "$dist/SHA256SUMS"
}

programs_and_images() {
  local architecture
  for architecture in $architectures; do
    need_target "$architecture"
    step "programs for $architecture" compile "$architecture"
    "$DEV/release/start.sh" "$architecture" "$version"
    step "image for $architecture" image_of "$architecture"
    step "command-line tool for Linux on $architecture" tool_archive "$architecture"
  done
  index_images
}

documents() {
  step "SPDX SBOM" "$DEV/release/sbom.sh" "$version" "$dist"
  release_notes "$version" >"$dist/release-notes.md"
  digests
  step "provenance" "$DEV/release/provenance.sh" "$version" "$dist" "$architectures"
  checksums
}

read_home
check_release "$version"
if $only_check; then exit 0; fi
need_rust
need_command jq jq
have helm || "$DEV/binaries.sh" helm
architectures=${ARCHITECTURES:-amd64 arm64}
COMMIT=$(git -C "$ROOT" rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git -C "$ROOT" log -1 --format=%ct)
annotations=$(jq -cnS --arg version "$version" --arg commit "$COMMIT" --arg created "$(timestamp "$SOURCE_DATE_EPOCH")" \
  --arg source "$SOURCE_URL" --arg url "$HOME_URL" '{
    "org.opencontainers.image.created": $created,
    "org.opencontainers.image.description": "EventPipeline, a durable job queue with an HTTP API on MySQL",
    "org.opencontainers.image.licenses": "Apache-2.0",
    "org.opencontainers.image.revision": $commit,
    "org.opencontainers.image.source": $source,
    "org.opencontainers.image.title": "eventpipeline",
    "org.opencontainers.image.url": $url,
    "org.opencontainers.image.version": $version
  } | with_entries(select(.value != ""))')
IMAGE_LABELS=$annotations
export COMMIT SOURCE_DATE_EPOCH IMAGE_LABELS REGISTRY SOURCE_URL HOME_URL

dist=${DIST:-$ROOT/dist/$version}
layout=$dist/oci
check_signing
# The compiled programs of two releases would mix.
lock image
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
rm -rf "$dist"
mkdir -p "$dist"
new_layout "$layout"
programs_and_images
step "chart" chart
step "install.yaml" "$DEV/release/install-yaml.sh" "$dist/eventpipeline-$version.tgz" "$dist/install.yaml"
step "docker-compose.yaml" compose_file
documents
sign_checksums "$dist"
"$DEV/release/summary.sh" "$version" "$dist" "$architectures"
