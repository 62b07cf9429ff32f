#!/usr/bin/env bash
# keyring.sh COMMAND...: runs it with SECRET_SERVICE=ready and an empty, unlocked keyring on a session bus of its own
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/service.sh"
need SECRET_SERVICE_MISSING gnome-keyring-daemon "$@"
need SECRET_SERVICE_MISSING dbus-run-session "$@"

home=$(mktemp -d)
# the keyring ends with its bus, and may be writing until then
stop() {
  for _ in {1..100}; do rm -rf "$home" 2>/dev/null && return || sleep 0.05; done
}
trap stop EXIT
# the daemon goes into the background before it has written its files, and would write them again after they were removed
session='echo password | gnome-keyring-daemon --unlock --components=secrets >/dev/null
for _ in {1..3000}; do [ ! -e "$HOME/data/keyrings/user.keystore" ] || break; sleep 0.02; done
exec "$@"'
# no display: nothing may wait for somebody to answer a prompt
env -u DISPLAY -u WAYLAND_DISPLAY -u GNOME_KEYRING_CONTROL HOME="$home" XDG_RUNTIME_DIR="$home" XDG_DATA_HOME="$home/data" \
  SECRET_SERVICE=ready "$program" -- bash -euo pipefail -c "$session" keyring.sh "$@"
