#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make docs: the reference of all ops and composites, from the registry, into build/docs.
set -e
build=${BUILD:-build}
mkdir -p "$build/docs"
"$build/tools/thalweg" reference > "$build/docs/reference.md"
echo "$build/docs/reference.md: $(grep -c '^### ' "$build/docs/reference.md") ops and composites"
