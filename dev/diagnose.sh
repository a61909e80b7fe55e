#!/usr/bin/env bash
# Prints conditions, pods, events and logs after `make up` or a test on the cluster has failed.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if [ -z "${CLUSTER:-}" ] || [ "$CLUSTER" = kind ]; then export KUBECONFIG=$CACHE/kubeconfig; fi

show() {
  say "" "\$ $*"
  "$@" 2>&1 | tail -n 40 || true
}

{
  show kubectl get eventpipelines -A -o wide
  show kubectl get eventpipelines -A -o jsonpath='{range .items[*].status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\n"}{end}'
  show kubectl get pods -A -o wide
  show kubectl get events -A --sort-by=.lastTimestamp --field-selector type!=Normal
  show kubectl -n eventpipeline-system logs -l app.kubernetes.io/name=eventpipeline-operator --prefix --tail=30
  show kubectl logs statefulset/demo-mysql --tail=15
} >&2
