# shellcheck shell=bash
# shellcheck disable=SC2034  # read by the scripts
# Shared by the parts of `make stranger`: names, figures, commands of the docs, and clusters. Sourced after ../lib.sh.

# The cluster and the registries are this proof's own. Nodes know a registry by the same address as this machine.
CLUSTER_NAME=eventpipeline-stranger
node=$CLUSTER_NAME-control-plane
registry=127.0.0.1:5005
private_registry=127.0.0.1:5006
namespace=eventpipeline-system
# The docs say 8080, which may be in use on a machine where people develop.
port=18080
# A NodePort of the cluster, on this machine.
node_port=30080
load_port=18081

folder=$CACHE/stranger
mkdir -p "$folder"
export KUBECONFIG=$folder/kubeconfig

# now: prints the time in milliseconds.
now() { date +%s%3N; }

# figure NAME SINCE [LIMIT]: records the seconds since a time of `now`, and fails if they exceed the limit.
figure() {
  local seconds
  seconds=$(awk -v from="$2" -v to="$(now)" 'BEGIN { printf "%.1f", (to - from) / 1000 }')
  printf '%-60s %6s s%s\n' "$1" "$seconds" "${3:+   (limit $3 s)}" | tee -a "$folder/figures"
  [ -z "${3:-}" ] || awk -v value="$seconds" -v limit="$3" 'BEGIN { exit !(value <= limit) }' ||
    die "$1: $seconds s exceeds the limit of $3 s"
}

# commands PAGE HEADING [NUMBER]: prints a code block below a heading of the docs, the first one by default.
commands() {
  local block
  block=$(awk -v heading="$2" -v number="${3:-1}" '
    /^#+ / && !block { inside = ($0 ~ "^#+ " heading "$") }
    inside && /^```/ { block = !block; if (block) found++; next }
    inside && block && found == number' "$ROOT/$1")
  [ -n "$block" ] || die "$1: there is no code block ${3:-1} below the heading \"$2\""
  printf '%s\n' "$block"
}

# follow COMMANDS VERSION: runs commands of the docs as a reader pastes them, in the current folder, and then ends what they left
# in the background, such as a port-forward. Differences: the ports, and the registries, which have no TLS here.
follow() {
  sed "s#oci://[^ ]*#& --plain-http#; s#^oras cp.* #&--to-plain-http #; s#^cosign verify\(-attestation\)* #&--allow-http-registry #
    s#PRIVATE#$private_registry#g; s#REGISTRY\|ghcr.io/owner#$registry#g; s#VERSION#$2#g; s#:0.1.0#:$2#
    s#127.0.0.1:8080#127.0.0.1:$port#g; s# 8080:80# $port:80#" <<<"$1" >"$folder/commands.sh"
  PORT=$port bash -euo pipefail -c 'trap "kill \$(jobs -p) 2>/dev/null || true" EXIT; . "$0"' "$folder/commands.sh" >"$folder/output"
  cat "$folder/output"
}

# expect TEXT: checks what the last commands printed.
expect() { grep -qF "$1" "$folder/output" || die "this is not in the output of the commands: $1"; }

# runs IMAGE: waits until all pods of the pipeline run the image and are ready.
runs() {
  local deployments=(deployment/demo-producer-default deployment/demo-consumer-default)
  kubectl wait --for=jsonpath='{.spec.template.spec.containers[0].image}'="$1" "${deployments[@]}" --timeout=300s
  kubectl rollout status "${deployments[0]}" --timeout=300s
  kubectl rollout status "${deployments[1]}" --timeout=300s
  kubectl rollout status statefulset/demo-mysql --timeout=300s
  kubectl wait --for=condition=Ready eventpipeline/demo --timeout=300s
}
