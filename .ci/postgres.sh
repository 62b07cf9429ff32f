#!/usr/bin/env bash
# postgres.sh COMMAND...: runs it with DATABASE_URL, an empty PostgreSQL on a socket that ends with it
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/service.sh"
need DATABASE_MISSING initdb "$@"
programs=$(dirname "$program")

folder=$(mktemp -d)
owner=()
if [ "$(id -u)" -eq 0 ]; then # PostgreSQL does not run as root
  chown postgres "$folder"
  owner=(setpriv --reuid postgres --regid postgres --clear-groups)
fi
server() { (cd "$folder" && "${owner[@]}" "$programs/$1" --pgdata "$folder/data" "${@:2}" >>"$folder.log" 2>&1); }
stop() {
  server pg_ctl --mode immediate stop || true
  rm -rf "$folder" "$folder.log"
}
trap stop EXIT
settings="-c listen_addresses= -c unix_socket_directories=$folder -c max_connections=200 -c fsync=off -c synchronous_commit=off"
server initdb --username postgres --auth trust --encoding UTF8 --locale C --no-sync &&
  server pg_ctl --wait --options "$settings" start || { cat "$folder.log" >&2 && exit 1; }
DATABASE_URL="postgresql://postgres@/postgres?host=$folder" "$@"
