/* SPDX-License-Identifier: Apache-2.0
 * Convolutions that pool what they compute: the bits of a convolution and a pooling one after the
 * other, at every level and number of threads, and where that cannot be. */
#include "kernel_test.h"

#include "kernels/conv.h"
#include "kernels/pool2d.h"

typedef struct example {
    size_t batch, rows, cols, in, window, out, stride;
    bool same;
    tw_activation activation;
    bool bias;
} example;

/* Sizes that fill tiles and that do not; rows and columns that no window of the pooling sees; one
 * strip of pixels and many. */
static const example examples[] = {
    {2, 28, 28, 1, 5, 32, 1, true, TW_ACTIVATION_RELU, true},
    {3, 9, 7, 1, 5, 64, 1, true, TW_ACTIVATION_NONE, true},
    {1, 2, 3, 1, 3, 32, 1, true, TW_ACTIVATION_RELU, false},
    {2, 13, 19, 3, 3, 32, 1, false, TW_ACTIVATION_RELU, true},
    {2, 33, 18, 2, 7, 32, 2, true, TW_ACTIVATION_NONE, false},
    {1, 21, 310, 3, 5, 32, 1, true, TW_ACTIVATION_RELU, true},
    /* Winograd's */
    {2, 14, 14, 32, 5, 64, 1, true, TW_ACTIVATION_RELU, true},
    {3, 15, 11, 32, 5, 48, 1, true, TW_ACTIVATION_NONE, true},
    {2, 13, 18, 48, 3, 96, 1, true, TW_ACTIVATION_RELU, false},
    {7, 14, 15, 32, 3, 32, 1, false, TW_ACTIVATION_NONE, false},
};
enum { EXAMPLES = sizeof examples / sizeof *examples };

typedef struct made {
    tw_conv conv;   /* unpooled */
    tw_conv pooled; /* as tw_conv_pools left it */
    tw_pool2d pool;
    size_t image, full, result; /* elements of all images */
    float *images, *filter, *bias;
    tw_gemm_epilogue epilogue;
} made;

static made make(const example *e)
{
    made m = {.conv = {.batch = e->batch, .in_depth = e->in, .out_depth = e->out}};
    assert_ok(tw_window_fit(e->rows, e->window, e->stride, 1, e->same, &m.conv.rows));
    assert_ok(tw_window_fit(e->cols, e->window, e->stride, 1, e->same, &m.conv.cols));
    m.pool = (tw_pool2d){.batch = e->batch, .depth = e->out};
    assert_ok(tw_window_fit(m.conv.rows.out, 2, 2, 1, false, &m.pool.rows));
    assert_ok(tw_window_fit(m.conv.cols.out, 2, 2, 1, false, &m.pool.cols));
    m.image = e->batch * e->rows * e->cols * e->in;
    m.full = e->batch * m.conv.rows.out * m.conv.cols.out * e->out;
    m.result = e->batch * m.pool.rows.out * m.pool.cols.out * e->out;
    m.images = random_numbers(TW_FLOAT32, m.image, 1);
    m.filter = random_numbers(TW_FLOAT32, e->window * e->window * e->in * e->out, 2);
    m.bias = random_numbers(TW_FLOAT32, e->out, 3);
    m.epilogue = (tw_gemm_epilogue){e->bias ? m.bias : NULL, e->activation};
    m.pooled = m.conv;
    assert_true(tw_conv_pools(TW_FLOAT32, &m.pooled, &m.pool.rows, &m.pool.cols, e->activation));
    return m;
}

static void clear(made *m)
{
    free(m->images);
    free(m->filter);
    free(m->bias);
}

/* One after the other. */
static float *in_two_steps(const made *m)
{
    float *full = malloc(m->full * sizeof *full), *want = malloc(m->result * sizeof *want);
    assert_ok(
        tw_conv_forward(TW_FLOAT32, &m->conv, m->images, m->filter, full, &m->epilogue, NULL));
    assert_ok(tw_max_pool(TW_FLOAT32, &m->pool, full, want, NULL, false, NULL));
    free(full);
    return want;
}

static bool at_once(const made *m, int threads, float *got)
{
    bool done;
    memset(got, 77, m->result * sizeof *got);
    assert_ok(tw_conv_forward_pooled(&m->pooled, m->images, m->filter, got, &m->epilogue,
                                     &(tw_par){.threads = threads}, &done));
    return done;
}

