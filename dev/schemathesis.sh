#!/usr/bin/env bash
# Schemathesis, which tests the HTTP API against its own description: the test that runs it is the producer's. In a Python
# environment of its own, with the packages that its release asks for.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

folder=$CACHE/schemathesis

install() {
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$SCHEMATHESIS_VERSION"
  ln -sf "$folder/bin/schemathesis" "$CACHE/bin/schemathesis"
  stamp schemathesis "$SCHEMATHESIS_VERSION"
}

lock schemathesis
if ! stamped schemathesis "$SCHEMATHESIS_VERSION" || ! "$CACHE/bin/schemathesis" --version >/dev/null 2>&1; then
  need_command python3 python3
  python3 -c 'import ensurepip, venv' 2>/dev/null || need_packages python3-venv
  step "schemathesis $SCHEMATHESIS_VERSION" install
fi
