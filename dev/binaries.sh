#!/usr/bin/env bash
# Builds what is not to be had as a package, from Go modules, once a version:
#   binaries.sh api      etcd, kube-apiserver, kubectl: what tests without nodes need
#   binaries.sh tools    kind, helm, kubectl
#   binaries.sh node     the parts of the node image
#   binaries.sh ingress  contour
#   binaries.sh chart    helm 3 beside helm 4, kube-score, and the definitions of others' resources: what tests of the chart need
#   binaries.sh monitoring  prometheus, for the cluster
# Tools land in $CACHE/bin; parts that only go into images in $CACHE/parts, away from every PATH.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

bin=$CACHE/bin
parts=$CACHE/parts
work=$CACHE/work
kubernetes_minor=${KUBERNETES_VERSION#v1.}
kubernetes_flags="-s -w -X k8s.io/component-base/version.gitVersion=$KUBERNETES_VERSION"
kubernetes_flags+=" -X k8s.io/component-base/version.gitMajor=1"
kubernetes_flags+=" -X k8s.io/component-base/version.gitMinor=${kubernetes_minor%.*}"

# once FILE VERSION LABEL COMMAND...: runs the command unless FILE is there in that version.
once() {
  local file=$1 version=$2 label=$3
  shift 3
  if stamped "bin-${file##*/}" "$version" && [ -x "$file" ]; then return; fi
  step "$label" "$@"
  stamp "bin-${file##*/}" "$version"
}

# module_with_imports FOLDER PACKAGE...: a module that only names the packages to build.
module_with_imports() {
  local folder=$1
  shift
  mkdir -p "$folder" && cd "$folder"
  rm -f go.mod go.sum
  go mod init wrapper
  { printf '//go:build tools\n\npackage wrapper\n\nimport (\n' && printf '\t_ "%s"\n' "$@" && echo ')'; } >imports.go
}

# k8s.io/kubernetes replaces its libraries by folders that its module does not hold: point them at the published ones.
kubernetes_module() {
  local library source names=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl kubeadm)
  module_with_imports "$work/kubernetes" "${names[@]/#/k8s.io/kubernetes/cmd/}"
  source=$(go_module_folder k8s.io/kubernetes "$KUBERNETES_VERSION")
  sed -n 's#^\s*\(k8s.io/[a-z-]*\) => ./staging.*#\1#p' "$source/go.mod" | while read -r library; do
    go mod edit -replace "$library=$library@v0.$kubernetes_minor"
  done
  go mod edit -require "k8s.io/kubernetes@$KUBERNETES_VERSION"
  again go mod tidy
}

etcd_module() {
  module_with_imports "$work/etcd" go.etcd.io/etcd/server/v3
  again go get "go.etcd.io/etcd/server/v3@$ETCD_VERSION"
  again go mod tidy
}

# CoreDNS's own main pulls in the clients of several clouds; this one has the plugins that a cluster needs.
coredns_module() {
  mkdir -p "$work/coredns" && cd "$work/coredns"
  rm -f go.mod go.sum
  cp "$DEV/nodekit/coredns/main.go" .
  go mod init coredns
  again go get "github.com/coredns/coredns@$COREDNS_VERSION"
  again go mod tidy
}

cni_module() {
  local prefix=github.com/containernetworking/plugins/plugins
  module_with_imports "$work/cni" $prefix/main/{loopback,ptp} $prefix/meta/portmap $prefix/ipam/host-local
  again go get "github.com/containernetworking/plugins@$CNI_PLUGINS_VERSION"
  again go mod tidy
}

nodekit_module() {
  mkdir -p "$work/nodekit" && cd "$work/nodekit"
  rm -rf ./*
  cp -r "$DEV"/nodekit/{crictl,kindnetd} .
  go mod init nodekit
  again go get "k8s.io/cri-api@v0.$kubernetes_minor"
  again go mod tidy
}

# Its module excludes releases of others that it does not build with, which only counts in the outermost module.
prometheus_module() {
  local source
  module_with_imports "$work/prometheus" github.com/prometheus/prometheus/cmd/prometheus
  source=$(go_module_folder github.com/prometheus/prometheus "$PROMETHEUS_MODULE_VERSION")
  sed -n '/^exclude/,/^)/p; /^replace/,/^)/p' "$source/go.mod" >>go.mod
  go mod edit -require "github.com/prometheus/prometheus@$PROMETHEUS_MODULE_VERSION"
  again go mod tidy
}

# module NAME VERSION: writes the module NAME unless that was done for this version.
module() {
  if stamped "module-$1" "$2" && [ -f "$work/$1/go.sum" ]; then return; fi
  step "Go modules of $1 $2" "${1//-/_}_module"
  stamp "module-$1" "$2"
}

# in_module FOLDER FILE FLAGS PACKAGE
in_module() { cd "$work/$1" && go build -trimpath -ldflags "$3" -o "$2" "$4"; }
installed() { again env GOBIN="$(dirname "$1")" go install -trimpath -ldflags '-s -w' "$2"; }

kubernetes() {
  local folder=$1 name
  shift
  module kubernetes "$KUBERNETES_VERSION"
  for name; do
    once "$folder/$name" "$KUBERNETES_VERSION" "$name $KUBERNETES_VERSION" \
      in_module kubernetes "$folder/$name" "$kubernetes_flags" "k8s.io/kubernetes/cmd/$name"
  done
}

# from_module FOLDER PACKAGE VERSION: programs that build without a module around them.
from_module() {
  local name=${2##*/}
  once "$1/$name" "$3" "$name $3" installed "$1/$name" "$2@$3"
}

