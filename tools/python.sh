#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# python.sh [PYTHON]: builds the extension for a Python that has NumPy (default: python3) and puts a
# link to it beside the package, so that PYTHONPATH=python finds what is in this tree.
set -eu
cd "$(dirname "$0")/.."
python=${1:-python3}
tag=$("$python" -c 'import sys; print(sys.implementation.cache_tag)')
directory=build/python/$tag
tools/configure.sh "$directory" -Dpython=enabled -Dpython_path="$(command -v "$python")" \
    -Dtests=disabled -Dprograms=false -Ddefault_library=static
ninja -C "$directory" >"$directory/ninja.log" 2>&1 || { cat "$directory/ninja.log"; exit 1; }
for built in "$directory"/python/_core.*.so; do
    ln -sf "../../$built" "python/thalweg/$(basename "$built")"
done
