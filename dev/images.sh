#!/usr/bin/env bash
# Builds EventPipeline's image and prints its name. The tag is a hash of the contents, so that a cluster rolls out changes. With REGISTRY set (`registry.example.com/team`) the image is pushed there, as REGISTRY/eventpipeline.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

target=$(uname -m)-unknown-linux-gnu
context=$CACHE/work/image
packages=(eventpipeline-producer eventpipeline-consumer eventpipeline-operator eventpipeline-agent eventpipeline-cli)
programs=(eventpipeline-producer eventpipeline-consumer eventpipeline-operator eventpipeline-agent eventpipeline)

# Static programs need no base image. They still resolve names as glibc does, including search domains.
compile() {
  cd "$ROOT"
  RUSTFLAGS='-C target-feature=+crt-static' cargo build --locked --release --target "$target" "${packages[@]/#/--package=}"
}

# Mozilla's certificates, without those that this machine adds, if the distribution keeps them separately.
certificates() {
  local mozilla=/usr/share/ca-certificates/mozilla
  if [ -d "$mozilla" ]; then cat "$mozilla"/*.crt; else cat /etc/ssl/certs/ca-certificates.crt; fi
}

fill_context() {
  rm -rf "$context"
  mkdir -p "$context"
  cp "${programs[@]/#/$CARGO_TARGET_DIR/$target/release/}" "$context/"
  certificates >"$context/ca-certificates.crt"
  cp "$DEV/image.Dockerfile" "$context/Dockerfile"
}

build() {
  docker image inspect "$1" >/dev/null 2>&1 || docker build -t "$1" "$context"
  docker tag "$1" eventpipeline:dev
  # Removes earlier images, which would accumulate. Only tags that are a hash are ours.
  docker image ls --format '{{.Repository}}:{{.Tag}}' eventpipeline | sed -nE '/:[0-9a-f]{12}$/p' |
    awk -v image="$1" '$0 != image' | xargs -r docker image rm
}

push() {
  docker tag "$1" "$2"
  docker push "$2"
}

[ "$(uname -s)" = Linux ] || die "the image's programs are built on Linux: run this on a Linux machine"
need_rust
use_docker
lock image
step "EventPipeline's programs (release)" compile
fill_context
image=eventpipeline:$(fingerprint "$context")
step "image $image" build "$image"
rm -rf "$context"
if [ -n "${REGISTRY:-}" ]; then
  step "push to ${REGISTRY%/}" push "$image" "${REGISTRY%/}/$image"
  image=${REGISTRY%/}/$image
fi
say "$image"
