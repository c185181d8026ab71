/* SPDX-License-Identifier: Apache-2.0
 * Pooling and its gradients against plain loops in double, over strides, paddings and layouts. */
#include "kernel_test.h"

#include "kernels/pool2d.h"

typedef struct example {
    size_t batch, rows, cols, depth, wr, wc, sr, sc;
    bool same;
} example;

static const example examples[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, false},   {2, 4, 4, 3, 2, 2, 2, 2, true},
    {2, 5, 6, 3, 3, 2, 2, 2, true},    {1, 7, 7, 20, 3, 3, 1, 1, true},
    {2, 7, 9, 5, 2, 3, 3, 2, false},   {1, 3, 3, 300, 2, 2, 1, 1, false},
    {0, 4, 4, 3, 2, 2, 2, 2, true},    {2, 4, 4, 0, 2, 2, 2, 2, true},
    {1, 2, 2, 2, 5, 5, 2, 2, true},    {1, 6, 6, 2, 1, 1, 3, 3, false},
    {8, 28, 28, 32, 2, 2, 2, 2, true}, {1, 40, 40, 64, 3, 3, 2, 2, true},
};
enum { EXAMPLES = sizeof examples / sizeof *examples };

static const tw_dtype dtypes[] = {TW_FLOAT32, TW_FLOAT64, TW_FLOAT16, TW_BFLOAT16, TW_INT8,
                                  TW_UINT8,   TW_INT16,   TW_UINT16,  TW_INT32,    TW_INT64};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };

static tw_pool2d pool_of(const example *e, bool nchw)
{
    tw_pool2d p = {.batch = e->batch, .depth = e->depth, .nchw = nchw};
    assert_ok(tw_window_fit(e->rows, e->wr, e->sr, 1, e->same, &p.rows));
    assert_ok(tw_window_fit(e->cols, e->wc, e->sc, 1, e->same, &p.cols));
    return p;
}

static size_t at(const tw_pool2d *p, bool output, size_t b, size_t y, size_t x, size_t d)
{
    size_t rows = output ? p->rows.out : p->rows.in, cols = output ? p->cols.out : p->cols.in;
    return p->nchw ? ((b * p->depth + d) * rows + y) * cols + x
                   : ((b * rows + y) * cols + x) * p->depth + d;
}

/* What every pass should give. */
typedef struct expected {
    size_t inputs, outputs;
    double *most, *average, *picked;          /* [outputs] */
    size_t *argmax;                           /* [outputs], in the whole batch */
    double *most_gradient, *average_gradient; /* [inputs] */
} expected;

static void expect_output(tw_dtype dtype, const tw_pool2d *p, expected *e, const void *input,
                          const void *dy, size_t b, size_t y, size_t x, size_t d)
{
    size_t out = at(p, true, b, y, x, d), seen[64] = {0}, count = 0;
    double sum = 0, most = -INFINITY;
    for (size_t i = 0; i < p->rows.window * p->cols.window; i++) {
        size_t iy = y * p->rows.stride + i / p->cols.window - p->rows.pad;
        size_t ix = x * p->cols.stride + i % p->cols.window - p->cols.pad;
        if (iy < p->rows.in && ix < p->cols.in)
            seen[count++] = at(p, false, b, iy, ix, d);
    }
    size_t best = seen[0];
    for (size_t i = 0; i < count; i++) {
        double v = number_at(dtype, input, seen[i]);
        sum += v;
        most = v > most ? v : most;
        best = v > number_at(dtype, input, best) ? seen[i] : best;
    }
    double g = number_at(dtype, dy, out);
    e->most[out] = most;
    e->average[out] = sum / (double)count;
    e->argmax[out] = best;
    e->most_gradient[best] += g;
    for (size_t i = 0; i < count; i++)
        e->average_gradient[seen[i]] += g / (double)count;
}

