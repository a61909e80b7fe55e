#!/usr/bin/env bash
# upgrade.sh PREVIOUS VERSION: installs the previous release, upgrades it under load, and rolls it back, by the commands of
# docs/operate/upgrade.md. No acknowledged event may be lost, and no request may fail that the API does not ask to repeat.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
. "$DEV/stranger/lib.sh"

previous=${1:?} version=${2:?}
page=docs/operate/upgrade.md
load=

# Clients outside the cluster, without an ingress controller.
expose() {
  kubectl expose service demo-producers --name=load --type=NodePort --port=80 --target-port=8080 \
    --overrides="{\"spec\": {\"ports\": [{\"port\": 80, \"targetPort\": 8080, \"nodePort\": $node_port}]}}"
}

answered() { curl --silent --show-error --fail --retry 60 --retry-all-errors --max-time 60 -X POST "http://127.0.0.1:$load_port/create-sync"; }

# change COMMANDS VERSION NAME: the change, until the whole pipeline runs that version.
change() {
  local started
  started=$(now)
  follow "$1" "$version"
  figure "$3: operator ready" "$started"
  runs "$registry/eventpipeline:$2"
  figure "$3: pipeline runs $2" "$started"
  answered
}

end() {
  local status=$?
  [ -z "$load" ] || kill "$load" 2>/dev/null || true
  exit $status
}

use_docker
need_command python3 python3
follow "$(commands docs/operate/install.md 'Install with Helm')" "$previous"
follow "$(commands docs/operate/install.md 'Create the first pipeline')" "$previous"
expose
answered
trap end EXIT
"$DEV/stranger/load.py" "http://127.0.0.1:$load_port" >"$folder/load.json" &
load=$!
change "$(commands $page 'Upgrade with Helm')" "$version" "helm upgrade"
change "$(commands $page 'Roll back')" "$previous" "helm rollback"
kill "$load"
status=0
wait "$load" || status=$?
load=
say "upgrade and rollback under load: $(cat "$folder/load.json")" | tee -a "$folder/figures"
[ $status -eq 0 ] || die "events were lost, or requests failed"
