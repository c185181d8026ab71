/* SPDX-License-Identifier: Apache-2.0
 * The fast levels against the plain one on numbers that nets seldom hold: NaN, infinities,
 * denormals, zeros of both signs, at odd sizes and addresses. In the mode that steps run in a
 * denormal is zero, and so must leave what a zero in its place leaves. */
#include "kernel_test.h"

#include "kernels/conv.h"
#include "kernels/conv_winograd.h"
#include "kernels/optimizer.h"
#include "kernels/pool2d.h"
#include "kernels/reduce.h"
#include "kernels/softmax.h"

/* Longest input and output of a case; places around the output must stay. */
enum { MOST = 24000, OUT = 14000, LARGE = 6000, GUARD = 16 };

typedef enum strange {
    STRANGE_ZERO, /* where STRANGE_DENORMAL has a denormal, a zero of its sign */
    STRANGE_DENORMAL,
    STRANGE_NAN,
    STRANGE_INFINITY,
    STRANGE_ALL,
    STRANGE_KINDS
} strange;

/* One kernel at fixed odd sizes: reads x, writes `count` elements. */
typedef struct example {
    const char *name;
    size_t count;
    tw_status *(*run)(tw_dtype dtype, const char *x, char *out);
} example;

/* The k-th of the strange numbers of a kind; normal ones stand between them. */
static double strange_number(strange kind, tw_dtype dtype, size_t k)
{
    double least = dtype == TW_FLOAT64 ? DBL_MIN : (double)FLT_MIN, sign = k % 2 ? -1 : 1;
    if (kind == STRANGE_ALL)
        kind = (strange)(k / 2 % STRANGE_ALL);
    switch (kind) {
    case STRANGE_DENORMAL: return sign * least / (double)(2 + k % 5);
    case STRANGE_NAN: return (double)NAN;
    case STRANGE_INFINITY: return sign * (double)INFINITY;
    default: return sign * 0.0;
    }
}

/* Few enough that sums of many elements are not all NaN. */
static void fill(tw_dtype dtype, strange kind, size_t every, char *x)
{
    uint64_t seed = 7;
    for (size_t i = 0; i < MOST; i++) {
        double value = random_value(dtype, &seed);
        if (i % every == every / 2)
            value = strange_number(kind, dtype, i / every);
        tw_element_set(dtype, x + i * tw_dtype_size(dtype), value);
    }
}

/* ---- kernels ---- */

static tw_status *product(tw_dtype dtype, const char *x, char *out, tw_gemm_shape s)
{
    s.alpha = 1;
    return tw_gemm(dtype, &s, x, x + 7001 * tw_dtype_size(dtype), out, NULL, NULL);
}

static tw_status *run_panels(tw_dtype dtype, const char *x, char *out)
{
    return product(dtype, x, out, (tw_gemm_shape){.m = 37, .n = 43, .k = 23, .ldb = 45});
}

static tw_status *run_turned(tw_dtype dtype, const char *x, char *out)
{
    return product(
        dtype, x, out,
        (tw_gemm_shape){.m = 19, .n = 35, .k = 41, .transpose_a = true, .transpose_b = true});
}

static tw_status *run_line(tw_dtype dtype, const char *x, char *out)
{
    return product(dtype, x, out, (tw_gemm_shape){.m = 1, .n = 67, .k = 51});
}

static tw_status *run_few(tw_dtype dtype, const char *x, char *out)
{
    return product(dtype, x, out, (tw_gemm_shape){.m = 3, .n = 4, .k = 3});
}

static tw_status *run_sums(tw_dtype dtype, const char *x, char *out)
{
    return product(dtype, x, out, (tw_gemm_shape){.m = 2, .n = 31, .k = 67, .transpose_b = true});
}

static tw_status *run_narrow(tw_dtype dtype, const char *x, char *out)
{
    return product(dtype, x, out, (tw_gemm_shape){.m = 45, .n = 3, .k = 101});
}

static tw_status *run_narrow_long(tw_dtype dtype, const char *x, char *out)
{
    return product(dtype, x, out, (tw_gemm_shape){.m = 19, .n = 10, .k = 333});
}

static tw_status *run_narrow_turned(tw_dtype dtype, const char *x, char *out)
{
    return product(dtype, x, out, (tw_gemm_shape){.m = 61, .n = 9, .k = 71, .transpose_a = true});
}

static tw_status *run_onto(tw_dtype dtype, const char *x, char *out)
{
    memcpy(out, x, 21 * 13 * tw_dtype_size(dtype));
    return product(dtype, x, out,
                   (tw_gemm_shape){.m = 21, .n = 13, .k = 31, .transpose_a = true, .beta = 1});
}

