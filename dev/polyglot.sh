#!/usr/bin/env bash
# Builds the programs of examples/polyglot into the cache, with their drivers. conformance/tests/it/examples.rs tests each
# with the conformance kit.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

folder=$CACHE/polyglot
sources=$ROOT/examples/polyglot

node_programs() {
  cp "$sources"/producer-nodejs/{*.js,*.json} "$folder/producer-nodejs/"
  cp "$sources"/handler-nodejs/{*.js,*.json} "$folder/handler-nodejs/"
  (cd "$folder/producer-nodejs" && again npm ci --omit=dev --ignore-scripts)
}

# Both programs use the same driver, so they share an environment. Each folder builds by itself and has copies of these files.
python_programs() {
  local program file
  for file in requirements.txt connection.py listener.py; do cmp "$sources"/{producer,consumer}-python/"$file"; done
  for program in producer consumer handler; do cp "$sources/$program-python"/*.py "$folder/$program-python/"; done
  python3 -m venv "$folder/venv"
  again "$folder/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$sources/producer-python/requirements.txt"
}

go_programs() {
  local program
  for program in consumer handler; do
    (cd "$sources/$program-go" && again go mod download && go vet . &&
      CGO_ENABLED=0 go build -trimpath -o "$folder/$program-go/$program" .)
  done
}

build() {
  rm -rf "$folder"
  mkdir -p "$folder"/{producer-nodejs,handler-nodejs,{producer,consumer,handler}-python,{consumer,handler}-go}
  node_programs
  python_programs
  go_programs
}

need_command node nodejs
need_command npm npm
need_command python3 python3
python3 -c 'import ensurepip' 2>/dev/null || need_packages python3-venv
have go || die "Go is missing: install it from https://go.dev/dl/"
version=$(fingerprint "$sources")
lock polyglot
if ! stamped polyglot "$version" || [ ! -d "$folder" ]; then
  step "programs in Node.js, Python and Go" build
  stamp polyglot "$version"
fi
