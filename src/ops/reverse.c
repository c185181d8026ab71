/* SPDX-License-Identifier: Apache-2.0
 * Reverse, ReverseV2, ReverseSequence: elements in the opposite order along dimensions. */
#include "ops/arrays.h"

#define REVERSED_TYPES                                                                    \
    "T: {uint8, int8, uint16, int16, int32, int64, bool, bfloat16, half, float, double, " \
    "complex64, complex128, string}"

/* reversed: for each dimension. */
static tw_status *reverse(tw_compute *c, const bool *reversed)
{
    const tw_array *x = tw_input(c, 0);
    tw_par par = tw_compute_par(c);
    return (tw_reverse)(x->dtype, tw_shape_of(x), reversed, x->data, tw_output_data(c, 0), &par);
}

/* ---- Reverse ---- */

/* The flags do not change the shape, but their number says the rank. */
static void infer_v1(tw_infer *in)
{
    tw_shape shape = tw_infer_input(in, 0);
    int64_t rank = tw_infer_vector_of_rank(in, 1);
    if (!shape.dims && rank >= 0)
        shape = tw_infer_unknown(in, (size_t)rank);
    tw_infer_output(in, 0, shape);
}

/* Reversing undoes itself. */
static tw_status *gradient_v1(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_reverse_v1(tw_gradient_dy(g, 0), g->inputs[1]));
    return TW_OK;
}

/* Reverse has a bool for each dimension, which is just what the loop takes. */
static tw_status *compute_v1(tw_compute *c)
{
    return reverse(c, tw_input_data(c, 1));
}

const tw_op_definition tw_op_Reverse = {
    .signature = "tensor: T, dims: bool -> output: T; " REVERSED_TYPES,
    .doc =
        "The tensor with its elements in the opposite order along each dimension i where dims[i] "
        "is true.",
    .builder = "reverse_v1",
    .since = "int64: 0.10; string: 1.0; int16, uint16: 1.6",
    .examples = {"reverse_v1([[1, 2], [3, 4]], [False, True]) -> [[2, 1], [4, 3]]"},
    .infer = infer_v1,
    .gradient = gradient_v1,
    .compute = compute_v1,
};

/* ---- ReverseV2 ---- */

/* The axes are looked at only to refuse them early; the shape is the tensor's. */
static void infer_v2(tw_infer *in)
{
    tw_shape shape = tw_infer_input(in, 0);
    const tw_array *axes = tw_infer_value(in, 1);
    bool seen[TW_MAX_RANK] = {false};
    tw_infer_vector(in, 1);
    tw_infer_output(in, 0, shape);
    for (size_t i = 0; shape.dims && axes && axes->rank == 1 && i < axes->count; i++) {
        int64_t rank = (int64_t)shape.rank, axis = tw_index_at(axes, i);
        axis += axis < 0 ? rank : 0;
        if (axis < 0 || axis >= rank) {
            tw_infer_fail(in, "'axis'[%zu] = %" PRId64 " is out of valid range [0, %" PRId64 "]", i,
                          tw_index_at(axes, i), rank - 1);
            return;
        }
        if (seen[axis])
            tw_infer_fail(in, "axis %" PRId64 " specified more than once.", axis);
        seen[axis] = true;
    }
}

/* The inverse is the operation itself with the same axes. */
static tw_status *gradient_v2(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_reverse(tw_gradient_dy(g, 0), g->inputs[1]));
    return TW_OK;
}

/* Axes that the rule could not see are checked here. */
static tw_status *compute_v2(tw_compute *c)
{
    const tw_array *axes = tw_input(c, 1);
    int64_t rank = (int64_t)tw_input(c, 0)->rank;
    bool reversed[TW_MAX_RANK] = {false};
    for (size_t i = 0; i < axes->count; i++) {
        int64_t axis = tw_index_at(axes, i);
        axis += axis < 0 ? rank : 0;
        if (axis < 0 || axis >= rank)
            return tw_compute_fail(
                c, "'axis'[%zu] = %" PRId64 " is out of valid range [0, %" PRId64 "]", i,
                tw_index_at(axes, i), rank - 1);
        if (reversed[axis])
            return tw_compute_fail(c, "axis %" PRId64 " specified more than once.", axis);
        reversed[axis] = true;
    }
    return reverse(c, reversed);
}

const tw_op_definition tw_op_ReverseV2 = {
    .signature =
        "tensor: T, axis: Tidx -> output: T; Tidx: {int32, int64} = int32; " REVERSED_TYPES,
    .doc = "The tensor with its elements in the opposite order along the dimensions `axis`.",
    .builder = "reverse",
    .since = "ReverseV2: 0.12; string: 1.0; bfloat16: 1.5; int16, uint16: 1.6",
    .examples = {"reverse([[1, 2], [3, 4]], [1]) -> [[2, 1], [4, 3]]",
                 "reverse([1, 2, 3], [-1]) -> [3, 2, 1]"},
    .shape_inputs = 1 << 1,
    .infer = infer_v2,
    .gradient = gradient_v2,
    .compute = compute_v2,
};

/* ---- ReverseSequence ---- */

/* There is one length for each entry of the batch: what one knows of that dimension, the other
 * does too. */
