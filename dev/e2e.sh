#!/usr/bin/env bash
# The tests that need a cluster: `make up`, the tests, and the cluster as it was before. Arguments go to the tests
# (`dev/e2e.sh suspend`). With CLUSTER=current they run on the cluster of the current kubectl context; URL says where its
# ingress controller answers.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ROOT"

cluster_exists() { [ -f "$CACHE/kubeconfig" ] && kubectl --kubeconfig "$CACHE/kubeconfig" get --raw /readyz; }

forget_tests() { kubectl delete namespace --selector eventpipeline.dev/e2e --wait=false --ignore-not-found; }

leave_as_found() {
  local status=$?
  if [ $status -ne 0 ]; then "$DEV/diagnose.sh" || true; fi
  step "removal of what the tests have made" forget_tests
  if $ours; then "$DEV/down.sh"; fi
  exit $status
}

ours=false
if [ "${CLUSTER:-kind}" = kind ]; then
  cluster_exists >/dev/null 2>&1 || ours=true
  export KUBECONFIG=$CACHE/kubeconfig
fi
trap leave_as_found EXIT
"$DEV/up.sh"
export EVENTPIPELINE_URL=${URL:-http://127.0.0.1:8080}
# One after the other: each test starts a pipeline, and two at a time would wait for each other on a small machine.
cargo test --locked -p eventpipeline-e2e -- --test-threads=1 "$@"