static tw_status *run_softmax(tw_dtype dtype, const char *x, char *out)
{
    return tw_softmax(dtype, false, 21, 37, x, out, NULL);
}

static tw_status *run_log_softmax(tw_dtype dtype, const char *x, char *out)
{
    return tw_softmax(dtype, true, 3, 613, x, out, NULL);
}

static tw_status *run_xent(tw_dtype dtype, const char *x, char *out)
{
    size_t size = tw_dtype_size(dtype);
    return tw_softmax_xent(dtype, 21, 37, x, 37, x + 2001 * size, 37, 1, out, out + 21 * size,
                           NULL);
}

static tw_status *reduce(tw_reduction kind, tw_dtype dtype, const char *x, char *out, bool rows)
{
    return tw_reduce(kind, dtype, TW_SHAPE(61, 129), (bool[]){!rows, rows}, x, out, NULL);
}

static tw_status *run_sum_rows(tw_dtype dtype, const char *x, char *out)
{
    return reduce(TW_REDUCE_SUM, dtype, x, out, true);
}

static tw_status *run_sum_columns(tw_dtype dtype, const char *x, char *out)
{
    return reduce(TW_REDUCE_SUM, dtype, x, out, false);
}

static tw_status *run_max_rows(tw_dtype dtype, const char *x, char *out)
{
    return reduce(TW_REDUCE_MAX, dtype, x, out, true);
}

static tw_status *run_min_columns(tw_dtype dtype, const char *x, char *out)
{
    return reduce(TW_REDUCE_MIN, dtype, x, out, false);
}

static tw_status *run_l2_loss(tw_dtype dtype, const char *x, char *out)
{
    return reduce(TW_REDUCE_L2_LOSS, dtype, x, out, true);
}

/* 11 x 9 pixels, windows of 3 x 3. */
static tw_conv convolution(size_t in_depth, size_t out_depth)
{
    tw_conv conv = {.batch = 2, .in_depth = in_depth, .out_depth = out_depth};
    assert_ok(tw_window_fit(11, 3, 1, 1, true, &conv.rows));
    assert_ok(tw_window_fit(9, 3, 2, 1, true, &conv.cols));
    return conv;
}

static tw_status *run_conv(tw_dtype dtype, const char *x, char *out)
{
    tw_conv conv = convolution(3, 7);
    return tw_conv_forward(dtype, &conv, x, x + 3001 * tw_dtype_size(dtype), out, NULL, NULL);
}

static tw_status *run_conv_input(tw_dtype dtype, const char *x, char *out)
{
    tw_conv conv = convolution(3, 7);
    return tw_conv_input_gradient(dtype, &conv, x, x + 3001 * tw_dtype_size(dtype), out, NULL);
}

static tw_status *run_conv_filter(tw_dtype dtype, const char *x, char *out)
{
    tw_conv conv = convolution(3, 7);
    return tw_conv_filter_gradient(dtype, &conv, x, x + 3001 * tw_dtype_size(dtype), out, NULL);
}

static tw_status *run_depthwise(tw_dtype dtype, const char *x, char *out)
{
    tw_conv conv = convolution(9, 9);
    return tw_depthwise_forward(dtype, &conv, x, x + 3001 * tw_dtype_size(dtype), out, NULL);
}

static tw_status *run_depthwise_input(tw_dtype dtype, const char *x, char *out)
{
    tw_conv conv = convolution(9, 9);
    return tw_depthwise_input_gradient(dtype, &conv, x, x + 3001 * tw_dtype_size(dtype), out, NULL);
}

static tw_status *run_depthwise_filter(tw_dtype dtype, const char *x, char *out)
{
    tw_conv conv = convolution(9, 9);
    return tw_depthwise_filter_gradient(dtype, &conv, x, x + 3001 * tw_dtype_size(dtype), out,
                                        NULL);
}

/* Of 20 x 20 pixels and 32 channels, which floats take by Winograd's way. */
static tw_conv square(void)
{
    tw_conv conv = {.batch = 1, .in_depth = 32, .out_depth = 32};
    assert_ok(tw_window_fit(20, 3, 1, 1, true, &conv.rows));
    conv.cols = conv.rows;
    assert_true(tw_winograd_fits(TW_FLOAT32, &conv, TW_CONV_FILTER_GRADIENT));
    return conv;
}

static tw_status *run_square(tw_dtype dtype, const char *x, char *out)
{
    tw_conv conv = square();
    return tw_conv_forward(dtype, &conv, x, x + 13001 * tw_dtype_size(dtype), out, NULL, NULL);
}

static tw_status *run_square_input(tw_dtype dtype, const char *x, char *out)
{
    tw_conv conv = square();
    return tw_conv_input_gradient(dtype, &conv, x, x + 10001 * tw_dtype_size(dtype), out, NULL);
}

