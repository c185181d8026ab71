/* SPDX-License-Identifier: Apache-2.0
 * Matrix products of float and double for one instruction set level: the register tile's size, the
 * multiply-add and one body for both. */
#include <string.h>

#include "kernels/gemm_loops.h"
#include "kernels/isa/extremes.h"
#include "kernels/isa/fma.h"
#if TW_ISA_LEVEL >= 4
#include "kernels/isa/tanh_vectors.h"
#endif
#include "kernels/vmath.h"

#define NOTHING(...)
#define ALL(...) __VA_ARGS__

/* The register tile; of float: rows of B that go without a jump, whether a tile ends while the next
 * one begins, rows of which sums along k are made at once, columns of B that are turned at once,
 * where there are few, and many, and how many of their numbers one after the other; rows of B that
 * stay in the second cache beside a few of A. IF_THREE: what is there for three vectors; IF_SIX and
 * IF_EIGHT, for so many rows. */
#if TW_ISA_LEVEL >= 4
#define ROWS 8
#define VECTORS 3
#define F32_AT_ONCE 2
#define F32_JOINS 1
#define F32_MOST_DOTS 4
#define F64_MOST_DOTS 4
#define F64_MOST_SUMS TW_GEMM_NARROW
#define F32_WIDE 8
#define F32_WIDEST 16
#define F32_TURN_LENGTH 1024
#define DEPTH 400
#define IF_THREE ALL
#define IF_SIX ALL
#define IF_EIGHT ALL
#elif TW_ISA_LEVEL == 3
#define ROWS 6
#define VECTORS 2
#define F32_AT_ONCE 4
#define F32_JOINS 0
#define F32_MOST_DOTS 2
#define F64_MOST_DOTS 2
#define F64_MOST_SUMS TW_GEMM_FEW
#define F32_WIDE 8
#define F32_WIDEST 8
#define F32_TURN_LENGTH 16
#define DEPTH 320
#define IF_THREE NOTHING
#define IF_SIX ALL
#define IF_EIGHT NOTHING
#elif TW_ISA_LEVEL == 2
#define ROWS 8
#define VECTORS 3
#define F32_AT_ONCE 2
#define F32_JOINS 0
#define F32_MOST_DOTS 2
#define F64_MOST_DOTS 2
#define F64_MOST_SUMS TW_GEMM_FEW
#define F32_WIDE 4
#define F32_WIDEST 4
#define F32_TURN_LENGTH 16
#define DEPTH 320
#define IF_THREE ALL
#define IF_SIX ALL
#define IF_EIGHT ALL
#else
#define ROWS 4
#define VECTORS 2
#define F32_AT_ONCE 1
#define F32_JOINS 0
#define F32_MOST_DOTS 2
#define F64_MOST_DOTS 2
#define F64_MOST_SUMS TW_GEMM_FEW
#define F32_WIDE 4
#define F32_WIDEST 4
#define F32_TURN_LENGTH 16
#define DEPTH 320
#define IF_THREE NOTHING
#define IF_SIX NOTHING
#define IF_EIGHT NOTHING
#endif

/* A step of k. And what of A is read again and again may fill half of a second cache of 512 KB. */
enum { TW_GEMM_DEPTH = DEPTH, TW_GEMM_NEAR = 1 << 18, TW_GEMM_PLACES = 1 << 18 };

/* How A stands, where tiles have a loop of their own for it: a row's, or a column's elements are
 * neighbours. */
typedef enum tw_gemm_form { TW_GEMM_ANY, TW_GEMM_BY_ROWS, TW_GEMM_BY_COLUMNS } tw_gemm_form;

typedef float quad __attribute__((vector_size(16), aligned(4), may_alias));

/* to[p][j] = from[j][p] for a block of four by four. */
static ALWAYS_INLINE void transpose_f32(const float *from, size_t from_step, float *to,
                                        size_t to_step)
{
    quad a = *(const quad *)from, b = *(const quad *)(from + from_step);
    quad c = *(const quad *)(from + 2 * from_step), d = *(const quad *)(from + 3 * from_step);
    quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    quad ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    quad cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(quad *)to = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    *(quad *)(to + to_step) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    *(quad *)(to + 2 * to_step) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    *(quad *)(to + 3 * to_step) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

#if TW_VECTOR_BYTES >= 32
typedef float octet __attribute__((vector_size(32), aligned(4), may_alias));

static ALWAYS_INLINE octet two_quads(const float *low, const float *high)
{
    return __builtin_shufflevector(*(const quad *)low, *(const quad *)high, 0, 1, 2, 3, 4, 5, 6, 7);
}

/* The same for eight columns: four of them in each half, which is what stays in its place. */
static ALWAYS_INLINE void transpose_wide_f32(const float *from, size_t from_step, float *to,
                                             size_t to_step)
{
    const float *high = from + 4 * from_step;
    octet a = two_quads(from, high), b = two_quads(from + from_step, high + from_step);
    octet c = two_quads(from + 2 * from_step, high + 2 * from_step);
    octet d = two_quads(from + 3 * from_step, high + 3 * from_step);
    octet ab_low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
    octet ab_high = __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
    octet cd_low = __builtin_shufflevector(c, d, 0, 8, 1, 9, 4, 12, 5, 13);
    octet cd_high = __builtin_shufflevector(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
    *(octet *)to = __builtin_shufflevector(ab_low, cd_low, 0, 1, 8, 9, 4, 5, 12, 13);
    *(octet *)(to + to_step) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 10, 11, 6, 7, 14, 15);
    *(octet *)(to + 2 * to_step) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 8, 9, 4, 5, 12,
                                                           13);
    *(octet *)(to + 3 * to_step) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 10, 11, 6, 7, 14,
                                                           15);
}
#endif

