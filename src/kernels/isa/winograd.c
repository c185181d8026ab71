/* SPDX-License-Identifier: Apache-2.0
 * Winograd's transforms for one instruction set level. A vector of channels at a time goes through
 * both directions while it is in the first cache. */
#include "kernels/winograd_loops.h"

#include <math.h>

#include "kernels/isa/extremes.h"
#include "kernels/isa/fma.h"
#include "kernels/isa/vectors.h"

#if TW_ISA_LEVEL == 0 && defined(TW_ISA_LEVELS_X86) /* it is to be small there */
#undef UNROLL
#define UNROLL
#endif
#define SMALL __attribute__((cold)) /* of what is done once for a filter */

enum { LANES = TW_VECTOR_BYTES / sizeof(float), N = TW_WINOGRAD_POINTS, MOST = 5 };
typedef float vec __attribute__((vector_size(TW_VECTOR_BYTES)));
typedef float loose __attribute__((vector_size(TW_VECTOR_BYTES), aligned(4), may_alias));
typedef int mask __attribute__((vector_size(TW_VECTOR_BYTES)));

/* Pixels begin anywhere. */
static ALWAYS_INLINE vec load(const float *x)
{
    return *(const loose *)x;
}

static ALWAYS_INLINE void store(float *x, vec v)
{
    *(loose *)x = v;
}

/* x * factor + y in one step. Sums without a factor are left to the adders, which work beside the
 * multipliers. */
static ALWAYS_INLINE vec times(vec x, float factor, vec y)
{
    vec f = {SPREAD_F32(factor)};
    return FMA_F32(x, f, y);
}

/* B^T x: six numbers `from` apart to six `to` apart. */
static ALWAYS_INLINE void input_line(const vec *x, size_t from, vec *y, size_t to)
{
    vec x1 = x[from], x2 = x[2 * from], x3 = x[3 * from], x4 = x[4 * from];
    vec a = x1 - x3, b = x2 - x4;
    y[0] = times((x[0] - x2) - b, 2, a * 3);
    y[to] = times(x1 - x4, 2, times(x2, 5, x3));
    y[2 * to] = times(x1 + x4, 2, times(x3, -5, x2));
    y[3 * to] = times(b, -2, -a);
    y[4 * to] = times(a, -2, b);
    y[5 * to] = times(a - (x3 - x[5 * from]), 2, b * 3);
}

/* Columns first, then rows: 36 vectors of channels at a time. */
static void input(const float *const *pixels, size_t channels, float *out, size_t step)
{
    for (size_t c = 0; c < channels; c += LANES) {
        vec x[N * N], y[N * N];
        UNROLL for (size_t j = 0; j < N; j++)
        {
            UNROLL for (size_t i = 0; i < N; i++) x[i * N + j] = load(pixels[i * N + j] + c);
            input_line(x + j, N, y + j, N);
        }
        UNROLL for (size_t i = 0; i < N; i++)
        {
            input_line(y + i * N, 1, x, 1);
            UNROLL for (size_t j = 0; j < N; j++) store(out + (i * N + j) * step + c, x[j]);
        }
    }
}

/* A y: two or four numbers to six, powers of the points times y. */
static ALWAYS_INLINE void gradient_line(size_t outputs, const vec *y, size_t from, vec *z,
                                        size_t to)
{
    vec y0 = y[0], y1 = y[from];
    vec y2 = outputs == 4 ? y[2 * from] : (vec){0}, y3 = outputs == 4 ? y[3 * from] : (vec){0};
    vec even = outputs == 4 ? y0 + y2 : y0, odd = outputs == 4 ? y1 + y3 : y1;
    z[0] = y0;
    z[to] = even + odd;
    z[2 * to] = even - odd;
    z[3 * to] = times(y1, 2, outputs == 4 ? times(y2, 4, times(y3, 8, y0)) : y0);
    z[4 * to] = times(y1, -0.5f, outputs == 4 ? times(y2, 0.25f, times(y3, -0.125f, y0)) : y0);
    z[5 * to] = outputs == 4 ? y3 : y1;
}

