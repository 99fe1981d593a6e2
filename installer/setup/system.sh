#!/bin/sh
# Brings what Hearth needs from the operating system: system.sh demo|test|installers
#
# Does nothing when everything is there. Otherwise it installs with apt, as root or through sudo; where neither is
# possible it says exactly which packages to ask for, and goes on if the set-up can do without them.
set -eu

level=$1
here=$(dirname -- "$0")

say() { printf '%s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# The packages that bring a usable Python on this system; apt's lists must be fresh.
python_packages() {
    candidate=$(apt-cache policy python3 2>/dev/null | awk '/Candidate:/ { print $2 }')
    case $candidate in
        3.1[123].*) echo python3 python3-venv; return ;;
    esac
    for name in python3.13 python3.12 python3.11; do # Ubuntu 22.04 has 3.11 beside its own 3.10
        if apt-cache show "$name-venv" >/dev/null 2>&1; then
            echo "$name" "$name-venv"
            return
        fi
    done
}

# What the tests of the window need and this system does not have: a display of their own, a tray, a hand for the
# mouse, what builds and judges packages, and the libraries that Qt loads. Asked of dpkg; another system brings
# them in its own way.
test_packages() {
    have dpkg-query || return 0
    for name in xvfb xauth trayer openbox xdotool dbus desktop-file-utils systemd \
        appstream lintian makeself man-db minisign nsis openssl osslsigncode \
        libegl1 libgl1 libglib2.0-0 libdbus-1-3 libfontconfig1 \
        libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 fonts-dejavu-core; do
        dpkg-query -W -f '${Status}\n' "$name" "${name}t64" 2>/dev/null | grep -q '^install ok installed$' ||
            printf ' %s' "$name"
    done
}

needed=no
missing=''
"$here/find-python.sh" >/dev/null || needed=yes
have bwrap || missing="$missing bubblewrap"
[ "$level" != test ] || have curl || missing="$missing curl"
[ "$level" != test ] || missing="$missing$(test_packages)"
if [ "$level" = installers ]; then
    for tool in git makeself minisign osslsigncode; do have "$tool" || missing="$missing $tool"; done
    have makensis || missing="$missing nsis"
    # Qt draws the icons.
    for library in libegl1 libgl1 libfontconfig1 libxkbcommon0 libdbus-1-3; do
        dpkg-query -W "$library" >/dev/null 2>&1 || missing="$missing $library"
    done
fi
[ "$needed$missing" != no ] || exit 0

if [ -n "${PYTHON:-}" ] && [ "$needed" = yes ]; then
    say "PYTHON=$PYTHON is not a Python from 3.11 to 3.13 with its venv module."
    say "Name another, or leave PYTHON out."
    exit 1
fi

privilege=none
if [ "$(id -u)" = 0 ]; then
    privilege=root
elif have sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    privilege=sudo
fi

if have apt-get && [ "$privilege" != none ]; then
    as_root() {
        if [ "$privilege" = sudo ]; then sudo "$@"; else "$@"; fi
    }
    apt() {
        # Never a question: not from a package's set-up, and not about services to restart.
        as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a apt-get -q -o DPkg::Lock::Timeout=300 "$@" \
            </dev/null >&2
    }
    say "System packages: refreshing the lists"
    [ "$privilege" != sudo ] || say "(sudo may ask for your password)"
    apt update || say "Some package lists could not be refreshed; trying with those at hand."
    [ "$needed" = no ] || missing="$(python_packages)$missing"
    if [ -n "$missing" ]; then
        say "System packages: installing $missing"
        # shellcheck disable=SC2086 # one word per package
        apt install -y --no-install-recommends $missing || say "apt could not install: $missing"
    fi
else
    [ "$needed" = no ] || missing=" python3 python3-venv$missing"
    say "These system packages are missing:$missing"
    if have apt-get; then
        say "They need an administrator: sudo apt-get install$missing"
    else
        say "This set-up knows apt only. Please install them in this system's own way."
    fi
fi

if ! "$here/find-python.sh" >/dev/null; then
    say "Hearth needs Python 3.11, 3.12 or 3.13 with its venv module (Debian: python3 python3-venv; Ubuntu 22.04:"
    say "python3.11 python3.11-venv). Install one and run make again, or name one: make PYTHON=/path/to/python …"
    exit 1
fi
have bwrap || say "Going on without the system's bubblewrap: the sandbox uses the one that comes with Hearth."
if [ "$level" = test ] && ! have curl; then
    say "The tests call curl, which is missing: install it and run make again."
    exit 1
fi
