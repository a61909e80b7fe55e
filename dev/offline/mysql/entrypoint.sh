#!/bin/sh
# Starts mysqld, after filling an empty data directory as the official image does:
#   MYSQL_ROOT_PASSWORD (or MYSQL_ALLOW_EMPTY_PASSWORD, or MYSQL_RANDOM_ROOT_PASSWORD), MYSQL_ROOT_HOST ('%'),
#   MYSQL_DATABASE, MYSQL_USER, MYSQL_PASSWORD; of each but the second and third also NAME_FILE, the file that holds it.
# Arguments: options of mysqld, or a command to run instead of it.
set -eu

fail() {
  echo "[entrypoint] error: $*" >&2
  exit 1
}

# from_file NAME: sets the variable from the file that NAME_FILE names.
from_file() {
  eval "value=\${$1:-} file=\${$1_FILE:-}"
  if [ -n "$value" ] && [ -n "$file" ]; then fail "both $1 and $1_FILE are set"; fi
  if [ -n "$file" ]; then value=$(cat "$file") || fail "$1_FILE: can't read $file"; fi
  eval "$1=\$value"
}

# Inside quotes of SQL, a quote and a backslash are written with a backslash before them.
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/[\\\\']/\\\\&/g")"; }
# shellcheck disable=SC2016  # backquotes of SQL
name_quoted() { printf '`%s`' "$(printf %s "$1" | sed 's/`/``/g')"; }

# mysqld reads one statement a line from an --init-file.
first_statements() {
  echo "ALTER USER root@localhost IDENTIFIED BY $(quoted "$MYSQL_ROOT_PASSWORD");"
  if [ "${MYSQL_ROOT_HOST:=%}" != localhost ]; then
    echo "CREATE USER root@$(quoted "$MYSQL_ROOT_HOST") IDENTIFIED BY $(quoted "$MYSQL_ROOT_PASSWORD");"
    echo "GRANT ALL ON *.* TO root@$(quoted "$MYSQL_ROOT_HOST") WITH GRANT OPTION;"
  fi
  if [ -n "$MYSQL_DATABASE" ]; then echo "CREATE DATABASE $(name_quoted "$MYSQL_DATABASE");"; fi
  if [ -n "$MYSQL_USER" ]; then
    echo "CREATE USER $(quoted "$MYSQL_USER")@'%' IDENTIFIED BY $(quoted "$MYSQL_PASSWORD");"
    # In a grant, _ stands for any character unless written with a backslash.
    if [ -n "$MYSQL_DATABASE" ]; then
      echo "GRANT ALL ON $(name_quoted "$MYSQL_DATABASE" | sed 's/_/\\_/g').* TO $(quoted "$MYSQL_USER")@'%';"
    fi
  fi
}

check_variables() {
  for name in MYSQL_ROOT_PASSWORD MYSQL_ROOT_HOST MYSQL_DATABASE MYSQL_USER MYSQL_PASSWORD; do from_file $name; done
  if [ -n "${MYSQL_RANDOM_ROOT_PASSWORD:-}" ]; then
    MYSQL_ROOT_PASSWORD=$(head -c 24 /dev/urandom | base64)
    echo "[entrypoint] GENERATED ROOT PASSWORD: $MYSQL_ROOT_PASSWORD"
  fi
  if [ -z "$MYSQL_ROOT_PASSWORD" ] && [ -z "${MYSQL_ALLOW_EMPTY_PASSWORD:-}" ]; then
    fail "the data directory is empty, and MYSQL_ROOT_PASSWORD, MYSQL_ALLOW_EMPTY_PASSWORD or MYSQL_RANDOM_ROOT_PASSWORD is not set"
  fi
  if [ "$MYSQL_USER" = root ]; then fail "MYSQL_USER must not be root: MYSQL_ROOT_PASSWORD is for that"; fi
  if [ -n "$MYSQL_USER" ] && [ -z "$MYSQL_PASSWORD" ]; then fail "MYSQL_USER needs MYSQL_PASSWORD"; fi
}

# The statements of every --init-file among the arguments: mysqld runs those of the last one alone, which would be ours.
statements_of_arguments() {
  for argument; do
    case $argument in --init-file=*) cat "${argument#*=}" && echo ;; esac
  done
}

# A mark stands while the directory is being filled: a start that was cut short begins again.
initialize() {
  mark=$data/.initializing
  if [ -e "$mark" ]; then
    echo "[entrypoint] an earlier start was cut short: beginning again"
    find "$data" -mindepth 1 ! -name .initializing ! -name lost+found -exec rm -rf {} +
  fi
  if [ -d "$data/mysql" ]; then return; fi
  check_variables
  (umask 077 && first_statements >"$mark" && statements_of_arguments "$@" >>"$mark")
  echo "[entrypoint] filling $data"
  mysqld --initialize-insecure --datadir="$data" "$@" --init-file="$mark"
  sync
  rm -f "$mark"
}

case ${1:-} in
  '' | -*) set -- mysqld "$@" ;;
esac
if [ "$1" = mysqld ]; then
  data=/var/lib/mysql
  for argument; do
    case $argument in --datadir=*) data=${argument#*=} ;; esac
  done
  shift
  initialize "$@"
  set -- mysqld "$@"
  unset MYSQL_ROOT_PASSWORD MYSQL_PASSWORD
fi
exec "$@"
