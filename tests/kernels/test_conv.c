/* SPDX-License-Identifier: Apache-2.0
 * Convolutions and their gradients against seven plain loops in double: strides, dilations,
 * padding, both layouts, every dtype, level and number of threads. */
#include "kernel_test.h"

#include "kernels/conv.h"
#include "support/failing_allocator.h"

/* Sizes, and the padding by name. */
typedef struct example {
    size_t batch, rows, cols, in, kr, kc, out, sr, sc, dr, dc;
    bool same;
} example;

static const example examples[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, false},
    {2, 5, 6, 3, 1, 1, 4, 1, 1, 1, 1, false},
    {2, 5, 6, 3, 3, 3, 4, 1, 1, 1, 1, true},
    {2, 9, 7, 1, 5, 5, 6, 1, 1, 1, 1, true},
    {1, 8, 9, 2, 3, 2, 1, 2, 2, 1, 1, true},
    {2, 7, 10, 3, 2, 3, 5, 3, 2, 1, 1, false},
    {1, 11, 12, 2, 3, 3, 3, 1, 1, 2, 3, true},
    {1, 13, 11, 2, 3, 3, 3, 2, 3, 2, 2, true},
    {2, 6, 6, 4, 1, 1, 3, 2, 2, 1, 1, true},
    {1, 7, 7, 2, 2, 2, 2, 4, 4, 1, 1, false},
    {1, 4, 4, 70, 3, 3, 20, 1, 1, 1, 1, true},
    {1, 2, 3, 2, 4, 5, 3, 1, 1, 1, 1, true},
    {1, 6, 40, 1, 3, 3, 1, 1, 1, 1, 2, true},
    {0, 4, 4, 2, 3, 3, 2, 1, 1, 1, 1, true},
    {1, 4, 4, 0, 3, 3, 2, 1, 1, 1, 1, true},
    {1, 4, 4, 2, 3, 3, 0, 1, 1, 1, 1, true},
    {1, 9, 9, 5, 3, 3, 7, 2, 2, 1, 1, true},
    {3, 30, 28, 1, 5, 5, 9, 1, 1, 1, 1, true},
    /* few channels to many */
    {2, 9, 7, 1, 5, 5, 32, 1, 1, 1, 1, true},
    {1, 12, 11, 3, 3, 4, 64, 2, 1, 1, 1, true},
    {3, 2, 3, 2, 5, 3, 32, 1, 1, 1, 1, true},
    {1, 23, 230, 4, 5, 7, 32, 1, 2, 1, 1, false},
};
enum { EXAMPLES = sizeof examples / sizeof *examples };

static const tw_dtype dtypes[] = {TW_FLOAT32, TW_FLOAT64, TW_FLOAT16, TW_BFLOAT16};

static tw_conv conv_of(const example *e, bool nchw)
{
    tw_conv c = {.batch = e->batch, .in_depth = e->in, .out_depth = e->out, .nchw = nchw};
    assert_ok(tw_window_fit(e->rows, e->kr, e->sr, e->dr, e->same, &c.rows));
    assert_ok(tw_window_fit(e->cols, e->kc, e->sc, e->dc, e->same, &c.cols));
    return c;
}

static double precision(tw_dtype dtype)
{
    return dtype == TW_FLOAT64   ? 1e-13
           : dtype == TW_FLOAT32 ? 2e-6
           : dtype == TW_FLOAT16 ? 3e-3
                                 : 3e-2;
}

static size_t image_index(const tw_conv *c, bool output, size_t b, size_t y, size_t x, size_t d)
{
    size_t rows = output ? c->rows.out : c->rows.in, cols = output ? c->cols.out : c->cols.in;
    size_t depth = output ? c->out_depth : c->in_depth;
    return c->nchw ? ((b * depth + d) * rows + y) * cols + x
                   : ((b * rows + y) * cols + x) * depth + d;
}

/* The three arrays of a convolution as doubles, and sums of magnitudes, for one of which a pass is
 * computed. */
