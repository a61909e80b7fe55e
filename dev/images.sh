#!/usr/bin/env bash
# Builds EventPipeline's image and prints its name. The tag is a hash of the contents, so that a cluster rolls out changes.
# With REGISTRY set (`registry.example.com/team`) the image is pushed there, as REGISTRY/eventpipeline. Otherwise its registry
# is called localhost, from which nothing is ever pulled.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$DEV/programs.sh"
. "$DEV/oci.sh"

context=$CACHE/work/image
name=localhost/eventpipeline

# docker_archive IMAGE: writes the archive that `docker load` reads.
docker_archive() {
  local folder=$context.docker
  rm -rf "$folder"
  mkdir "$folder"
  reproducible_tar 0 "$context" . >"$folder/layer.tar"
  image_configuration "$(architecture)" 0 "$folder/layer.tar" >"$folder/configuration.json"
  jq -cn --arg image "$1" '[{Config: "configuration.json", RepoTags: [$image], Layers: ["layer.tar"]}]' >"$folder/manifest.json"
  tar -C "$folder" -c .
  rm -rf "$folder"
}

build() {
  docker image inspect "$1" >/dev/null 2>&1 || docker_archive "$1" | docker load
  docker tag "$1" "$name:dev"
  # Removes earlier images, which would accumulate. Only tags that are a hash are ours.
  docker image ls --format '{{.Repository}}:{{.Tag}}' "$name" | sed -nE '/:[0-9a-f]{12}$/p' |
    awk -v image="$1" '$0 != image' | xargs -r docker image rm
}

push() {
  docker tag "$1" "$2"
  docker push "$2"
}

[ "$(uname -s)" = Linux ] || die "the image's programs are built on Linux: run this on a Linux machine"
need_rust
need_command jq jq
use_docker
lock image
step "EventPipeline's programs (release)" compile "$(architecture)"
fill_image "$(architecture)" "$context"
image=$name:$(fingerprint "$context")
step "image $image" build "$image"
rm -rf "$context"
if [ -n "${REGISTRY:-}" ]; then
  pushed=${REGISTRY%/}/${image#*/}
  step "push to ${REGISTRY%/}" push "$image" "$pushed"
  image=$pushed
fi
say "$image"
