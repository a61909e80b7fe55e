#!/usr/bin/env bash
# Removes the cluster of `make up` with its data, and the Docker daemon if `make up` started it. The cache stays.
# With CLUSTER=current it removes the pipeline and the operator; the database's volume stays.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

from_current_cluster() {
  step "removal of the pipeline" kubectl delete --ignore-not-found --wait -f "$ROOT/examples/eventpipeline.yaml"
  "$DEV/prometheus.sh" delete
  step "removal of the operator" helm uninstall eventpipeline --namespace eventpipeline-system --ignore-not-found --wait
}

own_cluster() {
  # Our own daemon is needed to clean up, even if it ended (after a reboot, for example).
  if [ -f "$CACHE/docker/settings" ]; then "$OFFLINE/dockerd.sh" start; fi
  if docker_answers && have kind; then "$DEV/cluster.sh" down; fi
  rm -f "$CACHE/kubeconfig"
  "$OFFLINE/dockerd.sh" stop
}

case ${CLUSTER:-kind} in
  kind) own_cluster ;;
  current) from_current_cluster ;;
  *) die "CLUSTER=$CLUSTER: it is either 'kind' (the default) or 'current'" ;;
esac
