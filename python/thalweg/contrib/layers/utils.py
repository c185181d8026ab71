# SPDX-License-Identifier: Apache-2.0
"""What the layers of contrib share."""
from thalweg.framework import ops
from thalweg.layers.core import smart_cond  # noqa: F401


def collect_named_outputs(collections, alias, outputs):
    """Puts a layer's outputs into collections, under a name."""
    if collections:
        outputs.aliases = getattr(outputs, "aliases", []) + [alias]
        ops.add_to_collections(collections, outputs)
    return outputs


def get_variable_collections(variables_collections, name):
    """The collections for the variables of a name: a list for all, or a dict by name."""
    if isinstance(variables_collections, dict):
        return variables_collections.get(name)
    return variables_collections


def two_element_tuple(value):
    """(rows, columns) of one number or two."""
    if isinstance(value, (list, tuple)):
        if len(value) != 2:
            raise ValueError("A tuple or list of two was expected, not %s" % (value,))
        return int(value[0]), int(value[1])
    if hasattr(value, "as_list"):
        return two_element_tuple(value.as_list())
    return int(value), int(value)


def convert_collection_to_dict(collection, clear_collection=False):
    """{name: tensor} of a collection of named outputs."""
    found = {alias: t for t in ops.get_collection(collection)
             for alias in getattr(t, "aliases", [t.op.name])}
    if clear_collection:
        del ops.get_collection_ref(collection)[:]
    return found
