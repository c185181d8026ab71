/* SPDX-License-Identifier: Apache-2.0
 * Range and LinSpace: numbers at equal distances, by their distance or by their count. */
#include <math.h>

#include "ops/arrays.h"

/* ---- Range ---- */

/* How many of start, start + delta ... lie before limit; -1: more than fit. */
static int64_t count_integers(int64_t start, int64_t limit, int64_t delta)
{
    uint64_t step = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta;
    uint64_t far = delta > 0 ? (uint64_t)limit - (uint64_t)start
                             : (uint64_t)start - (uint64_t)limit;
    uint64_t count = far == 0 ? 0 : (far - 1) / step + 1;
    return count > INT64_MAX ? -1 : (int64_t)count;
}

/* Computed in double; a result that is not below 2^63, and NaN, come back as -1, which the
 * caller refuses. */
static int64_t count_floats(double start, double limit, double delta)
{
    double count = ceil(fabs((limit - start) / delta));
    return count < 9.2e18 ? (int64_t)count : -1; /* NaN and infinity too */
}

/* All three are known: the signs must agree with the direction, and the count is computed here
 * as by the kernel. */
static void infer_known(tw_infer *in, const tw_array *start, const tw_array *limit,
                        const tw_array *delta)
{
    tw_dtype dtype = start->dtype;
    bool integers = tw_dtype_is_integer(dtype);
    double a = tw_element_get(dtype, start->data), b = tw_element_get(dtype, limit->data),
           d = tw_element_get(dtype, delta->data);
    if (d == 0)
        tw_infer_fail(in, "Requires delta != 0: %g", d);
    else if (d > 0 && a > b)
        tw_infer_fail(in, "Requires start <= limit when delta > 0: %g/%g", a, b);
    else if (d < 0 && a < b)
        tw_infer_fail(in, "Requires start >= limit when delta < 0: %g/%g", a, b);
    if (tw_infer_failed(in))
        return;
    int64_t count = integers ? count_integers(tw_index_at(start, 0), tw_index_at(limit, 0),
                                              tw_index_at(delta, 0))
                             : count_floats(a, b, d);
    if (count < 0)
        tw_infer_fail(in, "Requires a finite number of elements: %g, %g, %g", a, b, d);
    tw_infer_output(in, 0, TW_SHAPE(count));
}

/* The length depends on values and is known only where all three are constants. */
static void infer_range(tw_infer *in)
{
    static const char *const names[] = {"start", "limit", "delta"};
    for (size_t i = 0; i < 3; i++) {
        tw_shape shape = tw_infer_input(in, i);
        if (shape.dims && shape.rank > 0)
            tw_infer_fail(in, "%s must be a scalar, not shape %s", names[i],
                          tw_shape_tf_text(shape).s);
    }
    const tw_array *start = tw_infer_value(in, 0), *limit = tw_infer_value(in, 1),
                   *delta = tw_infer_value(in, 2);
    tw_infer_output(in, 0, TW_SHAPE(-1));
    if (start && limit && delta && !tw_infer_failed(in))
        infer_known(in, start, limit, delta);
}

/* Four numbers side by side, each of which goes on in steps of four. */
static void put_steps(uint32_t at, uint32_t step, size_t n, uint32_t *to)
{
    typedef uint32_t quad __attribute__((vector_size(16)));
    typedef uint32_t loose __attribute__((vector_size(16), aligned(4), may_alias));
    quad four = {at, at + step, at + 2 * step, at + 3 * step}, more = (quad){0} + 4 * step;
    size_t i = 0;
    for (; i + 4 <= n; i += 4, four += more)
        *(loose *)(to + i) = four;
    for (; i < n; i++)
        to[i] = at + (uint32_t)i * step;
}

