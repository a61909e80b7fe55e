#!/usr/bin/env bash
# Builds a stand-in for the official image of Prometheus, where that can't be pulled, and prints its name.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$DEV/rootfs.sh"

image=prom/prometheus:$PROMETHEUS_VERSION

# The program is static, and alone in it.
build() {
  local folder=$CACHE/work/prometheus-image
  rm -rf "$folder"
  install -D "$CACHE/parts/prometheus" "$folder/bin/prometheus"
  mkdir "$folder/tmp"
  chmod 1777 "$folder/tmp"
  import_image "$image" "$folder" 'ENTRYPOINT ["/bin/prometheus"]' 'USER 65534:65534' "$(label_made_from "$version")"
  rm -rf "$folder"
}

use_docker
"$DEV/binaries.sh" monitoring
version=$PROMETHEUS_MODULE_VERSION-$(fingerprint "$DEV"/{prometheus-image,rootfs}.sh)
[ "$(made_from "$image")" = "$version" ] || step "image $image (from Go modules)" build
say "$image"
