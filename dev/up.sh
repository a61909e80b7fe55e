#!/usr/bin/env bash
# Creates a kind cluster, installs the operator with Helm, applies a pipeline, and sends events through the ingress.
# Run it again to repair or update the cluster. CLUSTER=current uses the current kubectl context instead. PROMETHEUS=no leaves
# out Prometheus, which CLUSTER=current only gets with PROMETHEUS=yes.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$DEV/preflight.sh"
. "$DEV/background.sh"

node=$CLUSTER_NAME-control-plane

at_exit() {
  local status=$?
  end_background
  [ $status -eq 0 ] || "$DEV/diagnose.sh" || true
}

own_cluster() {
  local image stand_ins='' url
  preflight
  trap at_exit EXIT
  pulls_images || "$OFFLINE/node-image.sh"
  cluster
  pulls_images || stand_ins=$("$OFFLINE/stand-ins.sh")
  image=$("$DEV/images.sh")
  # shellcheck disable=SC2086  # one word per image
  load $stand_ins "$image"
  await_background
  export KUBECONFIG=$CACHE/kubeconfig
  "$DEV/contour.sh" apply
  prometheus apply
  "$DEV/install.sh" "$image"
  "$DEV/contour.sh" wait
  prometheus wait
  url=http://$(docker port "$node" 80/tcp)
  "$DEV/demo.sh" "$url"
  "$DEV/next-steps.sh" "$url"
}

# A new cluster starts while images are built. An existing one is checked first, because it may have to be replaced.
cluster() {
  if [ -n "$(cluster_image)" ]; then
    "$DEV/cluster.sh" up
  else
    in_background "$DEV/cluster.sh" up
  fi
}

load() { step "into the cluster: $*" load_images "$@"; }

# The node accepts images as soon as its containerd answers, long before Kubernetes does.
load_images() {
  until docker exec "$node" ctr version; do
    background_runs || [ -n "$(cluster_image)" ] || die "the cluster was not created"
    sleep 0.2
  done
  kind load docker-image --name "$CLUSTER_NAME" "$@"
}

prometheus() { [ "$PROMETHEUS" = no ] || "$DEV/prometheus.sh" "$1"; }

current_cluster() {
  local context image
  if ! have kubectl || ! have helm; then die "CLUSTER=current needs kubectl and helm: please install them"; fi
  context=$(kubectl config current-context 2>/dev/null) || die "CLUSTER=current: kubectl has no current context"
  [ -n "${REGISTRY:-}" ] ||
    die "CLUSTER=current: set REGISTRY to where $context can pull from and you can push to (registry.example.com/team)"
  say "Using the cluster of the context $context."
  image=$("$DEV/images.sh")
  trap at_exit EXIT
  prometheus apply
  "$DEV/install.sh" "$image"
  prometheus wait
  if [ -n "${URL:-}" ]; then
    "$DEV/demo.sh" "$URL"
  else
    say "Ready, without a route: kubectl get evp shows its address inside the cluster." \
      "For the demo, run make up again with URL=http://ADDRESS of the ingress controller. The example then takes every host" \
      "that no other route has."
  fi
  "$DEV/next-steps.sh" "${URL:-}"
}

started=$SECONDS
case ${PROMETHEUS:-} in
  '') if [ "${CLUSTER:-kind}" = kind ]; then PROMETHEUS=yes; else PROMETHEUS=no; fi ;;
  yes | no) ;;
  *) die "PROMETHEUS=$PROMETHEUS: it is either 'yes' or 'no'" ;;
esac
export PROMETHEUS
case ${CLUSTER:-kind} in
  kind) own_cluster ;;
  current) current_cluster ;;
  *) die "CLUSTER=$CLUSTER: it is either 'kind' (the default) or 'current'" ;;
esac
say "" "Done in $((SECONDS - started)) s."
