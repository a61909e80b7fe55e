#!/usr/bin/env bash
# The kind cluster: `cluster.sh up` creates or repairs it, `cluster.sh down` deletes it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

config=$CACHE/work/kind-config.yaml
node=$CLUSTER_NAME-control-plane

exists() { kind get clusters 2>/dev/null | grep -qx "$CLUSTER_NAME"; }

# kind-config.yaml works on every machine. A machine that needs more gets a copy with additions.
write_config() {
  cp "$ROOT/kind-config.yaml" "$config"
  machine_additions >>"$config"
}

create() {
  local image=()
  write_config
  pulls_images || image=(--image "$(node_image)")
  kind create cluster --config "$config" "${image[@]}"
}

# A stopped node (after a reboot, for example) keeps its data.
start_node() {
  [ "$(docker inspect -f '{{.State.Running}}' "$node" 2>/dev/null)" = true ] || docker start "$node"
  kind export kubeconfig --name "$CLUSTER_NAME"
}

healthy() {
  local deadline=$((SECONDS + 90))
  kind get kubeconfig --name "$CLUSTER_NAME" >"$CACHE/kubeconfig"
  until kubectl --kubeconfig "$CACHE/kubeconfig" wait --for=condition=Ready "node/$node" --timeout=5s; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 1
  done
}

up() {
  if exists; then
    if (start_node && healthy) >"$CACHE/logs/cluster-check.log" 2>&1; then
      pulls_images || [ "$(cluster_image)" = "$(node_image)" ] ||
        warn "the cluster runs an earlier node image; make down and make up replace it and delete its data"
      return
    fi
    warn "the cluster does not answer; replacing it and deleting its data (see $CACHE/logs/cluster-check.log)"
    step "removal of the broken cluster" kind delete cluster --name "$CLUSTER_NAME"
  fi
  pulls_images || "$OFFLINE/node-image.sh"
  step "kind cluster $CLUSTER_NAME" create
  kind get kubeconfig --name "$CLUSTER_NAME" >"$CACHE/kubeconfig"
}

case ${1:-} in
  up) use_docker && up ;;
  down) if exists; then step "removal of the cluster" kind delete cluster --name "$CLUSTER_NAME"; fi ;;
  *) die "usage: cluster.sh up|down" ;;
esac
