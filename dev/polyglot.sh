#!/usr/bin/env bash
# Builds the programs of examples/polyglot, examples/word-service and examples/clients into the cache, with their libraries.
# conformance/tests/it runs them.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

folder=$CACHE/polyglot
examples=$ROOT/examples
sources=$examples/polyglot

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

# go_program SOURCE FILE
go_program() { (cd "$1" && again go mod download && go vet . && CGO_ENABLED=0 go build -trimpath -o "$2" .); }

go_programs() {
  go_program "$sources/consumer-go" "$folder/consumer-go/consumer"
  go_program "$sources/handler-go" "$folder/handler-go/handler"
  go_program "$examples/word-service" "$folder/word-service/word-service"
  go_program "$examples/clients/go" "$folder/clients/client"
}

java_client() {
  cp "$gson" "$folder/clients/gson.jar"
  javac -Xlint:all -Werror -cp "$gson" -d "$folder/clients" "$examples/clients/java/Client.java"
}

build() {
  rm -rf "$folder"
  mkdir -p "$folder"/{producer-nodejs,handler-nodejs,{producer,consumer,handler}-python,{consumer,handler}-go,word-service,clients}
  node_programs
  python_programs
  go_programs
  java_client
}

need_command node nodejs
need_command npm npm
need_command python3 python3
python3 -c 'import ensurepip' 2>/dev/null || need_packages python3-venv
have go || die "Go is missing: install it from https://go.dev/dl/"
need_command javac default-jdk-headless
gson=/usr/share/java/gson.jar
[ -f "$gson" ] || need_packages libgoogle-gson-java
version=$(fingerprint "$examples"/{polyglot,word-service,clients})
lock polyglot
if ! stamped polyglot "$version" || [ ! -d "$folder" ]; then
  step "programs in Node.js, Python, Go and Java" build
  stamp polyglot "$version"
fi
