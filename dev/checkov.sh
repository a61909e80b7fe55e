#!/usr/bin/env bash
# Installs Checkov, with which a test of the chart checks Kubernetes objects.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

python_tool checkov "$CHECKOV_VERSION"
