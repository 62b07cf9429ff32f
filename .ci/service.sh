# Sourced by the scripts that run a command beside a service of its own.

django_oauth_toolkit=/usr/lib/python3/dist-packages/oauth2_provider

# path_of PROGRAM: also where Debian keeps the programs of the PostgreSQL server
path_of() {
  local folders=(/usr/lib/postgresql/*/bin)
  PATH="$PATH:${folders[-1]}" command -v "$1"
}

# need VARIABLE PROGRAM COMMAND...: its path in $program. Without the program the command runs all the same, and reads in VARIABLE why
# it has no service; where CI is "true" that is an error.
need() {
  program=$(path_of "$2") || do_without "$@"
}

# do_without VARIABLE WHAT COMMAND...
do_without() {
  [ "${CI:-}" != true ] || { echo "$2 is not installed, and nothing may be skipped here" >&2 && exit 1; }
  export "$1=$2 is not installed"
  exec "${@:3}"
}
