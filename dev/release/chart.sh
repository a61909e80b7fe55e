#!/usr/bin/env bash
# chart.sh VERSION FOLDER: writes the released chart into the folder: its archive, and its configuration as an OCI artifact.
# The stock values of a released chart name the released image.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
. "$DEV/oci.sh"
. "$DEV/release/settings.sh"

version=${1:?usage: chart.sh VERSION FOLDER}
folder=${2:?usage: chart.sh VERSION FOLDER}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Only files of the repository, as they are in this checkout.
copy_chart() {
  (cd "$ROOT/charts" && git ls-files -z eventpipeline | xargs -0 cp --parents -t "$scratch")
}

# The chart of the checkout names no registry: see templates/validate.yaml.
set_registry() {
  local values=$scratch/eventpipeline/values.yaml
  sed -i "/^image:/,/^[a-z]/ s|^  registry: \"\"\$|  registry: $REGISTRY|" "$values"
  grep -qxF "  registry: $REGISTRY" "$values" || die "charts/eventpipeline/values.yaml has no empty image.registry"
}

# Metadata that is only true of a release.
describe() {
  {
    if [ -n "$HOME_URL" ]; then say "home: $HOME_URL"; fi
    if [ -n "$SOURCE_URL" ]; then
      say 'sources:' "  - $SOURCE_URL" 'maintainers:' '  - name: The EventPipeline maintainers' "    url: $SOURCE_URL"
    fi
    # The map `annotations` is the last part of the file.
    cat "$ROOT/charts/eventpipeline/Chart.yaml"
    say '  artifacthub.io/images: |' '    - name: eventpipeline' "      image: $(image_name "$version")"
    if [[ $version = *-* ]]; then say '  artifacthub.io/prerelease: "true"'; fi
  } >"$scratch/eventpipeline/Chart.yaml"
}

# The configuration of the artifact is the chart's metadata as JSON. Helm reads the YAML, and Helm 4 shows it to templates
# under the names of its Go fields, with empty ones.
configuration() {
  local reader=$scratch/reader
  mkdir -p "$reader/templates"
  cp "$scratch/eventpipeline/Chart.yaml" "$reader/"
  printf '{{ .Chart | toJson }}\n' >"$reader/templates/metadata.yaml"
  helm template eventpipeline "$reader" --kube-version "$OLDEST_KUBERNETES" | sed '/^---$/d; /^# Source/d' | jq -cS '
    def name: {APIVersion: "apiVersion", URL: "url"}[.] // (.[:1] | ascii_downcase) + .[1:];
    def set: with_entries(.key |= name | select(.key != "isRoot" and (.value | . != "" and . != [] and . != false)));
    set | if .maintainers then .maintainers |= map(set) else . end'
}

read_home
need_command jq jq
have helm || "$DEV/binaries.sh" helm
copy_chart
set_registry
describe
helm lint --quiet --strict --kube-version "$OLDEST_KUBERNETES" "$scratch/eventpipeline" >&2
mkdir -p "$folder"
reproducible_tar "$SOURCE_DATE_EPOCH" "$scratch" eventpipeline | gzip -n -9 >"$folder/eventpipeline-$version.tgz"
configuration >"$folder/chart.json"
