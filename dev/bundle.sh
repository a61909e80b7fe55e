#!/usr/bin/env bash
# bundle.sh VERSION: packs the release in dist/VERSION for clusters without internet access, as
# dist/eventpipeline-VERSION-bundle.tar: one OCI layout with the image, the chart and MySQL's image, and the other files of the
# release. Variables: DIST (another folder of the release), MYSQL_SOURCE (where MySQL's image is copied from).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$DEV/release/settings.sh"

version=${1:-}
[ -n "$version" ] || die "VERSION is missing: run make bundle VERSION=$(workspace_version)"
dist=${DIST:-$ROOT/dist/$version}
source=${MYSQL_SOURCE:-docker.io/library/$MYSQL_IMAGE}
name=eventpipeline-$version-bundle
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
bundle=$scratch/$name

# digest_of NAME: prints the digest of what the release publishes as .../NAME:VERSION.
digest_of() { sed -n "s#^\(sha256:[0-9a-f]*\) .*/$1:$version\$#\1#p" "$dist/DIGESTS"; }

# from_release NAME DIGEST
from_release() {
  oras cp --no-tty --recursive --from-oci-layout "$dist/oci@$2" --to-oci-layout "$bundle/oci:$1"
}

mysql() {
  local plain=()
  [[ $source != 127.0.0.1:* ]] || plain=(--from-plain-http)
  again oras cp --no-tty --recursive "${plain[@]}" "$source" --to-oci-layout "$bundle/oci:mysql"
}

pack() {
  rmdir "$bundle/oci/ingest"
  (cd "$bundle" && find . -type f -printf '%P\n' | sort | xargs sha256sum) >"$scratch/checksums"
  mv "$scratch/checksums" "$bundle/SHA256SUMS"
  tar --sort=name --owner=0 --group=0 --numeric-owner -C "$scratch" -cf "$dist/../$name.tar" "$name"
}

[ -f "$dist/SHA256SUMS" ] || die "$dist has no release: run make release VERSION=$version"
(cd "$dist" && sha256sum --quiet --check SHA256SUMS) || die "$dist was changed after its release: run make release again"
have oras || DEBIAN_SUITE=sid "$DEV/debian-programs.sh" oras usr/bin/oras
mkdir -p "$bundle"
image=$(digest_of eventpipeline | head -n 1)
step "image" from_release eventpipeline "$image"
step "chart" from_release chart "$(digest_of charts/eventpipeline)"
step "image $source" mysql
find "$dist" -maxdepth 1 -type f ! -name SHA256SUMS -exec cp -t "$bundle" {} +
step "archive" pack
say "$dist/../$name.tar"
