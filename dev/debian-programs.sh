#!/usr/bin/env bash
# debian-programs.sh PACKAGE FILE...: programs into the cache, from a package of this Debian or Ubuntu: unpacked, so that no
# service is installed or started.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

package=${1:?usage: debian-programs.sh PACKAGE FILE...}
files=("${@:2}")

# The version that apt would take; none on a machine that has no lists of packages yet.
candidate() { apt-cache policy "$package" 2>/dev/null | sed -n 's/^ *Candidate: //p' | grep -v '(none)'; }

# apt's own user may not write into the home folder of who runs this.
download() { apt-get download -q -o Acquire::Retries=5 -o APT::Sandbox::User=root "$package"; }

unpack() {
  local folder=$CACHE/work/$package
  rm -rf "$folder"
  mkdir -p "$folder"
  cd "$folder"
  # Lists that are old may name what the mirror has no more.
  download || { again apt_get update && again download; }
  dpkg-deb -x "$folder/${package}"_*.deb "$folder"
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
  [ -n "$(candidate)" ] || step "apt-get update" again apt_get update
  step "$package $(candidate)" unpack
fi
