#!/bin/bash
# deps.sh: installs the packages that anju needs and this system lacks, on Debian 12 and 13 and
# Ubuntu 22.04 and 24.04; elsewhere prints what is missing and stops.
# deps.sh --check: only says whether something is missing (exit 1). What is there is asked of
# pkg-config and of the programs themselves, so libraries built by hand count too.
set -u

# has PACKAGE: is what this Debian package brings already here?
has() {
    case $1 in
    build-essential) command -v gcc && command -v make && echo '#include <stdio.h>' | gcc -E - ;;
    pkg-config) command -v pkg-config ;;
    libsecp256k1-dev) pkg-config --exists libsecp256k1 ;;
    liblmdb-dev) pkg-config --exists lmdb ;;
    libevent-dev) pkg-config --exists libevent libevent_openssl libevent_pthreads ;;
    libmsgpack-dev) pkg-config --exists msgpack-c || pkg-config --exists msgpack ;;
    libssl-dev) pkg-config --exists openssl ;;
    libjansson-dev) pkg-config --exists jansson ;;
    libcurl4-openssl-dev) pkg-config --exists libcurl ;;
    check) pkg-config --exists check ;;
    tzdata) [ -e /usr/share/zoneinfo/America/New_York ] ;;
    python3) [ -x /usr/bin/python3 ] ;;
    python3-cryptography) /usr/bin/python3 -c 'import cryptography' ;;
    *) command -v "$1" ;; # openssl, zstd, curl: a program of that name
    esac >/dev/null 2>&1
}

missing=
for package in build-essential pkg-config libsecp256k1-dev liblmdb-dev libevent-dev libmsgpack-dev \
    libssl-dev libjansson-dev libcurl4-openssl-dev check tzdata python3 python3-cryptography \
    openssl zstd curl; do
    has "$package" || missing="$missing $package"
done

if [ -z "$missing" ]; then
    [ "${1:-}" = --check ] || echo "deps: nothing is missing" >&2
    exit 0
fi
[ "${1:-}" = --check ] && exit 1

system=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${ID_LIKE:-}")
case " $system " in
*" debian "* | *" ubuntu "*) ;;
*)
    cat >&2 <<END
deps: this is not Debian or Ubuntu, so install these yourself and run make again
(the names are Debian's):$missing
END
    exit 1
    ;;
esac

root=
if [ "$(id -u)" -ne 0 ]; then
    root=sudo
    if ! command -v sudo >/dev/null; then
        echo "deps: not root and no sudo; as root run: apt-get install$missing" >&2
        exit 1
    fi
fi

# apt ARGUMENT...: says what it does, asks nothing, and keeps standard output for the caller.
apt() {
    echo "deps: ${root:+$root }apt-get $*" >&2
    $root env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300 "$@" >&2
}

echo "deps: missing:$missing" >&2
apt update || echo "deps: could not refresh the package lists; trying with what is known" >&2
# Debian 13 renamed the C library of msgpack and kept a dummy under the old name.
if apt-cache policy libmsgpack-c-dev 2>/dev/null | grep -q 'Candidate: [^(]'; then
    missing=${missing/libmsgpack-dev/libmsgpack-c-dev}
fi
# shellcheck disable=SC2086 # a list of names
if ! apt install --no-install-recommends $missing; then
    echo "deps: apt-get failed; on Ubuntu the component \"universe\" must be enabled" >&2
    exit 1
fi
if ! bash "$0" --check; then
    echo "deps: installed, but something is still not found; run: bash tools/deps.sh" >&2
    exit 1
fi
echo "deps: done" >&2
