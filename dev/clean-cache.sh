#!/usr/bin/env bash
# Runs `make down` and deletes everything built and downloaded. The next `make up` builds all of it again.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CLUSTER=kind "$DEV/down.sh"
say "Freeing $(du -sh "$CACHE" | cut -f1) in $CACHE."
rm -rf --one-file-system "${CACHE:?}"