static tw_status *run_square_filter(tw_dtype dtype, const char *x, char *out)
{
    tw_conv conv = square();
    return tw_conv_filter_gradient(dtype, &conv, x, x + 11001 * tw_dtype_size(dtype), out, NULL);
}

static tw_pool2d pooling(void)
{
    tw_conv conv = convolution(9, 9);
    return (tw_pool2d){.batch = 2, .depth = 9, .rows = conv.rows, .cols = conv.cols};
}

static tw_status *run_max_pool(tw_dtype dtype, const char *x, char *out)
{
    tw_pool2d pool = pooling();
    return tw_max_pool(dtype, &pool, x, out, NULL, false, NULL);
}

static tw_status *run_max_pool_gradient(tw_dtype dtype, const char *x, char *out)
{
    tw_pool2d pool = pooling();
    memset(out, 0, 2 * 11 * 9 * 9 * tw_dtype_size(dtype));
    return tw_max_pool_gradient(dtype, &pool, x, x + 3001 * tw_dtype_size(dtype), out, NULL);
}

static tw_status *run_avg_pool(tw_dtype dtype, const char *x, char *out)
{
    tw_pool2d pool = pooling();
    return tw_avg_pool(dtype, &pool, x, out, NULL);
}

static tw_status *run_avg_pool_gradient(tw_dtype dtype, const char *x, char *out)
{
    tw_pool2d pool = pooling();
    memset(out, 0, 2 * 11 * 9 * 9 * tw_dtype_size(dtype));
    return tw_avg_pool_gradient(dtype, &pool, x, out, NULL);
}

/* Where the variable and its slots begin, and the gradient: 611 elements each. */
enum { PARAMETERS = 611 };

static char *slots_of(tw_dtype dtype, const char *x, char *out, size_t slot)
{
    size_t bytes = PARAMETERS * tw_dtype_size(dtype);
    char *at = out + slot * bytes;
    memcpy(at, x + (slot + 1) * bytes, bytes);
    for (size_t i = 0; slot && i < PARAMETERS; i++) { /* slots are sums of squares */
        char *element = at + i * tw_dtype_size(dtype);
        tw_element_set(dtype, element, fabs(tw_element_get(dtype, element)));
    }
    return at;
}

static tw_status *run_adam(tw_dtype dtype, const char *x, char *out)
{
    tw_adam adam = {.beta1_power = 0.9,
                    .beta2_power = 0.999,
                    .lr = 0.01,
                    .beta1 = 0.9,
                    .beta2 = 0.999,
                    .epsilon = 1e-8};
    return tw_update_adam(dtype, PARAMETERS, slots_of(dtype, x, out, 0), slots_of(dtype, x, out, 1),
                          slots_of(dtype, x, out, 2), &adam, x, NULL);
}

static tw_status *run_momentum(tw_dtype dtype, const char *x, char *out)
{
    return tw_update_momentum(dtype, PARAMETERS, slots_of(dtype, x, out, 0),
                              slots_of(dtype, x, out, 1), 0.1, x, 0.9, true, NULL);
}

static tw_status *run_adagrad(tw_dtype dtype, const char *x, char *out)
{
    return tw_update_adagrad(dtype, PARAMETERS, slots_of(dtype, x, out, 0),
                             slots_of(dtype, x, out, 1), 0.1, 1e-7, x, true, NULL);
}

static tw_status *run_rmsprop(tw_dtype dtype, const char *x, char *out)
{
    return tw_update_rmsprop(dtype, PARAMETERS, slots_of(dtype, x, out, 0), NULL,
                             slots_of(dtype, x, out, 1), slots_of(dtype, x, out, 2), 0.1, 0.9, 0.5,
                             1e-3, x, NULL);
}

