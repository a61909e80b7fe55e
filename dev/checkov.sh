#!/usr/bin/env bash
# Checkov, which knows what Kubernetes objects should not do: the test that runs it is that of the chart.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

python_tool checkov "$CHECKOV_VERSION"
