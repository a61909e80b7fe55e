#!/bin/sh
# postgres.sh PROGRAMS PORT: runs a PostgreSQL server with a new data directory in the working folder. All settings that
# influence durability and speed are PostgreSQL's defaults: fsync and synchronous_commit are on, and shared_buffers is 128 MB.
set -eu

# PostgreSQL refuses to run as root. In a user namespace root has another id, and keeps access to its own files.
if [ "$(id -u)" -eq 0 ]; then exec unshare --user --map-user=65534 --map-group=65534 "$0" "$@"; fi

# Its directory in the path of the program must be the real one: it finds its other files by it.
programs=$(readlink -f "$1")
"$programs/initdb" --pgdata=data --username=postgres --auth=trust --no-locale --encoding=UTF8 --no-instructions
exec "$programs/postgres" -D data -p "$2" -c listen_addresses=127.0.0.1 -c unix_socket_directories=
