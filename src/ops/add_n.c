/* SPDX-License-Identifier: Apache-2.0
 * AddN and AccumulateNV2: the sum of tensors of one shape, in the order of the inputs. Block by
 * block: one block of the sum stays in the first cache while all inputs go by. */
#include <string.h>

#include "ops/brackets.h"
#include "ops/combine.h"

enum { BLOCK_BYTES = 16384, GRAIN = 64 };

/* Starts from the first input, which the definition guarantees: N is at least 1. A failed merge
 * is kept by the context, so the loop may go on. */
static tw_shape merge_all(tw_infer *in)
{
    tw_shape shape = tw_infer_input(in, 0);
    for (size_t i = 1; i < tw_infer_input_count(in); i++)
        shape = tw_infer_merge(in, shape, tw_infer_input(in, i));
    return shape;
}

/* What is known of any input is known of the sum, since all have one shape; an input that
 * contradicts the others is refused while building. */
static void infer_add_n(tw_infer *in)
{
    tw_infer_output(in, 0, merge_all(in));
}

/* AccumulateNV2 says the shape of its result in an attribute, which may know more than the
 * inputs do; what both know must agree. */
static void infer_accumulate(tw_infer *in)
{
    const tw_attr *shape = tw_infer_attr(in, "shape");
    tw_infer_output(in, 0, tw_infer_merge(in, merge_all(in), shape->value.shape));
}

/* The derivative of a sum by each of its terms is that of the sum. Passing dy on as it is,
 * slices included, adds no operation to the graph. */
static tw_status *gradient(tw_gradient *g)
{
    for (size_t i = 0; i < g->input_count; i++)
        g->dx[i] = g->dy[0];
    return TW_OK;
}

/* What the cells share. Loops add in place into the output, so no room is needed but the block
 * itself. */
typedef struct sum {
    const tw_compute *c;
    tw_combine add;
    tw_sum_loop add_some; /* or NULL */
    size_t size, cells;
} sum;

/* Whether the result lies where an input does that is read after the first ones. */
static bool lies_over(const tw_compute *c, size_t read)
{
    for (size_t i = read; i < c->input_count; i++) {
        if (tw_input_data(c, i) == tw_output_data(c, 0))
            return true;
    }
    return false;
}

/* n elements from `at` on of all inputs, one pass for each. */
static void add_each(const sum *s, char *to, size_t at, size_t n)
{
    const char *first = (const char *)tw_input_data(s->c, 0) + at * s->size;
    if (to != first)
        memcpy(to, first, n * s->size);
    for (size_t i = 1; i < s->c->input_count; i++)
        s->add(n, to, (const char *)tw_input_data(s->c, i) + at * s->size, 1);
}

/* The same, one pass for several: what was added up so far is the first of them. */
static void add_several(const sum *s, char *to, size_t at, size_t n)
{
    const void *from[TW_SUMMED_AT_ONCE];
    size_t all = s->c->input_count, taken = 0;
    while (taken < all) {
        size_t count = 0;
        if (taken)
            from[count++] = to;
        for (; count < TW_SUMMED_AT_ONCE && taken < all; count++, taken++)
            from[count] = (const char *)tw_input_data(s->c, taken) + at * s->size;
        s->add_some(n, to, from, count);
    }
}

/* The sum is made where the result is, or written last where that lies over an input that is read
 * when some of the sum has been written. */
static void add_cell(size_t cell, void *arg)
{
    const sum *s = arg;
    _Alignas(64) char block[BLOCK_BYTES];
    bool several = s->add_some && s->c->input_count > 1;
    bool apart = lies_over(s->c, several ? TW_SUMMED_AT_ONCE : 1);
    size_t count = tw_output(s->c, 0)->count, most = BLOCK_BYTES / s->size;
    size_t at = tw_par_bound(count, GRAIN, s->cells, cell);
    size_t last = tw_par_bound(count, GRAIN, s->cells, cell + 1);
    for (size_t n; at < last; at += n) {
        n = last - at < most ? last - at : most;
        char *out = (char *)tw_output_data(s->c, 0) + at * s->size, *to = apart ? block : out;
        if (several)
            add_several(s, to, at, n);
        else
            add_each(s, to, at, n);
        if (apart)
            memcpy(out, block, n * s->size);
    }
}

/* Shapes must be equal, not broadcastable: AddN never broadcasts. The check comes first, so that
 * the loop over blocks may take all inputs to be as long as the first. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *first = tw_input(c, 0);
    for (size_t i = 1; i < c->input_count; i++)
        if (!tw_same_shape(first, tw_input(c, i)))
            return tw_compute_fail(c,
                                   "Inputs to operation %s of type %s must have the same size and "
                                   "shape.  Input 0: %s != input %zu: %s",
                                   tw_compute_name(c), c->spec->type, tw_brackets(first).s, i,
                                   tw_brackets(tw_input(c, i)).s);
    sum s = {c, tw_combine_loop(TW_COMBINE_ADD, first->dtype), tw_sum_loop_of(first->dtype),
             tw_dtype_size(first->dtype), 1};
    s.cells = tw_par_cells(first->count, GRAIN, 0.2 * c->input_count);
    tw_par par = tw_compute_par(c);
    tw_par_run(&par, s.cells, add_cell, &s);
    return TW_OK;
}

static const tw_kernel kernel = {
    .dtypes = TW_COMBINED_TYPES, .in_place = UINT32_MAX, .compute = compute};

const tw_op_definition tw_op_AddN = {
    .signature = "inputs: N * T -> sum: T; N: int >= 1; "
                 "T: {float, double, int32, uint8, int16, int8, complex64, int64, qint8, quint8, "
                 "qint32, bfloat16, uint16, complex128, half, uint32, uint64, variant}",
    .doc = "The sum of all `inputs`, which have one shape.",
    .since = "bfloat16: 1.4; variant: 1.5; uint32, uint64: 1.6",
    .examples = {"add_n([[1., 2.], [3., 4.], [5., 6.]]) -> [9., 12.]"},
    .flags = TW_OP_COMMUTATIVE | TW_OP_AGGREGATE,
    .infer = infer_add_n,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_AccumulateNV2 = {
    .signature = "inputs: N * T -> sum: T; N: int >= 1; T: numbertype; shape: shape",
    .doc = "The sum of all `inputs`, which have the shape `shape`; none waits for the others.",
    .since = "AccumulateNV2: 1.4",
    .examples = {"accumulate_nv2([[1., 2.], [3., 4.]], shape=[2]) -> [4., 6.]"},
    .flags = TW_OP_COMMUTATIVE | TW_OP_AGGREGATE,
    .infer = infer_accumulate,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};