#if TW_VECTOR_BYTES >= 64
/* The same for a block of sixteen by sixteen: quad l of part[g][q] has number 4 l + q of each of
 * the columns 4 g .. 4 g + 3. */
static ALWAYS_INLINE void transpose_square_f32(const float *from, size_t from_step, float *to,
                                               size_t to_step)
{
    __m512 part[4][4];
    UNROLL for (size_t g = 0; g < 4; g++, from += 4 * from_step)
    {
        __m512 a = _mm512_loadu_ps(from), b = _mm512_loadu_ps(from + from_step);
        __m512 c = _mm512_loadu_ps(from + 2 * from_step);
        __m512 d = _mm512_loadu_ps(from + 3 * from_step);
        __m512 ab_low = _mm512_unpacklo_ps(a, b), ab_high = _mm512_unpackhi_ps(a, b);
        __m512 cd_low = _mm512_unpacklo_ps(c, d), cd_high = _mm512_unpackhi_ps(c, d);
        part[g][0] = _mm512_shuffle_ps(ab_low, cd_low, 0x44);
        part[g][1] = _mm512_shuffle_ps(ab_low, cd_low, 0xee);
        part[g][2] = _mm512_shuffle_ps(ab_high, cd_high, 0x44);
        part[g][3] = _mm512_shuffle_ps(ab_high, cd_high, 0xee);
    }
    UNROLL for (size_t q = 0; q < 4; q++, to += to_step)
    {
        __m512 even = _mm512_shuffle_f32x4(part[0][q], part[1][q], 0x88);
        __m512 odd = _mm512_shuffle_f32x4(part[0][q], part[1][q], 0xdd);
        __m512 even_high = _mm512_shuffle_f32x4(part[2][q], part[3][q], 0x88);
        __m512 odd_high = _mm512_shuffle_f32x4(part[2][q], part[3][q], 0xdd);
        _mm512_storeu_ps(to, _mm512_shuffle_f32x4(even, even_high, 0x88));
        _mm512_storeu_ps(to + 4 * to_step, _mm512_shuffle_f32x4(odd, odd_high, 0x88));
        _mm512_storeu_ps(to + 8 * to_step, _mm512_shuffle_f32x4(even, even_high, 0xdd));
        _mm512_storeu_ps(to + 12 * to_step, _mm512_shuffle_f32x4(odd, odd_high, 0xdd));
    }
}
#endif

/* to[p][j] = from[j][p] for `wide` columns j, a constant that the level has, and four rows p, or
 * sixteen of sixteen columns. */
static ALWAYS_INLINE void transpose_any_f32(const float *from, size_t from_step, float *to,
                                            size_t to_step, size_t wide)
{
#if TW_VECTOR_BYTES >= 64
    if (wide == 16) {
        transpose_square_f32(from, from_step, to, to_step);
        return;
    }
#endif
#if TW_VECTOR_BYTES >= 32
    if (wide == 8) {
        transpose_wide_f32(from, from_step, to, to_step);
        return;
    }
#endif
    (void)wide;
    transpose_f32(from, from_step, to, to_step);
}

