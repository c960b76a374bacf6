# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-3.0-or-later
# Shared by installer/run and tests/run: which release this is, and installing what it lacks.
# Sourced by bash with `set -euo pipefail`; expects $root, the top of the source tree.

say() { printf '%s\n' "== $*"; }

die() {
    printf '%s\n' "error: $*" >&2
    exit 1
}

# Prints the lines of the given lists of installer/packages that are for this release, without comments.
packageLines() {
    local list this
    this=$(release)
    for list in "$@"; do
        sed -e 's/#.*//' -e "s/ @${this/ /-}\\([[:space:]]\\|\$\\)/ /" -e '/@/d' -e 's/[[:space:]]*$//' -e '/^$/d' \
            "$root/installer/packages/$list.txt"
    done
}

# Prints the names of all packages that dpkg holds as installed, one a line, between blanks.
installedPackages() {
    dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 2>/dev/null | sed -n 's/^ii  *//p'
}

# Prints the lines of the given lists of which nothing is installed.
missingLines() {
    local installed line names command name found
    installed=$'\n'$(installedPackages)$'\n'
    while IFS= read -r line; do
        names=${line%%\?*}
        if [ "$names" != "$line" ]; then
            command=${line#*\?}
            if command -v "$command" >/dev/null 2>&1; then
                continue
            fi
        fi
        found=no
        for name in ${names//|/ }; do
            case $installed in
                *$'\n'"$name"$'\n'*) found=yes ;;
            esac
        done
        if [ "$found" = no ]; then
            printf '%s\n' "$names"
        fi
    done < <(packageLines "$@")
}

# True when apt knows a version of package $1 that it could install.
aptHas() {
    LC_ALL=C apt-cache policy "$1" 2>/dev/null |
        awk '/^  Candidate: / { found = $2 != "(none)" } END { exit !found }'
}

# Prints one package name per given line: the first of its alternatives that apt has.
chooseNames() {
    local names name chosen
    while IFS= read -r names; do
        chosen=
        for name in ${names//|/ }; do
            if aptHas "$name"; then
                chosen=$name
                break
            fi
        done
        if [ -z "$chosen" ]; then
            printf '%s\n' "error: no package of: $names" >&2
            return 1
        fi
        printf '%s\n' "$chosen"
    done
}

# Says which release this is, such as `debian 12`.
release() {
    if [ -r /etc/os-release ]; then
        (. /etc/os-release && printf '%s %s\n' "${ID:-unknown}" "${VERSION_ID:-}")
    else
        printf 'unknown\n'
    fi
}

# Installs what is missing of the given lists; quick, and without root, when nothing is.
installPackages() {
    local lists=("$@") missing names sudo=()
    if [ "${TIDEGATE_SKIP_PACKAGES:-0}" = 1 ]; then
        return 0
    fi
    case $(release) in
        'debian 12' | 'debian 13' | 'ubuntu 24.04') ;;
        *)
            printf '%s\n' \
                "This script installs packages on Debian 12, Debian 13 and Ubuntu 24.04; this is: $(release)." \
                "Install what these Debian packages hold, then run it again with TIDEGATE_SKIP_PACKAGES=1:" >&2
            packageLines "${lists[@]}" | sed -e 's/?.*//' -e 's/^/  /' >&2
            exit 1
            ;;
    esac

    missing=$(missingLines "${lists[@]}")
    if [ -z "$missing" ]; then
        return 0
    fi
    say "installing: $(printf '%s' "$missing" | sed 's/ *|.*//' | tr '\n' ' ')"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 ||
            die "these packages are missing, and neither root nor sudo is there to install them"
        sudo=(sudo)
        if [ ! -t 0 ]; then
            sudo=(sudo -n)
        fi
        "${sudo[@]}" true || die "these packages are missing, and sudo needs a password"
    fi
    export DEBIAN_FRONTEND=noninteractive
    local asRoot=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive)
    local get=("${asRoot[@]}" apt-get -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300
        -o Acquire::Retries=3)
    "${get[@]}" update </dev/null || die "apt-get update failed"
    names=$(chooseNames <<<"$missing") || exit 1

    # A test needs a program, not a daemon on port 80: no service is started while we install.
    (
        if [ ! -e /usr/sbin/policy-rc.d ]; then
            trap '"${asRoot[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
            printf '#!/bin/sh\nexit 101\n' | "${asRoot[@]}" sh -c \
                'cat > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d'
        fi
        # shellcheck disable=SC2086 # a list of names
        "${get[@]}" install -y --no-install-recommends $names </dev/null
    ) || die "apt-get install failed"
    case $'\n'$names in
        *$'\n'nginx*)
            if [ -d /run/systemd/system ]; then
                "${asRoot[@]}" systemctl -q disable nginx.service || true
            fi
            ;;
    esac
}

# How many compilers to run at once: one a core, and 1.5 GB of memory for each.
jobCount() {
    local cores memory
    cores=$(nproc 2>/dev/null || printf 1)
    memory=$(awk '/^MemAvailable:/ { print int($2 / 1500000) }' /proc/meminfo 2>/dev/null || printf 1)
    if [ -n "$memory" ] && [ "$memory" -lt "$cores" ]; then
        cores=$memory
    fi
    if [ "$cores" -lt 1 ]; then
        cores=1
    fi
    printf '%s\n' "$cores"
}

# Makes sure that HOME and a locale are there: cron, CI and containers may have neither.
prepareEnvironment() {
    if [ -z "${HOME:-}" ] || [ ! -d "$HOME" ] || [ ! -w "$HOME" ]; then
        mkdir -p "$root/build/home"
        export HOME=$root/build/home
    fi
    export LANG=${LANG:-C.UTF-8}
}
