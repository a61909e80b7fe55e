#!/usr/bin/env bash
# Proves that a stranger can install a release without building anything. A local registry has the role of the public one, and
# every cluster is empty. All commands are those of the docs.
#   stranger.sh [PART...]     helm, kubectl, compose, upgrade, air-gap; all by default
# It builds two releases of this commit first (minutes), and removes the cluster and the registries at the end.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$DEV/stranger/lib.sh"
. "$DEV/release/signing.sh"

public=eventpipeline-registry
private=eventpipeline-private-registry

clean_up() {
  local status=$?
  [ $status -eq 0 ] || CLUSTER=current "$DEV/diagnose.sh" || true
  "$DEV/stranger/registry.sh" down $public
  "$DEV/stranger/registry.sh" down $private
  "$DEV/stranger/cluster.sh" down
  docker image ls --format '{{.Repository}}:{{.Tag}}' | grep "^$registry/" | xargs -r docker image rm >/dev/null || true
  if $started_docker; then "$OFFLINE/dockerd.sh" stop; fi
  exit $status
}

# The releaser's key. Its password is empty.
signing_key() {
  need_cosign
  export COSIGN_KEY=$folder/cosign.key COSIGN_PASSWORD=''
  [ -f "$COSIGN_KEY" ] || (cd "$folder" && cosign generate-key-pair)
}

publish() {
  local release
  "$DEV/stranger/registry.sh" up $public "$registry"
  for release in "$previous" "$current"; do
    DIST=$release REGISTRY=$registry "$DEV/publish.sh" "${release##*/}"
  done
  # Nodes that can pull MySQL's official image do so.
  pulls_images || step "stand-in of $MYSQL_IMAGE" push_mysql
}

push_mysql() {
  "$OFFLINE/mysql-image.sh"
  docker tag "$MYSQL_IMAGE" "$registry/library/$MYSQL_IMAGE"
  docker push "$registry/library/$MYSQL_IMAGE"
}

# An empty cluster that pulls from the public registry.
empty_cluster() {
  local mirrors=("$registry=$public")
  pulls_images || mirrors+=("docker.io=$public")
  "$DEV/stranger/cluster.sh" up "${mirrors[@]}"
}

air_gap() {
  pulls_images || export MYSQL_SOURCE=$registry/library/$MYSQL_IMAGE
  DIST=$current "$DEV/bundle.sh" "$version"
  "$DEV/stranger/registry.sh" up $private "$private_registry"
  "$DEV/stranger/registry.sh" down $public
  "$DEV/stranger/cluster.sh" up "$private_registry=$private"
  "$DEV/stranger/air-gap.sh" "$version" "$folder/eventpipeline-$version-bundle.tar"
}

part() {
  say "" "== $1"
  case $1 in
    helm | kubectl) empty_cluster && "$DEV/stranger/install.sh" "$1" "$version" "$current" ;;
    compose) "$DEV/stranger/compose.sh" "$version" "$current" ;;
    upgrade) empty_cluster && "$DEV/stranger/upgrade.sh" "${previous##*/}" "$version" ;;
    air-gap) air_gap ;;
    *) die "unknown part: $1 (helm, kubectl, compose, upgrade, air-gap)" ;;
  esac
}

[ $# -gt 0 ] || set -- helm kubectl compose upgrade air-gap
started_docker=true
if docker_answers; then started_docker=false; fi
use_docker
"$DEV/binaries.sh" tools registry
signing_key
releases=$("$DEV/stranger/releases.sh")
previous=$(head -n 1 <<<"$releases") current=$(tail -n 1 <<<"$releases")
version=${current##*/}
: >"$folder/figures"
trap clean_up EXIT
# The network of kind's nodes exists with the first cluster.
"$DEV/stranger/cluster.sh" up
publish
for name; do part "$name"; done
say "" "== figures ($(nproc) cores)" "$(cat "$folder/figures")"