typedef struct reference {
    double *input, *filter, *output, *sizes;
    size_t counts[3];
} reference;

static double *doubles(tw_dtype dtype, const void *x, size_t n)
{
    double *all = calloc(n + 1, sizeof *all);
    for (size_t i = 0; i < n && x; i++)
        all[i] = number_at(dtype, x, i);
    return all;
}

/* Calls for each (output, input, filter) triple that belongs together. */
static void walk(const tw_conv *c, bool depthwise, reference *r, int pass)
{
    size_t multiplier = depthwise && c->in_depth ? c->out_depth / c->in_depth : 1;
    for (size_t b = 0; b < c->batch; b++)
        for (size_t y = 0; y < c->rows.out; y++)
            for (size_t x = 0; x < c->cols.out; x++)
                for (size_t ky = 0; ky < c->rows.window; ky++)
                    for (size_t kx = 0; kx < c->cols.window; kx++) {
                        size_t iy = y * c->rows.stride + ky * c->rows.dilation - c->rows.pad;
                        size_t ix = x * c->cols.stride + kx * c->cols.dilation - c->cols.pad;
                        if (iy >= c->rows.in || ix >= c->cols.in) /* wraps where negative */
                            continue;
                        for (size_t i = 0; i < c->in_depth; i++)
                            for (size_t o = 0; o < (depthwise ? multiplier : c->out_depth); o++) {
                                size_t out = depthwise ? i * multiplier + o : o;
                                size_t f = ((ky * c->cols.window + kx) * c->in_depth + i) *
                                               (depthwise ? multiplier : c->out_depth) +
                                           o;
                                double *xi = &r->input[image_index(c, false, b, iy, ix, i)],
                                       *w = &r->filter[f];
                                size_t at = image_index(c, true, b, y, x, out);
                                double *dy = &r->output[at];
                                double product = pass == 0   ? *xi * *w
                                                 : pass == 1 ? *dy * *w
                                                             : *xi * *dy;
                                double *to = pass == 0 ? dy : pass == 1 ? xi : w;
                                size_t place = pass == 0   ? at
                                               : pass == 1 ? (size_t)(xi - r->input)
                                                           : f;
                                *to += product;
                                r->sizes[place] += fabs(product);
                            }
                    }
}

typedef tw_status *(*pass_fn)(tw_dtype, const tw_conv *, const void *, const void *, void *,
                              const tw_par *);

static tw_status *forward(tw_dtype dtype, const tw_conv *c, const void *x, const void *w, void *y,
                          const tw_par *par)
{
    return tw_conv_forward(dtype, c, x, w, y, NULL, par);
}

static const pass_fn passes[2][3] = {
    {forward, tw_conv_input_gradient, tw_conv_filter_gradient},
    {tw_depthwise_forward, tw_depthwise_input_gradient, tw_depthwise_filter_gradient}};

