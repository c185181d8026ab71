#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# setup.sh [DIR]: makes the peers' Python environments, one folder each, outside the tree: NumPy,
# PyTorch, JAX and TensorFlow 2.21 under a Python of 3.10 to 3.13, TensorFlow 1.15 under 3.7.
# DIR is $THALWEG_PEERS, else ~/.cache/thalweg/peers. What is there and works is kept; what cannot
# be made is reported and left out. Nothing here is needed to build or to test.
set -u
dir=${1:-${THALWEG_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/thalweg/peers}}
space=4000000 # KiB that the largest of them takes while it is made
made=0

find_python() { # find_python VERSION...: the first there is, on PATH or of pyenv
    local version found
    for version in "$@"; do
        found=$(command -v "python$version" 2>/dev/null) &&
            "$found" -c 'import venv, ensurepip' 2>/dev/null && { echo "$found"; return; }
        found=$(ls -d "$(pyenv root 2>/dev/null)/versions/$version".*/bin/python 2>/dev/null |
            sort -V | tail -n 1)
        [ -n "$found" ] && { echo "$found"; return; }
    done
    return 1
}

make_env() { # make_env NAME MODULE "PYTHON VERSIONS" PIP-ARGUMENTS...
    local name=$1 module=$2 versions=$3 python
    shift 3
    local own=$dir/$name/bin/python
    if ! "$own" -c "import $module" 2>/dev/null; then
        if [ "$(df -Pk "$dir" | awk 'NR == 2 { print $4 }')" -lt "$space" ]; then
            echo "$name: less than $((space / 1000000)) GB are free in $dir; left out" >&2
            return
        fi
        # shellcheck disable=SC2086
        if ! python=$(find_python $versions); then
            echo "$name: no Python of $versions; left out" >&2
            return
        fi
        if ! "$python" -m venv "$dir/$name" || ! "$own" -m pip install --quiet "$@"; then
            echo "$name: could not be made" >&2
            return
        fi
    fi
    "$own" -W ignore -c "import $module as m; print('$name:', m.__version__)" 2>/dev/null &&
        made=$((made + 1))
}

mkdir -p "$dir" || exit 1
make_env numpy numpy "3.11 3.12 3.10 3.13" numpy
make_env jax jax "3.11 3.12 3.13" jax numpy
make_env tf1 tensorflow "3.7" 'tensorflow==1.15.5' 'protobuf<3.21' 'numpy<1.19'
make_env tf2 tensorflow "3.11 3.12 3.13 3.10" 'tensorflow-cpu==2.21.*'
make_env torch torch "3.11 3.12 3.13 3.10" torch numpy
[ "$made" -gt 0 ]
