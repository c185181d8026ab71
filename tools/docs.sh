#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make docs: the reference of all ops and composites, from the registry, and the index of the Python
# package's names, if there is a Python with NumPy, into build/docs.
set -e
build=${BUILD:-build}
python=${PYTHON:-python3}
mkdir -p "$build/docs"
"$build/tools/thalweg" reference > "$build/docs/reference.md"
echo "$build/docs/reference.md: $(grep -c '^### ' "$build/docs/reference.md") ops and composites"
if "$python" -c 'import numpy' 2>/dev/null; then
    tools/python.sh "$python"
    "$python" tools/python_names.py index > "$build/docs/python_names.md"
    echo "$build/docs/python_names.md: $(grep -c '^- ' "$build/docs/python_names.md") names"
else
    echo "no index of the Python package's names: $python has no NumPy"
fi
