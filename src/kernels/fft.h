/* SPDX-License-Identifier: Apache-2.0
 * Discrete Fourier transforms of lines of numbers, in double whatever comes in: Stockham's order
 * with factors of 4, 2, 3, 5 and other primes; of many lines side by side, so that all loops go
 * across them; of a single one as a matrix, columns first (Bailey 1990). Lengths with a large prime
 * factor go as a convolution (Bluestein 1970); lines of an even number of floats as half as many
 * pairs. */
#ifndef TW_KERNELS_FFT_H
#define TW_KERNELS_FFT_H

#include <stdbool.h>
#include <stddef.h>

#include "thalweg/dtype.h"

/* Where lines come from or go to: element i of line l is data[i * step + l * line]. */
typedef struct tw_fft_side {
    tw_dtype dtype; /* TW_FLOAT32 (the real part alone), TW_COMPLEX64 or TW_COMPLEX128 */
    void *data;
    size_t step, line;
    size_t count; /* elements that are there; what is read beyond them is the mirrored conjugate */
} tw_fft_side;

/* What stays the same for many lines. */
typedef struct tw_fft {
    size_t n, columns; /* columns: of the matrix that a single line is, or 0 */
    size_t longer;     /* the length of the convolution, or 0 */
    double *roots;     /* exp(-2 pi i k / n) as pairs, or of the longer length */
    double *chirp, *filter, *numbers, *turned, *planes;
} tw_fft;

/* Doubles of work for lines of n numbers, `lines` of them at a time; SIZE_MAX: more than there can
 * be. The work belongs to the fft as long as that is used. */
size_t tw_fft_work(size_t n, size_t lines);
void tw_fft_init(tw_fft *fft, size_t n, size_t lines, double *work);
/* At most as many lines as were said. The inverse is divided by n. in and out may be the same. */
void tw_fft_run(const tw_fft *fft, const tw_fft_side *in, const tw_fft_side *out, size_t lines,
                bool inverse);

#endif
