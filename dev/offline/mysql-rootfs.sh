#!/usr/bin/env bash
# MySQL from Debian's packages, cut down to what runs: $CACHE/mysql/rootfs, which the image is made of, and wrappers
# in $CACHE/bin that run the same server and clients on this machine, for tests without containers.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$DEV/rootfs.sh"

mysql=$CACHE/mysql
rootfs=$mysql/rootfs
programs=(/usr/sbin/mysqld /usr/bin/{mysql,mysqladmin,mysqldump,mysqlbinlog})

# Unpacks the packages and configures nothing: no root, no chroot.
extract() {
  mkdir -p "$1"
  # Debian's mirrors of sid may lag behind the date in its index.
  mmdebstrap --quiet --variant=extract --include=mysql-server-core,mysql-client-core,busybox-static \
    --aptopt='Acquire::Check-Valid-Until "false"' "$MYSQL_DEBIAN_SUITE" - | tar -C "$1" -x --exclude='./dev/*'
}

# The server, its plugins, its clients and what they load; a shell of busybox for the image's entrypoint.
prune() {
  local from=$1 to=$2 plugins
  # Heavy, and of use to clients of other servers only; the last needs a Japanese dictionary.
  rm -f "$from"/usr/lib/mysql/plugin/{*_client,authentication_webauthn,libpluginmecab}.so
  plugins=("$from"/usr/lib/mysql/plugin/*.so)
  copy_programs "$from" "$to" "${programs[@]}" "${plugins[@]#"$from"}"
  mkdir -p "$to/usr/share"
  cp -r "$from/usr/share/mysql" "$to/usr/share/"
  cp "$from/usr/bin/busybox" "$to/usr/bin/"
}

build() {
  rm -rf "$mysql"
  extract "$mysql/full"
  prune "$mysql/full" "$rootfs"
  rm -rf "$mysql/full"
}

# wrapper PROGRAM ARGUMENT...: runs it by the rootfs's own loader and libraries, whatever those of this machine are.
# The server reads no option file: what a test needs, it says.
wrapper() {
  local program=$1 file=$CACHE/bin/${1##*/}
  shift
  cat >"$file.new" <<WRAPPER
#!/bin/sh
R=$rootfs
exec "\$R/usr/lib64/ld-linux-x86-64.so.2" --library-path "\$R/usr/lib/x86_64-linux-gnu" "\$R$program" $* "\$@"
WRAPPER
  chmod +x "$file.new"
  mv "$file.new" "$file"
}

need_command mmdebstrap mmdebstrap
# Ubuntu does not trust Debian's packages unless told to.
need_packages debian-archive-keyring
lock mysql
version=$MYSQL_DEBIAN_SUITE-$(fingerprint "${BASH_SOURCE[0]}" "$DEV/rootfs.sh")
if ! stamped mysql-rootfs "$version" || [ ! -d "$rootfs" ]; then
  step "MySQL from Debian $MYSQL_DEBIAN_SUITE" build
  stamp mysql-rootfs "$version"
fi
# shellcheck disable=SC2016  # $R is the wrapper's
wrapper /usr/sbin/mysqld --no-defaults '"--basedir=$R/usr" "--plugin-dir=$R/usr/lib/mysql/plugin"' \
  '"--character-sets-dir=$R/usr/share/mysql/charsets" "--lc-messages-dir=$R/usr/share/mysql"' --secure-file-priv=NULL
for program in "${programs[@]:1}"; do wrapper "$program"; done
