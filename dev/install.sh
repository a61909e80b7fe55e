#!/usr/bin/env bash
# install.sh IMAGE: installs the operator with Helm and the example pipeline, and waits until both are ready with that image.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

image=${1:?usage: install.sh IMAGE}
namespace=eventpipeline-system
# The ConfigMaps with the dashboards are for a Grafana that you add.
if [ "${PROMETHEUS:-no}" = yes ]; then dashboards=true; else dashboards=false; fi

# An interrupted upgrade would block every later one.
forget_interrupted_releases() {
  kubectl -n "$namespace" delete secret --ignore-not-found \
    -l 'owner=helm,name=eventpipeline,status in (pending-install,pending-upgrade,pending-rollback)'
}

# It does not wait for the operator's pods: the pipeline is applied while they start.
install_operator() {
  forget_interrupted_releases
  helm upgrade --install eventpipeline "$ROOT/charts/eventpipeline" --namespace "$namespace" --create-namespace \
    --set-string "image.repository=${image%:*}" --set-string "image.tag=${image##*:}" \
    --set "monitoring.dashboards.enabled=$dashboards"
}

# The example's route takes every host that no other route has. On an existing cluster it is left out unless URL is set.
example() {
  if [ "${CLUSTER:-kind}" = current ] && [ -z "${URL:-}" ]; then
    sed '/^  route:$/,$d' "$ROOT/examples/eventpipeline.yaml"
  else
    cat "$ROOT/examples/eventpipeline.yaml"
  fi
}

# The condition may still describe the previous image: wait first until the operator has applied the new one.
pipeline_ready() {
  kubectl wait --for=condition=Established crd/eventpipelines.eventpipeline.dev --timeout=60s
  example | kubectl apply -f -
  kubectl -n "$namespace" rollout status deployment/eventpipeline-operator --timeout=300s
  kubectl wait --for=create deployment/demo-producer-default --timeout=240s
  kubectl wait --for=jsonpath='{.spec.template.spec.containers[0].image}'="$image" \
    deployment/demo-producer-default deployment/demo-consumer-default --timeout=240s
  kubectl rollout status deployment/demo-producer-default --timeout=240s
  kubectl rollout status deployment/demo-consumer-default --timeout=240s
  kubectl wait --for=condition=Ready eventpipeline/demo --timeout=240s
}

step "operator (helm upgrade --install eventpipeline charts/eventpipeline)" install_operator
step "pipeline (kubectl apply -f examples/eventpipeline.yaml)" pipeline_ready