static ALWAYS_INLINE void gradient_of(size_t m, const float *const *pixels, size_t channels,
                                      float *out, size_t step)
{
    for (size_t c = 0; c < channels; c += LANES) {
        vec x[4 * 4], y[N * 4], z[N];
        UNROLL for (size_t j = 0; j < m; j++)
        {
            UNROLL for (size_t i = 0; i < m; i++) x[i * m + j] = load(pixels[i * m + j] + c);
            gradient_line(m, x + j, m, y + j, m);
        }
        UNROLL for (size_t i = 0; i < N; i++)
        {
            gradient_line(m, y + i * m, 1, z, 1);
            UNROLL for (size_t j = 0; j < N; j++) store(out + (i * N + j) * step + c, z[j]);
        }
    }
}

/* The two sizes of tiles are compiled apart. */
static void gradient(size_t outputs, const float *const *pixels, size_t channels, float *out,
                     size_t step)
{
    if (outputs == 2)
        gradient_of(2, pixels, channels, out, step);
    else
        gradient_of(4, pixels, channels, out, step);
}

/* A^T x: six numbers to two or four. */
static ALWAYS_INLINE void output_line(size_t outputs, const vec *x, size_t from, vec *y, size_t to)
{
    vec x3 = x[3 * from], x4 = x[4 * from], x5 = x[5 * from];
    vec even = x[from] + x[2 * from], odd = x[from] - x[2 * from];
    y[0] = (x[0] + even) + (x3 + x4);
    vec second = times(x4, -0.5f, times(x3, 2, odd));
    if (outputs == 2) {
        y[to] = second + x5;
        return;
    }
    y[to] = second;
    y[2 * to] = times(x4, 0.25f, times(x3, 4, even));
    y[3 * to] = times(x4, -0.125f, times(x3, 8, odd + x5));
}

/* Zero times what is not finite is not a number, and stays so in a sum. */
static ALWAYS_INLINE bool is_finite(vec zeros)
{
    float sum = 0;
    for (size_t l = 0; l < LANES; l++)
        sum += zeros[l];
    return sum == 0;
}

/* Outputs of two columns of a tile, with what is done to them, y[2][N] on the way. */
static ALWAYS_INLINE void output_columns(size_t m, const vec *y, vec add, vec least, vec *zeros,
                                         vec v[4][2])
{
    UNROLL for (size_t k = 0; k < 2; k++)
    {
        vec z[4];
        output_line(m, y + k * N, 1, z, 1);
        UNROLL for (size_t i = 0; i < m; i++)
        {
            vec sum = z[i] + add;
            *zeros = times(sum, 0, *zeros);
            v[i][k] = (vec)((mask)sum & ~(mask)(sum < least)); /* what is not a number stays */
        }
    }
}

static ALWAYS_INLINE void output_of(size_t m, const float *in, size_t step, size_t channels,
                                    float *const *pixels, const float *bias, bool relu, bool pooled,
                                    float *strange)
{
    vec zeros = load(strange), least = (vec){0} + (relu ? 0 : -INFINITY);
    for (size_t c = 0; c < channels; c += LANES) {
        vec x[N], y[4 * N], v[4][2];
        UNROLL for (size_t i = 0; i < N; i++)
        {
            UNROLL for (size_t j = 0; j < N; j++) x[j] = load(in + (i * N + j) * step + c);
            output_line(m, x, 1, y + i, N);
        }
        vec add = bias ? load(bias + c) : (vec){0};
        UNROLL for (size_t j = 0; j < m; j += 2)
        {
            output_columns(m, y + j * N, add, least, &zeros, v);
            if (pooled) {
                UNROLL for (size_t i = 0; i < m; i += 2)
                {
                    float *pixel = pixels[i / 2 * (m / 2) + j / 2];
                    vec upper = MAX_F32(v[i][1], v[i][0]), left = MAX_F32(v[i + 1][0], upper);
                    if (pixel)
                        store(pixel + c, MAX_F32(v[i + 1][1], left));
                }
                continue;
            }
            UNROLL for (size_t i = 0; i < m; i++) UNROLL for (size_t k = 0; k < 2; k++)
            {
                float *pixel = pixels[i * m + j + k];
                if (pixel)
                    store(pixel + c, v[i][k]);
            }
        }
    }
    store(strange, zeros);
}

