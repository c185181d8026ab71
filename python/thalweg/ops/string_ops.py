# SPDX-License-Identifier: Apache-2.0
"""Functions on text."""
from thalweg.framework import dtypes, ops
from thalweg.framework.composite_tensors import SparseTensor
from thalweg.ops import array_ops, gen_string_ops, math_ops
from thalweg.ops.nn_activations import one_of


def string_split(source=None, sep=None, skip_empty=True, delimiter=None, input=None,  # noqa: A002
                 name=None):
    """The parts of each text between the bytes of `sep`, a blank if it is not given: a SparseTensor
    with a row for each text. An empty `sep` takes the bytes apart."""
    sep = one_of("delimiter", delimiter, "sep", sep)
    source = ops.convert_to_tensor(one_of("input", input, "source", source), name="source")
    sep = " " if sep is None else sep
    return SparseTensor(*gen_string_ops.string_split(source, sep, skip_empty, name=name))


def substr(input, pos, len, name=None, unit="BYTE"):  # noqa: A002
    """Parts of texts, `len` bytes from place `pos` on."""
    return gen_string_ops.substr(input, pos, len, unit=unit, name=name)


def string_length(input, name=None, unit="BYTE"):  # noqa: A002
    """How many bytes texts have."""
    return gen_string_ops.string_length(input, unit=unit, name=name)


def string_to_number(string_tensor=None, out_type=dtypes.float32, name=None,
                     input=None):  # noqa: A002
    """The numbers that texts say."""
    texts = one_of("input", input, "string_tensor", string_tensor)
    return gen_string_ops.string_to_number(texts, out_type, name=name)


def string_to_hash_bucket(string_tensor=None, num_buckets=None, name=None,
                          input=None):  # noqa: A002
    """A number below num_buckets for each text, the same one for the same text."""
    texts = one_of("input", input, "string_tensor", string_tensor)
    return gen_string_ops.string_to_hash_bucket(texts, num_buckets, name=name)


def reduce_join(inputs, axis=None, keep_dims=None, separator="", name=None, reduction_indices=None,
                keepdims=None):
    """Texts joined along axes, the first of them first; all of them if none are named."""
    axis = reduction_indices if axis is None else axis
    if axis is None:
        axis = math_ops.range(array_ops.rank(inputs) - 1, -1, -1)
    keep = keep_dims if keepdims is None else keepdims
    return gen_string_ops.reduce_join(inputs, axis, keep_dims=bool(keep), separator=separator,
                                      name=name)


def regex_full_match(input, pattern, name=None):  # noqa: A002
    """Whether the regular expression (RE2's syntax) matches all of each text."""
    if isinstance(pattern, (str, bytes)):
        return gen_string_ops.static_regex_full_match(input, pattern, name=name)
    return gen_string_ops.regex_full_match(input, pattern, name=name)


def regex_replace(input, pattern, rewrite, replace_global=True, name=None):  # noqa: A002
    """Texts with each match of the regular expression (RE2's syntax), or the first one, replaced;
    in `rewrite` \\0 is the match and \\1 to \\9 are its groups."""
    if isinstance(pattern, (str, bytes)) and isinstance(rewrite, (str, bytes)):
        return gen_string_ops.static_regex_replace(input, pattern, rewrite, replace_global,
                                                   name=name)
    return gen_string_ops.regex_replace(input, pattern, rewrite, replace_global, name=name)


def __getattr__(name):
    return getattr(gen_string_ops, name)
