/* SPDX-License-Identifier: Apache-2.0
 * Cumsum and Cumprod: running sums and products along an axis, forward or in reverse, with the
 * element itself or (exclusive) with those before it. */
#include <string.h>

#include "ops/segments.h"

/* The shape never changes; a constant axis is checked here in the words of the kernel. */
static void infer(tw_infer *in)
{
    tw_shape x = tw_infer_input(in, 0);
    int64_t axis, rank = (int64_t)x.rank;
    tw_infer_scalar(in, 1);
    if (x.dims && tw_infer_int_value(in, 1, &axis) && (axis < -rank || axis >= rank))
        tw_infer_fail(in,
                      "ScanOp: Expected scan axis in the range [%" PRId64 ", %" PRId64
                      "), but got %" PRId64,
                      -rank, rank, axis);
    tw_infer_output(in, 0, x);
}

/* Element i enters all sums after it, so dx is the running sum of dy from the other end;
 * exclusive stays as it is. */
static tw_status *gradient_sum(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_cumsum(tw_gradient_dy(g, 0), g->inputs[1],
                                    .exclusive = tw_gradient_bool(g, "exclusive"),
                                    .reverse = !tw_gradient_bool(g, "reverse")));
    return TW_OK;
}

/* Every product that x is in, divided by x: wrong at zeros, as TensorFlow's. */
static tw_status *gradient_prod(tw_gradient *g)
{
    tw_tensor x = g->inputs[0], axis = g->inputs[1];
    bool exclusive = tw_gradient_bool(g, "exclusive"), reverse = tw_gradient_bool(g, "reverse");
    tw_tensor prod = tw_cumprod(x, axis, .exclusive = exclusive, .reverse = reverse);
    tw_tensor sum = tw_cumsum(tw_mul(prod, tw_gradient_dy(g, 0)), axis, .exclusive = exclusive,
                              .reverse = !reverse);
    g->dx[0] = tw_grad_of(tw_real_div(sum, x));
    return TW_OK;
}

/* A scan of `count` rows of `length` elements, from the first to the last or back. */
typedef struct scan {
    tw_combine loop;
    tw_dtype dtype;
    double first; /* 0 or 1 */
    size_t count, length, row_bytes;
    bool exclusive, reverse;
} scan;

/* Row by row: y[i] = y[i - 1] op x[i], or op x[i - 1]. */
static void scan_rows(const scan *s, char *y, const char *x)
{
    ptrdiff_t step = (ptrdiff_t)s->row_bytes * (s->reverse ? -1 : 1);
    size_t start = s->reverse ? (s->count - 1) * s->row_bytes : 0;
    x += start;
    y += start;
    if (s->exclusive)
        tw_fill_numbers(s->dtype, y, s->length, s->first);
    else
        memcpy(y, x, s->row_bytes);
    for (size_t i = 1; i < s->count; i++, x += step) {
        memcpy(y + step, y, s->row_bytes);
        s->loop(s->length, y + step, s->exclusive ? x : x + step, 1);
        y += step;
    }
}

#define T float
#define U float
#define NAME(f) f##_f32
#include "ops/cumulative_body.h"
#define T double
#define U double
#define NAME(f) f##_f64
#include "ops/cumulative_body.h"
#define T int32_t
#define U uint32_t
#define NAME(f) f##_i32
#include "ops/cumulative_body.h"
#define T int64_t
#define U uint64_t
#define NAME(f) f##_i64
#include "ops/cumulative_body.h"

/* Along the last axis a row is one number, and calling a loop for each would be all the work. How
 * many of up to `lines` lines were done; 0: another dtype. */
