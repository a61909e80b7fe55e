#!/usr/bin/env bash
# Takes away what `make up` has put on this machine: the cluster with its data, and the Docker daemon if it was ours.
# The cache stays. With CLUSTER=current: the pipeline and the operator; the database's volume stays.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

from_current_cluster() {
  step "removal of the pipeline" kubectl delete --ignore-not-found --wait -f "$ROOT/examples/eventpipeline.yaml"
  step "removal of the operator" helm uninstall eventpipeline --namespace eventpipeline-system --ignore-not-found --wait
}

own_cluster() {
  # A daemon of ours that died, by a reboot for example, is needed once more to clean up.
  if [ -f "$CACHE/docker/settings" ]; then "$DEV/dockerd.sh" start; fi
  if docker_answers && have kind; then "$DEV/cluster.sh" down; fi
  rm -f "$CACHE/kubeconfig"
  "$DEV/dockerd.sh" stop
}

case ${CLUSTER:-kind} in
  kind) own_cluster ;;
  current) from_current_cluster ;;
  *) die "CLUSTER=$CLUSTER: it is either 'kind' (the default) or 'current'" ;;
esac
