/* SPDX-License-Identifier: Apache-2.0
 * Bincount: how often each number of 0 .. size - 1 comes, or the sums of weights that come with
 * it. */
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

#define NEGATIVE "Input arr must be non-negative!"

#define T int32_t
#define U uint32_t
#define NAME count_i32
#include "ops/rare/bincount_body.h"
#define T int64_t
#define U uint64_t
#define NAME count_i64
#include "ops/rare/bincount_body.h"
#define T float
#define U float
#define NAME count_f32
#include "ops/rare/bincount_body.h"
#define T double
#define U double
#define NAME count_f64
#include "ops/rare/bincount_body.h"

enum { TABLES = 4, FEW_BINS = 1000 };

/* Ones go into several tables in turn, as whole numbers, so that a bin that is met again does not
 * wait for itself. What is in no bin has one of its own. */
static bool count_ones(const int32_t *numbers, size_t n, tw_array *out)
{
    uint32_t tables[TABLES][FEW_BINS + 1] = {{0}}, bins = (uint32_t)out->dims[0];
    int32_t signs = 0;
    size_t i = 0, size = tw_dtype_size(out->dtype);
    for (; i + TABLES <= n; i += TABLES) {
        for (size_t k = 0; k < TABLES; k++) {
            uint32_t bin = (uint32_t)numbers[i + k];
            signs |= numbers[i + k];
            tables[k][bin < bins ? bin : bins]++;
        }
    }
    for (; i < n; i++) {
        uint32_t bin = (uint32_t)numbers[i];
        signs |= numbers[i];
        tables[0][bin < bins ? bin : bins]++;
    }
    for (uint32_t bin = 0; bin < bins; bin++) {
        double sum = 0;
        for (size_t k = 0; k < TABLES; k++)
            sum += tables[k][bin];
        tw_element_set(out->dtype, (char *)out->data + bin * size, sum);
    }
    return signs >= 0;
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
    /* Empty weights stand for ones, as in TensorFlow: the op has no other way to leave an input
     * out. */
    const void *w = weights->count ? weights->data : NULL;
    size_t taken = 0, n = x->count;
    int64_t bins = out->dims[0];
    if (!w && bins <= FEW_BINS && n >= FEW_BINS && n <= INT32_MAX)
        return count_ones(numbers, n, out) ? TW_OK : tw_compute_fail(c, NEGATIVE);
    switch (out->dtype) {
    case TW_INT32: taken = count_i32(numbers, n, w, out->data, bins); break;
    case TW_INT64: taken = count_i64(numbers, n, w, out->data, bins); break;
    case TW_FLOAT32: taken = count_f32(numbers, n, w, out->data, bins); break;
    default: taken = count_f64(numbers, n, w, out->data, bins); break;
    }
    return taken == n ? TW_OK : tw_compute_fail(c, NEGATIVE);
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
