# shellcheck shell=bash
# Chooses the Docker daemon and the source of images. Sourced by lib.sh.

# Some containers and virtual machines lack this capability: even root cannot raise a limit or lower an OOM score there.
has_capability_sys_resource() {
  local bounding
  bounding=$(awk '/^CapBnd/ { print $2 }' /proc/self/status)
  ((0x$bounding & 1 << 24))
}

# Selects our own daemon if it runs, otherwise the machine's.
docker_answers() {
  local socket=$CACHE/docker/docker.sock
  if [ -S "$socket" ] && docker -H "unix://$socket" info >/dev/null 2>&1; then
    export DOCKER_HOST=unix://$socket
    return
  fi
  docker info >/dev/null 2>&1
}

use_docker() {
  docker_answers || "$OFFLINE/dockerd.sh" start
  docker_answers || die "Docker does not answer"
}

# The name of the node image that offline/node-image.sh builds. It contains a hash of everything the image is made from.
node_image() {
  local parts
  parts=$({
    echo "$KIND_VERSION $ETCD_VERSION $CONTAINERD_VERSION $CNI_PLUGINS_VERSION $COREDNS_VERSION"
    echo "$LOCAL_PATH_PROVISIONER_VERSION $PAUSE_VERSION $NODE_DEBIAN_SUITE"
    cat "$OFFLINE"/{node-image,node-rootfs,rootfs}.sh "$OFFLINE/node.Dockerfile" "$OFFLINE"/nodekit/*/*.go
  } | sha256sum | cut -c1-8)
  echo "eventpipeline-node:$KUBERNETES_VERSION-$parts"
}

# Returns whether images can be pulled. The answer takes seconds without a registry, so it is kept for the whole run.
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

# Prints the node image of the existing cluster.
cluster_image() { docker inspect -f '{{.Config.Image}}' "$CLUSTER_NAME-control-plane" 2>/dev/null || true; }

# A node image that was built before is used again, without asking a registry.
can_pull() {
  ! docker image inspect "$(node_image)" >/dev/null 2>&1 && timeout 20 docker pull -q hello-world >/dev/null 2>&1
}

# Prints what kind's configuration of a cluster needs in addition on this machine. Nodes look for the mirrors of registries in
# /etc/containerd/certs.d.
machine_additions() {
  if [ "$(docker info -f '{{.CgroupVersion}}')" = 1 ]; then
    # Kubelets refuse cgroup v1 by default since Kubernetes 1.35.
    printf '%s\n' 'kubeadmConfigPatches:' '  - |' '    kind: KubeletConfiguration' '    failCgroupV1: false'
  fi
  printf '%s\n' 'containerdConfigPatches:' '  - |-' '    [plugins."io.containerd.grpc.v1.cri".registry]' \
    '      config_path = "/etc/containerd/certs.d"'
  if ! has_capability_sys_resource; then
    # The node cannot lower its pods' OOM scores below its own.
    printf '%s\n' '    [plugins."io.containerd.grpc.v1.cri"]' '      restrict_oom_score_adj = true'
  fi
}
