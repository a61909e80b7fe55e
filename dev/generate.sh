#!/usr/bin/env bash
# Regenerates the CRD from its Rust types, the chart's copies, the references, openapi.json from the routes, and dashboards
# and rules from monitoring/. With --check it changes nothing, and fails if a file is out of date.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ROOT"
outdated=()

# generated FILE: writes standard input to the file, or compares them.
generated() {
  cat >"$scratch/new"
  cmp -s "$scratch/new" "$1" && return
  if $check; then
    diff -u "$1" "$scratch/new" | head -n 40 || true
    outdated+=("$1")
  else
    cp "$scratch/new" "$1"
    say "written: $1"
  fi
}

case ${1:-} in
  '') check=false ;;
  --check) check=true ;;
  *) die "usage: generate.sh [--check]" ;;
esac
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Built as `make test` builds them: other features would compile the dependencies again.
cargo test --quiet --locked --workspace --exclude eventpipeline-e2e --no-run

# run PROGRAM ARGUMENT...
run() { "$CARGO_TARGET_DIR/debug/eventpipeline-$1" "${@:2}"; }

run operator crd >"$scratch/crd.yaml"
generated crds/eventpipeline.yaml <"$scratch/crd.yaml"
generated charts/eventpipeline/files/crd.yaml <"$scratch/crd.yaml"
run operator reference >"$scratch/reference.md"
generated docs/reference/eventpipeline.md <"$scratch/reference.md"
awk -f "$DEV/values.awk" charts/eventpipeline/values.yaml >"$scratch/values.md"
generated docs/reference/values.md <"$scratch/values.md"
run producer openapi >"$scratch/openapi.json"
generated producer/openapi.json <"$scratch/openapi.json"
run docs http-api "$scratch/openapi.json" producer/examples.json >"$scratch/http-api.md"
generated docs/reference/http-api.md <"$scratch/http-api.md"
run docs settings >"$scratch/settings.md"
generated docs/reference/settings.md <"$scratch/settings.md"
run docs cli >"$scratch/cli.md"
generated docs/reference/cli-commands.md <"$scratch/cli.md"
{
  # shellcheck disable=SC2016  # the backquotes are Markdown's
  say '# Metrics' '' \
    'The metrics that each program serves at `/metrics` on its admin port (9090), in the text format of Prometheus.' \
    '`dev/generate.sh` generates this page from the registries of the programs. Tests compare it with a live scrape of each' \
    'program, in both directions.' '' \
    'Series of a label with listed values exist from the start, with the value 0. `""` is the empty value.'
  for program in producer consumer agent operator; do
    printf '\n'
    run "$program" metrics
  done
} >"$scratch/metrics.md"
generated docs/reference/metrics.md <"$scratch/metrics.md"
mkdir -p monitoring/dashboards charts/eventpipeline/files/dashboards
for dashboard in overview pipeline operator; do
  run monitoring dashboard "$dashboard" >"$scratch/dashboard.json"
  generated "monitoring/dashboards/$dashboard.json" <"$scratch/dashboard.json"
  generated "charts/eventpipeline/files/dashboards/$dashboard.json" <"$scratch/dashboard.json"
done
run monitoring rules >"$scratch/rules.yaml"
generated monitoring/rules.yaml <"$scratch/rules.yaml"
run monitoring rules --template >"$scratch/rules-template.yaml"
generated charts/eventpipeline/files/rules.yaml <"$scratch/rules-template.yaml"
run monitoring alerts >"$scratch/alerts.md"
generated docs/reference/alerts.md <"$scratch/alerts.md"

[ ${#outdated[@]} -eq 0 ] || die "out of date: ${outdated[*]} (run dev/generate.sh)"
