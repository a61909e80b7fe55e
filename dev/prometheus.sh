#!/usr/bin/env bash
# Prometheus in the current cluster, with our scrape configuration and rules.
#   prometheus.sh apply     applies prometheus.yaml and monitoring/rules.yaml
#   prometheus.sh wait      waits until it is ready
#   prometheus.sh delete    deletes it with its data
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

namespace=eventpipeline-prometheus

rules() {
  kubectl -n "$namespace" create configmap rules --from-file="$ROOT/monitoring/rules.yaml" --dry-run=client -o yaml
}

apply_manifests() {
  {
    cat "$DEV/prometheus.yaml"
    echo ---
    rules
  } | kubectl apply --server-side --force-conflicts -f -
}

case ${1:-} in
  apply) step "Prometheus's manifests $PROMETHEUS_VERSION" apply_manifests ;;
  wait) step "Prometheus's rollout" kubectl -n "$namespace" rollout status deployment/prometheus --timeout=300s ;;
  delete) step "removal of Prometheus" kubectl delete --ignore-not-found --wait -f "$DEV/prometheus.yaml" ;;
  *) die "usage: prometheus.sh apply|wait|delete" ;;
esac
