#!/usr/bin/env bash
# MySQL from Debian's packages, cut down to what runs: $CACHE/mysql/rootfs, which the image is made of, and wrappers
# in $CACHE/bin that run the same server and clients on this machine, for tests without containers.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mysql=$CACHE/mysql
rootfs=$mysql/rootfs
libraries=usr/lib/x86_64-linux-gnu
loader=usr/lib64/ld-linux-x86-64.so.2
programs=(usr/sbin/mysqld usr/bin/mysql usr/bin/mysqladmin usr/bin/mysqldump usr/bin/mysqlbinlog)

# `extract` unpacks the packages and configures nothing: no root, no chroot.
extract() {
  mkdir -p "$1"
  # Debian's mirrors of sid may lag behind the date in its index.
  mmdebstrap --quiet --variant=extract --include=mysql-server-core,mysql-client-core,busybox-static \
    --aptopt='Acquire::Check-Valid-Until "false"' "$MYSQL_DEBIAN_SUITE" - | tar -C "$1" -x --exclude='./dev/*'
}

# libraries_of ROOTFS FILE: the libraries that it loads, as paths inside the rootfs.
libraries_of() {
  "$1/$loader" --library-path "$1/$libraries" --list "$2" |
    sed -n "s#.*=> $1/\([^ ]*\) .*#\1#p"
}

# The server, its clients and what they load; a shell of busybox for the image's entrypoint.
prune() {
  local from=$1 to=$2 file
  mkdir -p "$to"/{usr/{sbin,bin,lib,lib64,share},"$libraries",etc,tmp,run,var/lib/mysql,var/lib/mysql-files}
  ln -s usr/bin usr/sbin usr/lib usr/lib64 "$to/"
  ln -s ../run "$to/var/run"
  chmod 1777 "$to/tmp"
  cp "$from/$loader" "$to/$loader"
  for file in "${programs[@]}"; do cp "$from/$file" "$to/$file"; done
  mkdir -p "$to/usr/lib/mysql"
  cp -r "$from/usr/lib/mysql/plugin" "$to/usr/lib/mysql/"
  # Heavy, and of use to clients of other servers only; the last needs a Japanese dictionary.
  rm -f "$to"/usr/lib/mysql/plugin/{*_client,authentication_webauthn,libpluginmecab}.so
  cp -r "$from/usr/share/mysql" "$to/usr/share/"
  for file in "${programs[@]/#/$from/}" "$to"/usr/lib/mysql/plugin/*.so; do
    libraries_of "$from" "$file"
  done | sort -u | while read -r file; do cp -L "$from/$file" "$to/$libraries/"; done
  cp "$from/usr/bin/busybox" "$to/usr/bin/"
  for file in $("$to/usr/bin/busybox" --list); do
    [ -e "$to/usr/bin/$file" ] || ln -s busybox "$to/usr/bin/$file"
  done
}

build() {
  rm -rf "$mysql"
  extract "$mysql/full"
  prune "$mysql/full" "$rootfs"
  rm -rf "$mysql/full"
}

# The rootfs's own loader and libraries, whatever those of this machine are. The server reads no option file: what a
# test needs, it says.
wrapper() {
  local program=$1
  shift
  cat >"$CACHE/bin/$(basename "$program")" <<WRAPPER
#!/bin/sh
R=$rootfs
exec "\$R/$loader" --library-path "\$R/$libraries" "\$R/$program" $* "\$@"
WRAPPER
  chmod +x "$CACHE/bin/$(basename "$program")"
}

need_command mmdebstrap mmdebstrap
# Ubuntu does not trust Debian's packages unless told to.
need_packages debian-archive-keyring
lock mysql
version=$MYSQL_DEBIAN_SUITE-$(fingerprint "${BASH_SOURCE[0]}")
if ! stamped mysql-rootfs "$version" || [ ! -d "$rootfs" ]; then
  step "MySQL from Debian $MYSQL_DEBIAN_SUITE" build
fi
# shellcheck disable=SC2016  # $R is the wrapper's
wrapper usr/sbin/mysqld --no-defaults '"--basedir=$R/usr" "--plugin-dir=$R/usr/lib/mysql/plugin"' \
  '"--character-sets-dir=$R/usr/share/mysql/charsets" "--lc-messages-dir=$R/usr/share/mysql"' --secure-file-priv=NULL
for program in "${programs[@]:1}"; do wrapper "$program"; done