static const example examples[] = {
    {"gemm", 37 * 43, run_panels},
    {"gemm, both turned", 19 * 35, run_turned},
    {"gemm of a line", 67, run_line},
    {"gemm of a few numbers", 12, run_few},
    {"gemm of sums", 62, run_sums},
    {"narrow gemm", 45 * 3, run_narrow},
    {"narrow gemm, many terms", 190, run_narrow_long},
    {"narrow gemm, A turned", 61 * 9, run_narrow_turned},
    {"gemm onto what is there", 21 * 13, run_onto},
    {"softmax", 21 * 37, run_softmax},
    {"log softmax", 3 * 613, run_log_softmax},
    {"cross entropy", 21 + 21 * 37, run_xent},
    {"sum of rows", 61, run_sum_rows},
    {"sum of columns", 129, run_sum_columns},
    {"maxima of rows", 61, run_max_rows},
    {"minima of columns", 129, run_min_columns},
    {"L2 loss of rows", 61, run_l2_loss},
    {"conv", 2 * 11 * 5 * 7, run_conv},
    {"conv, input's gradient", 2 * 11 * 9 * 3, run_conv_input},
    {"conv, filter's gradient", 9 * 3 * 7, run_conv_filter},
    {"depthwise conv", 2 * 11 * 5 * 9, run_depthwise},
    {"depthwise conv, input's gradient", 2 * 11 * 9 * 9, run_depthwise_input},
    {"depthwise conv, filter's gradient", 9 * 9, run_depthwise_filter},
    {"square conv", 20 * 20 * 32, run_square},
    {"square conv, input's gradient", 20 * 20 * 32, run_square_input},
    {"square conv, filter's gradient", 9 * 32 * 32, run_square_filter},
    {"max pool", 2 * 11 * 5 * 9, run_max_pool},
    {"max pool, gradient", 2 * 11 * 9 * 9, run_max_pool_gradient},
    {"average pool", 2 * 11 * 5 * 9, run_avg_pool},
    {"average pool, gradient", 2 * 11 * 9 * 9, run_avg_pool_gradient},
    {"Adam", 3 * PARAMETERS, run_adam},
    {"Momentum", 2 * PARAMETERS, run_momentum},
    {"Adagrad", 2 * PARAMETERS, run_adagrad},
    {"RMSProp", 3 * PARAMETERS, run_rmsprop},
};

/* ---- comparing ---- */

/* At one level, inputs and outputs one element past an aligned address. */
static double *run_at(int level, const example *e, tw_dtype dtype, strange kind, size_t every)
{
    size_t size = tw_dtype_size(dtype), around = GUARD * size;
    char *x = tw_alloc_aligned((MOST + 1) * size), *out = tw_alloc_aligned((OUT + 1) * size);
    double *got = malloc(e->count * sizeof *got);
    assert_true(x && out && got && e->count + 2 * GUARD < OUT);
    assert_true(tw_isa_force(level));
    fill(dtype, kind, every, x + size);
    memset(out, 0x5a, (OUT + 1) * size);
    assert_ok(e->run(dtype, x + size, out + size + around));
    for (size_t i = 0; i < e->count; i++)
        got[i] = number_at(dtype, out + size + around, i);
    for (size_t i = 0; i < around; i++) {
        assert_int_equal(out[size + i], 0x5a);
        assert_int_equal(out[size + around + e->count * size + i], 0x5a);
    }
    tw_free_aligned(x);
    tw_free_aligned(out);
    return got;
}

/* Sums of up to 129 numbers below 4 in another order; in the large examples of up to 400, by way of
 * Winograd's transforms. What overflows does so at either level. */
static void same(const example *e, tw_dtype dtype, const double *got, const double *want)
{
    double precision = (dtype == TW_FLOAT64 ? 1e-13 : 2e-5) * (e->count > LARGE ? 25 : 1);
    for (size_t i = 0; i < e->count; i++)
        assert_near(got[i], want[i], precision * (1 + fabs(want[i])), e->name);
}

static const tw_dtype dtypes[] = {TW_FLOAT32, TW_FLOAT64};
static const size_t spacings[] = {3, 61};

static void fast_levels_treat_strange_numbers_as_the_plain_one(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof examples / sizeof *examples; n++) {
        for (int k = 0; k < 4 * STRANGE_KINDS; k++) {
            tw_dtype dtype = dtypes[k & 1];
            strange kind = (strange)(k / 4);
            size_t every = spacings[k >> 1 & 1];
            double *want = run_at(TW_ISA_PLAIN, &examples[n], dtype, kind, every);
            for (EACH_LEVEL(level)) {
                double *got = run_at(level, &examples[n], dtype, kind, every);
                same(&examples[n], dtype, got, want);
                free(got);
            }
            free(want);
        }
    }
}

static void a_denormal_leaves_what_a_zero_leaves(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof examples / sizeof *examples; n++) {
        for (size_t k = 0; k < 4; k++) {
            tw_dtype dtype = dtypes[k & 1];
            for (EACH_LEVEL(level)) {
                const example *e = &examples[n];
                double *want = run_at(level, e, dtype, STRANGE_ZERO, spacings[k >> 1]);
                double *got = run_at(level, e, dtype, STRANGE_DENORMAL, spacings[k >> 1]);
                same(e, dtype, got, want);
                free(want);
                free(got);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fast_levels_treat_strange_numbers_as_the_plain_one),
        cmocka_unit_test(a_denormal_leaves_what_a_zero_leaves),
    };
    return cmocka_run_group_tests_name("strange numbers", tests, enter_float_mode, NULL);
}
