# SPDX-License-Identifier: Apache-2.0
"""Fourier transforms over the last dims of complex arrays."""
from thalweg.ops.gen_spectral_ops import (  # noqa: F401 - names of this module
    fft, fft2d, fft3d, ifft, ifft2d, ifft3d)
