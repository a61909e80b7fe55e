#!/usr/bin/env bash
# install-yaml.sh CHART FILE: renders a released chart with its stock values, for kubectl apply, and its namespace before it.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
. "$DEV/release/settings.sh"

chart=${1:?usage: install-yaml.sh CHART FILE}
file=${2:?usage: install-yaml.sh CHART FILE}
namespace=eventpipeline-system

{
  say '# EventPipeline: the resource definition and the operator, as the chart renders them with its stock values.' \
    '# kubectl apply --server-side -f install.yaml' '---' 'apiVersion: v1' 'kind: Namespace' 'metadata:' "  name: $namespace" \
    '  labels:' '    pod-security.kubernetes.io/enforce: restricted'
  helm template eventpipeline "$chart" --namespace "$namespace" --skip-tests --kube-version "$OLDEST_KUBERNETES"
} >"$file"
