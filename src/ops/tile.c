/* SPDX-License-Identifier: Apache-2.0
 * Tile: an array repeated along its dimensions; TileGrad: the sum of the repetitions. */
#include "ops/arrays.h"

/* ---- Tile ---- */

/* A dimension of 0, or no repetition, gives 0 whatever the other is; multiples may be known in
 * part. */
static void infer_tile(tw_infer *in)
{
    tw_shape shape = tw_infer_input(in, 0);
    int64_t rank = tw_infer_vector_of_rank(in, 1);
    const tw_array *value = tw_infer_value(in, 1);
    for (size_t i = 0; value && i < value->count; i++)
        if (tw_index_at(value, i) < 0)
            tw_infer_fail(in, "Expected multiples[%zu] >= 0, but got %" PRId64, i,
                          tw_index_at(value, i));
    tw_shape multiples = tw_infer_shape_value(in, 1);
    if (rank < 0 || tw_infer_failed(in))
        return;
    if (!shape.dims)
        shape = tw_infer_unknown(in, (size_t)rank);
    int64_t *dims = tw_infer_dims(in, shape.rank);
    for (size_t i = 0; shape.dims && multiples.dims && i < shape.rank; i++)
        if (shape.dims[i] == 0 || multiples.dims[i] == 0)
            dims[i] = 0;
        else if (shape.dims[i] >= 0 && multiples.dims[i] >= 0 &&
                 !tw_int64_mul(shape.dims[i], multiples.dims[i], &dims[i]))
            tw_infer_fail(in, "the size of the result is out of range");
    if (shape.dims)
        tw_infer_output(in, 0, (tw_shape){dims, shape.rank});
}

/* dy as (m0, d0, m1, d1 ...), summed over the m. */
static tw_status *gradient_tile(tw_gradient *g)
{
    tw_tensor x = g->inputs[0], multiples = g->inputs[1];
    tw_tensor shape = tw_gradient_shape_like(x, multiples);
    tw_tensor pairs = tw_stack(TW_LIST(multiples, shape));
    tw_tensor split = tw_reshape(tw_transpose(pairs, TW_INTS(1, 0)), TW_INTS(-1));
    tw_tensor axes = tw_range(0, tw_size(split), 2);
    g->dx[0] = tw_grad_of(tw_reshape(tw_sum(tw_reshape(tw_gradient_dy(g, 0), split), axes), shape));
    return TW_OK;
}

/* The multiples were checked by the rule, which has to know them to say the shape. */
static tw_status *compute_tile(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    int64_t multiples[TW_MAX_RANK];
    for (size_t i = 0; i < x->rank; i++)
        multiples[i] = tw_index_at(tw_input(c, 1), i);
    if (tw_output(c, 0)->count == 0)
        return TW_OK;
    tw_par par = tw_compute_par(c);
    return (tw_tile)(x->dtype, tw_shape_of(x), multiples, x->data, tw_output_data(c, 0), &par);
}

const tw_op_definition tw_op_Tile = {
    .signature = "input: T, multiples: Tmultiples -> output: T; T: type; "
                 "Tmultiples: {int32, int64} = int32",
    .doc = "The array repeated multiples[i] times along dimension i.",
    .since = "int64 multiples: 0.12",
    .examples = {"tile([1, 2], [3]) -> [1, 2, 1, 2, 1, 2]",
                 "tile([[1], [2]], [1, 2]) -> [[1, 1], [2, 2]]"},
    .shape_inputs = 1 << 1,
    .infer = infer_tile,
    .gradient = gradient_tile,
    .compute = compute_tile,
};

/* ---- TileGrad ---- */

/* The input is whole repetitions. */
static void infer_grad(tw_infer *in)
{
    tw_shape shape = tw_infer_input(in, 0);
    int64_t rank = tw_infer_vector_of_rank(in, 1);
    const tw_array *multiples = tw_infer_value(in, 1);
    if (rank < 0 || tw_infer_failed(in))
        return;
    if (!shape.dims)
        shape = tw_infer_unknown(in, (size_t)rank);
    int64_t *dims = tw_infer_dims(in, shape.rank);
    for (size_t i = 0; shape.dims && multiples && i < shape.rank; i++) {
        int64_t times = tw_index_at(multiples, i);
        if (times <= 0 || (shape.dims[i] >= 0 && shape.dims[i] % times != 0))
            tw_infer_fail(in, "a dimension of %" PRId64 " is not %" PRId64 " equal parts",
                          shape.dims[i], times);
        else if (shape.dims[i] >= 0)
            dims[i] = shape.dims[i] / times;
    }
    if (shape.dims)
        tw_infer_output(in, 0, (tw_shape){dims, shape.rank});
}

/* A sum's derivative repeats. */
static tw_status *gradient_grad(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_tile(tw_gradient_dy(g, 0), g->inputs[1]));
    return TW_OK;
}

/* Adds one repetition after the other: each is a box of the input. */
static tw_status *compute_grad(tw_compute *c)
{
    const tw_array *dy = tw_input(c, 0);
    tw_array *dx = tw_output(c, 0);
    size_t rank = dx->rank, dims[TW_MAX_RANK], at[TW_MAX_RANK] = {0}, times[TW_MAX_RANK];
    size_t boxes = 1;
    ptrdiff_t to[TW_MAX_RANK], from[TW_MAX_RANK];
    tw_zero_array(dx);
    if (dx->count == 0)
        return TW_OK;
    tw_row_major(dx->dims, rank, to);
    tw_row_major(dy->dims, rank, from);
    for (size_t i = 0; i < rank; i++) {
        dims[i] = (size_t)dx->dims[i];
        times[i] = (size_t)(dy->dims[i] / dx->dims[i]);
        boxes *= times[i];
    }
    tw_region region = {rank, dims, to, from};
    tw_par par = tw_compute_par(c);
    for (size_t box = 0; box < boxes; box++) {
        ptrdiff_t start = 0;
        for (size_t i = 0; i < rank; i++)
            start += (ptrdiff_t)(at[i] * dims[i]) * from[i];
        TW_TRY(tw_add_region(dx->dtype, &region, dx->data, tw_element_at(dy, (size_t)start), &par));
        for (size_t i = rank; i-- > 0 && ++at[i] == times[i];)
            at[i] = 0;
    }
    return TW_OK;
}

const tw_op_definition tw_op_TileGrad = {
    .signature = "input: T, multiples: int32 -> output: T; T: type",
    .doc = "The derivative of Tile: the repetitions added up.",
    .since = "until 0.12 made by Tile's gradient",
    .examples = {"tile_grad([1., 2., 3., 4.], [2]) -> [4., 6.]"},
    .shape_inputs = 1 << 1,
    .infer = infer_grad,
    .gradient = gradient_grad,
    .compute = compute_grad,
};