static expected expect(tw_dtype dtype, const tw_pool2d *p, const void *input, const void *dy)
{
    expected e = {.inputs = p->batch * p->rows.in * p->cols.in * p->depth,
                  .outputs = p->batch * p->rows.out * p->cols.out * p->depth};
    e.most = calloc(e.outputs + 1, sizeof(double));
    e.average = calloc(e.outputs + 1, sizeof(double));
    e.argmax = calloc(e.outputs + 1, sizeof(size_t));
    e.most_gradient = calloc(e.inputs + 1, sizeof(double));
    e.average_gradient = calloc(e.inputs + 1, sizeof(double));
    for (size_t b = 0; b < p->batch; b++)
        for (size_t y = 0; y < p->rows.out; y++)
            for (size_t x = 0; x < p->cols.out; x++)
                for (size_t d = 0; d < p->depth; d++)
                    expect_output(dtype, p, &e, input, dy, b, y, x, d);
    return e;
}

static void expected_free(expected *e)
{
    free(e->most);
    free(e->average);
    free(e->argmax);
    free(e->most_gradient);
    free(e->average_gradient);
}

/* Twice the same result, from one and from three threads. */
typedef struct results {
    void *one, *many;
    size_t bytes;
} results;
static const tw_par three = {.threads = 3};

static results results_new(size_t bytes)
{
    results r = {malloc(bytes + 1), malloc(bytes + 1), bytes};
    memset(r.one, 0xff, bytes);
    return r;
}

static void compare(tw_dtype dtype, results *r, const double *want, size_t n, const char *what)
{
    double precision = dtype == TW_FLOAT16    ? 0.01
                       : dtype == TW_BFLOAT16 ? 0.1
                       : dtype == TW_FLOAT32  ? 1e-5
                       : dtype == TW_FLOAT64  ? 1e-13
                                              : 0;
    assert_memory_equal(r->one, r->many, r->bytes);
    for (size_t i = 0; i < n; i++)
        assert_near(number_at(dtype, r->one, i), want[i], precision * (1 + fabs(want[i])), what);
    free(r->one);
    free(r->many);
}

static void check_max(tw_dtype dtype, const tw_pool2d *p, const expected *e, const void *input,
                      const void *dy)
{
    size_t size = tw_dtype_size(dtype), image = e->inputs / (p->batch ? p->batch : 1);
    int64_t *batch_index = malloc((e->outputs + 1) * 8), *index = malloc((e->outputs + 1) * 8);
    results y = results_new(e->outputs * size), dx = results_new(e->inputs * size);
    assert_ok(tw_max_pool(dtype, p, input, y.one, index, false, NULL));
    assert_ok(tw_max_pool(dtype, p, input, y.many, batch_index, true, &three));
    compare(dtype, &y, e->most, e->outputs, "max");
    for (size_t i = 0; i < e->outputs; i++) {
        assert_int_equal(batch_index[i], e->argmax[i]);
        assert_int_equal(index[i], e->argmax[i] % image);
    }
    assert_ok(tw_max_pool_gradient(dtype, p, input, dy, dx.one, NULL));
    assert_ok(tw_max_pool_gradient(dtype, p, input, dy, dx.many, &three));
    compare(dtype, &dx, e->most_gradient, e->inputs, "max gradient");
    results picked = results_new(e->outputs * size);
    assert_ok(tw_max_pool_pick(dtype, p, input, input, picked.one, NULL));
    assert_ok(tw_max_pool_pick(dtype, p, input, input, picked.many, &three));
    compare(dtype, &picked, e->most, e->outputs, "pick");
    free(index);
    free(batch_index);
}

static void check_avg(tw_dtype dtype, const tw_pool2d *p, const expected *e, const void *input,
                      const void *dy)
{
    size_t size = tw_dtype_size(dtype);
    results y = results_new(e->outputs * size), dx = results_new(e->inputs * size);
    assert_ok(tw_avg_pool(dtype, p, input, y.one, NULL));
    assert_ok(tw_avg_pool(dtype, p, input, y.many, &three));
    compare(dtype, &y, e->average, e->outputs, "average");
    assert_ok(tw_avg_pool_gradient(dtype, p, dy, dx.one, NULL));
    assert_ok(tw_avg_pool_gradient(dtype, p, dy, dx.many, &three));
    compare(dtype, &dx, e->average_gradient, e->inputs, "average gradient");
}

