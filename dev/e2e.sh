#!/usr/bin/env bash
# The tests that need a cluster: `make up`, the tests, and the cluster as it was before. Arguments go to the tests
# (`dev/e2e.sh suspend`). With CLUSTER=current they run on the cluster of the current kubectl context; URL says where its
# ingress controller answers.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ROOT"

forget_tests() {
  kubectl delete namespace,clusterrole,clusterrolebinding --selector eventpipeline.dev/e2e --wait=false --ignore-not-found
}

# What tests run beside the operator's own images: programs in other languages, and Prometheus where it can't be pulled.
load_images() {
  local images
  mapfile -t images < <("$DEV/polyglot-images.sh")
  pulls_images || images+=("$("$DEV/prometheus-image.sh")")
  step "into the cluster: ${images[*]}" kind load docker-image --name "$CLUSTER_NAME" "${images[@]}"
}

leave_as_found() {
  local status=$?
  (step "removal of what the tests have made" forget_tests) || true
  if $ours; then "$DEV/down.sh"; fi
  exit $status
}

ours=false
if [ "${CLUSTER:-kind}" = kind ]; then
  # There from `make up` to `make down`, even while the cluster is stopped: its data is not ours to remove.
  export KUBECONFIG=$CACHE/kubeconfig
  [ -f "$KUBECONFIG" ] || ours=true
else
  [ -n "${URL:-}" ] || die "CLUSTER=$CLUSTER: set URL to where its ingress controller answers (http://ADDRESS)"
fi
trap leave_as_found EXIT
"$DEV/up.sh"
if [ "${CLUSTER:-kind}" = kind ]; then
  # Where the images come from the current context's own registry, somebody has put them there.
  use_docker
  load_images
fi
if [ -z "${URL:-}" ]; then
  URL=http://$(docker port "$CLUSTER_NAME-control-plane" 80/tcp)
fi
export EVENTPIPELINE_URL=$URL
# One after the other: each test starts a pipeline, and two at a time would wait for each other on a small machine.
cargo test --locked -p eventpipeline-e2e -- --test-threads=1 "$@" || {
  status=$?
  "$DEV/diagnose.sh" || true
  exit $status
}
