/* SPDX-License-Identifier: Apache-2.0
 * StridedSlice, its gradient, and StridedSliceAssign: x[1:3, ..., ::-1] as an op. How the spec is
 * read: strided.h. */
#include <string.h>

#include "ops/strided.h"

/* The masks are attributes of all three ops, under the same names. */
static tw_strided_masks masks_of_rule(const tw_infer *in)
{
    return (tw_strided_masks){tw_infer_int(in, "begin_mask"), tw_infer_int(in, "end_mask"),
                              tw_infer_int(in, "ellipsis_mask"), tw_infer_int(in, "new_axis_mask"),
                              tw_infer_int(in, "shrink_axis_mask")};
}

static tw_strided_masks masks_of_step(const tw_compute *c)
{
    return (tw_strided_masks){tw_compute_int(c, "begin_mask"), tw_compute_int(c, "end_mask"),
                              tw_compute_int(c, "ellipsis_mask"),
                              tw_compute_int(c, "new_axis_mask"),
                              tw_compute_int(c, "shrink_axis_mask")};
}

/* Inputs 1 to 3 are the spec. */
static void infer_slice(tw_infer *in)
{
    tw_shape entries = tw_infer_merge(in, tw_infer_vector(in, 1), tw_infer_vector(in, 2));
    entries = tw_infer_merge(in, entries, tw_infer_vector(in, 3));
    tw_shape shape = tw_infer_input(in, 0);
    const tw_array *begin = tw_infer_value(in, 1), *end = tw_infer_value(in, 2),
                   *strides = tw_infer_value(in, 3);
    if (tw_infer_failed(in) || !shape.dims || !strides)
        return;
    tw_strided_masks masks = masks_of_rule(in);
    tw_strided s;
    tw_text why;
    if (tw_strided_read(shape, &masks, strides->count, begin, end, strides, &s, &why))
        tw_infer_output(in, 0, (tw_shape){s.final_dims, s.final_rank});
    else
        tw_infer_fail(in, "%s", why.s);
}

/* The spec in inputs first .. first + 2 against an array of that shape. */
static tw_status *read_spec(const tw_compute *c, size_t first, tw_shape shape, tw_strided *out)
{
    const tw_array *begin = tw_input(c, first), *end = tw_input(c, first + 1),
                   *strides = tw_input(c, first + 2);
    tw_strided_masks masks = masks_of_step(c);
    tw_text why;
    if (begin->rank != 1 || !tw_same_shape(begin, end) || !tw_same_shape(begin, strides))
        return tw_compute_fail(c,
                               "Expected begin, end, and strides to be 1D equal size tensors, but "
                               "got shapes %s, %s, and %s instead.",
                               tw_brackets(begin).s, tw_brackets(end).s, tw_brackets(strides).s);
    if (!tw_strided_read(shape, &masks, begin->count, begin, end, strides, out, &why))
        return tw_compute_fail(c, "%s", why.s);
    return TW_OK;
}

/* Copies between the elements of `array` that the spec names and `dense`, which holds just them. */
typedef enum direction { OUT_OF_ARRAY, INTO_ARRAY, ADDED_TO_ARRAY } direction;

static tw_status *move(const tw_compute *c, const tw_strided *s, const tw_array *array,
                       const tw_array *dense, direction way)
{
    size_t dims[TW_MAX_RANK];
    ptrdiff_t inside[TW_MAX_RANK], packed[TW_MAX_RANK], start = 0;
    if (dense->count == 0)
        return TW_OK;
    tw_row_major(array->dims, array->rank, inside);
    tw_row_major(s->size, s->rank, packed);
    for (size_t i = 0; i < s->rank; i++) {
        dims[i] = (size_t)s->size[i];
        start += (ptrdiff_t)s->begin[i] * inside[i];
        /* One step may be longer than any array; nobody takes it. */
        inside[i] = dims[i] > 1 ? inside[i] * (ptrdiff_t)s->stride[i] : 0;
    }
    char *there = tw_element_to(array, (size_t)start);
    bool out = way == OUT_OF_ARRAY;
    tw_region region = {s->rank, dims, out ? packed : inside, out ? inside : packed};
    tw_par par = tw_compute_par(c);
    if (way == ADDED_TO_ARRAY)
        return tw_add_region(array->dtype, &region, there, dense->data, &par);
    return out ? tw_copy_region(array->dtype, &region, dense->data, there, &par)
               : tw_copy_region(array->dtype, &region, there, dense->data, &par);
}

