/* SPDX-License-Identifier: Apache-2.0
 * Select and SelectV2: elements of two arrays by a condition. Both are instructions of tile
 * programs, which look at the elements' size alone. */
#include "ops/elementwise.h"
#include "ops/select_loops.h"

/* The loop of the element size: 1, 2, 4, 8 or 16 bytes. */
static bool instruction(const tw_spec *spec, const tw_dtype *dtypes, tw_tile_instruction *out)
{
    const tw_select_loops *loops = TW_ISA_TABLE(tw_select_loops);
    size_t size = tw_dtype_size(dtypes[1]), index = 0;
    (void)spec;
    if (!tw_dtype_is_plain(dtypes[1]))
        return false;
    while ((size_t)1 << index < size)
        index++;
    out->loop = loops->by_size[index];
    out->dtype = dtypes[1];
    out->cost = (uint16_t)(20 * size);
    return true;
}

/* Strings and handles: element by element. */
static tw_status *choose_elements(tw_compute *c)
{
    const tw_array *condition = tw_input(c, 0);
    tw_array *z = tw_output(c, 0);
    tw_shape shape = tw_shape_of(z);
    size_t size = tw_dtype_size(z->dtype);
    size_t row = condition->rank == 1 && z->rank > 1 && condition->count ? z->count : 0;
    bool by_row = row > 0 && c->spec->op->definition.elementwise->by_row;
    for (size_t i = 0; i < z->count; i++) {
        size_t which = by_row ? i / (z->count / condition->count)
                              : tw_broadcast_index(tw_shape_of(condition), shape, i);
        const tw_array *from = tw_input(c, ((const bool *)condition->data)[which] ? 1 : 2);
        size_t at = tw_broadcast_index(tw_shape_of(from), shape, i);
        TW_TRY(tw_elements_copy(z->dtype, (char *)z->data + i * size,
                                (const char *)from->data + at * size, 1));
    }
    return TW_OK;
}

/* Numbers in tiles, the rest one by one. */
static tw_status *compute(tw_compute *c)
{
    return tw_dtype_is_plain(tw_output(c, 0)->dtype) ? tw_elementwise_compute(c)
                                                     : choose_elements(c);
}

/* The condition is a scalar, has the others' shape, or is a vector that chooses rows. */
static void infer_select(tw_infer *in)
{
    tw_shape condition = tw_infer_input(in, 0);
    tw_shape both = tw_infer_merge(in, tw_infer_input(in, 1), tw_infer_input(in, 2));
    if (condition.dims && condition.rank == 1 && both.dims && both.rank > 1) {
        if (!tw_dims_agree(condition.dims[0], both.dims[0]))
            tw_infer_fail(
                in, "Dimension 0 in both shapes must be equal, but are %" PRId64 " and %" PRId64,
                condition.dims[0], both.dims[0]);
    } else if (condition.dims && condition.rank > 0 && (both.dims || condition.rank > 1)) {
        both = tw_infer_merge(in, condition, both);
    }
    tw_infer_output(in, 0, both);
}

/* A node with three inputs. */
static tw_tensor add(tw_gradient *g, const char *type, tw_tensor x, tw_tensor y, tw_tensor z)
{
    tw_tensor inputs[] = {x, y, z};
    return tw_gradient_add(g, type, inputs, 3, NULL, 0);
}

/* Where the condition took t, t gets dz and e nothing, and the other way round. */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor dz = tw_gradient_dy(g, 0), zeros = tw_gradient_add(g, "ZerosLike", &dz, 1, NULL, 0);
    const char *type = tw_operation_type(g->op);
    tw_tensor dx = add(g, type, g->inputs[0], dz, zeros);
    tw_tensor dy = add(g, type, g->inputs[0], zeros, dz);
    const struct tw_elementwise *e = tw_op_get_definition(tw_op_find(type))->elementwise;
    if (e->broadcasts) {
        dx = tw_gradient_unbroadcast(g, dx, g->inputs[1], g->outputs[0]);
        dy = tw_gradient_unbroadcast(g, dy, g->inputs[2], g->outputs[0]);
    }
    g->dx[1] = tw_grad_of(dx);
    g->dx[2] = tw_grad_of(dy);
    return TW_OK;
}

static const struct tw_elementwise element_select = {
    .name = "Select", .arity = 3, .by_row = true, .instruction = instruction};
static const struct tw_elementwise element_select_v2 = {
    .name = "SelectV2", .arity = 3, .broadcasts = true, .instruction = instruction};

const tw_op_definition tw_op_Select = {
    .signature = "condition: bool, t: T, e: T -> output: T; T: type",
    .doc =
        "Elements of `t` where `condition` is true, of `e` elsewhere. A scalar condition chooses "
        "one of them, a vector chooses rows.",
    .examples = {"select([True, False], [1, 2], [3, 4]) -> [1, 4]",
                 "select([True, False], [[1, 2], [3, 4]], [[5, 6], [7, 8]]) -> [[1, 2], [7, 8]]"},
    .infer = infer_select,
    .gradient = gradient,
    .compute = compute,
    .prepare = tw_elementwise_prepare,
    .state_size = TW_TILE_SINGLE_SIZE,
    .in_place = 6,
    .elementwise = &element_select,
};

const tw_op_definition tw_op_SelectV2 = {
    .signature = "condition: bool, t: T, e: T -> output: T; T: type",
    .doc = "Elements of `t` where `condition` is true, of `e` elsewhere; all three broadcast.",
    .examples = {"select_v2([True, False], [1, 2], 0) -> [1, 0]"},
    .since = "1.15",
    .infer = tw_infer_broadcast_all,
    .gradient = gradient,
    .compute = compute,
    .prepare = tw_elementwise_prepare,
    .state_size = TW_TILE_SINGLE_SIZE,
    .in_place = 6,
    .elementwise = &element_select_v2,
};
