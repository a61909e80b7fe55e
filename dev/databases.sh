#!/usr/bin/env bash
# The databases that the tests start: MySQL (mysql-rootfs.sh) and Debian's MariaDB, both as plain processes.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The core packages hold the programs alone: nothing is started, and no server of this machine is configured.
if ! [ -x /usr/sbin/mariadbd ]; then need_packages mariadb-server-core; fi
need_command openssl openssl
"$DEV/mysql-rootfs.sh"