static void infer_sequence(tw_infer *in)
{
    tw_shape shape = tw_infer_input(in, 0);
    int64_t batch = tw_infer_int(in, "batch_dim"), along = tw_infer_int(in, "seq_dim");
    int64_t lengths = tw_infer_dim(tw_infer_vector(in, 1), 0), rank = (int64_t)shape.rank;
    tw_infer_output(in, 0, shape);
    if (batch == along)
        tw_infer_fail(in, "batch_dim == seq_dim == %" PRId64, along);
    if (!shape.dims || tw_infer_failed(in))
        return;
    if (batch < 0 || batch >= rank)
        tw_infer_fail(in, "batch_dim must be < input rank: %" PRId64 " vs. %" PRId64, batch, rank);
    else if (along < 0 || along >= rank)
        tw_infer_fail(in, "seq_dim must be < input rank: %" PRId64 " vs. %" PRId64, along, rank);
    else if (!tw_dims_agree(lengths, shape.dims[batch]))
        tw_infer_fail(in, "len(seq_lens) != input.dims(%" PRId64 "), (%" PRId64 " vs. %" PRId64 ")",
                      batch, lengths, shape.dims[batch]);
    else
        tw_infer_output(
            in, 0,
            tw_infer_replace(in, shape, (size_t)batch, lengths < 0 ? shape.dims[batch] : lengths));
}

/* Each sequence is reversed back. */
static tw_status *gradient_sequence(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_reverse_sequence(tw_gradient_dy(g, 0), g->inputs[1],
                                              tw_gradient_int(g, "seq_dim"),
                                              .batch_dim = tw_gradient_int(g, "batch_dim")));
    return TW_OK;
}

/* The array as (outer, a, middle, b, inner), where a and b are the two dimensions in their
 * order. */
typedef struct sequences {
    size_t outer, a, middle, b, inner;
    bool batch_first;
    const tw_array *x, *lengths;
    const tw_array *y;
} sequences;

/* Row (o, i, m, j) comes from the same place, or from the one that mirrors it in its sequence. */
static size_t source_row(const sequences *s, size_t o, size_t i, size_t m, size_t j)
{
    size_t batch = s->batch_first ? i : j, *step = s->batch_first ? &j : &i;
    size_t length = (size_t)tw_index_at(s->lengths, batch);
    if (*step < length)
        *step = length - 1 - *step;
    return ((o * s->a + i) * s->middle + m) * s->b + j;
}

/* Where a batch entry's steps lie side by side: those that are turned are one region, the others
 * another. */
static tw_status *copy_sequences(const sequences *s, const tw_par *par)
{
    ptrdiff_t inner = (ptrdiff_t)s->inner;
    for (size_t i = 0; i < s->outer * s->a * s->middle; i++) {
        size_t length = (size_t)tw_index_at(s->lengths, i / s->middle % s->a), at = i * s->b;
        const size_t turned[2] = {length, s->inner}, kept = (s->b - length) * s->inner;
        const ptrdiff_t to[2] = {inner, 1}, from[2] = {-inner, 1};
        if (length)
            TW_TRY(tw_copy_region(s->x->dtype, &(tw_region){2, turned, to, from},
                                  tw_element_to(s->y, at * s->inner),
                                  tw_element_at(s->x, (at + length - 1) * s->inner), par));
        if (kept)
            TW_TRY(tw_elements_copy(s->x->dtype, tw_element_to(s->y, (at + length) * s->inner),
                                    tw_element_at(s->x, (at + length) * s->inner), kept));
    }
    return TW_OK;
}

/* Rows of the inner dimensions in the order of the result. */
static tw_status *copy_rows(const sequences *s)
{
    size_t row = 0;
    for (size_t o = 0; o < s->outer; o++)
        for (size_t i = 0; i < s->a; i++)
            for (size_t m = 0; m < s->middle; m++)
                for (size_t j = 0; j < s->b; j++, row++)
                    TW_TRY(tw_elements_copy(
                        s->x->dtype, tw_element_to(s->y, row * s->inner),
                        tw_element_at(s->x, source_row(s, o, i, m, j) * s->inner), s->inner));
    return TW_OK;
}

/* Lengths are values: all are checked before the first row moves. */
static tw_status *compute_sequence(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0), *lengths = tw_input(c, 1);
    size_t batch = (size_t)tw_compute_int(c, "batch_dim"),
           along = (size_t)tw_compute_int(c, "seq_dim");
    for (size_t i = 0; i < lengths->count; i++) {
        int64_t length = tw_index_at(lengths, i);
        if (length < 0)
            return tw_compute_fail(c, "seq_lens(%zu) < 0", i);
        if (length > x->dims[along])
            return tw_compute_fail(c, "seq_lens(%zu) > input.dims(%zu)", i, along);
    }
    if (x->count == 0)
        return TW_OK;
    size_t first = batch < along ? batch : along, second = batch < along ? along : batch;
    sequences s = {.outer = tw_span(x->dims, 0, first),
                   .a = (size_t)x->dims[first],
                   .middle = tw_span(x->dims, first + 1, second),
                   .b = (size_t)x->dims[second],
                   .inner = tw_span(x->dims, second + 1, x->rank),
                   .batch_first = batch < along,
                   .x = x,
                   .lengths = lengths,
                   .y = tw_output(c, 0)};
    tw_par par = tw_compute_par(c);
    return s.batch_first ? copy_sequences(&s, &par) : copy_rows(&s);
}

const tw_op_definition tw_op_ReverseSequence = {
    .signature = "input: T, seq_lengths: Tlen -> output: T; seq_dim: int; batch_dim: int = 0; "
                 "T: type; Tlen: {int32, int64} = int64",
    .doc = "For each i along `batch_dim`, the first seq_lengths[i] elements along `seq_dim` in the "
           "opposite order, and the others as they are.",
    .since = "int32 lengths: 0.12",
    .examples = {"reverse_sequence([[1, 2, 3], [4, 5, 6]], [2, 3], 1) -> [[2, 1, 3], [6, 5, 4]]"},
    .infer = infer_sequence,
    .gradient = gradient_sequence,
    .compute = compute_sequence,
};
