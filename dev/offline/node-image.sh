#!/usr/bin/env bash
# A node image for kind where none can be pulled: Debian packages, binaries of Go modules, and kind's own
# `kind build node-image`. Does nothing when Docker has it already.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$DEV/rootfs.sh"

parts=$CACHE/parts
rootfs=$CACHE/node/rootfs
images=$CACHE/work/node-images
server=$CACHE/work/kubernetes-server
base=eventpipeline-node-base:$KIND_VERSION
node=$(node_image)

# The names of the images that kind's manifests use, from its source; its configuration of containerd, not kubeadm,
# decides on the image of the pause.
kind_source=$(go_module_folder sigs.k8s.io/kind "$KIND_VERSION")
kind_constant() { sed -n "s/^const $2 = \"\(.*\)\"/\1/p" "$kind_source/pkg/build/nodeimage/$1"; }
kindnetd() { kind_constant const_cni.go kindnetdImage; }
provisioner() { kind_constant const_storage.go storageProvisionerImage; }
storage_helper() { kind_constant const_storage.go storageHelperImage; }
pause() { sed -n 's/.*sandbox_image = "\(.*\)"/\1/p' "$kind_source/images/base/files/etc/containerd/config.toml"; }

# kubeadm_image NAME: the full name that kubeadm asks for.
kubeadm_image() {
  "$parts/kubeadm" config images list --kubernetes-version "$KUBERNETES_VERSION" 2>/dev/null | grep "/$1:"
}

# program_image IMAGE FILE: the program, alone, as the image's entrypoint.
program_image() {
  local folder=$images/${2##*/}
  rm -rf "$folder"
  install -D "$2" "$folder/usr/local/bin/${2##*/}"
  mkdir "$folder/tmp"
  chmod 1777 "$folder/tmp"
  import_image "$1" "$folder" "ENTRYPOINT [\"/usr/local/bin/${2##*/}\"]"
}

pause_image() {
  install -D "$parts/pause" "$images/pause/pause"
  import_image "$1" "$images/pause" 'ENTRYPOINT ["/pause"]'
}

# What the local-path provisioner runs to make and remove a volume's folder.
storage_helper_image() {
  local folder=$images/helper applet
  install -D "$rootfs/bin/busybox" "$folder/bin/busybox"
  for applet in sh mkdir rm chmod; do ln -sf busybox "$folder/bin/$applet"; done
  import_image "$1" "$folder"
}

# kube-proxy calls the packet filter's tools, which load their extensions by name.
kube_proxy_image() {
  local folder=$images/kube-proxy extensions tool
  rm -rf "$folder"
  extensions=("$rootfs"/usr/lib/x86_64-linux-gnu/xtables/*.so)
  copy_programs "$rootfs" "$folder" /usr/sbin/{nft,conntrack,xtables-nft-multi} "${extensions[@]#"$rootfs"}"
  for tool in iptables ip6tables; do
    ln -s xtables-nft-multi "$folder/usr/sbin/$tool"
    ln -s xtables-nft-multi "$folder/usr/sbin/$tool-save"
    ln -s xtables-nft-multi "$folder/usr/sbin/$tool-restore"
  done
  cp "$rootfs"/etc/{protocols,services} "$folder/etc/"
  install -D "$parts/kube-proxy" "$folder/usr/local/bin/kube-proxy"
  mkdir -p "$folder/usr/lib/modules"
  import_image "$1" "$folder"
}

component_images() {
  local name
  rm -rf "$images"
  for name in kube-apiserver etcd; do program_image "$(kubeadm_image $name)" "$CACHE/bin/$name"; done
  for name in kube-controller-manager kube-scheduler coredns; do
    program_image "$(kubeadm_image $name)" "$parts/$name"
  done
  kube_proxy_image "$(kubeadm_image kube-proxy)"
  program_image "$(kindnetd)" "$parts/kindnetd"
  program_image "$(provisioner)" "$parts/local-path-provisioner"
  storage_helper_image "$(storage_helper)"
  pause_image "$(pause)"
  rm -rf "$images"
}

# save ARCHIVE IMAGE...: `docker save` with `repositories` first: from manifest.json, which docker writes first, kind
# would read the tags of the first image only, and then try to pull the others. Docker leaves the default registry out
# of a name; kind wants it in.
save() {
  local archive=$1 folder=$images/save registry
  registry=$(kindnetd)
  shift
  rm -rf "$folder"
  mkdir -p "$folder"
  docker save "$@" | tar -C "$folder" -x
  sed -i "s#\"kindest/#\"${registry%%/*}/kindest/#g" "$folder"/{repositories,manifest.json}
  tar -C "$folder" -cf "$archive" repositories manifest.json --exclude=./repositories --exclude=./manifest.json .
  rm -rf "$folder"
}

# The archive of a Kubernetes release. kind loads four images from it: the others ride in the scheduler's file.
server_archive() {
  local folder=$server/kubernetes name
  rm -rf "$server"
  mkdir -p "$folder/server/bin"
  echo "$KUBERNETES_VERSION" >"$folder/version"
  cp "$parts"/{kubeadm,kubelet} "$CACHE/bin/kubectl" "$folder/server/bin/"
  for name in kube-apiserver kube-controller-manager kube-proxy; do
    save "$folder/server/bin/$name.tar" "$(kubeadm_image $name)"
  done
  save "$folder/server/bin/kube-scheduler.tar" "$(kubeadm_image kube-scheduler)" "$(kubeadm_image etcd)" \
    "$(kubeadm_image coredns)" "$(kindnetd)" "$(provisioner)" "$(storage_helper)" "$(pause)"
  # Stored, not packed: it is read once, from this disk.
  tar -C "$server" -c kubernetes | gzip -1 >"$server.tar.gz"
  rm -rf "$server"
}

base_image() {
  local context=$CACHE/work/node-base
  rm -rf "$context"
  mkdir -p "$context"
  cp "$DEV/node.Dockerfile" "$context/Dockerfile"
  tar -C "$rootfs" --numeric-owner --one-file-system --sort=name -cf "$context/rootfs.tar" .
  docker build -q -t "$base" "$context"
  rm -rf "$context"
}

build_node_image() {
  # kind unpacks the archive into a temporary folder and leaves it there.
  mkdir -p "$server"
  TMPDIR=$server kind build node-image --type file --image "$node" --base-image "$base" "$server.tar.gz"
  rm -rf "$server" "$server.tar.gz" "$rootfs"
  # The node image holds them now.
  docker image rm "$base" "$(kindnetd)" "$(provisioner)" "$(storage_helper)" "$(pause)" \
    "$(kubeadm_image kube-apiserver)" "$(kubeadm_image kube-controller-manager)" "$(kubeadm_image kube-scheduler)" \
    "$(kubeadm_image kube-proxy)" "$(kubeadm_image etcd)" "$(kubeadm_image coredns)"
  # Earlier node images go, except one that a cluster runs: Docker refuses that.
  docker image ls --format '{{.Repository}}:{{.Tag}}' eventpipeline-node | awk -v node="$node" '$0 != node' |
    xargs -r -n 1 docker image rm || true
}

use_docker
if docker image inspect "$node" >/dev/null 2>&1; then exit 0; fi
[ "$(id -u)" -eq 0 ] || die "the node image is made from Debian's packages, which needs root"
need_command mmdebstrap mmdebstrap
need_packages gcc libc6-dev
"$DEV/binaries.sh" tools node
lock node-image
"$DEV/node-rootfs.sh"
step "images of the cluster's components" component_images
step "archive for kind" server_archive
step "node's base image" base_image
step "node image $node" build_node_image
