# shellcheck shell=bash
# Shared by all scripts: strict mode, folders, progress, packages.
# Source it first: . "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
set -euo pipefail

DEV=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034  # read by the scripts
ROOT=$(dirname "$DEV")
# Images for machines that can pull none.
OFFLINE=$DEV/offline
# shellcheck source=versions.sh
. "$DEV/versions.sh"

# The cache is outside the checkout, so that a fresh clone reuses it.
CACHE=${EVENTPIPELINE_CACHE:-$HOME/.cache/eventpipeline}
[[ $CACHE = /* ]] || CACHE=$PWD/$CACHE
if [ ! -e "$CACHE/CACHEDIR.TAG" ]; then
  # `make clean-cache` deletes the folder, so it must not hold anything else.
  if [ -n "$(ls -A "$CACHE" 2>/dev/null)" ]; then
    echo "error: EVENTPIPELINE_CACHE: $CACHE is neither empty nor a cache of EventPipeline; name another folder" >&2
    exit 1
  fi
  mkdir -p "$CACHE"
  # Backup programs know this signature.
  printf '%s\n' 'Signature: 8a477f597d28d172789f06886806bc55' '# EventPipeline: make clean-cache' >"$CACHE/CACHEDIR.TAG"
fi
mkdir -p "$CACHE"/{bin,logs,stamps,work}

# The cache's tools precede the machine's, which may be of any age.
export PATH=$CACHE/bin:$PATH
export GOCACHE=$CACHE/go/build GOMODCACHE=$CACHE/go/mod GOFLAGS=-modcacherw CGO_ENABLED=0
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/target}

# Prints one line per argument.
say() { printf '%s\n' "$@"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# step LABEL COMMAND...: runs the command and prints the label and the time it took. The output goes to a log, whose end
# is printed if the command fails. It prints to standard error: standard output is for results.
step() {
  local label=$1 started=$SECONDS status=0 log
  shift
  log=$CACHE/logs/$(printf '%s' "$label" | tr -cs '[:alnum:].\n' -).log
  printf -- '-- %s ... ' "$label" >&2
  # `if ! ...` would disable errexit inside the command.
  set +e
  (
    set -e
    "$@"
  ) >"$log" 2>&1 </dev/null
  status=$?
  set -e
  if [ "$status" -eq 0 ]; then
    say "$((SECONDS - started)) s" >&2
    return
  fi
  {
    say "failed after $((SECONDS - started)) s. The end of $log:"
    tail -n 30 "$log" | sed 's/^/   /'
  } >&2
  exit 1
}

# again COMMAND...: tries up to five times, because mirrors fail for a moment and apt's lists may be locked. The command is a
# program, or a function of one command: errexit is off inside.
again() {
  local pause
  for pause in 5 10 20 40; do
    "$@" && return
    warn "failed, retrying in $pause s: $*"
    sleep "$pause"
  done
  "$@"
}

# A stamp records the inputs of a result, which is rebuilt only when they change.
stamped() { [ "$(cat "$CACHE/stamps/$1" 2>/dev/null)" = "$2" ]; }
stamp() { printf '%s\n' "$2" >"$CACHE/stamps/$1"; }

# Cargo decides by modification times what is fresh, so two checkouts that share the cache would get each other's programs.
# When another checkout takes over, this repository's crates are compiled again. Cargo holds the same lock while it builds.
take_over_target() {
  local profile
  for profile in "$CACHE"/target/{,*/}{debug,release}; do
    [ -e "$profile/.cargo-lock" ] || continue
    if have flock; then
      flock "$profile/.cargo-lock" rm -rf "$profile"/.fingerprint/eventpipeline-*
    else
      rm -rf "$profile"/.fingerprint/eventpipeline-*
    fi
  done
  stamp target-of "$ROOT"
}
if [ "$CARGO_TARGET_DIR" = "$CACHE/target" ] && ! stamped target-of "$ROOT"; then take_over_target; fi

# Makes cargo compile this repository's crates again. Copies of a checkout share the target folder, and cargo would take their
# results for ours.
forget_builds() { rm -rf "$CARGO_TARGET_DIR"/{,*/}{debug,release}/.fingerprint/eventpipeline-*; }

# fingerprint FILE_OR_FOLDER...: a short hash of the contents. Paths only decide their order.
fingerprint() { find "$@" -type f -print0 | sort -z | xargs -0 cat | sha256sum | cut -c1-12; }

# lock NAME: keeps two concurrent builds from overwriting each other. The lock is held until the script ends.
lock() {
  have flock || return 0
  exec 9>"$CACHE/$1.lock"
  flock 9
}

# go_module_folder MODULE VERSION: downloads the module and prints the folder of its source.
go_module_folder() { (cd "$CACHE/work" && again go mod download -json "$1@$2") | sed -n 's/.*"Dir": "\(.*\)".*/\1/p'; }

# contour_manifests: prints the folder of Contour's manifests.
contour_manifests() { echo "$(go_module_folder github.com/projectcontour/contour "$CONTOUR_VERSION")/examples/contour"; }

# python_tool NAME VERSION: installs a program from PyPI as $CACHE/bin/NAME, in a separate environment.
python_tool() {
  lock "$1"
  if stamped "$1" "$2" && "$CACHE/bin/$1" --version >/dev/null 2>&1; then return; fi
  need_command python3 python3
  python3 -c 'import ensurepip, venv' 2>/dev/null || need_packages python3-venv
  step "$1 $2" install_python_tool "$1" "$2"
  stamp "$1" "$2"
}

install_python_tool() {
  local folder=$CACHE/$1
  rm -rf "$folder"
  python3 -m venv "$folder"
  again "$folder/bin/pip" install --quiet --disable-pip-version-check "$1==$2"
  ln -sf "$folder/bin/$1" "$CACHE/bin/$1"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    die "needs root for: $* (run as root or install sudo)"
  fi
}

have_package() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# need_packages PACKAGE...: installs missing packages on Debian and Ubuntu. Elsewhere it prints their names and fails.
need_packages() {
  local package missing=()
  have dpkg-query || die "this needs Debian or Ubuntu; elsewhere install the equivalent of: $*"
  for package; do
    have_package "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  step "apt-get install ${missing[*]}" apt_install "${missing[@]}"
}

# apt_get ARGUMENT...: waits while another program, such as automatic updates, installs packages.
apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=5 "$@"
}

apt_install() {
  again apt_get update
  again apt_get install -y --no-install-recommends "$@"
}

# need_command COMMAND PACKAGE: installs the package unless the command exists.
need_command() {
  have "$1" && return
  have dpkg-query || die "$1 is missing: please install it"
  need_packages "$2"
}

# Debian 13, Ubuntu 24.04 and later have rustup, which fetches the pinned toolchain. The distribution's Rust is too old.
need_rust() {
  have cargo && return
  if have apt-get; then
    step "apt-get update" again apt_get update
    if [ -n "$(apt-cache search --names-only '^rustup$')" ]; then
      need_packages rustup
      return
    fi
  fi
  die "Rust is missing, and this distribution has no package of rustup: install it from https://rustup.rs"
}

# shellcheck source=docker.sh
. "$DEV/docker.sh"
