# SPDX-License-Identifier: Apache-2.0
"""Public names of functions of linear algebra, and of Fourier transforms."""
_TRANSFORMS = "fft fft2d fft3d ifft ifft2d ifft3d"
_OF_REAL = " rfft rfft2d rfft3d irfft irfft2d irfft3d"

NAMES = {
    "": {
        "ops.linalg_ops": "cholesky cholesky_solve matrix_determinant matrix_inverse matrix_solve "
                          "matrix_solve_ls matrix_triangular_solve qr self_adjoint_eig "
                          "self_adjoint_eigvals svd",
        "ops.linalg_more": "eye norm",
        "ops.spectral_ops": _TRANSFORMS,
        "ops.parsing_ops": "decode_raw",
    },
    "linalg": {
        "ops.linalg_ops": "cholesky cholesky_solve det=matrix_determinant inv=matrix_inverse "
                          "solve=matrix_solve lstsq=matrix_solve_ls "
                          "triangular_solve=matrix_triangular_solve qr eigh=self_adjoint_eig "
                          "eigvalsh=self_adjoint_eigvals svd slogdet",
        "ops.linalg_more": "eye logdet matrix_rank norm",
        "ops.clip_ops": "global_norm",
        "ops.nn_impl": "l2_normalize",
    },
    "spectral": {"ops.spectral_ops": _TRANSFORMS + _OF_REAL, "ops.signal": "dct idct"},
    "signal": {
        "ops.spectral_ops": _TRANSFORMS + _OF_REAL,
        "ops.signal": "dct fftshift frame hamming_window hann_window idct ifftshift inverse_stft "
                      "inverse_stft_window_fn linear_to_mel_weight_matrix "
                      "mfccs_from_log_mel_spectrograms overlap_and_add stft",
    },
}
