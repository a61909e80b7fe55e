#!/usr/bin/env bash
# The databases that the tests start: MySQL (mysql-rootfs.sh) and Debian's MariaDB, both as plain processes.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The core packages hold the programs alone: nothing is started, and no server of this machine is configured.
# The client's holds what mariadb-install-db calls.
if ! [ -x /usr/sbin/mariadbd ] || ! have my_print_defaults; then
  need_packages mariadb-server-core mariadb-client-core
fi
"$DEV/mysql-rootfs.sh"
