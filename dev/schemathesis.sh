#!/usr/bin/env bash
# Schemathesis, which tests the HTTP API against its own description: the test that runs it is the producer's.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

python_tool schemathesis "$SCHEMATHESIS_VERSION"
