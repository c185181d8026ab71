# SPDX-License-Identifier: Apache-2.0
"""Fourier transforms over the last dims of complex arrays, and of real ones."""
from thalweg.framework import dtypes, ops, tensor_util
from thalweg.ops import array_ops, gen_math_ops, gen_spectral_ops
from thalweg.ops.gen_spectral_ops import (  # noqa: F401 - names of this module
    fft, fft2d, fft3d, ifft, ifft2d, ifft3d)


def _length(tensor, rank, fft_length, inverse):
    """How many numbers count in each of the last dims: all, if nobody says."""
    if fft_length is not None:
        return ops.convert_to_tensor(fft_length, dtypes.int32)
    sizes = tensor.get_shape().as_list()[-rank:] if tensor.get_shape().ndims is not None else [None]
    if None not in sizes:
        if inverse:
            sizes[-1] = max(0, 2 * (sizes[-1] - 1))
        return ops.convert_to_tensor(sizes, dtypes.int32)
    sizes = array_ops.shape(tensor)[-rank:]
    if not inverse:
        return sizes
    last = gen_math_ops.maximum(0, 2 * (sizes[-1:] - 1))
    return array_ops.concat([sizes[:-1], last], 0)


def _padded(tensor, rank, fft_length, inverse):
    """Zeros behind what is shorter than what counts."""
    wanted = tensor_util.constant_value(fft_length)
    have = tensor.get_shape()
    if wanted is not None and have.ndims is not None:
        sizes = list(wanted)
        if inverse and sizes[-1] > 0:
            sizes[-1] = sizes[-1] // 2 + 1
        known = have.as_list()[-rank:]
        if all(n is not None and n >= m for n, m in zip(known, sizes)):
            return tensor
    needed = fft_length
    if inverse:
        last = fft_length[-1:]
        half = array_ops.where(gen_math_ops.greater(last, 0), last // 2 + 1,
                               array_ops.zeros_like(last))
        needed = array_ops.concat([fft_length[:-1], half], 0)
    short = gen_math_ops.maximum(0, needed - array_ops.shape(tensor)[-rank:])
    short = array_ops.concat(
        [array_ops.zeros(array_ops.expand_dims(array_ops.rank(tensor) - rank, 0), dtypes.int32),
         short], 0)
    return array_ops.pad(tensor, array_ops.stack([array_ops.zeros_like(short), short], 1))


def _transform(name, rank, inverse, op):
    """A public transform of real numbers over so many dims."""
    dtype = dtypes.complex64 if inverse else dtypes.float32

    def transform(input_tensor, fft_length=None, name=None):
        with ops.name_scope(name, default, [input_tensor, fft_length]) as scope:
            tensor = ops.convert_to_tensor(input_tensor, dtype)
            tensor.get_shape().with_rank_at_least(rank)
            length = _length(tensor, rank, fft_length, inverse)
            return op(_padded(tensor, rank, length, inverse), length, name=scope)

    default = name
    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = ("The real numbers of half a spectrum over the last %d dims."
                         if inverse else
                         "Half of the spectrum of real numbers over the last %d dims.") % rank
    return transform


rfft = _transform("rfft", 1, False, gen_spectral_ops.rfft)
rfft2d = _transform("rfft2d", 2, False, gen_spectral_ops.rfft2d)
rfft3d = _transform("rfft3d", 3, False, gen_spectral_ops.rfft3d)
irfft = _transform("irfft", 1, True, gen_spectral_ops.irfft)
irfft2d = _transform("irfft2d", 2, True, gen_spectral_ops.irfft2d)
irfft3d = _transform("irfft3d", 3, True, gen_spectral_ops.irfft3d)