static void check_pass(tw_dtype dtype, const tw_conv *c, bool depthwise, int pass)
{
    size_t taps = c->rows.window * c->cols.window, size = tw_dtype_size(dtype);
    size_t counts[3] = {c->batch * c->rows.in * c->cols.in * c->in_depth,
                        taps * (depthwise ? 1 : c->in_depth) * c->out_depth,
                        c->batch * c->rows.out * c->cols.out * c->out_depth};
    int result = pass == 0 ? 2 : pass == 1 ? 0 : 1;
    void *arrays[3];
    for (int i = 0; i < 3; i++)
        arrays[i] = i == result ? NULL : random_numbers(dtype, counts[i], (uint64_t)i + 1);
    reference r = {.input = doubles(dtype, arrays[0], counts[0]),
                   .filter = doubles(dtype, arrays[1], counts[1]),
                   .output = doubles(dtype, arrays[2], counts[2]),
                   .sizes = calloc(counts[result] + 1, sizeof(double))};
    walk(c, depthwise, &r, pass);
    size_t n = counts[result];
    void *one = malloc(n * size + 1), *many = malloc(n * size + 1);
    memset(one, 0xff, n * size);
    const void *a = pass == 1 ? arrays[1] : arrays[0], *b = pass == 0 ? arrays[1] : arrays[2];
    size_t bytes = depthwise ? 0 : tw_conv_workspace(dtype, c, (tw_conv_pass)pass);
    void *workspace = tw_alloc_aligned(bytes + 64);
    assert_ok(passes[depthwise][pass](dtype, c, a, b, one, NULL));
    assert_ok(passes[depthwise][pass](dtype, c, a, b, many,
                                      &(tw_par){3, workspace, depthwise ? 0 : bytes}));
    assert_memory_equal(one, many, n * size);
    const double *want = result == 2 ? r.output : result == 0 ? r.input : r.filter;
    for (size_t i = 0; i < n; i++)
        assert_near(number_at(dtype, one, i), want[i], precision(dtype) * (r.sizes[i] + 1),
                    pass == 0   ? "forward"
                    : pass == 1 ? "input gradient"
                                : "filter gradient");
    tw_free_aligned(workspace);
    free(one);
    free(many);
    for (int i = 0; i < 3; i++)
        free(arrays[i]);
    free(r.input);
    free(r.filter);
    free(r.output);
    free(r.sizes);
}

static void every_pass_is_what_plain_loops_give(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
            for (size_t i = 0; i < EXAMPLES; i++) {
                tw_conv c = conv_of(&examples[i], (i + d) % 3 == 0);
                for (int pass = 0; pass < 3; pass++)
                    check_pass(dtypes[d], &c, false, pass);
            }
        }
    }
}

static void depthwise_passes_are_what_plain_loops_give(void **state)
{
    (void)state;
    for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
        for (size_t i = 0; i < EXAMPLES; i++) {
            for (size_t multiplier = 1; multiplier < 4; multiplier += 2) {
                tw_conv c = conv_of(&examples[i], false);
                c.out_depth = c.in_depth * multiplier;
                for (int pass = 0; pass < 3; pass++)
                    check_pass(dtypes[d], &c, true, pass);
            }
        }
    }
}

static void larger_ones_have_the_same_bits_at_any_number_of_threads(void **state)
{
    (void)state;
    const example large = {2, 20, 20, 16, 5, 5, 33, 1, 1, 1, 1, true};
    const example strided = {2, 24, 24, 8, 3, 3, 65, 2, 2, 1, 1, true};
    for (int pass = 0; pass < 3; pass++) {
        tw_conv a = conv_of(&large, false), b = conv_of(&strided, true);
        check_pass(TW_FLOAT32, &a, false, pass);
        check_pass(TW_FLOAT32, &b, false, pass);
    }
}

static void bias_and_activation_follow_a_convolution(void **state)
{
    (void)state;
    const example e = {1, 5, 6, 3, 3, 3, 4, 1, 1, 1, 1, true};
    for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
        for (int nchw = 0; nchw < 2; nchw++) {
            tw_conv c = conv_of(&e, nchw);
            size_t n = 5 * 6 * 4, size = tw_dtype_size(dtypes[d]);
            void *x = random_numbers(dtypes[d], 90, 1), *w = random_numbers(dtypes[d], 108, 2);
            void *bias = random_numbers(dtypes[d], 4, 3), *y = malloc(n * size),
                 *z = malloc(n * size);
            tw_gemm_epilogue with = {bias, TW_ACTIVATION_RELU};
            assert_ok(tw_conv_forward(dtypes[d], &c, x, w, y, NULL, NULL));
            assert_ok(tw_conv_forward(dtypes[d], &c, x, w, z, &with, NULL));
            for (size_t i = 0; i < n; i++) {
                double sum = number_at(dtypes[d], y, i) +
                             number_at(dtypes[d], bias, nchw ? i / 30 : i % 4);
                assert_near(number_at(dtypes[d], z, i), sum > 0 ? sum : 0,
                            precision(dtypes[d]) * 30, "bias and relu");
            }
            free(x);
            free(w);
            free(bias);
            free(y);
            free(z);
        }
    }
}

