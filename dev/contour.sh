#!/usr/bin/env bash
# Contour, the ingress controller, from the manifests in its Go module.
#   contour.sh apply    applies the manifests
#   contour.sh wait     waits until the proxy is ready
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

manifests=$(contour_manifests)

# Prints the address of the kind node, at which the proxy answers on port 80.
node_address() {
  docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$CLUSTER_NAME-control-plane"
}

# Contour's own settings, with two changes:
# - No limit of five minutes for a silent request, which no annotation of an Ingress changes. A create-sync may wait for longer.
# - The node's address in the status of Ingresses, because no load balancer gives one. `kubectl get evp` shows it in the URL.
with_settings() {
  sed -e 's/^  contour.yaml: |$/&\n    timeouts:\n      stream-idle-timeout: infinity/' \
    -e "s/^\( *- --\)xds-address=0.0.0.0/&\n\1ingress-status-address=$address/" "$1"
}

all_manifests() {
  local file address
  address=$(node_address)
  for file in "$manifests"/*.yaml "$DEV/ingress-class.yaml"; do
    with_settings "$file"
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
