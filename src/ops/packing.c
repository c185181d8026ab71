/* SPDX-License-Identifier: Apache-2.0
 * What packed copies of weights look like. A kind tells layouts apart: the instruction set level is
 * part of it, since panels are as wide as registers. */
#include "ops/packing.h"

#include "kernels/isa.h"
#include "ops/conv2d.h"
#include "ops/product.h"

enum { MATRIX = 1, TURNED_MATRIX, FILTER };

/* more: of a matrix how many panels are packed, of a filter what tw_conv_keep_bytes says. */
static uint64_t kind_of(uint64_t layout, uint64_t more)
{
    return layout | more << 8 | (uint64_t)tw_isa_level() << 32;
}

/* ---- MatMul and _FusedMatMul ---- */

static tw_gemm_shape shape_of(const tw_compute *c)
{
    return tw_product_shape(tw_input(c, 0), tw_input(c, 1), tw_compute_bool(c, "transpose_a"),
                            tw_compute_bool(c, "transpose_b"));
}

/* Ranks that the kernel will refuse are not packed. */
static size_t matmul_bytes(const tw_compute *c, tw_pack_form *form)
{
    if (tw_input(c, 0)->rank != 2 || tw_input(c, 1)->rank != 2)
        return 0;
    tw_gemm_shape s = shape_of(c);
    size_t panels, bytes = tw_gemm_keep_bytes(tw_input(c, 1)->dtype, &s, &panels);
    *form = (tw_pack_form){kind_of(s.transpose_b ? TURNED_MATRIX : MATRIX, panels), s.k};
    return bytes;
}

static void matmul_pack(const tw_compute *c, void *to)
{
    tw_gemm_shape s = shape_of(c);
    tw_par par = tw_compute_par(c);
    tw_gemm_pack(tw_input(c, 1)->dtype, &s, tw_input(c, 1)->data, to, &par);
}

const struct tw_packing tw_matmul_packing = {1, matmul_bytes, matmul_pack};

/* ---- Conv2D and its fused forms ---- */

/* False: the kernel will say what is wrong. What is pooled too is convolved in groups of images. */
static bool conv_of(const tw_compute *c, bool in_groups, tw_conv *out)
{
    const tw_array *image = tw_input(c, 0), *filter = tw_input(c, 1);
    if (image->rank != 4 || filter->rank != 4)
        return false;
    tw_status *status = tw_conv2d_make(c, image->dims, filter->dims, NULL, false, out);
    tw_status_free(status);
    if (!status && in_groups)
        out->batch = tw_conv2d_group(c, out);
    return !status;
}

/* A plain filter is a matrix like any other. */
static size_t filter_bytes(const tw_compute *c, bool in_groups, tw_pack_form *form)
{
    tw_conv conv;
    size_t kind = 0;
    if (!conv_of(c, in_groups, &conv))
        return 0;
    size_t bytes = tw_conv_keep_bytes(tw_input(c, 1)->dtype, &conv, &kind);
    size_t rows = conv.in_depth * (kind ? 1 : conv.rows.window * conv.cols.window);
    *form = (tw_pack_form){kind_of(kind ? FILTER : MATRIX, kind), rows};
    return bytes;
}

static void pack_filter(const tw_compute *c, bool in_groups, void *to)
{
    tw_conv conv;
    if (conv_of(c, in_groups, &conv))
        tw_conv_pack(tw_input(c, 1)->dtype, &conv, tw_input(c, 1)->data, to);
}

static size_t conv2d_bytes(const tw_compute *c, tw_pack_form *form)
{
    return filter_bytes(c, false, form);
}

static void conv2d_pack(const tw_compute *c, void *to)
{
    pack_filter(c, false, to);
}

static size_t conv2d_pool_bytes(const tw_compute *c, tw_pack_form *form)
{
    return filter_bytes(c, true, form);
}

static void conv2d_pool_pack(const tw_compute *c, void *to)
{
    pack_filter(c, true, to);
}

const struct tw_packing tw_conv2d_packing = {1, conv2d_bytes, conv2d_pack};
const struct tw_packing tw_conv2d_pool_packing = {1, conv2d_pool_bytes, conv2d_pool_pack};
