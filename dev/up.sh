#!/usr/bin/env bash
# From a bare machine to an event through the ingress: a kind cluster, the operator by Helm, a pipeline, a demo.
# Run again, it repairs and updates. CLUSTER=current uses the current kubectl context instead of a cluster of its own.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$DEV/preflight.sh"

diagnose_on_failure() {
  local status=$?
  [ $status -eq 0 ] || "$DEV/diagnose.sh" || true
}

# Public images go into the cluster only where it can't pull them.
own_cluster() {
  local image stand_ins=()
  preflight
  "$DEV/cluster.sh" up
  export KUBECONFIG=$CACHE/kubeconfig
  trap diagnose_on_failure EXIT
  if ! pulls_images; then
    mapfile -t stand_ins < <("$DEV/contour.sh" images)
    load "${stand_ins[@]}"
  fi
  "$DEV/contour.sh" apply
  image=$("$DEV/images.sh")
  stand_ins=()
  pulls_images || stand_ins=("$("$DEV/mysql-image.sh")")
  load "$image" "${stand_ins[@]}"
  "$DEV/contour.sh" wait
  "$DEV/install.sh" "$image"
  "$DEV/demo.sh" "http://$(docker port "$CLUSTER_NAME-control-plane" 80/tcp)"
  hints
}

# What a shell needs to talk to this cluster, where that is not on its path already.
hints() {
  say "" "The kubectl context is kind-$CLUSTER_NAME. For kubectl, kind and helm as they were used here:" \
    "  export PATH=$CACHE/bin:\$PATH"
  if [ "${DOCKER_HOST:-}" = "unix://$CACHE/docker/docker.sock" ]; then say "  export DOCKER_HOST=$DOCKER_HOST"; fi
}

load() { step "into the cluster: $*" kind load docker-image --name "$CLUSTER_NAME" "$@"; }

current_cluster() {
  local context image
  if ! have kubectl || ! have helm; then die "CLUSTER=current needs kubectl and helm: please install them"; fi
  context=$(kubectl config current-context 2>/dev/null) || die "CLUSTER=current: kubectl has no current context"
  [ -n "${REGISTRY:-}" ] ||
    die "CLUSTER=current: set REGISTRY to where $context can pull from and you can push to (registry.example.com/team)"
  say "Using the cluster of the context $context."
  image=$("$DEV/images.sh")
  trap diagnose_on_failure EXIT
  "$DEV/install.sh" "$image"
  if [ -n "${URL:-}" ]; then
    "$DEV/demo.sh" "$URL"
  else
    say "Ready, without a route: kubectl get eventpipeline demo shows its address inside the cluster." \
      "For the demo, run it again with URL=http://ADDRESS, where the ingress controller answers: the example then has every" \
      "host of it that nobody else has."
  fi
}

started=$SECONDS
case ${CLUSTER:-kind} in
  kind) own_cluster ;;
  current) current_cluster ;;
  *) die "CLUSTER=$CLUSTER: it is either 'kind' (the default) or 'current'" ;;
esac
say "" "Done in $((SECONDS - started)) s."
