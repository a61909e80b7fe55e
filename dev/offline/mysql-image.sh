#!/usr/bin/env bash
# Builds a stand-in for the official MySQL image, where that can't be pulled, and prints its name.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$DEV/rootfs.sh"

version=$MYSQL_DEBIAN_SUITE-$(fingerprint "$DEV"/mysql "$DEV"/{mysql-image,mysql-rootfs,rootfs}.sh)

# What only the image needs: a shell, the server's user and its folders.
fill_context() {
  local context=$1 folder=$1/rootfs applet
  mkdir -p "$context"
  cp "$DEV/mysql/Dockerfile" "$context/"
  cp -a "$CACHE/mysql/rootfs" "$folder"
  for applet in $("$folder/usr/bin/busybox" --list); do
    [ -e "$folder/usr/bin/$applet" ] || ln -s busybox "$folder/usr/bin/$applet"
  done
  mkdir -p "$folder"/{etc/mysql/conf.d,run/mysqld,var/lib/mysql,var/lib/mysql-files}
  ln -s ../run "$folder/var/run"
  printf '%s\n' root:x:0:0:root:/root:/bin/sh mysql:x:999:999:MySQL:/var/lib/mysql:/bin/sh >"$folder/etc/passwd"
  printf '%s\n' root:x:0: mysql:x:999: >"$folder/etc/group"
  cp "$DEV/mysql/my.cnf" "$folder/etc/my.cnf"
  install -D "$DEV/mysql/entrypoint.sh" "$folder/usr/local/bin/docker-entrypoint.sh"
  # As in the official image, for whichever user a pod chooses.
  chmod 1777 "$folder"/{run/mysqld,var/lib/mysql,var/lib/mysql-files}
}

build() {
  local context=$CACHE/work/mysql-image
  rm -rf "$context"
  fill_context "$context"
  docker build -q --label "eventpipeline.dev/made-from=$version" -t "$MYSQL_IMAGE" "$context"
  rm -rf "$context"
}

use_docker
"$DEV/mysql-rootfs.sh"
[ "$(made_from "$MYSQL_IMAGE")" = "$version" ] || step "image $MYSQL_IMAGE (from Debian's packages)" build
say "$MYSQL_IMAGE"