/* Two lanes gain nothing from shuffles. */
static ALWAYS_INLINE void transpose_any_f64(const double *from, size_t from_step, double *to,
                                            size_t to_step, size_t wide)
{
    (void)wide;
#if TW_VECTOR_BYTES >= 32
    typedef double four __attribute__((vector_size(32), aligned(8), may_alias));
    four a = *(const four *)from, b = *(const four *)(from + from_step);
    four c = *(const four *)(from + 2 * from_step), d = *(const four *)(from + 3 * from_step);
    four ab_even = __builtin_shufflevector(a, b, 0, 4, 2, 6);
    four ab_odd = __builtin_shufflevector(a, b, 1, 5, 3, 7);
    four cd_even = __builtin_shufflevector(c, d, 0, 4, 2, 6);
    four cd_odd = __builtin_shufflevector(c, d, 1, 5, 3, 7);
    *(four *)to = __builtin_shufflevector(ab_even, cd_even, 0, 1, 4, 5);
    *(four *)(to + to_step) = __builtin_shufflevector(ab_odd, cd_odd, 0, 1, 4, 5);
    *(four *)(to + 2 * to_step) = __builtin_shufflevector(ab_even, cd_even, 2, 3, 6, 7);
    *(four *)(to + 3 * to_step) = __builtin_shufflevector(ab_odd, cd_odd, 2, 3, 6, 7);
#else
    for (size_t p = 0; p < 4; p++) {
        for (size_t j = 0; j < 4; j++)
            to[p * to_step + j] = from[j * from_step + p];
    }
#endif
}

/* In double the plain formula is right at both ends: exp overflows to inf, and 1 / inf is 0. */
static inline double sigmoid_f64(double x)
{
    return 1 / (1 + exp(-x));
}

static inline void tanh_row_f64(size_t n, double *c)
{
    for (size_t j = 0; j < n; j++)
        c[j] = tanh(c[j]);
}

#if TW_ISA_LEVEL >= 4
/* As the tanh of that level is one of vectors. */
static inline void tanh_row_f32(size_t n, float *c)
{
    for (size_t j = 0; j < n; j += PART) {
        __mmask16 some = _cvtu32_mask16(n - j < PART ? (1U << (n - j)) - 1 : 0xffff);
        vec x = _mm512_maskz_loadu_ps(some, c + j);
        tanh_of(1, &x);
        _mm512_mask_storeu_ps(c + j, some, x);
    }
}
#else
static inline void tanh_row_f32(size_t n, float *c)
{
    for (size_t j = 0; j < n; j++)
        c[j] = tw_tanhf(c[j]);
}
#endif

#define T float
#define LIKE_T int32_t
#define FMA FMA_F32
#define ADD_PRODUCT ADD_PRODUCT_F32
#define STORE_ASIDE STORE_ASIDE_F32
#define MOST MAX_F32
#define LEAST MIN_F32
#define AT_ONCE F32_AT_ONCE
#define JOINS F32_JOINS
#define LINES_AT_ONCE 4
#define MOST_DOTS F32_MOST_DOTS
#define SPREAD SPREAD_F32
#define SPREAD_HALF(x) TWICE(TWICE(TWICE(x)))
#define NAME(f) f##_f32
#define ACT_SIGMOID tw_sigmoidf
#define TRANSPOSE transpose_any_f32
#define TURN_WIDE F32_WIDE
#define TURN_WIDEST F32_WIDEST
#define TURN_LENGTH F32_TURN_LENGTH
#include "kernels/isa/gemm_body.h"
#include "kernels/isa/gemm_lines_body.h"
#include "kernels/isa/gemm_undef.h"

#define T double
#define LIKE_T int64_t
#define FMA FMA_F64
#define ADD_PRODUCT ADD_PRODUCT_F64
#define STORE_ASIDE(to, x) store_f64(to, x)
#define MOST MAX_F64
#define LEAST MIN_F64
#define AT_ONCE 1 /* products of doubles are rare */
#define JOINS 0
#define LINES_AT_ONCE 1
#define MOST_DOTS F64_MOST_DOTS
#define SPREAD SPREAD_F64
#define NAME(f) f##_f64
#define ACT_SIGMOID sigmoid_f64
#define TRANSPOSE transpose_any_f64
#define TURN_WIDE 4
#define TURN_WIDEST 4
#define TURN_LENGTH 8
#include "kernels/isa/gemm_body.h"
#include "kernels/isa/gemm_lines_body.h"
#include "kernels/isa/gemm_undef.h"

#define LOOPS(s, most, ...)                                                            \
    {                                                                                  \
        .size = sizeof(vec_##s) / LANES_##s, .lanes = LANES_##s, .most_sums = most,    \
        .thin = THIN_##s, .panel_vectors = VECTORS, .tile_rows = ROWS, .depth = DEPTH, \
        .panels = panels_##s, .pack = pack_##s, .rows = rows_##s, .lines = lines_##s,  \
        .finish = finish_##s, __VA_ARGS__                                              \
    }
#if F32_JOINS
#define SERIES .series = series_f32
#else
#define SERIES
#endif
const tw_gemm_table TW_ISA_NAME(tw_gemm_table) = {.f32 = LOOPS(f32, TW_GEMM_NARROW, SERIES),
                                                  .f64 = LOOPS(f64, F64_MOST_SUMS, )};
