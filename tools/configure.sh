#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# configure.sh DIRECTORY [MESON OPTIONS]: makes the build directory, or configures it anew if a
# source file was added or removed since, cmocka came, or the options differ.
set -eu
directory=$1
shift
cd "$(dirname "$0")/.."
listing=$(python3 tools/sources.py all; pkg-config --modversion cmocka 2>&1 || true; echo "$*")
if [ -f "$directory/build.ninja" ]; then
    [ "$listing" != "$(cat "$directory/sources.list" 2>/dev/null)" ] || exit 0
    set -- --reconfigure "$@"
fi
mkdir -p "$directory"
if ! meson setup "$directory" "$@" >"$directory/setup.log" 2>&1; then
    cat "$directory/setup.log"
    exit 1
fi
printf '%s\n' "$listing" >"$directory/sources.list"