/* ---- StridedSlice ---- */

/* The shape of x as integers of the dtype of begin: the gradient's signature asks for one dtype. */
static tw_status *gradient_slice(tw_gradient *g)
{
    tw_tensor shape = tw_gradient_shape_like(g->inputs[0], g->inputs[1]);
    g->dx[0] = tw_grad_of(tw_strided_slice_grad(
        shape, g->inputs[1], g->inputs[2], g->inputs[3], tw_gradient_dy(g, 0),
        .begin_mask = tw_gradient_int(g, "begin_mask"), .end_mask = tw_gradient_int(g, "end_mask"),
        .ellipsis_mask = tw_gradient_int(g, "ellipsis_mask"),
        .new_axis_mask = tw_gradient_int(g, "new_axis_mask"),
        .shrink_axis_mask = tw_gradient_int(g, "shrink_axis_mask")));
    return TW_OK;
}

/* Where the result is known by its shape alone, begin and end may still be wrong: they are read
 * again. */
static tw_status *compute_slice(tw_compute *c)
{
    tw_strided s;
    TW_TRY(read_spec(c, 1, tw_shape_of(tw_input(c, 0)), &s));
    return move(c, &s, tw_input(c, 0), tw_output(c, 0), OUT_OF_ARRAY);
}

const tw_op_definition tw_op_StridedSlice = {
    .signature =
        "input: T, begin: Index, end: Index, strides: Index -> output: T; " TW_STRIDED_MASKS,
    .doc =
        "The elements begin, begin + stride ... before end along each dimension, x[1:5:2, ::-1]. "
        "Negative places count from the end. Bit i of begin_mask or end_mask: entry i starts at "
        "the beginning or goes on to the end; of ellipsis_mask: it stands for all dimensions "
        "that are not named; of new_axis_mask: it adds a dimension of size 1; of "
        "shrink_axis_mask: it is one place, and the dimension goes.",
    .since = "StridedSlice: 0.9",
    .examples = {"strided_slice([1, 2, 3, 4, 5], [1], [4], [2]) -> [2, 4]",
                 "strided_slice([1, 2, 3], [0], [0], [-1], begin_mask=1, end_mask=1) -> [3, 2, 1]",
                 "strided_slice([[1, 2], [3, 4]], [0, 1], [0, 2], [1, 1], ellipsis_mask=1, "
                 "shrink_axis_mask=2) -> [2, 4]"},
    .shape_inputs = 1 << 1 | 1 << 2 | 1 << 3,
    .infer = infer_slice,
    .gradient = gradient_slice,
    .compute = compute_slice,
};

/* ---- StridedSliceGrad ---- */

/* The shape is all that matters; that dy suits it is checked where all is known. */
static void infer_grad(tw_infer *in)
{
    tw_infer_merge(in, tw_infer_merge(in, tw_infer_vector(in, 1), tw_infer_vector(in, 2)),
                   tw_infer_vector(in, 3));
    tw_infer_output(in, 0, tw_infer_size_value(in, 0));
}

/* It is linear in dy: its derivative takes the slice again. */
static tw_status *gradient_grad(tw_gradient *g)
{
    g->dx[4] = tw_grad_of(tw_strided_slice(
        tw_gradient_dy(g, 0), g->inputs[1], g->inputs[2], g->inputs[3],
        .begin_mask = tw_gradient_int(g, "begin_mask"), .end_mask = tw_gradient_int(g, "end_mask"),
        .ellipsis_mask = tw_gradient_int(g, "ellipsis_mask"),
        .new_axis_mask = tw_gradient_int(g, "new_axis_mask"),
        .shrink_axis_mask = tw_gradient_int(g, "shrink_axis_mask")));
    return TW_OK;
}

