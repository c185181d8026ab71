/* SPDX-License-Identifier: Apache-2.0
 * The inside of Fourier transforms: one pass, for each instruction set level. Real and imaginary
 * parts stand in planes of their own, rows are whole groups of 8 numbers. */
#ifndef TW_KERNELS_FFT_LOOPS_H
#define TW_KERNELS_FFT_LOOPS_H

#include <stddef.h>

#include "kernels/isa.h"

enum { TW_FFT_GROUP = 8 };

/* y[s (p j + k) + q] = w^(j k) sum over r of exp(-2 pi i r k / p) x[s (j + m r) + q] for all q < s,
 * j < m, k < p, with the p m-th root w; imaginary parts stand `plane` numbers behind real ones. */
typedef struct tw_fft_pass {
    size_t p, s, m, plane;
    const double *x;
    double *y;
    /* pairs: w^i is roots[i * step], a p-th root roots[i * turn] */
    const double *roots;
    size_t step, turn;
} tw_fft_pass;

/* (n, lines) numbers of complex64 and their planes: number (i, l) is x[i * step + l * line], where
 * one of the strides is 1; its parts are re[i * width + l] and im[...]. There are whole fours of
 * lines, and if they are not neighbours (line 1) an even n. */
typedef struct tw_fft_move {
    float *x;
    double *re, *im;
    size_t n, lines, step, line, width;
    double scale;
} tw_fft_move;

/* Spectra of n real numbers and of the n / 2 complex ones that they are as pairs: rows 0 to n / 2
 * of the planes, the last of which only the first of the two has. */
typedef struct tw_fft_half {
    double *re, *im;
    size_t n, width;
    const double *roots; /* pairs: exp(-2 pi i k / n) */
} tw_fft_half;

typedef struct tw_fft_loops {
    void (*pass)(const tw_fft_pass *t);
    void (*take)(const tw_fft_move *m);  /* into planes; the scale is not looked at */
    void (*give)(const tw_fft_move *m);  /* out of them, times scale */
    void (*split)(const tw_fft_half *h); /* the pairs' spectrum to that of the real numbers */
    void (*join)(const tw_fft_half *h);  /* and back, twice as large */
} tw_fft_loops;

TW_ISA_TABLES(tw_fft_loops, tw_fft_loops);

#endif
