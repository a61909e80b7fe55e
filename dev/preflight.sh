# shellcheck shell=bash
# Checks the requirements of `make up`: installs missing ones, or fails and names what to install.
# Source it after lib.sh and call preflight.

preflight() {
  check_system
  check_rust
  check_docker
  check_ports
  if pulls_images; then
    check_tools
  else
    check_building
  fi
}

check_system() {
  local name
  [ "$(uname -s)" = Linux ] ||
    die "make up builds Linux programs and needs Linux (on $(uname -s): run it in a Linux virtual machine)"
  for name in curl tar gzip; do need_command $name $name; done
  [ "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" -ge 3500000 ] || warn "less than 4 GB of memory: the cluster may be slow"
}

check_rust() {
  need_rust
  need_command cc gcc
}

check_docker() {
  docker_answers && return
  if ! have dockerd; then
    if have dpkg-query; then
      need_packages docker.io iptables
    else
      die "Docker is missing or does not run: install and start it (https://docs.docker.com/engine/install/)"
    fi
  fi
  # Newer Debian has the client in a separate package.
  have docker || need_packages docker-cli
  use_docker
}

# A port must be free, or be used by the cluster of an earlier run.
check_ports() {
  local port node=$CLUSTER_NAME-control-plane
  if [ "$(docker inspect -f '{{.State.Running}}' "$node" 2>/dev/null)" = true ]; then return; fi
  while read -r port; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      die "port $port of 127.0.0.1 is in use: stop the program that listens there, or change hostPort in kind-config.yaml"
    fi
  done < <(sed -n 's/.*hostPort: \([0-9]*\).*/\1/p' "$ROOT/kind-config.yaml")
}

# Contour's manifests are part of its Go module. kind, helm and kubectl are built unless the machine has them.
check_tools() {
  check_go
  if have kind && have helm && have kubectl; then return; fi
  "$DEV/binaries.sh" tools
}

# Go 1.21 and later fetch the release that a module requires.
check_go() {
  local minor
  have go || die "Go is missing: install 1.21 or newer from https://go.dev/dl/"
  minor=$(go env GOVERSION | sed 's/^go1\.\([0-9]*\).*/\1/')
  [ "$minor" -ge 21 ] || die "$(go version) is too old: install 1.21 or newer from https://go.dev/dl/"
}

# Without a registry, all images are built from Go modules and Debian packages: see offline/README.md.
check_building() {
  [ "$(uname -m)" = x86_64 ] || die "no image can be pulled, and building them is only supported on x86_64"
  [ "$(id -u)" -eq 0 ] || die "no image can be pulled; run make up as root to build them from packages"
  check_go
  need_packages mmdebstrap debian-archive-keyring gcc libc6-dev
  python3 -m pip --version >/dev/null 2>&1 || need_packages python3-pip
  if ! docker image inspect "$(node_image)" >/dev/null 2>&1; then
    say "No image can be pulled: building all of them from packages, once. This takes 30 to 40 minutes on 2 cores."
    [ "$(df --output=avail -k "$CACHE" | tail -n 1)" -ge 25000000 ] || warn "less than 25 GB of disk space for $CACHE"
  fi
  "$DEV/binaries.sh" tools
}
