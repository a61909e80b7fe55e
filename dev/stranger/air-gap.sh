#!/usr/bin/env bash
# air-gap.sh VERSION BUNDLE: follows docs/operate/air-gap.md: loads the bundle into a private registry, the only one that the
# cluster reaches, and installs from it, up to the first value.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
. "$DEV/stranger/lib.sh"

version=${1:?} bundle=${2:?}
page=docs/operate/air-gap.md

use_docker
cd "$(dirname "$bundle")"
started=$(now)
follow "$(commands $page 'Load it')" "$version"
figure "air gap: bundle loaded" "$started"
started=$(now)
follow "$(commands $page 'Install from it')" "$version"
figure "air gap: operator ready" "$started" 60
follow "$(commands $page 'Install from it' 2)"$'\n'"$(commands docs/operate/install.md 'Create the first pipeline' | grep -A9 port-forward)" "$version"
expect '{"valor":"'
figure "air gap: first value" "$started" 180
foreign=$(kubectl get pods --all-namespaces -o jsonpath='{range .items[*]}{range .spec.containers[*]}{.image}{"\n"}{end}{end}' |
  grep -E 'eventpipeline|mysql' | grep -v "^$private_registry/" || true)
[ -z "$foreign" ] || die "these images are not from the private registry: $foreign"
