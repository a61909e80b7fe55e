#!/usr/bin/env bash
# A registry in a container, for this machine and for the nodes of kind clusters:
#   registry.sh up NAME ADDRESS    starts it; this machine knows it as ADDRESS (127.0.0.1:PORT), and nodes as NAME:5000
#   registry.sh down NAME          removes it with its contents
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=../offline/rootfs.sh
. "$OFFLINE/rootfs.sh"

image=eventpipeline-registry:$CRANE_VERSION

build() {
  local context=$CACHE/work/registry
  rm -rf "$context"
  install -D "$CACHE/bin/crane" "$context/crane"
  mkdir "$context/data"
  import_image "$image" "$context" 'ENTRYPOINT ["/crane", "registry", "serve", "--address", ":5000", "--disk", "/data"]'
  rm -rf "$context"
}

up() {
  "$DEV/binaries.sh" registry
  docker image inspect "$image" >/dev/null 2>&1 || step "image $image" build
  remove "$1"
  # kind creates its network with the first cluster.
  step "registry $2" docker run --detach --name "$1" --network kind --publish "$2:5000" "$image"
}

remove() { docker rm --force --volumes "$1" >/dev/null 2>&1 || true; }

use_docker
case ${1:-} in
  up) up "${2:?}" "${3:?}" ;;
  down) remove "${2:?}" ;;
  *) die "usage: registry.sh up NAME ADDRESS, or registry.sh down NAME" ;;
esac
