# SPDX-License-Identifier: Apache-2.0
"""Ours from Python: the peers' TensorFlow programs, unchanged, on the package of this tree (or of
the tree that THALWEG_TREE names)."""
import os
import pathlib
import runpy
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ROOT / "bench/peers"

sys.path[:0] = [str(pathlib.Path(os.environ.get("THALWEG_TREE", ROOT)) / "python"), str(PEERS)]

import thalweg.compat

thalweg.compat.install(api="1.15")
runpy.run_path(str(PEERS / "peer_tf.py"), run_name="__main__")
