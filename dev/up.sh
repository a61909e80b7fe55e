#!/usr/bin/env bash
# Creates a kind cluster, installs the operator with Helm, applies a pipeline, and sends events through the ingress.
# Run it again to repair or update the cluster. CLUSTER=current uses the current kubectl context instead.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$DEV/preflight.sh"

diagnose_on_failure() {
  local status=$?
  [ $status -eq 0 ] || "$DEV/diagnose.sh" || true
}

own_cluster() {
  local image
  preflight
  "$DEV/cluster.sh" up
  export KUBECONFIG=$CACHE/kubeconfig
  trap diagnose_on_failure EXIT
  pulls_images || load_stand_ins
  "$DEV/contour.sh" apply
  image=$("$DEV/images.sh")
  load "$image"
  "$DEV/contour.sh" wait
  "$DEV/install.sh" "$image"
  "$DEV/demo.sh" "http://$(docker port "$CLUSTER_NAME-control-plane" 80/tcp)"
  print_environment
}

# Replaces public images on a machine that cannot pull them: see offline/README.md.
load_stand_ins() {
  local names images
  names=$("$OFFLINE/stand-ins.sh")
  mapfile -t images <<<"$names"
  load "${images[@]}"
}

# Prints what a shell needs to use this cluster.
print_environment() {
  say "" "The kubectl context is kind-$CLUSTER_NAME. To use the same kubectl, kind and helm:" \
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
      "For the demo, run make up again with URL=http://ADDRESS of the ingress controller. The example then takes every host" \
      "that no other route has."
  fi
}

started=$SECONDS
case ${CLUSTER:-kind} in
  kind) own_cluster ;;
  current) current_cluster ;;
  *) die "CLUSTER=$CLUSTER: it is either 'kind' (the default) or 'current'" ;;
esac
say "" "Done in $((SECONDS - started)) s."
