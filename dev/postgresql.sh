#!/usr/bin/env bash
# Unpacks this distribution's PostgreSQL into $CACHE/postgresql, for the benchmark. The packages are not installed, because
# their installation would create and start a server. Only the libraries they need are installed.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

folder=$CACHE/postgresql

# Prints the major version, or nothing on a machine without package lists.
major() { apt-cache depends postgresql 2>/dev/null | sed -n 's/^ *Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1; }

# apt's sandbox user cannot write to this user's home folder.
download() {
  apt-get download -q -o Acquire::Retries=5 -o APT::Sandbox::User=root "postgresql-$version" "postgresql-client-$version"
}

unpack() {
  local package
  rm -rf "$folder"
  mkdir -p "$folder"
  cd "$folder"
  # Old lists may name a version that the mirror no longer has.
  download || { again apt_get update && again download; }
  for package in *.deb; do dpkg-deb -x "$package" .; done
}

# Prints the libraries that the server and its tools need, and the time zones. The first of several alternatives is enough.
needs() {
  local package
  for package in "$folder"/*.deb; do dpkg-deb -f "$package" Depends; done | tr ',' '\n' |
    sed -nE 's/^ *((lib|tzdata)[^ |(]*).*/\1/p' | sort -u
}

have apt-get || die "this needs Debian or Ubuntu"
lock postgresql
[ -n "$(major)" ] || step "apt-get update" again apt_get update
version=$(major)
[ -n "$version" ] || die "apt knows no package postgresql"
if ! stamped postgresql "$version" || ! [ -x "$folder/usr/lib/postgresql/$version/bin/postgres" ]; then
  step "PostgreSQL $version" unpack
  mapfile -t libraries < <(needs)
  need_packages "${libraries[@]}"
  rm "$folder"/*.deb
  stamp postgresql "$version"
fi
ln -sfn "usr/lib/postgresql/$version/bin" "$folder/bin"
