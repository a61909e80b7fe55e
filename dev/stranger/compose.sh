#!/usr/bin/env bash
# compose.sh VERSION FOLDER: follows docs/start/compose.md with the compose file of a release, whose image Docker pulls.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
. "$DEV/stranger/lib.sh"

version=${1:?} release=${2:?}
page=docs/start/compose.md
setup=$folder/compose

# Debian's package of the plugin runs on any distribution with a C library from 2021 on.
need_compose() {
  docker compose version >/dev/null 2>&1 && return
  DEBIAN_SUITE=$COMPOSE_DEBIAN_SUITE "$DEV/debian-programs.sh" docker-compose usr/libexec/docker/cli-plugins/docker-compose
  export DOCKER_CONFIG=$folder/docker
  mkdir -p "$DOCKER_CONFIG/cli-plugins"
  ln -sf "$CACHE/bin/docker-compose" "$DOCKER_CONFIG/cli-plugins/docker-compose"
}

down() {
  local status=$?
  cd "$setup"
  [ $status -eq 0 ] || docker compose logs --tail 20
  step "end of the containers" docker compose down --volumes
  exit $status
}

use_docker
need_compose
pulls_images || { "$OFFLINE/mysql-image.sh" && "$OFFLINE/nginx-image.sh"; }
docker image rm --force "$registry/eventpipeline:$version" >/dev/null 2>&1 || true
rm -rf "$setup"
mkdir -p "$setup"
cp "$release/docker-compose.yaml" "$setup/"
cd "$setup"
trap down EXIT
started=$(now)
follow "$(commands $page 'Start it')" "$version"
expect '{"valor":"'
figure "docker compose: first value" "$started"
commands $page 'Handle events yourself' 1 >handler.py
follow "$(commands $page 'Handle events yourself' 2)" "$version"
expect '{"valor":"shipped order 7"}'
figure "docker compose: first value of a handler on the host" "$started"
