#!/bin/sh
# Prints the command of a Python that can make .venv: the argument's, or else the first of several that suits. Ends with
# one line that says what is missing. In sh, since there may be no Python yet.

suits() {  # sets `why` where not
    found=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2], sys.version_info >= (3, 11))' 2>/dev/null)
    version=${found% *}
    case $found in
        *True) ;;
        *False) why="$1 is Python $version, and 3.11 or newer is needed"; return 1 ;;
        *) why="there is no Python by the name of $1"; return 1 ;;
    esac
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return 0
    partial="$1 is Python $version without its module venv (Debian, Ubuntu: apt-get install python$version-venv)"
    why=$partial
    return 1
}

partial=
why="no Python is found that is 3.11 or newer; install one, best 3.11, with which Water_gee is tested"
if [ $# -gt 0 ]; then
    suits "$1" && echo "$1" && exit 0
else
    none=$why
    for candidate in python3.11 python3.12 python3.13 python3; do
        suits "$candidate" && echo "$candidate" && exit 0
    done
    why=${partial:-$none}
fi
echo "setup: $why (another one: make setup PYTHON=/path/to/python)" >&2
exit 1
