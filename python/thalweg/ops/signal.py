# SPDX-License-Identifier: Apache-2.0
"""tf.signal: frames, windows, short-time Fourier transforms, cosine transforms, mel scales."""
import numpy as np

from thalweg.framework import dtypes, ops, tensor_util
from thalweg.ops import array_ops, gen_manip_ops, math_ops, spectral_ops


def _known(value, name):
    """A whole number, given as one or as a constant."""
    found = tensor_util.constant_value(value) if isinstance(value, ops.Tensor) else value
    if found is None:
        raise ValueError("%s must be known while building" % name)
    return int(found)


# ---- frames ----

def frame(signal, frame_length, frame_step, pad_end=False, pad_value=0, axis=-1, name=None):
    """Parts of a signal, each frame_length long and frame_step after the one before, in a new axis;
    with pad_end those that reach beyond the end too."""
    with ops.name_scope(name, "frame", [signal, frame_length, frame_step, pad_value]):
        signal = ops.convert_to_tensor(signal, name="signal")
        length, step = _known(frame_length, "frame_length"), _known(frame_step, "frame_step")
        rank = signal.get_shape().ndims
        axis = axis + rank if axis < 0 else axis
        size = signal.get_shape().dims[axis].value
        size = array_ops.shape(signal)[axis] if size is None else size
        count = -(-size // step) if pad_end else 1 + (size - length) // step
        count = math_ops.maximum(0, count) if isinstance(count, ops.Tensor) else max(0, count)
        if pad_end:
            more = length + step * (count - 1) - size
            more = math_ops.maximum(0, more) if isinstance(more, ops.Tensor) else max(0, more)
            pads = [[0, 0]] * axis + [[0, more]] + [[0, 0]] * (rank - axis - 1)
            signal = array_ops.pad(signal, pads, constant_values=pad_value)
        # of one shape more, so that derivatives are no slices
        signal = array_ops.reshape(signal, array_ops.shape(signal))
        starts = array_ops.expand_dims(math_ops.range(count) * step, 1)
        places = starts + array_ops.expand_dims(math_ops.range(length), 0)
        return array_ops.gather(signal, places, axis=axis)


def overlap_and_add(signal, frame_step, name=None):
    """What frame() takes apart, put together: frames [..., frames, length], each frame_step after
    the one before, are added."""
    with ops.name_scope(name, "overlap_and_add", [signal, frame_step]):
        signal = ops.convert_to_tensor(signal, name="signal")
        if signal.get_shape().ndims is not None and signal.get_shape().ndims < 2:
            raise ValueError("Shape %s must have rank at least 2" % signal.get_shape())
        step, sizes = _known(frame_step, "frame_step"), array_ops.shape(signal)
        outer, count, length = sizes[:-2], sizes[-2], sizes[-1]
        places = array_ops.reshape(
            array_ops.expand_dims(math_ops.range(count) * step, 1)
            + array_ops.expand_dims(math_ops.range(length), 0), [-1])
        rows = array_ops.transpose(array_ops.reshape(signal, [-1, count * length]))
        sums = math_ops.unsorted_segment_sum(rows, places, (count - 1) * step + length)
        return array_ops.reshape(array_ops.transpose(sums),
                                 array_ops.concat([outer, [(count - 1) * step + length]], 0))


# ---- windows ----

def _raised_cosine(name, default, length, periodic, dtype, a, b):
    if not dtypes.as_dtype(dtype).is_floating:
        raise ValueError("A floating point data type is required. Found %s." % dtype)
    with ops.name_scope(name, default, [length, periodic]):
        length = ops.convert_to_tensor(length, dtype=dtypes.int32, name="window_length")
        even = 1 - math_ops.floormod(length, 2)
        whole = math_ops.cast(length + (even if periodic else 0) - 1, dtype)
        count = math_ops.cast(math_ops.range(length), dtype)
        angle = 2 * np.pi * count / math_ops.maximum(whole, 1)
        made = a - b * math_ops.cos(math_ops.cast(angle, dtype))
        return array_ops.where(array_ops.fill([length], math_ops.equal(length, 1)),
                               array_ops.ones_like(made), made)


def hann_window(window_length, periodic=True, dtype=dtypes.float32, name=None):
    """Half a wave of a cosine above zero (Oppenheim, Schafer and Buck 1999)."""
    return _raised_cosine(name, "hann_window", window_length, periodic, dtype, 0.5, 0.5)


def hamming_window(window_length, periodic=True, dtype=dtypes.float32, name=None):
    """hann_window() that ends a little above zero."""
    return _raised_cosine(name, "hamming_window", window_length, periodic, dtype, 0.54, 0.46)


# ---- short-time transforms ----

def _enclosing(length):
    return int(2 ** np.ceil(np.log2(length)))


def stft(signals, frame_length, frame_step, fft_length=None, window_fn=hann_window, pad_end=False,
         name=None):
    """The Fourier transforms of the windowed frames of signals [..., samples]."""
    with ops.name_scope(name, "stft", [signals, frame_length, frame_step]):
        signals = ops.convert_to_tensor(signals, name="signals")
        length = _known(frame_length, "frame_length")
        size = _enclosing(length) if fft_length is None else _known(fft_length, "fft_length")
        frames = frame(signals, length, frame_step, pad_end=pad_end)
        if window_fn is not None:
            frames *= window_fn(length, dtype=frames.dtype)
        return spectral_ops.rfft(frames, [size])


def inverse_stft_window_fn(frame_step, forward_window_fn=hann_window, name=None):
    """The window for inverse_stft() that undoes what the windows of stft() did."""
    def made(frame_length, dtype):
        with ops.name_scope(name, "inverse_stft_window_fn", [forward_window_fn]):
            length, step = _known(frame_length, "frame_length"), _known(frame_step, "frame_step")
            window = forward_window_fn(length, dtype=dtype)
            overlaps = -(-length // step)
            squares = array_ops.pad(math_ops.square(window), [[0, overlaps * step - length]])
            sums = math_ops.reduce_sum(array_ops.reshape(squares, [overlaps, step]), 0,
                                       keepdims=True)
            sums = array_ops.reshape(array_ops.tile(sums, [overlaps, 1]), [overlaps * step])
            return window / sums[:length]
    return made


def inverse_stft(stfts, frame_length, frame_step, fft_length=None, window_fn=hann_window,
                 name=None):
    """Signals from short-time Fourier transforms [..., frames, frequencies]."""
    with ops.name_scope(name, "inverse_stft", [stfts]):
        stfts = ops.convert_to_tensor(stfts, name="stfts")
        length = _known(frame_length, "frame_length")
        size = _enclosing(length) if fft_length is None else _known(fft_length, "fft_length")
        frames = spectral_ops.irfft(stfts, [size])
        if size > length:
            frames = frames[..., :length]
        elif size < length:
            pads = [[0, 0]] * (frames.get_shape().ndims - 1) + [[0, length - size]]
            frames = array_ops.pad(frames, pads)
        if window_fn is not None:
            frames *= window_fn(length, dtype=frames.dtype)
        return overlap_and_add(frames, frame_step)


# ---- cosine transforms ----

def dct(input, type=2, n=None, axis=-1, norm=None, name=None):  # noqa: A002
    """The discrete cosine transform of the last axis, of type 1, 2 or 3; `norm` "ortho" makes it an
    orthogonal one."""
    if axis != -1:
        raise NotImplementedError("axis must be -1. Got: %s" % axis)
    if type not in (1, 2, 3) or norm not in (None, "ortho") or (type == 1 and norm):
        raise ValueError("type must be 1, 2 or 3, and norm None or, but for type 1, 'ortho': %s, %s"
                         % (type, norm))
    with ops.name_scope(name, "dct", [input]):
        x = ops.convert_to_tensor(input, dtype=dtypes.float32)
        size = x.get_shape().dims[-1].value
        if size is None:
            raise ValueError("the last size must be known")
        if n is not None:
            x = x[..., :n] if size >= n else array_ops.pad(
                x, [[0, 0]] * (x.get_shape().ndims - 1) + [[0, n - size]])
            size = n
        matrix = _dct_matrix(size, type, norm).astype(np.float32)
        rows = array_ops.reshape(x, [-1, size])
        return array_ops.reshape(math_ops.matmul(rows, matrix), array_ops.shape(x))


def _dct_matrix(size, kind, norm):
    """So that x times it is the transform of x."""
    at, to = np.arange(size)[:, None], np.arange(size)[None, :]
    if kind == 1:
        if size < 2:
            raise ValueError("a transform of type 1 needs two numbers")
        made = 2 * np.cos(np.pi * at * to / (size - 1))
        made[0] /= 2
        made[-1] /= 2
        return made
    made = 2 * np.cos(np.pi * (2 * at + 1) * to / (2 * size))
    if norm == "ortho":
        made *= np.sqrt(0.5 / size)
        made[:, 0] *= np.sqrt(0.5)
    if kind == 3:
        made = made.T.copy()
        if norm is None:
            made[0] /= 2
    return made


def idct(input, type=2, n=None, axis=-1, norm=None, name=None):  # noqa: A002
    """The cosine transform that undoes dct() of this type, up to a factor unless "ortho"."""
    return dct(input, {1: 1, 2: 3, 3: 2}.get(type, type), n, axis, norm, name or "idct")


# ---- mel scales ----

def _mel(frequencies):
    return 1127.0 * np.log1p(np.asarray(frequencies) / 700.0)


def linear_to_mel_weight_matrix(num_mel_bins=20, num_spectrogram_bins=129, sample_rate=8000,
                                lower_edge_hertz=125.0, upper_edge_hertz=3800.0,
                                dtype=dtypes.float32, name=None):
    """The matrix [spectrogram bins, mel bins] of triangles that are evenly spaced in mel."""
    nyquist = float(_known(sample_rate, "sample_rate")) / 2
    if num_mel_bins <= 0 or lower_edge_hertz < 0 or lower_edge_hertz >= upper_edge_hertz or \
            upper_edge_hertz > nyquist:
        raise ValueError("the bins must be above 0, and 0 <= lower_edge_hertz < upper_edge_hertz "
                         "<= sample_rate / 2: %s, %s, %s" % (num_mel_bins, lower_edge_hertz,
                                                             upper_edge_hertz))
    of_bins = _mel(np.linspace(0.0, nyquist, num_spectrogram_bins)[1:])[:, None]
    edges = np.linspace(_mel(lower_edge_hertz), _mel(upper_edge_hertz), num_mel_bins + 2)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    weights = np.maximum(0.0, np.minimum((of_bins - low) / (middle - low),
                                         (high - of_bins) / (high - middle)))
    weights = np.pad(weights, [[1, 0], [0, 0]])
    return ops.convert_to_tensor(weights.astype(dtypes.as_dtype(dtype).as_numpy_dtype),
                                 name=name or "linear_to_mel_weight_matrix")


def mfccs_from_log_mel_spectrograms(log_mel_spectrograms, name=None):
    """The cepstral coefficients of logarithmic mel spectrograms [..., bins]."""
    with ops.name_scope(name, "mfccs_from_log_mel_spectrograms", [log_mel_spectrograms]):
        logs = ops.convert_to_tensor(log_mel_spectrograms)
        bins = logs.get_shape().dims[-1].value
        return dct(logs, 2) * (1.0 / np.sqrt(bins * 2.0))


# ---- places ----

def _rolled(x, axes, name, default, back):
    with ops.name_scope(name, default, [x]):
        x = ops.convert_to_tensor(x)
        rank = x.get_shape().ndims
        axes = range(rank) if axes is None else np.atleast_1d(axes)
        axes = [int(a) % rank for a in axes]
        sizes = [x.get_shape().dims[a].value or array_ops.shape(x)[a] for a in axes]
        shifts = [-(s // 2) if back else s // 2 for s in sizes]
        for shift, axis in zip(shifts, axes):
            x = gen_manip_ops.roll(x, shift, axis)
        return x


def fftshift(x, axes=None, name=None):
    """The frequency 0 in the middle of the axes."""
    return _rolled(x, axes, name, "fftshift", False)


def ifftshift(x, axes=None, name=None):
    """What fftshift() undoes."""
    return _rolled(x, axes, name, "ifftshift", True)
