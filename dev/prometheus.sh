#!/usr/bin/env bash
# Prometheus and promtool into the cache, from the package of this Debian or Ubuntu: unpacked, so that no service is
# installed or started. The tests of the rules and of the dashboards run both.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

programs=(prometheus promtool)

# The packages' version that apt would take; none on a machine that has no lists of packages yet.
candidate() { apt-cache policy prometheus 2>/dev/null | sed -n 's/^ *Candidate: //p' | grep -v '(none)'; }

download() {
  local folder=$CACHE/work/prometheus
  rm -rf "$folder"
  mkdir -p "$folder"
  # apt's own user may not write into the home folder of who runs this.
  (cd "$folder" && apt-get download -q -o APT::Sandbox::User=root prometheus)
  dpkg-deb -x "$folder"/prometheus_*.deb "$folder"
  install "${programs[@]/#/$folder/usr/bin/}" "$CACHE/bin/"
  rm -rf "$folder"
}

lock prometheus
if [ ! -x "$CACHE/bin/prometheus" ] || ! "$CACHE/bin/promtool" --version >/dev/null 2>&1; then
  have apt-get || die "this needs Debian or Ubuntu; elsewhere put prometheus and promtool into $CACHE/bin"
  [ -n "$(candidate)" ] || step "apt-get update" as_root apt-get update -q
  step "Prometheus $(candidate)" download
fi
