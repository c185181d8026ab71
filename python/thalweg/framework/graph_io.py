# SPDX-License-Identifier: Apache-2.0
"""Graphs into files."""
import os

from thalweg.framework import ops
from thalweg.platform import gfile
from thalweg.protos import text_format


def write_graph(graph_or_graph_def, logdir, name, as_text=True):
    """Writes a graph as a GraphDef, as text or binary, into a folder that is made if need be;
    gives the file's path."""
    graph_def = graph_or_graph_def
    if isinstance(graph_def, ops.Graph):
        graph_def = graph_def.as_graph_def()
    if not gfile.IsDirectory(logdir):
        gfile.MakeDirs(logdir)
    path = os.path.join(str(logdir), name)
    if as_text:
        with gfile.GFile(path, "w") as file:
            file.write(text_format.MessageToString(graph_def))
    else:
        with gfile.GFile(path, "wb") as file:
            file.write(graph_def.SerializeToString())
    return path


__all__ = ["write_graph"]
