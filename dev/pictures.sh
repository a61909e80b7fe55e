#!/usr/bin/env bash
# Runs pipelines under load for some minutes, with an outage and failing handlers, and draws what the dashboards show to
# docs/images. Grafana's own components draw the panels, in a browser without a window.
#   dev/pictures.sh [--act SECONDS]     default: 8 acts of 60 seconds
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ROOT"
sources=$DEV/pictures
folder=$CACHE/pictures

node_packages() {
  rm -rf "$folder/packages"
  mkdir -p "$folder/packages"
  cp "$sources"/package*.json "$folder/packages/"
  (cd "$folder/packages" && again npm ci --ignore-scripts --no-audit --no-fund)
}

need_rust
need_command node nodejs
need_command npm npm
need_packages chromium fonts-inter pngquant
"$DEV/databases.sh"
"$DEV/binaries.sh" api
"$DEV/debian-programs.sh" prometheus usr/bin/prometheus usr/bin/promtool
lock pictures
version=$(fingerprint "$sources/package-lock.json")
if ! stamped pictures "$version" || [ ! -d "$folder/packages/node_modules" ]; then
  step "packages of Grafana's components" node_packages
  stamp pictures "$version"
fi
cargo build --locked -p eventpipeline-agent -p eventpipeline-consumer -p eventpipeline-operator -p eventpipeline-pictures \
  -p eventpipeline-producer
"$CARGO_TARGET_DIR/debug/eventpipeline-pictures" --programs "$CARGO_TARGET_DIR/debug" --out "$folder/records" "$@"
cp "$sources"/*.{mjs,jsx,json} "$folder/packages/"
mkdir -p docs/images
node "$folder/packages/draw.mjs" "$folder/records" docs/images
