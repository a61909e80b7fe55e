#!/usr/bin/env bash
# Runs the tests that need a cluster, on the cluster of `make up`. A cluster that it created is removed at the end.
# Arguments go to the tests (`dev/e2e.sh suspend`). With CLUSTER=current they run on the cluster of the current kubectl
# context; URL is the address of its ingress controller.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ROOT"

forget_tests() {
  kubectl delete namespace,clusterrole,clusterrolebinding --selector eventpipeline.dev/e2e --wait=false --ignore-not-found
}

# Images that only the tests run: programs in other languages.
load_images() {
  local names images
  names=$("$DEV/polyglot-images.sh")
  mapfile -t images <<<"$names"
  step "into the cluster: ${images[*]}" kind load docker-image --name "$CLUSTER_NAME" "${images[@]}"
}

leave_as_found() {
  local status=$?
  (step "removal of the tests' objects" forget_tests) || true
  if $ours; then "$DEV/down.sh"; fi
  exit $status
}

ours=false
if [ "${CLUSTER:-kind}" = kind ]; then
  # The file exists from `make up` to `make down`, even while the cluster is stopped: such a cluster is kept.
  export KUBECONFIG=$CACHE/kubeconfig
  [ -f "$KUBECONFIG" ] || ours=true
else
  [ -n "${URL:-}" ] || die "CLUSTER=$CLUSTER: set URL to the address of its ingress controller (http://ADDRESS)"
fi
trap leave_as_found EXIT
PROMETHEUS=yes "$DEV/up.sh"
if [ "${CLUSTER:-kind}" = kind ]; then
  # With CLUSTER=current the user has pushed these images.
  use_docker
  load_images
fi
if [ -z "${URL:-}" ]; then
  URL=http://$(docker port "$CLUSTER_NAME-control-plane" 80/tcp)
fi
export EVENTPIPELINE_URL=$URL
# Each test starts a pipeline: two at a time would be too slow on a small machine.
cargo test --locked -p eventpipeline-e2e -- --test-threads=1 "$@" || {
  status=$?
  "$DEV/diagnose.sh" || true
  exit $status
}
