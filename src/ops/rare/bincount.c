/* SPDX-License-Identifier: Apache-2.0
 * Bincount: how often each number of 0 .. size - 1 comes, or the sums of weights that come with it.
 * Whole numbers are counted in int64, floats in double. */
#include <string.h>

#include "ops/arrays.h"

/* The number of bins is a value: where it is not known while building, the length of the result is
 * not either, and a negative one is refused as soon as it is. */
static void infer(tw_infer *in)
{
    int64_t size = -1;
    tw_infer_scalar(in, 1);
    if (tw_infer_int_value(in, 1, &size) && size < 0)
        tw_infer_fail(in,
                      "Dimension size, given by scalar input 1, must be non-negative but is "
                      "%" PRId64,
                      size);
    tw_infer_output(in, 0, TW_SHAPE(size));
}

/* What a number counts: one, if there are no weights. */
static void add(const tw_array *weights, size_t i, tw_array *out, size_t to)
{
    /* Empty weights stand for ones, as in TensorFlow: the op has no other way to leave an input
     * out. */
    bool has = weights->count > 0, real = tw_dtype_is_floating(out->dtype);
    if (real) {
        tw_number_put(out, to, tw_number_at(out, to) + (has ? tw_number_at(weights, i) : 1));
        return;
    }
    uint64_t sum = (uint64_t)tw_element_get_int(out->dtype, tw_element_at(out, to));
    sum += has ? (uint64_t)tw_element_get_int(weights->dtype, tw_element_at(weights, i)) : 1;
    /* Sums wrap around, which is defined for numbers without a sign alone. */
    int32_t narrow = (int32_t)(uint32_t)sum;
    if (out->dtype == TW_INT32)
        memcpy(tw_element_to(out, to), &narrow, sizeof narrow);
    else
        memcpy(tw_element_to(out, to), &sum, sizeof sum);
}

/* Numbers beyond the last bin are not counted. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0), *weights = tw_input(c, 2);
    const int32_t *numbers = x->data;
    tw_array *out = tw_output(c, 0);
    if (weights->count && weights->count != x->count)
        return tw_compute_fail(c, "weights %s must have the shape of arr %s, or be empty",
                               tw_brackets(weights).s, tw_brackets(x).s);
    tw_zero_array(out);
    for (size_t i = 0; i < x->count; i++) {
        if (numbers[i] < 0)
            return tw_compute_fail(c, "Input arr must be non-negative!");
        if (numbers[i] < out->dims[0])
            add(weights, i, out, (size_t)numbers[i]);
    }
    return TW_OK;
}

const tw_op_definition tw_op_Bincount = {
    .signature = "arr: int32, size: int32, weights: T -> bins: T; T: {int32, int64, float, double}",
    .doc = "How often each of the numbers 0 .. `size` - 1 is in `arr`, or the sum of the `weights` "
           "(of the same shape, or empty) that stand at its places.",
    .since = "Bincount: 1.3",
    .examples = {"bincount([1, 2, 1, 7], 3, [1, 1, 1, 1]) -> [0, 2, 1]",
                 "bincount([1, 2, 1], 3, [0.5, 1., 2.]) -> [0., 2.5, 1.]"},
    .shape_inputs = 1 << 1,
    .infer = infer,
    .gradient = tw_gradient_undefined,
    .compute = compute,
};
