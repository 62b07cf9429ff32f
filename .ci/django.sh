#!/usr/bin/env bash
# django.sh COMMAND...: runs it with DJANGO_URL, a Django with django-oauth-toolkit on loopback that ends with it
set -euo pipefail
here="$(dirname "${BASH_SOURCE[0]}")"
. "$here/service.sh"
# a library of Debian's own Python, which need not be the first on PATH
[ -d "$django_oauth_toolkit" ] || do_without DJANGO_MISSING python3-django-oauth-toolkit "$@"

folder=$(mktemp -d)
server=
stop() {
  [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
  rm -rf "$folder"
}
trap stop EXIT
/usr/bin/python3 "$here/../test/peers/servers/django-oauth-toolkit.py" "$folder" >"$folder/port" 2>"$folder/log" &
server=$!
until [ -s "$folder/port" ]; do
  kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2 && exit 1; }
  sleep 0.05
done
DJANGO_URL="http://127.0.0.1:$(<"$folder/port")" "$@"