static void windows_fit_as_in_tensorflow(void **state)
{
    (void)state;
    tw_window w;
    assert_ok(tw_window_fit(5, 3, 2, 1, true, &w));
    assert_int_equal(w.out, 3);
    assert_int_equal(w.pad, 1);
    assert_ok(tw_window_fit(4, 3, 2, 1, true, &w));
    assert_int_equal(w.out, 2);
    assert_int_equal(w.pad, 0);
    assert_ok(tw_window_fit(7, 2, 2, 2, false, &w));
    assert_int_equal(w.out, 3);
    assert_refused(tw_window_fit(2, 3, 1, 1, false, &w), TW_INVALID_ARGUMENT, "does not fit");
    assert_refused(tw_window_fit(2, 3, 0, 1, false, &w), TW_INVALID_ARGUMENT, "must be positive");
    assert_refused(tw_window_fit(2, SIZE_MAX, 1, 3, true, &w), TW_INVALID_ARGUMENT, "too large");
    assert_ok(tw_window_fit(5, 3, 1, 1, true, &w));
    size_t first, last;
    tw_window_inside(&w, 0, &first, &last);
    assert_int_equal(first, 1);
    assert_int_equal(last, 5);
    tw_window_inside(&w, 2, &first, &last);
    assert_int_equal(first, 0);
    assert_int_equal(last, 4);
}

static void impossible_convolutions_are_refused(void **state)
{
    (void)state;
    const example e = {1, 5, 6, 3, 3, 3, 4, 1, 1, 1, 1, true};
    float x[200] = {0};
    tw_conv c = conv_of(&e, false);
    assert_refused(tw_conv_forward(TW_INT32, &c, x, x, x, NULL, NULL), TW_UNIMPLEMENTED, "int32");
    assert_refused(tw_depthwise_forward(TW_FLOAT32, &c, x, x, x, NULL), TW_INVALID_ARGUMENT,
                   "4 output channels for 3 input channels");
    c.nchw = true;
    c.out_depth = 3;
    assert_refused(tw_depthwise_forward(TW_FLOAT32, &c, x, x, x, NULL), TW_UNIMPLEMENTED, "NHWC");
    c.batch = SIZE_MAX / 8;
    assert_refused(tw_conv_input_gradient(TW_FLOAT32, &c, x, x, x, NULL), TW_INVALID_ARGUMENT,
                   "too large");
    assert_true(tw_conv_workspace(TW_FLOAT32, &c, TW_CONV_FORWARD) == SIZE_MAX);
    c.rows.stride = 0;
    assert_refused(tw_conv_filter_gradient(TW_FLOAT32, &c, x, x, x, NULL), TW_INVALID_ARGUMENT,
                   "impossible");
}

static void no_memory_is_a_status(void **state)
{
    (void)state;
    const example e = {1, 5, 6, 3, 3, 3, 4, 1, 1, 1, 1, true};
    float x[200] = {0}, y[200];
    tw_conv c = conv_of(&e, true);
    for (int pass = 0; pass < 3; pass++) {
        size_t live = failing_allocator_live();
        for (size_t n = 1; failing_allocator_next(n); n++) {
            tw_status *status = passes[0][pass](TW_FLOAT32, &c, x, x, y, NULL);
            assert_int_equal(status != NULL, failing_allocator_failed());
            tw_status_free(status);
            assert_int_equal(failing_allocator_live(), live);
        }
    }
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pass_is_what_plain_loops_give),
        cmocka_unit_test(depthwise_passes_are_what_plain_loops_give),
        cmocka_unit_test(larger_ones_have_the_same_bits_at_any_number_of_threads),
        cmocka_unit_test(bias_and_activation_follow_a_convolution),
        cmocka_unit_test(windows_fit_as_in_tensorflow),
        cmocka_unit_test(impossible_convolutions_are_refused),
        cmocka_unit_test(no_memory_is_a_status),
    };
    return cmocka_run_group_tests(tests, enter_float_mode, NULL);
}
