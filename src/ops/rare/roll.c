/* SPDX-License-Identifier: Apache-2.0
 * Roll: elements moved along axes, those that leave at the end coming in again at the front.
 *
 * Whatever the dtype: texts and handles are copied as such. Sizes of 0 and shifts of any size are
 * allowed. */
#include "ops/arrays.h"

/* A shift for each axis that is named: both are of one shape, be it a number or a vector. */
static void infer(tw_infer *in)
{
    tw_shape x = tw_infer_input(in, 0), shift = tw_infer_input(in, 1), axis = tw_infer_input(in, 2);
    if (x.dims && x.rank == 0)
        tw_infer_fail(in, "Shape must be at least rank 1 but is rank 0");
    if ((shift.dims && shift.rank > 1) || (axis.dims && axis.rank > 1))
        tw_infer_fail(in, "Shape must be at most rank 1: shift and axis are numbers or vectors");
    if (shift.dims && axis.dims)
        tw_infer_merge(in, shift, axis);
    tw_infer_output(in, 0, x);
}

/* How far each axis is moved, within its size; an axis may be named more than once. */
static tw_status *read_shifts(const tw_compute *c, size_t *shifts)
{
    const tw_array *x = tw_input(c, 0), *shift = tw_input(c, 1), *axis = tw_input(c, 2);
    int64_t rank = (int64_t)x->rank;
    if (!tw_same_shape(shift, axis))
        return tw_compute_fail(c, "shift and axis must have the same size");
    for (size_t k = 0; k < x->rank; k++)
        shifts[k] = 0;
    for (size_t i = 0; i < axis->count; i++) {
        int64_t k = tw_index_at(axis, i);
        if (k < -rank || k >= rank)
            return tw_compute_fail(c, "axis %" PRId64 " is out of range", k);
        k += k < 0 ? rank : 0;
        /* The remainder first, so that no sum of shifts can overflow, whatever numbers come in. */
        int64_t size = x->dims[k] ? x->dims[k] : 1, by = tw_index_at(shift, i) % size;
        shifts[k] = (shifts[k] + (size_t)(by < 0 ? by + size : by)) % (size_t)size;
    }
    return TW_OK;
}

/* A line along the last axis that moves is two runs, which change places. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    tw_array *y = tw_output(c, 0);
    size_t shifts[TW_MAX_RANK], last = x->rank;
    TW_TRY(read_shifts(c, shifts));
    while (last > 0 && shifts[last - 1] == 0)
        last--;
    if (x->count == 0 || last == 0)
        return tw_elements_copy(x->dtype, y->data, x->data, x->count);
    last--;
    size_t line = tw_span(x->dims, last, x->rank);
    size_t back = shifts[last] * tw_span(x->dims, last + 1, x->rank), front = line - back;
    for (size_t i = 0; i < x->count; i += line) {
        size_t rest = i / line, to = 0, stride = line;
        for (size_t k = last; k-- > 0;) {
            size_t size = (size_t)x->dims[k];
            to += (rest % size + shifts[k]) % size * stride;
            stride *= size;
            rest /= size;
        }
        TW_TRY(tw_elements_copy(x->dtype, tw_element_to(y, to + back), tw_element_at(x, i), front));
        TW_TRY(tw_elements_copy(x->dtype, tw_element_to(y, to), tw_element_at(x, i + front), back));
    }
    return TW_OK;
}

/* Back by as much. */
static tw_status *gradient(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_roll(tw_gradient_dy(g, 0), tw_neg(g->inputs[1]), g->inputs[2]));
    return TW_OK;
}

const tw_op_definition tw_op_Roll = {
    .signature = "input: T, shift: Tshift, axis: Taxis -> output: T; T: type; "
                 "Tshift: {int32, int64}; Taxis: {int32, int64}",
    .doc = "Elements moved `shift` places along `axis`, a number or several of them; what leaves "
           "at one end comes in at the other.",
    .since = "Roll: 1.6",
    .examples = {"roll([1, 2, 3, 4], 1, 0) -> [4, 1, 2, 3]",
                 "roll([[1, 2, 3], [4, 5, 6]], [1, -1], [0, 1]) -> [[5, 6, 4], [2, 3, 1]]"},
    .infer = infer,
    .gradient = gradient,
    .compute = compute,
};
