#!/usr/bin/env bash
# Contour, the ingress controller, from the manifests in its Go module.
#   contour.sh apply    applies the manifests
#   contour.sh wait     waits until the proxy is ready
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

manifests=$(contour_manifests)

# Contour's own settings without Envoy's limit of five minutes for a silent request, which no annotation of an Ingress
# changes. A create-sync may wait for longer.
without_idle_timeout() { sed 's/^  contour.yaml: |$/&\n    timeouts:\n      stream-idle-timeout: infinity/' "$1"; }

all_manifests() {
  local file
  for file in "$manifests"/*.yaml "$DEV/ingress-class.yaml"; do
    without_idle_timeout "$file"
    echo ---
  done
}

# The CRDs exceed the annotation that a client-side apply writes.
apply_manifests() { all_manifests | kubectl apply --server-side --force-conflicts -f -; }

wait_for_proxy() {
  kubectl -n projectcontour rollout status deployment/contour --timeout=300s
  kubectl -n projectcontour rollout status daemonset/envoy --timeout=300s
}

case ${1:-} in
  apply) step "Contour's manifests $CONTOUR_VERSION" apply_manifests ;;
  wait) step "Contour's rollout" wait_for_proxy ;;
  *) die "usage: contour.sh apply|wait" ;;
esac
