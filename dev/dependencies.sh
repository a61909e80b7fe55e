#!/usr/bin/env bash
# dependencies.sh TARGET PACKAGE...: prints the crates that are linked into these packages of the workspace, as JSON: an array
# of cargo's descriptions, each with the ids of the linked crates it depends on. Crates that only build or test are left out.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

target=${1:?usage: dependencies.sh TARGET PACKAGE...}
packages=("${@:2}")

cd "$ROOT"
need_command jq jq
# Cargo's tree knows which features the packages enable together, and its metadata knows everything else.
linked=$(cargo tree --locked --target "$target" --edges normal,no-proc-macro --prefix none --no-dedupe --format '{p}' \
  "${packages[@]/#/--package=}" | sed -nE 's/^([^ ]+) v([^ ]+).*/\1@\2/p' | sort -u | jq -Rn '[inputs]')
cargo metadata --locked --format-version 1 --filter-platform "$target" | jq -S --argjson linked "$linked" '
  ($linked | map({(.): true}) | add) as $set
  | (.packages | map({(.id): "\(.name)@\(.version)"}) | add) as $names
  | (.resolve.nodes | map({(.id): [.deps[] | select(any(.dep_kinds[]; .kind == null)) | .pkg]}) | add) as $edges
  | .packages | map(select($set["\(.name)@\(.version)"])
    | {id, name, version, license, repository, source, manifest_path,
       dependencies: [$edges[.id][] | select($set[$names[.]])] | sort})
  | sort_by(.id)'
