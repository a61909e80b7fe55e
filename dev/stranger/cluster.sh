#!/usr/bin/env bash
# An empty kind cluster: `cluster.sh up REGISTRY=CONTAINER...` replaces it, `cluster.sh down` deletes it. Its node pulls what
# is named REGISTRY/... from the registry in that container, and nothing else is within reach on a machine without registries.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
. "$DEV/stranger/lib.sh"

down() { kind delete cluster --name "$CLUSTER_NAME"; }

create() {
  local image=()
  down
  {
    printf '%s\n' 'kind: Cluster' 'apiVersion: kind.x-k8s.io/v1alpha4' 'nodes:' '  - role: control-plane' '    extraPortMappings:' \
      "      - {containerPort: $node_port, hostPort: $load_port, listenAddress: 127.0.0.1}"
    machine_additions
  } >"$folder/kind.yaml"
  pulls_images || image=(--image "$(node_image)")
  kind create cluster --name "$CLUSTER_NAME" --config "$folder/kind.yaml" "${image[@]}" --wait 180s
}

# mirror REGISTRY CONTAINER
mirror() {
  # shellcheck disable=SC2016  # expanded inside the node
  docker exec -i "$node" sh -c 'mkdir -p "$0" && cat >"$0/hosts.toml"' "/etc/containerd/certs.d/$1" <<TOML
[host."http://$2:5000"]
  capabilities = ["pull", "resolve"]
TOML
}

use_docker
case ${1:-} in
  up)
    pulls_images || "$OFFLINE/node-image.sh"
    step "empty kind cluster $CLUSTER_NAME" create
    for pair in "${@:2}"; do mirror "${pair%%=*}" "${pair#*=}"; done
    ;;
  down) step "removal of the cluster $CLUSTER_NAME" down ;;
  *) die "usage: cluster.sh up REGISTRY=CONTAINER..., or cluster.sh down" ;;
esac
