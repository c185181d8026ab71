#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo.sh [OPTIONS OF THE DIGITS' PROGRAM]: the tutorial's linear regression, then a classifier of
# real handwritten digits. With --resume only the latter goes on, from where it was interrupted.
set -e
build=${BUILD:-build}
data=$build/demo/mnist10k
mkdir -p "$data"
for packed in data/mnist10k/*.gz; do
    file=$data/$(basename "$packed" .gz)
    [ -f "$file" ] || gunzip -c "$packed" > "$file"
done
if [ "${1:-}" != --resume ]; then
    echo "== linear regression (slides 26 to 32 of the tutorial) =="
    "$build/examples/example_linear_regression" "$build/demo/linear_regression.svg"
    echo
fi
echo "== handwritten digits: 784-256-256-10 with Adam =="
"$build/examples/example_digits" --data "$data" --state "$build/demo/digits.state" "$@"
