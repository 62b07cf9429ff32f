#!/usr/bin/env bash
# redis.sh COMMAND...: runs it with REDIS_URL, an empty Redis on loopback that ends with it
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/service.sh"
need REDIS_MISSING redis-server "$@"

folder=$(mktemp -d)
server=
stop() {
  [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
  rm -rf "$folder"
}
trap stop EXIT
free_port='const server = require("node:net").createServer().listen(0, "127.0.0.1", () => {
  console.log(server.address().port);
  server.close();
})'
port=$(node -e "$free_port")
"$program" --bind 127.0.0.1 --port "$port" --unixsocket "$folder/socket" --dir "$folder" --save "" >"$folder/log" 2>&1 &
server=$!
# asked through the socket: on the port somebody else's might answer
until redis-cli -s "$folder/socket" ping >/dev/null 2>&1; do
  kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2 && exit 1; }
  sleep 0.02
done
REDIS_URL="redis://127.0.0.1:$port" "$@"
