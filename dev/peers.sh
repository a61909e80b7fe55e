#!/usr/bin/env bash
# Builds what the benchmark's scenario `peers` runs into $CACHE/peers: one program per queue that EventPipeline is compared
# with (bench/peers), and PostgreSQL.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

folder=$CACHE/peers
sources=$ROOT/bench/peers

river() { cd "$sources/river" && again go mod download && go vet . && go build -trimpath -ldflags '-s -w' -o "$folder/river" .; }

# The package needs a newer Node.js than distributions have. It comes from npm, too.
graphile_worker() {
  local programs=$folder/graphile-worker.d
  mkdir -p "$programs"
  cp "$sources"/graphile-worker/*.js* "$programs/"
  (cd "$programs" && again npm ci --omit=dev --ignore-scripts --no-audit --no-fund)
  cat >"$folder/graphile-worker" <<'PROGRAM'
#!/bin/sh
here=$(dirname "$0")/graphile-worker.d
exec "$here"/node_modules/node-linux-*/bin/node "$here/main.js" "$@"
PROGRAM
  chmod +x "$folder/graphile-worker"
}

apalis() {
  local target=$CACHE/work/peer-apalis
  CARGO_TARGET_DIR=$target cargo build --locked --release --manifest-path "$sources/apalis/Cargo.toml"
  install "$target/release/peer-apalis" "$folder/apalis"
}

need_rust
have go || die "Go is missing: install it from https://go.dev/dl/"
need_command npm npm
need_command unshare util-linux
"$DEV/postgresql.sh"
lock peers
version=$(fingerprint "$sources" "${BASH_SOURCE[0]}")
if ! stamped peers "$version" || [ ! -d "$folder" ]; then
  rm -rf "$folder"
  mkdir -p "$folder"
  step "River" river
  step "Graphile Worker" graphile_worker
  step "apalis" apalis
  install "$sources/postgres.sh" "$folder/postgres.sh"
  ln -sfn "$CACHE/postgresql/bin" "$folder/postgresql"
  stamp peers "$version"
fi
