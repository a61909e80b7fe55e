#!/usr/bin/env bash
# Installs the servers that tests start as plain processes: MySQL from Debian sid, and this distribution's MariaDB.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The core packages contain only programs: no server is configured or started. mariadb-install-db needs the client's.
if ! [ -x /usr/sbin/mariadbd ] || ! have my_print_defaults; then
  need_packages mariadb-server-core mariadb-client-core
fi
"$OFFLINE/mysql-rootfs.sh"