/* Where in dx the slice came from, if dy has its shape. */
static tw_status *place_of(const tw_compute *c, const tw_array *dx, const tw_array *dy,
                           tw_strided *out)
{
    TW_TRY(read_spec(c, 1, tw_shape_of(dx), out));
    tw_shape wanted = {out->final_dims, out->final_rank};
    if (!tw_shape_equal(wanted, tw_shape_of(dy)))
        return tw_compute_fail(c, "shape of dy was %s instead of %s", tw_brackets(dy).s,
                               tw_shape_tf_text(wanted).s);
    return TW_OK;
}

/* Zeros, then dy into the places that the slice came from; none of them occurs twice. */
static tw_status *compute_grad(tw_compute *c)
{
    tw_strided s;
    TW_TRY(place_of(c, tw_output(c, 0), tw_input(c, 4), &s));
    tw_zero_array(tw_output(c, 0));
    return move(c, &s, tw_output(c, 0), tw_input(c, 4), INTO_ARRAY);
}

const tw_op_definition tw_op_StridedSliceGrad = {
    .signature = "shape: Index, begin: Index, end: Index, strides: Index, dy: T -> "
                 "output: T; " TW_STRIDED_MASKS,
    .doc = "Zeros of shape `shape` with `dy` in the place that StridedSlice with the same begin, "
           "end, strides and masks takes its result from.",
    .since = "StridedSliceGrad: 0.9",
    .examples = {"strided_slice_grad([5], [1], [4], [2], [7., 8.]) -> [0., 7., 0., 8., 0.]"},
    .shape_inputs = 1,
    .infer = infer_grad,
    .gradient = gradient_grad,
    .compute = compute_grad,
};

/* ---- _StridedSliceAdd ---- */

static void infer_add(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_input(in, 0));
}

static tw_status *compute_add(tw_compute *c)
{
    const tw_array *sum = tw_input(c, 0), *dy = tw_input(c, 4);
    tw_array *out = tw_output(c, 0);
    tw_strided s;
    TW_TRY(place_of(c, sum, dy, &s));
    if (out->count && out->data != sum->data)
        memcpy(out->data, sum->data, out->count * tw_dtype_size(out->dtype));
    return move(c, &s, out, dy, ADDED_TO_ARRAY);
}

const tw_op_definition tw_op__StridedSliceAdd = {
    .signature = "sum: T, begin: Index, end: Index, strides: Index, dy: T -> "
                 "output: T; " TW_STRIDED_MASKS,
    .doc = "sum + StridedSliceGrad(shape(sum), begin, end, strides, dy). The planner makes it.",
    .builder = "",
    .infer = infer_add,
    .gradient = tw_not_differentiable,
    .in_place = 1,
    .compute = compute_add,
};

/* ---- StridedSliceAssign ---- */

static void infer_assign(tw_infer *in)
{
    tw_infer_merge(in, tw_infer_merge(in, tw_infer_vector(in, 1), tw_infer_vector(in, 2)),
                   tw_infer_vector(in, 3));
    tw_infer_output(in, 0, tw_infer_input(in, 0));
}

/* The value must have the slice's shape: nothing is broadcast. */
static tw_status *compute_assign(tw_compute *c)
{
    const tw_array *value = tw_input(c, 4);
    tw_array *var;
    tw_strided s;
    TW_TRY(tw_compute_ref_get(c, 0, &var));
    TW_TRY(read_spec(c, 1, tw_shape_of(var), &s));
    tw_shape wanted = {s.final_dims, s.final_rank};
    if (!tw_shape_equal(wanted, tw_shape_of(value)))
        return tw_compute_fail(c, "shape of value was %s instead of %s", tw_brackets(value).s,
                               tw_shape_tf_text(wanted).s);
    return move(c, &s, var, value, INTO_ARRAY);
}

const tw_op_definition tw_op_StridedSliceAssign = {
    .signature = "ref: Ref(T), begin: Index, end: Index, strides: Index, value: T -> "
                 "output_ref: Ref(T); " TW_STRIDED_MASKS,
    .doc =
        "Puts `value` into the part of the variable `ref` that StridedSlice with the same begin, "
        "end, strides and masks would give.",
    .since = "StridedSliceAssign: 0.11",
    .infer = infer_assign,
    .gradient = tw_not_differentiable,
    .compute = compute_assign,
};
