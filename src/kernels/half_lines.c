/* SPDX-License-Identifier: Apache-2.0
 * Lines of 16-bit floats: whole blocks by the tile engine's loops, what is left over one by one. */
#include "kernels/half_lines.h"

#include "kernels/half.h"
#include "kernels/tile_inside.h"

void tw_widen_line(tw_dtype dtype, size_t n, float *to, const void *from)
{
    const tw_tile_loops *loops = tw_tile_loops_now();
    const uint16_t *x = from;
    size_t i = n & ~(size_t)(TW_TILE_BLOCK - 1);
    bool half = dtype == TW_FLOAT16;
    (half ? loops->widen_half : loops->widen_bfloat16)(i, to, x, NULL, NULL);
    for (; i < n; i++)
        to[i] = half ? tw_widen_half(x[i]) : tw_widen_bfloat16(x[i]);
}

void tw_narrow_line(tw_dtype dtype, size_t n, void *to, const float *from)
{
    const tw_tile_loops *loops = tw_tile_loops_now();
    uint16_t *z = to;
    size_t i = n & ~(size_t)(TW_TILE_BLOCK - 1);
    bool half = dtype == TW_FLOAT16;
    (half ? loops->narrow_half : loops->narrow_bfloat16)(i, z, from, NULL, NULL);
    for (; i < n; i++)
        z[i] = half ? tw_narrow_half(from[i]) : tw_narrow_bfloat16(from[i]);
}