static size_t scan_numbers(const scan *s, char *y, const char *x, size_t lines)
{
    typedef void (*way)(const scan *s, char *y, const char *x);
    static const way ways[TW_DTYPE_COUNT][2] = {
        [TW_FLOAT32] = {line_f32, four_f32},
        [TW_FLOAT64] = {line_f64, four_f64},
        [TW_INT32] = {line_i32, four_i32},
        [TW_INT64] = {line_i64, four_i64},
    };
    bool four = lines >= 4 && !s->reverse && !s->exclusive;
    way go = ways[s->dtype][four];
    if (!go)
        return 0;
    go(s, y, x);
    return four ? 4 : 1;
}

/* The array is seen as (outer, count, length): each row of `length` elements is combined with
 * the row before it, so that the inner loop runs over memory in order. */
static tw_status *compute(tw_compute *c, tw_combination how)
{
    const tw_array *x = tw_input(c, 0);
    tw_array *y = tw_output(c, 0);
    size_t axis;
    TW_TRY(tw_compute_axis(c, 1, x->rank, &axis));
    if (y->count == 0)
        return TW_OK;
    scan s = {.loop = tw_combine_loop(how, x->dtype),
              .dtype = x->dtype,
              .first = how == TW_COMBINE_MUL,
              .count = (size_t)x->dims[axis],
              .length = tw_span(x->dims, axis + 1, x->rank),
              .exclusive = tw_compute_bool(c, "exclusive"),
              .reverse = tw_compute_bool(c, "reverse")};
    s.row_bytes = s.length * tw_dtype_size(x->dtype);
    size_t outer = tw_span(x->dims, 0, axis);
    for (size_t i = 0, done; i < outer; i += done) {
        char *to = tw_element_to(y, i * s.count * s.length);
        const char *from = tw_element_at(x, i * s.count * s.length);
        done = s.length == 1 ? scan_numbers(&s, to, from, outer - i) : 0;
        if (!done) {
            scan_rows(&s, to, from);
            done = 1;
        }
    }
    return TW_OK;
}

/* The sum's neutral element is zero for all dtypes, including complex ones. */
static tw_status *compute_sum(tw_compute *c)
{
    return compute(c, TW_COMBINE_ADD);
}

/* Exclusive products begin with one, hence `first` in the scan. */
static tw_status *compute_prod(tw_compute *c)
{
    return compute(c, TW_COMBINE_MUL);
}

static const tw_kernel sum_kernel = {.dtypes = TW_COMBINED_TYPES, .compute = compute_sum};
static const tw_kernel prod_kernel = {.dtypes = TW_COMBINED_TYPES, .compute = compute_prod};

#define SCAN                                                                       \
    "x: T, axis: Tidx -> out: T; exclusive: bool = false; reverse: bool = false; " \
    "T: numbertype; Tidx: {int32, int64} = int32"

const tw_op_definition tw_op_Cumsum = {
    .signature = SCAN,
    .doc = "The running sums along `axis`: of all elements up to each one. `exclusive` leaves that "
           "one out, `reverse` begins at the end.",
    .since = "Cumsum: 0.9; Tidx: 0.12",
    .examples = {"cumsum([1, 2, 3], 0) -> [1, 3, 6]",
                 "cumsum([1, 2, 3], 0, exclusive=True) -> [0, 1, 3]",
                 "cumsum([1, 2, 3], 0, reverse=True) -> [6, 5, 3]"},
    .shape_inputs = 1 << 1,
    .infer = infer,
    .gradient = gradient_sum,
    .kernels = &sum_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_Cumprod = {
    .signature = SCAN,
    .doc = "The running products along `axis`: of all elements up to each one. `exclusive` leaves "
           "that one out, `reverse` begins at the end.",
    .since = "Cumprod: 0.9; Tidx: 0.12",
    .examples = {"cumprod([1, 2, 3], 0) -> [1, 2, 6]",
                 "cumprod([1, 2, 3], 0, exclusive=True) -> [1, 1, 2]"},
    .shape_inputs = 1 << 1,
    .infer = infer,
    .gradient = gradient_prod,
    .kernels = &prod_kernel,
    .kernel_count = 1,
};
