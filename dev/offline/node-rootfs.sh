#!/usr/bin/env bash
# The file system of a kind node from Debian's packages: what the Dockerfile of kind's base image does, with the files
# of kind's own module. Result: $CACHE/node/rootfs. Called by node-image.sh.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

rootfs=$CACHE/node/rootfs
parts=$CACHE/parts
packages=systemd,conntrack,iptables,nftables,iproute2,ethtool,util-linux,mount,kmod,libseccomp2,runc,bash
packages+=,ca-certificates,curl,jq,procps,hostname,busybox-static,e2fsprogs

bootstrap() {
  mkdir -p "${rootfs%/*}"
  rm -rf "$rootfs"
  mmdebstrap --quiet --mode=root --variant=essential --format=directory --skip=output/dev --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    "$NODE_DEBIAN_SUITE" "$rootfs"
  rm -rf "$rootfs"/var/lib/apt/lists/* "$rootfs"/var/cache/apt/* "$rootfs"/var/log/* "$rootfs"/var/cache/debconf/*
}

kind_files() {
  local files
  files=$(go_module_folder sigs.k8s.io/kind "$KIND_VERSION")/images/base/files
  mkdir -p "$rootfs"/{kind/bin,etc/containerd,etc/cni/net.d,etc/kubernetes/manifests,opt/cni/bin}
  mkdir -p "$rootfs/etc/systemd/system/kubelet.service.d"
  install -m 0755 "$files"/usr/local/bin/* "$rootfs/usr/local/bin/"
  install -m 0755 "$files"/kind/bin/* "$rootfs/kind/bin/"
  install -m 0644 "$files/etc/crictl.yaml" "$rootfs/etc/"
  install -m 0644 "$files"/etc/default/* "$rootfs/etc/default/"
  install -m 0644 "$files"/etc/sysctl.d/* "$rootfs/etc/sysctl.d/"
  install -m 0644 "$files/etc/containerd/config.toml" "$rootfs/etc/containerd/"
  install -m 0644 "$files"/etc/systemd/system/*.{service,slice} "$rootfs/etc/systemd/system/"
  install -m 0644 "$files"/etc/systemd/system/kubelet.service.d/* "$rootfs/etc/systemd/system/kubelet.service.d/"
}

# A node starts what kind enables, and nothing that Debian would start on a machine.
services() {
  local units=$rootfs/lib/systemd/system unit
  rm -f "$units"/sysinit.target.wants/systemd-tmpfiles-setup.service "$units"/multi-user.target.wants/* \
    "$rootfs"/etc/systemd/system/*.wants/* "$units"/local-fs.target.wants/* "$units"/basic.target.wants/* \
    "$units"/sockets.target.wants/*{udev,initctl}*
  echo 'ReadKMsg=no' >>"$rootfs/etc/systemd/journald.conf"
  ln -sf /usr/lib/systemd/systemd "$rootfs/sbin/init"
  for unit in kubelet containerd undo-mount-hacks; do chroot "$rootfs" systemctl enable $unit.service; done
  # It would register formats in the kernel of the whole machine.
  chroot "$rootfs" systemctl mask systemd-binfmt.service
}

programs() {
  install -m 0755 "$parts"/{containerd,ctr,containerd-shim-runc-v2,crictl} "$rootfs/usr/local/bin/"
  install -m 0755 "$parts"/cni/* "$rootfs/opt/cni/bin/"
  "$parts/ctr" oci spec | chroot "$rootfs" jq 'del(.process.rlimits)
    | .hooks.createContainer += [{"path": "/kind/bin/mount-product-files.sh"}]' >"$rootfs/etc/containerd/cri-base.json"
}

build() {
  bootstrap
  kind_files
  services
  programs
}

step "node's root file system from Debian $NODE_DEBIAN_SUITE" build
