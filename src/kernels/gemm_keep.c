/* SPDX-License-Identifier: Apache-2.0
 * What of a matrix repays to be kept packed for many products. */
#include "kernels/gemm.h"
#include "kernels/gemm_loops.h"

enum { LEAST_ROWS = 48, LARGE_BYTES = 1 << 22, KEPT_BYTES = 3 << 20 };

/* Of a panel as wide as any. */
static size_t panel_bytes(const tw_gemm_loops *loops, size_t k)
{
    return k * loops->lanes * loops->panel_vectors * loops->size;
}

/* So many panels of a packed copy repay its memory. Where many rows are multiplied by a large B,
 * packing it each time takes 3 % of the product: most of it stands as it is. 0: all panels. */
size_t tw_gemm_kept_panels(const tw_gemm_loops *loops, size_t m, size_t n, size_t k, bool turned)
{
    size_t panel = panel_bytes(loops, k);
    size_t panels = tw_gemm_panels(loops, n), most = KEPT_BYTES / (panel ? panel : 1);
    if (turned || m < LEAST_ROWS || panels * panel < LARGE_BYTES || most >= panels)
        return 0;
    return most ? most : 1;
}

/* Packing is a share of about 3 / m of a product; below 16 KB there is nothing to gain. Few rows
 * are multiplied as fast by a B that stands as it is, and few columns as sums along k. */
size_t tw_gemm_keep_bytes(tw_dtype dtype, const tw_gemm_shape *s, size_t *panels)
{
    enum { LEAST_BYTES = 16384, MOST_ROWS = 256 };
    *panels = 0;
    if ((dtype != TW_FLOAT32 && dtype != TW_FLOAT64) || s->n < 2 || s->m <= TW_GEMM_FEW ||
        s->m > MOST_ROWS)
        return 0;
    const tw_gemm_loops *loops = tw_gemm_loops_of(dtype);
    if (s->n <= loops->most_sums && s->n % loops->lanes)
        return 0;
    size_t bytes = tw_gemm_packed_bytes(dtype, s->k, s->n);
    if (bytes != SIZE_MAX)
        *panels = tw_gemm_kept_panels(loops, s->m, s->n, s->k, s->transpose_b);
    if (*panels)
        bytes = *panels * panel_bytes(loops, s->k);
    return bytes < LEAST_BYTES || bytes == SIZE_MAX ? 0 : bytes;
}
