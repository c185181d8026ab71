/* SPDX-License-Identifier: Apache-2.0
 * Convolutions over few channels for one instruction set level. */
#include "kernels/conv_direct_loops.h"

#include <float.h>

#include "kernels/isa/extremes.h"
#include "kernels/isa/fma.h"

/* A tile: two rows of so many outputs by so many vectors of channels. */
#if TW_ISA_LEVEL >= 4 || TW_ISA_LEVEL == 2
enum { COLS = 4, VECTORS = 2 };
#elif TW_ISA_LEVEL == 3
enum { COLS = 2, VECTORS = 2 };
#else
enum { COLS = 2, VECTORS = 1 };
#endif
enum { ROWS = 2, LANES = TW_VECTOR_BYTES / sizeof(float), WIDTH = VECTORS * LANES };
typedef float vec __attribute__((vector_size(TW_VECTOR_BYTES)));
typedef float loose __attribute__((vector_size(TW_VECTOR_BYTES), aligned(4), may_alias));

static ALWAYS_INLINE vec load(const float *x)
{
    return *(const loose *)x;
}

static ALWAYS_INLINE vec spread(float x)
{
    return (vec){SPREAD_F32(x)};
}

/* Each row of the filter is read once for all outputs. */
static ALWAYS_INLINE void add_products(vec acc[ROWS][COLS][VECTORS], const tw_conv_direct_rows *r,
                                       const float *pixels, const float *filter, size_t cols)
{
    size_t across = r->across, channels = r->channels;
    for (size_t tap = r->taps; tap; tap--, pixels += r->row) {
        const float *at[ROWS][2] = {{pixels, pixels + 2 * across},
                                    {pixels + r->down, pixels + r->down + 2 * across}};
        for (size_t left = r->run; left; left--, filter += channels) {
            vec taps[VECTORS];
            UNROLL for (size_t v = 0; v < VECTORS; v++) taps[v] = load(filter + v * LANES);
            UNROLL for (size_t y = 0; y < ROWS; y++) UNROLL for (size_t x = 0; x < cols; x++)
            {
                vec pixel = spread(at[y][x / 2][x % 2 * across]);
                UNROLL for (size_t v = 0; v < VECTORS; v++)
                    ADD_PRODUCT_F32(acc[y][x][v], pixel, taps[v]);
            }
            UNROLL for (size_t y = 0; y < ROWS; y++)
            {
                at[y][0]++;
                at[y][1]++;
            }
        }
    }
}

/* What is not a number stays. */
static ALWAYS_INLINE vec dress(vec sum, const tw_conv_direct_rows *r, vec bias)
{
    vec x = r->bias ? sum + bias : sum;
    if (r->relu)
        x = MAX_F32((vec){0}, x);
    return x;
}

/* As poolings do it: what is not a number is never the largest. */
static ALWAYS_INLINE void store_pooled(vec acc[ROWS][COLS][VECTORS], const tw_conv_direct_rows *r,
                                       const vec *bias, float *out, size_t cols)
{
    UNROLL for (size_t x = 0; x < cols; x += 2, out += r->channels)
        UNROLL for (size_t v = 0; v < VECTORS; v++)
    {
        vec most = spread(-FLT_MAX);
        UNROLL for (size_t y = 0; y < ROWS; y++) UNROLL for (size_t i = x; i < x + 2; i++)
        {
            vec sum = dress(acc[y][i][v], r, bias[v]);
            most = MAX_F32(sum, most);
        }
        *(loose *)(out + v * LANES) = most;
    }
}

/* All of the way of one tile, with what is done to its sums while they are registers. */
static ALWAYS_INLINE void tile(const tw_conv_direct_rows *r, size_t col, size_t channel,
                               size_t cols)
{
    vec acc[ROWS][COLS][VECTORS], bias[VECTORS];
    UNROLL for (size_t y = 0; y < ROWS; y++) UNROLL for (size_t x = 0; x < cols; x++)
        UNROLL for (size_t v = 0; v < VECTORS; v++) acc[y][x][v] = (vec){0};
    add_products(acc, r, r->pixels + col * r->across, r->filter + channel, cols);
    UNROLL for (size_t v = 0; v < VECTORS; v++)
        bias[v] = r->bias ? load(r->bias + channel + v * LANES) : (vec){0};
    if (r->pooled) {
        store_pooled(acc, r, bias, r->out + col / 2 * r->channels + channel, cols);
        return;
    }
    UNROLL for (size_t y = 0; y < ROWS; y++)
    {
        float *out = r->out + y * r->out_row + col * r->channels + channel;
        UNROLL for (size_t x = 0; x < cols; x++, out += r->channels)
                UNROLL for (size_t v = 0; v < VECTORS; v++) *
            (loose *)(out + v * LANES) = dress(acc[y][x][v], r, bias[v]);
    }
}

/* As many outputs as fit, or two; where one is left, the one before is computed again. */
static void row(const tw_conv_direct_rows *r, size_t channel)
{
    for (size_t col = 0, cols; col < r->cols; col += cols) {
        size_t left = r->cols - col;
        col -= left == 1;
        cols = left < COLS ? 2 : COLS;
        if (cols == COLS)
            tile(r, col, channel, COLS);
        else
            tile(r, col, channel, 2);
    }
}

/* What the first channels read of the pixels is in the first cache for the others. */
static void rows(const tw_conv_direct_rows *r)
{
    for (size_t channel = 0; channel < r->channels; channel += WIDTH)
        row(r, channel);
}

const tw_conv_direct_loops TW_ISA_NAME(tw_conv_direct_loops) = {rows};