etcd() {
  module etcd "$ETCD_VERSION"
  once "$bin/etcd" "$ETCD_VERSION" "etcd $ETCD_VERSION" in_module etcd "$bin/etcd" '-s -w' go.etcd.io/etcd/server/v3
}

# Of all that it can discover targets in, Kubernetes alone.
build_prometheus() {
  local -x GOFLAGS="$GOFLAGS -tags=remove_all_sd,enable_kubernetes_sd"
  in_module prometheus "$parts/prometheus" '-s -w' github.com/prometheus/prometheus/cmd/prometheus
}

prometheus() {
  module prometheus "$PROMETHEUS_MODULE_VERSION"
  once "$parts/prometheus" "$PROMETHEUS_MODULE_VERSION" "prometheus $PROMETHEUS_VERSION" build_prometheus
}

node_parts() {
  local name version
  kubernetes "$bin" kube-apiserver kubectl
  etcd
  kubernetes "$parts" kube-controller-manager kube-scheduler kubelet kube-proxy kubeadm
  version=$COREDNS_VERSION-$(fingerprint "$DEV/nodekit/coredns")
  module coredns "$version"
  once "$parts/coredns" "$version" "coredns $COREDNS_VERSION" in_module coredns "$parts/coredns" '-s -w' .
  for name in containerd containerd-shim-runc-v2 ctr; do
    from_module "$parts" "github.com/containerd/containerd/v2/cmd/$name" "$CONTAINERD_VERSION"
  done
  from_module "$parts" github.com/rancher/local-path-provisioner "$LOCAL_PATH_PROVISIONER_VERSION"
  module cni "$CNI_PLUGINS_VERSION"
  for name in main/loopback main/ptp meta/portmap ipam/host-local; do
    once "$parts/cni/${name#*/}" "$CNI_PLUGINS_VERSION" "CNI plugin ${name#*/} $CNI_PLUGINS_VERSION" \
      in_module cni "$parts/cni/${name#*/}" '-s -w' "github.com/containernetworking/plugins/plugins/$name"
  done
  version=$KUBERNETES_VERSION-$(fingerprint "$DEV"/nodekit/{crictl,kindnetd})
  module nodekit "$version"
  for name in crictl kindnetd; do
    once "$parts/$name" "$version" "$name (stand-in)" in_module nodekit "$parts/$name" '-s -w' "./$name"
  done
  once "$parts/pause" "$PAUSE_VERSION" "pause $PAUSE_VERSION" gcc -Os -static -DVERSION="$PAUSE_VERSION" -o "$parts/pause" \
    "$(go_module_folder k8s.io/kubernetes "$KUBERNETES_VERSION")/build/pause/linux/pause.c"
}

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

have go || die "Go is missing: install 1.21 or newer from https://go.dev/dl/"
mkdir -p "$parts/cni"
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
    node) node_parts ;;
    ingress) from_module "$parts" github.com/projectcontour/contour/cmd/contour "$CONTOUR_VERSION" ;;
    chart)
      once "$bin/helm3" "$HELM3_VERSION" "helm $HELM3_VERSION" helm3
      from_module "$bin" github.com/zegl/kube-score/cmd/kube-score "$KUBE_SCORE_VERSION"
      version=$PROMETHEUS_OPERATOR_VERSION-$GATEWAY_API_VERSION
      if ! stamped definitions "$version" || ! [ -d "$CACHE/definitions" ]; then
        step "definitions of Prometheus Operator and the Gateway API" definitions
        stamp definitions "$version"
      fi
      ;;
    monitoring) prometheus ;;
    *) die "no such group of binaries: $group (api, tools, node, ingress, chart, monitoring)" ;;
  esac
done
