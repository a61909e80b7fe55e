#!/usr/bin/env bash
# install.sh IMAGE: the operator by Helm, then the example pipeline, until all of it is ready and runs that image.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

image=${1:?usage: install.sh IMAGE}
namespace=eventpipeline-system

# An upgrade that was cut short would block every later one.
forget_interrupted_releases() {
  kubectl -n "$namespace" delete secret --ignore-not-found \
    -l 'owner=helm,name=eventpipeline,status in (pending-install,pending-upgrade,pending-rollback)'
}

install_operator() {
  forget_interrupted_releases
  helm upgrade --install eventpipeline "$ROOT/charts/eventpipeline" --namespace "$namespace" --create-namespace \
    --set-string "image.repository=${image%:*}" --set-string "image.tag=${image##*:}" --wait --timeout 300s
}

# Its route takes every host that nobody else has. In a cluster of somebody else's that is only done for who says where the
# ingress controller is.
example() {
  if [ "${CLUSTER:-kind}" = current ] && [ -z "${URL:-}" ]; then
    sed '/^  # The way in from outside/,$d' "$ROOT/examples/eventpipeline.yaml"
  else
    cat "$ROOT/examples/eventpipeline.yaml"
  fi
}

# Ready may still be that of the image before: first see the operator hand the new one on.
pipeline_ready() {
  example | kubectl apply -f -
  kubectl wait --for=create deployment/demo-producer-default --timeout=240s
  kubectl wait --for=jsonpath='{.spec.template.spec.containers[0].image}'="$image" \
    deployment/demo-producer-default deployment/demo-consumer-default --timeout=240s
  kubectl rollout status deployment/demo-producer-default --timeout=240s
  kubectl rollout status deployment/demo-consumer-default --timeout=240s
  kubectl wait --for=condition=Ready eventpipeline/demo --timeout=240s
}

step "operator (helm upgrade --install eventpipeline charts/eventpipeline)" install_operator
step "pipeline (kubectl apply -f examples/eventpipeline.yaml)" pipeline_ready
