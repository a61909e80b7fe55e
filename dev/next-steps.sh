#!/usr/bin/env bash
# next-steps.sh [URL]: prints what to try on the cluster of `make up`. Without a URL it leaves out the requests.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

url=${1:-}
broken='[{"op": "add", "path": "/spec/consumers/0/handler", "value": {"http": {"url": "http://127.0.0.1:9"}}}]'

own_cluster() { [ "${CLUSTER:-kind}" = kind ]; }

environment() {
  say "" "The kubectl context is kind-$CLUSTER_NAME, and the image is localhost/eventpipeline:dev. Set in your shell:" \
    "  export PATH=$CACHE/bin:\$PATH"
  if [ "${DOCKER_HOST:-}" = "unix://$CACHE/docker/docker.sock" ]; then say "  export DOCKER_HOST=$DOCKER_HOST"; fi
}

pipeline() {
  say "" "Try next:" \
    "  kubectl get evp                                  # the pipeline and its URL"
  if [ -z "$url" ]; then return; fi
  say "  kubectl logs -f -l app.kubernetes.io/instance=demo,app.kubernetes.io/component=consumer &" \
    "  curl -X POST $url/create-sync    # create an event and wait for its value" \
    "  curl -X POST $url/create-async   # get its id at once, and read the value of event 2: curl $url/2" \
    "Break the handler, create an event, watch its attempts grow, and repair the handler:" \
    "  kubectl patch evp demo --type json -p '$broken'" \
    "  kubectl wait --for=condition=Ready evp/demo --timeout=5m    # the consumers with the new handler run" \
    "  id=\$(curl -sS -X POST $url/create-async | grep -o '[0-9]*')" \
    "  kubectl exec deploy/demo-producer-default -- /eventpipeline get \$id    # repeat it" \
    "  kubectl apply -f examples/eventpipeline.yaml"
}

# The stand-in of offline/ has no web pages.
metrics() {
  say "Metrics and alerts:" "  kubectl -n eventpipeline-prometheus port-forward service/prometheus 9090 &"
  if own_cluster && ! pulls_images; then
    say "  curl -sS --retry 9 --retry-connrefused 'http://127.0.0.1:9090/api/v1/query?query=eventpipeline_pipeline_events' |" \
      "    python3 -m json.tool    # this Prometheus was built here, without web pages"
  else
    say "  http://127.0.0.1:9090/alerts in a browser"
  fi
}

if own_cluster; then environment; fi
pipeline
if [ "${PROMETHEUS:-no}" = yes ]; then metrics; fi
say "Remove everything: make down"
