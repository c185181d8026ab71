# SPDX-License-Identifier: Apache-2.0
"""Values out of texts."""
from thalweg.ops import gen_parsing_ops


def decode_csv(records, record_defaults, field_delim=",", use_quote_delim=True, name=None,
               na_value="", select_cols=None):
    """The columns of lines of fields, with the dtypes and defaults in `record_defaults`: a list of
    tensors. A default without an element means that the field must be there."""
    if select_cols is not None and any(a >= b for a, b in zip(select_cols, select_cols[1:])):
        raise ValueError("select_cols is not strictly increasing.")
    if select_cols is not None and (select_cols and select_cols[0] < 0):
        raise ValueError("select_cols contains negative values.")
    if select_cols is not None and len(select_cols) != len(record_defaults):
        raise ValueError("Length of select_cols and record_defaults do not match.")
    return gen_parsing_ops.decode_csv(
        records, record_defaults, field_delim=field_delim, use_quote_delim=use_quote_delim,
        na_value=na_value, select_cols=select_cols or [], name=name)


def decode_raw(input_bytes=None, out_type=None, little_endian=True, name=None,
               bytes=None):  # noqa: A002
    """The numbers that the bytes of texts are."""
    texts = bytes if input_bytes is None else input_bytes
    return gen_parsing_ops.decode_raw(texts, out_type, little_endian, name=name)


def __getattr__(name):
    return getattr(gen_parsing_ops, name)
