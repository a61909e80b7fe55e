#!/usr/bin/env bash
# Builds the programs inside the images of this folder from Go modules, once per version, into $CACHE/parts:
#   binaries.sh node        the node image's
#   binaries.sh ingress     contour
#   binaries.sh monitoring  prometheus
# Other groups are those of dev/binaries.sh.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=../go-modules.sh
. "$ROOT/dev/go-modules.sh"

# CoreDNS's own main depends on clients of several clouds. This one has only the plugins that a cluster needs.
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

# Prometheus's module excludes releases that it does not build with. Only the main module's exclusions apply.
prometheus_module() {
  local source
  module_with_imports "$work/prometheus" github.com/prometheus/prometheus/cmd/prometheus
  source=$(go_module_folder github.com/prometheus/prometheus "$PROMETHEUS_MODULE_VERSION")
  sed -n '/^exclude/,/^)/p; /^replace/,/^)/p' "$source/go.mod" >>go.mod
  go mod edit -require "github.com/prometheus/prometheus@$PROMETHEUS_MODULE_VERSION"
  again go mod tidy
}

# Builds only the service discovery of Kubernetes.
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

# The other script takes the same lock.
for group; do
  case $group in
    api | tools | chart) "$ROOT/dev/binaries.sh" "$group" ;;
  esac
done
lock binaries
for group; do
  case $group in
    api | tools | chart) ;;
    node) node_parts ;;
    ingress) from_module "$parts" github.com/projectcontour/contour/cmd/contour "$CONTOUR_VERSION" ;;
    monitoring) prometheus ;;
    *) die "unknown group of binaries: $group (node, ingress, monitoring)" ;;
  esac
done
