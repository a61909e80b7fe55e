# shellcheck shell=bash
# shellcheck disable=SC2034  # read by the scripts
# How the programs of the image are compiled. Sourced after lib.sh.

packages=(eventpipeline-producer eventpipeline-consumer eventpipeline-operator eventpipeline-agent eventpipeline-cli)
programs=(eventpipeline-producer eventpipeline-consumer eventpipeline-operator eventpipeline-agent eventpipeline)

# architecture: prints this machine's architecture, by its name in image indexes.
architecture() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) die "no programs are built for $(uname -m): use a machine with x86_64 or aarch64" ;;
  esac
}

# rust_target ARCHITECTURE: prints Rust's name of the target.
rust_target() {
  case $1 in
    amd64) echo x86_64-unknown-linux-gnu ;;
    arm64) echo aarch64-unknown-linux-gnu ;;
    *) die "no programs are built for the architecture $1: it is amd64 or arm64" ;;
  esac
}

# Rust's standard library and a linker for the architecture.
need_target() {
  local target
  target=$(rust_target "$1")
  if have rustup && ! (cd "$ROOT" && rustup target list --installed) | grep -qx "$target"; then
    step "Rust's standard library for $1" rustup_target "$target"
  fi
  [ "$1" = "$(architecture)" ] || need_packages "gcc-${target%%-*}-linux-gnu" "libc6-dev-$1-cross"
}

rustup_target() { cd "$ROOT" && again rustup target add "$1"; }

# Static programs need no base image. They still resolve names as glibc does, including search domains. Folders of this machine
# get fixed names, so that every checkout compiles the same programs.
compile_flags() {
  local sysroot cargo=${CARGO_HOME:-$HOME/.cargo}
  sysroot=$(cd "$ROOT" && rustc --print sysroot)
  local flags=(-C target-feature=+crt-static
    "--remap-path-prefix=$cargo=/cargo"
    "--remap-path-prefix=$CARGO_TARGET_DIR=/target"
    "--remap-path-prefix=$sysroot=/rust")
  # Cargo separates these flags by the unit separator, so that folders may contain spaces.
  local IFS=$'\x1f'
  printf '%s' "${flags[*]}"
}

# compile ARCHITECTURE: builds the programs into the target folder.
compile() {
  local target linker=()
  target=$(rust_target "$1")
  if [ "$1" != "$(architecture)" ]; then
    linker=("CARGO_TARGET_$(tr a-z- A-Z_ <<<"$target")_LINKER=${target%%-*}-linux-gnu-gcc")
  fi
  cd "$ROOT" || exit
  env CARGO_ENCODED_RUSTFLAGS="$(compile_flags)" "${linker[@]}" \
    cargo build --locked --release --target "$target" "${packages[@]/#/--package=}"
}

# built ARCHITECTURE: prints the folder of the programs.
built() { echo "$CARGO_TARGET_DIR/$(rust_target "$1")/release"; }

# Mozilla's certificates, without those that this machine adds, if the distribution keeps them separately.
certificates() {
  local mozilla=/usr/share/ca-certificates/mozilla
  if [ -d "$mozilla" ]; then cat "$mozilla"/*.crt; else cat /etc/ssl/certs/ca-certificates.crt; fi
}

# fill_image ARCHITECTURE FOLDER: creates the folder with the contents of the image: static programs, trusted certificates
# and licences.
fill_image() {
  rm -rf "$2"
  mkdir -p "$2/etc/ssl/certs" "$2/licences"
  cp "${programs[@]/#/$(built "$1")/}" "$2/"
  certificates >"$2/etc/ssl/certs/ca-certificates.crt"
  cp "$ROOT/LICENSE" "$2/licences/"
  "$DEV/licences.sh" "$(rust_target "$1")" >"$2/licences/THIRD-PARTY"
}
