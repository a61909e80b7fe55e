#!/usr/bin/env bash
# Installs a release into empty clusters with stock values, by the commands of the docs, up to the first value of an event:
#   install.sh helm VERSION FOLDER        docs/about/releases.md, docs/operate/install.md, then the notes that Helm prints
#   install.sh kubectl VERSION FOLDER     install.yaml, then docs/operate/install.md
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
. "$DEV/stranger/lib.sh"

page=docs/operate/install.md
version=${2:?} release=${3:?}

# The first three steps of the notes. They are indented.
notes() {
  helm get notes eventpipeline --namespace "$namespace" | sed '/^ *To make the API reachable/,$d' | sed -n 's/^   //p'
}

# first_value COMMANDS SINCE HOW
first_value() {
  follow "$1" "$version"
  expect '{"valor":"'
  figure "$3: first value" "$2" 180
}

# The reader downloads the files of a release into a folder.
download() {
  rm -rf "$folder/downloaded"
  mkdir "$folder/downloaded"
  find "$release" -maxdepth 1 -type f -exec cp -t "$folder/downloaded" {} +
  cd "$folder/downloaded"
}

by_helm() {
  local started block
  for block in 1 2 3 4; do follow "$(commands docs/about/releases.md 'Verify a download' $block)" "$version"; done
  expect sqlx
  started=$(now)
  follow "$(commands $page 'Install with Helm')" "$version"
  figure "helm install: operator ready" "$started" 60
  first_value "$(notes)" "$started" "helm install"
}

by_kubectl() {
  local started
  started=$(now)
  follow "$(commands $page 'Install with kubectl')" "$version"
  figure "kubectl apply: operator ready" "$started" 60
  first_value "$(commands $page 'Create the first pipeline')" "$started" "kubectl apply"
}

use_docker
download
case $1 in
  helm) by_helm ;;
  kubectl) by_kubectl ;;
  *) die "usage: install.sh helm|kubectl VERSION FOLDER" ;;
esac