static void the_bits_are_those_of_two_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++) {
        made m = make(&examples[i]);
        float *got = malloc(m.result * sizeof *got);
        for (EACH_LEVEL(level)) {
            float *want = in_two_steps(&m);
            for (int threads = 1; threads <= 3; threads++) {
                assert_true(at_once(&m, threads, got));
                assert_memory_equal(got, want, m.result * sizeof *got);
            }
            free(want);
        }
        free(got);
        clear(&m);
    }
}

/* Either it comes out as in two steps, or it is said that it does not. */
static void what_is_not_finite_is_not_lost(void **state)
{
    (void)state;
    const float strange[] = {INFINITY, -INFINITY, NAN, FLT_MAX};
    for (size_t i = 0; i < EXAMPLES; i++) {
        for (size_t s = 0; s < sizeof strange / sizeof *strange; s++) {
            made m = make(&examples[i]);
            float *got = malloc(m.result * sizeof *got);
            m.images[m.image / 2] = strange[s];
            for (EACH_LEVEL(level)) {
                float *want = in_two_steps(&m);
                if (at_once(&m, 2, got))
                    assert_memory_equal(got, want, m.result * sizeof *got);
                free(want);
            }
            free(got);
            clear(&m);
        }
    }
}

/* A window of NaN alone gives the lowest number, with the positive part and without. */
static void nan_alone_gives_the_lowest_number(void **state)
{
    (void)state;
    for (tw_activation act = TW_ACTIVATION_NONE; act <= TW_ACTIVATION_RELU; act++) {
        example e = examples[1];
        e.activation = act;
        made m = make(&e);
        float *got = malloc(m.result * sizeof *got);
        for (size_t i = 0; i < m.image; i++)
            m.images[i] = NAN;
        for (EACH_LEVEL(level)) {
            assert_true(at_once(&m, 1, got));
            for (size_t i = 0; i < m.result; i++)
                assert_true(got[i] == -FLT_MAX);
        }
        free(got);
        clear(&m);
    }
}

static bool pools(const example *e, size_t window, size_t stride, bool same)
{
    made m = make(e);
    tw_window rows, cols;
    assert_ok(tw_window_fit(m.conv.rows.out, window, stride, 1, same, &rows));
    assert_ok(tw_window_fit(m.conv.cols.out, window, stride, 1, same, &cols));
    m.pooled = m.conv;
    bool does = tw_conv_pools(TW_FLOAT32, &m.pooled, &rows, &cols, e->activation);
    assert_true(does || m.pooled.pooled_rows == 0);
    clear(&m);
    return does;
}

static void only_whole_windows_of_two_by_two_are_pooled(void **state)
{
    (void)state;
    assert_true(pools(&examples[0], 2, 2, false));
    assert_true(pools(&examples[0], 2, 2, true));
    assert_true(pools(&examples[1], 2, 2, false));
    assert_false(pools(&examples[1], 2, 2, true)); /* the last ones see one output */
    assert_false(pools(&examples[0], 3, 2, false));
    assert_false(pools(&examples[0], 2, 1, false));
    made m = make(&examples[0]);
    tw_conv nchw = m.conv, deep = m.conv;
    nchw.nchw = true;
    deep.in_depth = 31;
    const tw_window *rows = &m.pool.rows, *cols = &m.pool.cols;
    assert_false(tw_conv_pools(TW_FLOAT32, &nchw, rows, cols, TW_ACTIVATION_RELU));
    assert_false(tw_conv_pools(TW_FLOAT32, &deep, rows, cols, TW_ACTIVATION_RELU));
    assert_false(tw_conv_pools(TW_FLOAT64, &m.conv, rows, cols, TW_ACTIVATION_RELU));
    assert_false(tw_conv_pools(TW_FLOAT32, &m.conv, rows, cols, TW_ACTIVATION_TANH));
    clear(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bits_are_those_of_two_steps),
        cmocka_unit_test(what_is_not_finite_is_not_lost),
        cmocka_unit_test(nan_alone_gives_the_lowest_number),
        cmocka_unit_test(only_whole_windows_of_two_by_two_are_pooled),
    };
    return cmocka_run_group_tests(tests, enter_float_mode, NULL);
}