/* Each element is the one before plus delta, rounded every time: TensorFlow's bits. */
static tw_status *compute_range(tw_compute *c)
{
    const tw_array *start = tw_input(c, 0), *delta = tw_input(c, 2);
    tw_array *y = tw_output(c, 0);
    size_t n = y->count;
    if (y->dtype == TW_INT32) {
        uint32_t at = *(const uint32_t *)start->data, step = *(const uint32_t *)delta->data;
        put_steps(at, step, n, y->data);
    } else if (y->dtype == TW_INT64) {
        uint64_t at = *(const uint64_t *)start->data, step = *(const uint64_t *)delta->data;
        for (size_t i = 0; i < n; i++, at += step)
            ((uint64_t *)y->data)[i] = at;
    } else if (y->dtype == TW_FLOAT64) {
        double at = *(const double *)start->data, step = *(const double *)delta->data;
        for (size_t i = 0; i < n; i++, at += step)
            ((double *)y->data)[i] = at;
    } else if (y->dtype == TW_FLOAT32) {
        float at = *(const float *)start->data, step = *(const float *)delta->data;
        for (size_t i = 0; i < n; i++, at += step)
            ((float *)y->data)[i] = at;
    } else {
        uint16_t at = *(const uint16_t *)start->data;
        float step = tw_bfloat16_to_float(*(const uint16_t *)delta->data);
        for (size_t i = 0; i < n; i++) {
            ((uint16_t *)y->data)[i] = at;
            at = tw_float_to_bfloat16(tw_bfloat16_to_float(at) + step);
        }
    }
    return TW_OK;
}

const tw_op_definition tw_op_Range = {
    .signature = "start: Tidx, limit: Tidx, delta: Tidx -> output: Tidx; "
                 "Tidx: {bfloat16, float, double, int32, int64} = int32",
    .builder = "raw_range",
    .doc = "The numbers start, start + delta, start + 2 delta ... before `limit`.",
    .since = "Tidx (float, double, int64): 0.10; bfloat16: 1.5",
    .examples = {"raw_range(3, 18, 3) -> [3, 6, 9, 12, 15]",
                 "raw_range(1., 0., -0.5) -> [1., 0.5]"},
    .shape_inputs = 1 | 1 << 1 | 1 << 2,
    .infer = infer_range,
    .gradient = tw_not_differentiable,
    .compute = compute_range,
};

/* ---- LinSpace ---- */

/* The length is the third input itself; it must be positive, since the first element is always
 * start. */
static void infer_space(tw_infer *in)
{
    static const char *const names[] = {"start", "stop", "num"};
    int64_t count = -1;
    for (size_t i = 0; i < 3; i++) {
        tw_shape shape = tw_infer_input(in, i);
        if (shape.dims && shape.rank > 0)
            tw_infer_fail(in, "%s must be a scalar, not shape %s", names[i],
                          tw_shape_tf_text(shape).s);
    }
    if (tw_infer_int_value(in, 2, &count) && count <= 0)
        tw_infer_fail(in, "Requires num > 0: %" PRId64, count);
    tw_infer_output(in, 0, TW_SHAPE(count));
}

/* The last element is stop and not start + step * (n - 1), which rounding would move. */
static double space_at(double start, double step, double stop, size_t i, size_t count)
{
    return i > 0 && i + 1 == count ? stop : start + step * (double)i;
}

/* In float the steps are computed in float, as TensorFlow does, so that the numbers are the same
 * to the last bit; the last one is exactly stop. */
static tw_status *compute_space(tw_compute *c)
{
    tw_array *y = tw_output(c, 0);
    size_t n = y->count;
    double start = tw_element_get(y->dtype, tw_input_data(c, 0)),
           stop = tw_element_get(y->dtype, tw_input_data(c, 1));
    if (y->dtype == TW_FLOAT32) {
        float a = (float)start, step = n > 1 ? ((float)stop - a) / (float)(n - 1) : 0;
        float *to = y->data;
        size_t near = n < INT32_MAX ? n : INT32_MAX, i = 0;
        for (; i < near; i++)
            to[i] = a + step * (float)(int32_t)i; /* an instruction, of size_t it is many */
        for (; i < n; i++)
            to[i] = a + step * (float)i;
        if (n > 1)
            to[n - 1] = (float)stop;
        return TW_OK;
    }
    double step = n > 1 ? (stop - start) / (double)(n - 1) : 0;
    for (size_t i = 0; i < n; i++)
        tw_element_set(y->dtype, tw_element_to(y, i), space_at(start, step, stop, i, n));
    return TW_OK;
}

const tw_op_definition tw_op_LinSpace = {
    .signature = "start: T, stop: T, num: Tidx -> output: T; T: {bfloat16, float, double}; "
                 "Tidx: {int32, int64} = int32",
    .doc = "`num` numbers at equal distances from `start` to `stop`, both included.",
    .since = "int64 num: 0.12; bfloat16: 1.5",
    .examples = {"lin_space(10., 12., 3) -> [10., 11., 12.]"},
    .shape_inputs = 1 << 2,
    .infer = infer_space,
    .gradient = tw_not_differentiable,
    .compute = compute_space,
};
