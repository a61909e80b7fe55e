#!/usr/bin/env bash
# Builds programs from Go modules, once per version, into $CACHE/bin:
#   binaries.sh api     etcd, kube-apiserver, kubectl: tests without nodes
#   binaries.sh tools   kind, helm, kubectl
#   binaries.sh docs    shfmt, helm, kubectl: tests of the commands in the documentation
#   binaries.sh helm    helm only
#   binaries.sh registry  crane, which contains a registry
#   binaries.sh lint    actionlint
#   binaries.sh chart   helm 3, kube-score, and CRDs of other projects: tests of the chart
#   binaries.sh dashboards   the types of Grafana's dashboards: tests of ours
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$DEV/go-modules.sh"

helm3() {
  again env GOBIN="$work/helm3" go install -trimpath -ldflags '-s -w' "helm.sh/helm/v3/cmd/helm@$HELM3_VERSION"
  mv "$work/helm3/helm" "$bin/helm3"
}

definitions() {
  local folder=$CACHE/definitions prometheus gateway name
  prometheus=$(go_module_folder github.com/prometheus-operator/prometheus-operator "$PROMETHEUS_OPERATOR_VERSION")
  gateway=$(go_module_folder sigs.k8s.io/gateway-api "$GATEWAY_API_VERSION")
  rm -rf "$folder"
  mkdir -p "$folder"
  for name in podmonitors prometheusrules; do
    cp "$prometheus/example/prometheus-operator-crd/monitoring.coreos.com_$name.yaml" "$folder/"
  done
  cp "$gateway/config/crd/standard/gateway.networking.k8s.io_httproutes.yaml" "$folder/"
}

# Only the source of the types: nothing of it is built.
grafana_types() {
  local folder=$CACHE/grafana-types module package
  module=$(go_module_folder github.com/grafana/grafana-foundation-sdk/go "$GRAFANA_SDK_VERSION")
  rm -rf "$folder"
  for package in common dashboard prometheus stat table timeseries; do
    install -D -m 644 "$module/$package/types_gen.go" "$folder/$package/types_gen.go"
  done
}

lock binaries
for group; do
  case $group in
    api)
      etcd
      kubernetes "$bin" kube-apiserver kubectl
      ;;
    tools)
      from_module "$bin" sigs.k8s.io/kind "$KIND_VERSION"
      from_module "$bin" helm.sh/helm/v4/cmd/helm "$HELM_VERSION"
      kubernetes "$bin" kubectl
      ;;
    docs)
      from_module "$bin" mvdan.cc/sh/v3/cmd/shfmt "$SHFMT_VERSION"
      from_module "$bin" helm.sh/helm/v4/cmd/helm "$HELM_VERSION"
      kubernetes "$bin" kubectl
      ;;
    registry) from_module "$bin" github.com/google/go-containerregistry/cmd/crane "$CRANE_VERSION" ;;
    helm) from_module "$bin" helm.sh/helm/v4/cmd/helm "$HELM_VERSION" ;;
    lint) from_module "$bin" github.com/rhysd/actionlint/cmd/actionlint "$ACTIONLINT_VERSION" ;;
    chart)
      once "$bin/helm3" "$HELM3_VERSION" "helm $HELM3_VERSION" helm3
      from_module "$bin" github.com/zegl/kube-score/cmd/kube-score "$KUBE_SCORE_VERSION"
      version=$PROMETHEUS_OPERATOR_VERSION-$GATEWAY_API_VERSION
      if ! stamped definitions "$version" || ! [ -d "$CACHE/definitions" ]; then
        step "CRDs of Prometheus Operator and the Gateway API" definitions
        stamp definitions "$version"
      fi
      ;;
    dashboards)
      if ! stamped grafana-types "$GRAFANA_SDK_VERSION" || ! [ -d "$CACHE/grafana-types" ]; then
        step "types of Grafana's dashboards $GRAFANA_SDK_VERSION" grafana_types
        stamp grafana-types "$GRAFANA_SDK_VERSION"
      fi
      ;;
    *) die "unknown group of binaries: $group (api, tools, docs, helm, chart, dashboards, lint, registry)" ;;
  esac
done
