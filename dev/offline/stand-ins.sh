#!/usr/bin/env bash
# Builds the images that replace public ones on the cluster of `make up`, and prints their names.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

"$DEV/contour-images.sh"
"$DEV/mysql-image.sh"
[ "${PROMETHEUS:-yes}" = no ] || "$DEV/prometheus-image.sh"
