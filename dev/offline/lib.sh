# shellcheck shell=bash
# Shared by the scripts of this folder: dev/lib.sh, with DEV naming this folder instead of dev/.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck disable=SC2034  # read by the scripts
DEV=$OFFLINE
