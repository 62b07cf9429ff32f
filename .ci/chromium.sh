#!/usr/bin/env bash
# chromium.sh COMMAND...: runs the command with the path of Chromium in CHROMIUM
set -euo pipefail
. "$(dirname "$0")/service.sh"
program="${CHROMIUM:-}"
[ -n "$program" ] || need CHROMIUM_MISSING chromium "$@"
CHROMIUM="$program" exec "$@"
