#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# setup.sh [build|test|all|arm]: installs what building (or testing, the default, or testing for
# other targets too, or for 64-bit Arm alone) needs and is not there, by apt-get. Fails only if the
# library itself cannot be built then; what else is missing is said, and the tests that need it are
# skipped or fail by name. Nothing is removed: where what is missing excludes what is here (Debian's
# gcc-multilib and compilers for other machines), that is said too.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }
header() { printf '#include <%s>\n' "$1" | cc -E - >/dev/null 2>&1; }
m32() { echo 'int main(void) { return 0; }' | gcc -m32 -x c -include errno.h -o /dev/null -; }
installed() { dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q ^ii; }
sanitizers() { ls "$(clang -print-resource-dir)"/lib/linux/libclang_rt.tsan* >/dev/null 2>&1; }

python_header() {
    python3 -c 'import os, sysconfig as c; os.stat(c.get_path("include") + "/Python.h")' 2>/dev/null
}

# What builds for 64-bit Arm and runs the tests there.
arm() {
    have aarch64-linux-gnu-gcc || echo gcc-aarch64-linux-gnu
    [ -e /usr/aarch64-linux-gnu/include/stdio.h ] || echo libc6-dev-arm64-cross
    have qemu-aarch64 || echo qemu-user
}

# Prints the packages that are missing.
missing() {
    have gcc && have cc || echo gcc
    header stdio.h || echo libc6-dev
    have meson || echo meson
    have ninja || echo ninja-build
    have pkg-config || echo pkg-config
    have python3 || echo python3
    [ "$1" != arm ] || arm
    [ "$1" != build ] && [ "$1" != arm ] || return 0
    have g++ || echo g++
    have clang || echo clang
    have clang-format || echo clang-format
    have cmake || echo cmake
    have ctags || echo universal-ctags
    have nm || echo binutils
    { header stdarg.h && pkg-config --exists cmocka; } 2>/dev/null || echo libcmocka-dev
    { have clang && sanitizers; } 2>/dev/null || echo "libclang-rt-14-dev"
    python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv
    python_header || echo python3-dev
    [ "$1" = all ] || return 0
    have x86_64-w64-mingw32-gcc || echo gcc-mingw-w64-x86-64
    m32 2>/dev/null || echo gcc-multilib
}

# Runs apt-get as root, without a question; its output is shown only if it fails.
apt() {
    log=$(mktemp)
    root=
    [ "$(id -u)" = 0 ] || root="sudo -n"
    status=0
    $root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 \
        -o DPkg::Lock::Timeout=300 "$@" \
        >"$log" 2>&1 || status=$?
    [ "$status" = 0 ] || tail -n 5 "$log"
    rm -f "$log"
    return "$status"
}

# excludes WANTED OTHER: says so if the one is missing since the other is here.
excludes() {
    case " $still" in *" $1 "*) ;; *) return 0 ;; esac
    ! installed "$2" || echo "setup: Debian's $1 and $2 exclude each other, and $2 is" \
        "installed here: remove it, or test in a container or chroot"
}

kind=${1:-test}
wanted=$(missing "$kind" | tr '\n' ' ')
[ -n "$wanted" ] || exit 0

echo "setup: installing $wanted"
if ! have apt-get; then
    echo "setup: no apt-get here; please install these by the system's own means"
elif [ "$(id -u)" != 0 ] && ! have sudo; then
    echo "setup: neither root nor sudo; please install these as root"
else
    apt update || echo "setup: the package lists could not be brought up to date"
    # One by one if they cannot be had together, so that one missing package costs only itself.
    if ! apt install -y --no-remove --no-install-recommends $wanted; then
        for package in $wanted; do
            apt install -y --no-remove --no-install-recommends "$package" ||
                echo "setup: $package cannot be installed"
        done
    fi
fi

still=$(missing "$kind" | tr '\n' ' ')
[ -z "$still" ] || echo "setup: still missing: $still"
excludes gcc-aarch64-linux-gnu gcc-multilib
excludes gcc-multilib gcc-aarch64-linux-gnu
for tool in cc meson ninja python3; do
    have "$tool" || { echo "setup: cannot build without $tool"; exit 1; }
done
