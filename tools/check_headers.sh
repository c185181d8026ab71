#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_headers.sh BUILD: each public header, the generated one too, compiles alone as strict C11
# and as C++17, with every compiler that is here.
set -u
build=$1
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
faults=0
count=0

# try COMPILER SUFFIX LANGUAGE HEADER STANDARD
try() {
    command -v "$1" >/dev/null 2>&1 || return 0
    count=$((count + 1))
    printf '#include <thalweg/%s>\n' "$4" >"$work/alone.$2"
    "$1" -x "$3" "-std=$5" -Wall -Wextra -Wpedantic -pedantic-errors -Werror -fsyntax-only \
        -Iinclude "-I$build/include" "$work/alone.$2" >"$work/log" 2>&1 && return 0
    faults=$((faults + 1))
    echo "$4 alone with $1 -std=$5:"
    head -n 12 "$work/log"
}

for path in include/thalweg/*.h "$build"/include/thalweg/*.h; do
    [ -f "$path" ] || continue
    header=$(basename "$path")
    for compiler in gcc clang; do try "$compiler" c c "$header" c11; done
    for compiler in g++ clang++; do try "$compiler" cpp c++ "$header" c++17; done
done
echo "headers: $count compiled alone, $faults failed"
[ "$faults" = 0 ] && [ "$count" != 0 ]
