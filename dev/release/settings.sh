# shellcheck shell=bash
# shellcheck disable=SC2034  # read by the scripts
# What is released and where to: release.env, the environment, and checks of both. Sourced after lib.sh.

# The oldest Kubernetes that the chart supports. Some programs of Helm take themselves for an older one.
OLDEST_KUBERNETES=1.33.0

# The environment takes precedence over release.env.
read_home() {
  local name value
  while IFS='=' read -r name value; do
    [ -n "${!name:-}" ] || printf -v "$name" '%s' "$value"
  done < <(grep -E '^[A-Z_]+=' "$ROOT/release.env")
  REGISTRY=${REGISTRY%/}
  HOME_URL=${HOME_URL:-$SOURCE_URL}
}

# The first `version = "..."` of Cargo.toml is the workspace's.
workspace_version() { sed -n 's/^version = "\(.*\)"$/\1/p' "$ROOT/Cargo.toml" | head -n 1; }
chart_field() { sed -n "s/^$1: *\"\{0,1\}\([^\"]*\)\"\{0,1\}$/\1/p" "$ROOT/charts/eventpipeline/Chart.yaml"; }

# check_version VERSION: Semantic Versioning without build metadata, which tags of images can't contain.
check_version() {
  local number='(0|[1-9][0-9]*)' part='(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)' field
  [ -n "$1" ] || die "VERSION is missing: run make release VERSION=$(workspace_version)"
  [[ $1 =~ ^$number\.$number\.$number(-$part(\.$part)*)?$ ]] ||
    die "VERSION=$1 is not a semantic version: write MAJOR.MINOR.PATCH, such as 1.2.3 or 1.2.3-rc.1, without v and without +"
  [ "$1" = "$(workspace_version)" ] ||
    die "VERSION=$1, but the crates have version $(workspace_version): change version in Cargo.toml, run cargo check, and commit"
  for field in version appVersion; do
    [ "$1" = "$(chart_field $field)" ] ||
      die "VERSION=$1, but the chart has $field $(chart_field $field): change it in charts/eventpipeline/Chart.yaml and commit"
  done
}

# A name without a registry would belong to Docker Hub's own images.
check_registry() {
  local host='([a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+(:[0-9]+)?|[a-zA-Z0-9-]+:[0-9]+|localhost|\[[0-9a-fA-F:]+\](:[0-9]+)?)'
  local path='[a-z0-9]+([._-]+[a-z0-9]+)*'
  [ -n "$REGISTRY" ] ||
    die "REGISTRY is missing: name the registry and namespace to publish to, such as REGISTRY=ghcr.io/owner, or set it in release.env"
  [[ $REGISTRY =~ ^$host(/$path)*$ ]] ||
    die "REGISTRY=$REGISTRY: it is a host, optionally with a port, and a namespace in lower case, such as registry.example.com/team"
}

# A release is built from a commit: other files would not be in its history.
check_clean() {
  local changes
  changes=$(git -C "$ROOT" status --porcelain) || die "$ROOT is not a git repository: a release is built from a commit"
  [ -z "$changes" ] || die "the tree has changes that are not committed; commit or remove them:"$'\n'"$changes"
}

# release_notes VERSION: prints the section of CHANGELOG.md, without its heading.
release_notes() {
  local notes
  notes=$(awk -v version="$1" '
    /^## / { heading = $2; gsub(/[][]/, "", heading); inside = (heading == version); next }
    inside' "$ROOT/CHANGELOG.md")
  grep -q '[^[:space:]]' <<<"$notes" ||
    die "CHANGELOG.md has no notes for $1: rename the heading \"## Unreleased\" to \"## $1 - $(date -u +%F)\" and commit"
  printf '%s\n' "$notes" | sed -e '/./,$!d'
}

# check_release VERSION: everything that can be wrong before anything is built.
check_release() {
  check_version "$1"
  check_registry
  release_notes "$1" >/dev/null
  check_clean
}

# Names of what is published.
image_name() { echo "$REGISTRY/eventpipeline:$1"; }
chart_name() { echo "$REGISTRY/charts/eventpipeline:$1"; }