/* As for the gradient. */
static void output(size_t outputs, const float *in, size_t step, size_t channels,
                   float *const *pixels, const float *bias, bool relu, bool pooled, float *strange)
{
    if (outputs == 2)
        output_of(2, in, step, channels, pixels, bias, relu, pooled, strange);
    else
        output_of(4, in, step, channels, pixels, bias, relu, pooled, strange);
}

/* G, for a 5 x 5 filter; that of a 3 x 3 one is its left part, but for the last row, where the last
 * column counts. */
static const float G[N][MOST] = {
    {1 / 2.f, 0, 0, 0, 0},
    {1 / 6.f, 1 / 6.f, 1 / 6.f, 1 / 6.f, 1 / 6.f},
    {1 / 6.f, -1 / 6.f, 1 / 6.f, -1 / 6.f, 1 / 6.f},
    {1 / 30.f, 2 / 30.f, 4 / 30.f, 8 / 30.f, 16 / 30.f},
    {16 / 15.f, -8 / 15.f, 4 / 15.f, -2 / 15.f, 1 / 15.f},
    {0, 0, 0, 0, 0},
};

/* Row i of G: half of the last tap at infinity. */
static ALWAYS_INLINE float weight(size_t window, size_t i, size_t tap)
{
    return i + 1 == N && tap + 1 == window ? 0.5f : G[i][tap];
}

/* Filters are few, so that plain sums over the tables do. */
static SMALL void filter(size_t window, const float *taps, size_t apart, size_t n, bool reversed,
                         float *out, size_t step)
{
    for (size_t c = 0; c < n; c += LANES) {
        vec half[N][MOST];
        for (size_t i = 0; i < N; i++) {
            for (size_t b = 0; b < window; b++) {
                half[i][b] = (vec){0};
                for (size_t a = 0; a < window; a++) {
                    size_t tap = a * window + b;
                    tap = reversed ? window * window - 1 - tap : tap;
                    half[i][b] += load(taps + tap * apart + c) * weight(window, i, a);
                }
            }
        }
        for (size_t p = 0; p < TW_WINOGRAD_PRODUCTS; p++) {
            vec sum = {0};
            for (size_t b = 0; b < window; b++)
                sum += half[p / N][b] * weight(window, p % N, b);
            store(out + p * step + c, sum);
        }
    }
}

/* The same table, transposed. */
static SMALL bool filter_gradient(size_t window, const float *in, size_t step, size_t n,
                                  float *taps)
{
    vec zeros = {0};
    for (size_t c = 0; c < n; c += LANES) {
        vec half[MOST][N];
        for (size_t j = 0; j < N; j++) {
            for (size_t a = 0; a < window; a++) {
                half[a][j] = (vec){0};
                for (size_t i = 0; i < N; i++)
                    half[a][j] += load(in + (i * N + j) * step + c) * weight(window, i, a);
            }
        }
        for (size_t tap = 0; tap < window * window; tap++) {
            vec sum = {0};
            for (size_t j = 0; j < N; j++)
                sum += half[tap / window][j] * weight(window, j, tap % window);
            zeros += sum * 0;
            store(taps + tap * n + c, sum);
        }
    }
    return is_finite(zeros);
}

const tw_winograd_loops TW_ISA_NAME(tw_winograd_loops) = {input, gradient, output, filter,
                                                          filter_gradient};
