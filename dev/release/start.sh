#!/usr/bin/env bash
# start.sh ARCHITECTURE VERSION: starts each compiled program and checks that it reports this version. Programs of the other
# architecture run in an emulator, which is unpacked and not installed.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
. "$DEV/programs.sh"

architecture=${1:?usage: start.sh ARCHITECTURE VERSION}
version=${2:?usage: start.sh ARCHITECTURE VERSION}
emulator=()

start() {
  local program output
  for program in "${programs[@]}"; do
    output=$("${emulator[@]}" "$(built "$architecture")/$program" --version)
    [ "$output" = "$program $version" ] || die "$program for $architecture reports \"$output\" instead of $version"
    say "$output"
  done
}

if [ "$architecture" != "$(architecture)" ]; then
  target=$(rust_target "$architecture")
  emulator=("qemu-${target%%-*}-static")
  have "${emulator[0]}" || "$DEV/debian-programs.sh" qemu-user-static "usr/bin/${emulator[0]}"
fi
step "the programs for $architecture start" start
