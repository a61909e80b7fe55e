#!/usr/bin/env bash
# Installs Schemathesis, with which a test of the producer checks the HTTP API against openapi.json.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

python_tool schemathesis "$SCHEMATHESIS_VERSION"
