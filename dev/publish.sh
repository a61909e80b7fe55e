#!/usr/bin/env bash
# publish.sh VERSION: pushes dist/VERSION, which `make release` has built, to REGISTRY: the image, the chart, and, with
# COSIGN_KEY, their signatures and attestations. It then also signs the checksums, unless that is done. A published version never changes. Log in before: docker login HOST.
# A registry on this machine is spoken to by plain HTTP; PLAIN_HTTP=1 marks another one.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$DEV/release/settings.sh"
. "$DEV/release/signing.sh"

version=${1:-}
read_home
[ -n "$version" ] || die "VERSION is missing: run make publish VERSION=$(workspace_version)"
check_registry
dist=${DIST:-$ROOT/dist/$version}
layout=$dist/oci

is_plain_http() {
  [ -n "${PLAIN_HTTP:-}" ] || [[ ${REGISTRY%%/*} =~ ^(localhost|127\.[0-9.]+|\[::1\])(:[0-9]+)?$ ]]
}

check_release_folder() {
  [ -f "$dist/SHA256SUMS" ] || die "$dist has no release: run make release VERSION=$version REGISTRY=$REGISTRY"
  (cd "$dist" && sha256sum --quiet --check SHA256SUMS) || die "$dist was changed after its release: run make release again"
  grep -qF " $(image_name "$version")" "$dist/DIGESTS" ||
    die "$dist was built for another registry: run make release VERSION=$version REGISTRY=$REGISTRY"
}

# push DIGEST NAME: copies an index or an artifact, and everything that it names.
push() {
  local there
  there=$(oras resolve "${plain[@]}" "$2" 2>/dev/null || true)
  case $there in
    "$1") say "$2 is already there" ;;
    '') again oras cp --no-tty --from-oci-layout "${to_plain[@]}" "$layout@$1" "$2" ;;
    *) die "$2 is already published with other contents ($there): a version never changes, choose the next one" ;;
  esac
}

sign() { again cosign_with_key sign --recursive "${cosign_http[@]}" "$1"; }
attest() { again cosign_with_key attest "${cosign_http[@]}" --type "$1" --predicate "$2" "$3"; }

sign_all() {
  local digest name predicate=$CACHE/work/provenance.json
  jq .predicate "$dist/eventpipeline-$version.intoto.json" >"$predicate"
  while read -r digest name; do
    step "signature of $name" sign "${name%:*}@$digest"
    step "provenance of $name" attest slsaprovenance1 "$predicate" "${name%:*}@$digest"
    if [ "$name" = "$(image_name "$version")" ]; then
      step "SBOM of $name" attest spdxjson "$dist/eventpipeline-$version.spdx.json" "${name%:*}@$digest"
    fi
  done <"$dist/DIGESTS"
}

check_release_folder
need_command jq jq
have oras || DEBIAN_SUITE=sid "$DEV/debian-programs.sh" oras usr/bin/oras
plain=() to_plain=() cosign_http=()
if is_plain_http; then
  plain=(--plain-http)
  to_plain=(--to-plain-http)
  cosign_http=(--allow-http-registry)
fi
check_signing
# The image comes first: a chart is only of use with it.
while read -r digest name; do step "push $name" push "$digest" "$name"; done <"$dist/DIGESTS"
if [ -n "${COSIGN_KEY:-}" ]; then
  sign_all
  [ -f "$dist/SHA256SUMS.sigstore.json" ] || sign_checksums "$dist"
else
  warn "COSIGN_KEY is not set: image and chart are published without signatures"
fi
say "" "Published:" "$(sed 's/^/  /' "$dist/DIGESTS")" "" "To install:" \
  "  helm install eventpipeline oci://$REGISTRY/charts/eventpipeline --version $version --namespace eventpipeline-system --create-namespace --wait"