static void check(tw_dtype dtype, const example *sizes, bool nchw)
{
    tw_pool2d p = pool_of(sizes, nchw);
    void *input = random_numbers(dtype, p.batch * p.rows.in * p.cols.in * p.depth, 1);
    void *dy = random_numbers(dtype, p.batch * p.rows.out * p.cols.out * p.depth, 2);
    expected e = expect(dtype, &p, input, dy);
    check_max(dtype, &p, &e, input, dy);
    if (tw_dtype_is_floating(dtype))
        check_avg(dtype, &p, &e, input, dy);
    expected_free(&e);
    free(input);
    free(dy);
}

static void every_pooling_is_what_plain_loops_give(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t d = 0; d < DTYPES; d++) {
            for (size_t i = 0; i < EXAMPLES; i++) {
                if (i < 10 || d == 0)
                    check(dtypes[d], &examples[i], (i + d) % 2);
            }
        }
    }
}

static void nan_is_skipped_by_values_and_keeps_the_first_place(void **state)
{
    (void)state;
    const example e = {1, 2, 2, 1, 2, 2, 2, 2, false};
    tw_pool2d p = pool_of(&e, false);
    const float some[4] = {NAN, 1, 2, NAN}, none[4] = {NAN, NAN, NAN, NAN}, dy = -0.5f;
    float y, dx[4];
    for (EACH_LEVEL(level)) {
        assert_ok(tw_max_pool(TW_FLOAT32, &p, some, &y, NULL, false, NULL));
        assert_near(y, 2, 0, "max beside NaN");
        assert_ok(tw_max_pool(TW_FLOAT32, &p, none, &y, NULL, false, NULL));
        assert_near(y, -FLT_MAX, 0, "max of NaN alone");
        assert_ok(tw_max_pool_gradient(TW_FLOAT32, &p, some, &dy, dx, NULL));
        assert_near(dx[0], -0.5, 0, "the first cell");
        assert_near(dx[2], 0, 0, "the largest cell");
    }
}

static void impossible_poolings_are_refused(void **state)
{
    (void)state;
    const example e = {1, 2, 2, 1, 2, 2, 2, 2, false};
    tw_pool2d p = pool_of(&e, false);
    float x[4] = {0}, y[4];
    assert_refused(tw_max_pool(TW_COMPLEX64, &p, x, y, NULL, false, NULL), TW_UNIMPLEMENTED,
                   "complex64");
    assert_refused(tw_max_pool_gradient(TW_BOOL, &p, x, x, y, NULL), TW_UNIMPLEMENTED, "bool");
    assert_refused(tw_max_pool_pick(TW_STRING, &p, x, x, y, NULL), TW_UNIMPLEMENTED, "string");
    assert_refused(tw_avg_pool(TW_INT32, &p, x, y, NULL), TW_UNIMPLEMENTED, "int32");
    assert_refused(tw_avg_pool_gradient(TW_INT32, &p, x, y, NULL), TW_UNIMPLEMENTED, "int32");
    p.rows.out = 2;
    assert_refused(tw_avg_pool(TW_FLOAT32, &p, x, y, NULL), TW_INVALID_ARGUMENT, "impossible");
    p.rows.out = 1;
    p.batch = SIZE_MAX / 2;
    assert_refused(tw_avg_pool(TW_FLOAT32, &p, x, y, NULL), TW_INVALID_ARGUMENT, "too large");
    p.rows.stride = 0;
    assert_refused(tw_avg_pool(TW_FLOAT32, &p, x, y, NULL), TW_INVALID_ARGUMENT, "impossible");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pooling_is_what_plain_loops_give),
        cmocka_unit_test(nan_is_skipped_by_values_and_keeps_the_first_place),
        cmocka_unit_test(impossible_poolings_are_refused),
    };
    return cmocka_run_group_tests(tests, enter_float_mode, NULL);
}
