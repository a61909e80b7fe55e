#!/usr/bin/env bash
# debian-programs.sh PACKAGE FILE...: unpacks programs of a Debian or Ubuntu package into the cache. Nothing is installed,
# and no service is started. With DEBIAN_SUITE set, the package comes from that suite of Debian: use it only for programs that
# need nothing but an old C library.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

package=${1:?usage: debian-programs.sh PACKAGE FILE...}
files=("${@:2}")

# Prints the version that apt would install, or nothing on a machine without package lists.
candidate() { apt-cache policy "$package" 2>/dev/null | sed -n 's/^ *Candidate: //p' | grep -v '(none)'; }

# apt's sandbox user cannot write to this user's home folder.
download() { apt-get download -q -o Acquire::Retries=5 -o APT::Sandbox::User=root "$package"; }

unpack() {
  local folder=$CACHE/work/$package
  rm -rf "$folder"
  mkdir -p "$folder"
  cd "$folder"
  # Old lists may name a version that the mirror no longer has.
  download || { again apt_get update && again download; }
  dpkg-deb -x "$folder/${package}"_*.deb "$folder"
  install "${files[@]/#/$folder/}" "$CACHE/bin/"
  rm -rf "$folder"
}

# Debian's mirrors of sid may lag behind the date in its index.
unpack_from_suite() {
  local folder=$CACHE/work/$package
  rm -rf "$folder"
  mkdir -p "$folder"
  mmdebstrap --quiet --variant=extract --include="$package" --aptopt='Acquire::Check-Valid-Until "false"' "$DEBIAN_SUITE" - |
    tar -C "$folder" -x "${files[@]/#/./}"
  install "${files[@]/#/$folder/}" "$CACHE/bin/"
  rm -rf "$folder"
}

all_there() {
  local file
  for file in "${files[@]}"; do [ -x "$CACHE/bin/${file##*/}" ] || return 1; done
}

lock "$package"
if ! all_there; then
  have apt-get || die "this needs Debian or Ubuntu; elsewhere put ${files[*]##*/} into $CACHE/bin"
  if [ -n "${DEBIAN_SUITE:-}" ]; then
    need_command mmdebstrap mmdebstrap
    need_packages debian-archive-keyring
    step "$package of Debian $DEBIAN_SUITE" unpack_from_suite
    exit
  fi
  [ -n "$(candidate)" ] || step "apt-get update" again apt_get update
  step "$package $(candidate)" unpack
fi
