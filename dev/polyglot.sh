#!/usr/bin/env bash
# Builds the programs of examples/polyglot with their drivers, and proves each with the conformance kit: the tests of
# conformance/tests/it/examples.rs. Needs Node.js with npm, Python and Go.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

folder=$CACHE/polyglot
sources=$ROOT/examples/polyglot

node_programs() {
  cp "$sources"/producer-nodejs/{*.js,*.json} "$folder/producer-nodejs/"
  cp "$sources"/handler-nodejs/{*.js,*.json} "$folder/handler-nodejs/"
  (cd "$folder/producer-nodejs" && npm ci --omit=dev --ignore-scripts)
}

# One environment for both: they ask for the same driver.
python_programs() {
  local program
  cmp "$sources"/{producer,consumer}-python/requirements.txt
  for program in producer consumer handler; do cp "$sources/$program-python"/*.py "$folder/$program-python/"; done
  python3 -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$sources/producer-python/requirements.txt"
}

go_programs() {
  local program
  for program in consumer handler; do
    (cd "$sources/$program-go" && go vet . && go build -trimpath -o "$folder/$program-go/$program" .)
  done
}

need_rust
for command in node npm python3 go; do have "$command" || die "$command is missing: the examples are in its language"; done
"$DEV/databases.sh"
rm -rf "$folder"
mkdir -p "$folder"/{producer-nodejs,handler-nodejs,{producer,consumer,handler}-python,{consumer,handler}-go}
step "Node.js programs" node_programs
step "Python programs" python_programs
step "Go programs" go_programs
cd "$ROOT"
POLYGLOT=$folder cargo test --locked -p eventpipeline-conformance --test it -- --ignored examples
