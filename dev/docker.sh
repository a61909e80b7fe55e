# shellcheck shell=bash
# Which Docker is used, what it can do, and where images come from. Sourced by lib.sh.

# Taken away in some containers and virtual machines; then even root may not raise a limit or lower an OOM score.
has_capability_sys_resource() {
  local bounding
  bounding=$(awk '/^CapBnd/ { print $2 }' /proc/self/status)
  ((0x$bounding & 1 << 24))
}

# The Docker to use: ours if it runs, else the machine's.
docker_answers() {
  local socket=$CACHE/docker/docker.sock
  if [ -S "$socket" ] && docker -H "unix://$socket" info >/dev/null 2>&1; then
    export DOCKER_HOST=unix://$socket
    return
  fi
  docker info >/dev/null 2>&1
}

use_docker() {
  docker_answers || "$DEV/dockerd.sh" start
  docker_answers || die "Docker does not answer"
}

# The name of the node image that is built here. What it is made of decides, so that a change makes another image.
node_image() {
  local parts
  parts=$({
    echo "$KIND_VERSION $ETCD_VERSION $CONTAINERD_VERSION $CNI_PLUGINS_VERSION $COREDNS_VERSION"
    echo "$LOCAL_PATH_PROVISIONER_VERSION $PAUSE_VERSION $NODE_DEBIAN_SUITE"
    cat "$DEV"/{node-image,node-rootfs,rootfs}.sh "$DEV/node.Dockerfile" "$DEV"/nodekit/*/*.go
  } | sha256sum | cut -c1-8)
  echo "eventpipeline-node:$KUBERNETES_VERSION-$parts"
}

# Can images be pulled here? Asked once a run: where there is no registry, the answer takes seconds.
pulls_images() {
  if [ -z "${IMAGES_FROM:-}" ]; then
    case $(cluster_image) in
      eventpipeline-node:*) IMAGES_FROM=packages ;;
      ?*) IMAGES_FROM=registry ;;
      *) if can_pull; then IMAGES_FROM=registry; else IMAGES_FROM=packages; fi ;;
    esac
    export IMAGES_FROM
  fi
  [ "$IMAGES_FROM" = registry ]
}

# The node image of the cluster that is there.
cluster_image() { docker inspect -f '{{.Config.Image}}' "$CLUSTER_NAME-control-plane" 2>/dev/null || true; }

# What was built here once is used again, without asking a registry.
can_pull() {
  ! docker image inspect "$(node_image)" >/dev/null 2>&1 && timeout 20 docker pull -q hello-world >/dev/null 2>&1
}
