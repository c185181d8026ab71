/* SPDX-License-Identifier: Apache-2.0
 * Winograd's convolutions: their error against sums in double stays within four times that of plain
 * sums in float, threads change no bit, and what is not finite comes out as the direct way gives
 * it. */
#include "kernel_test.h"

#include "kernels/conv.h"
#include "kernels/conv_winograd.h"

typedef struct example {
    size_t batch, rows, cols, in, window, out;
    bool same;
} example;

/* Tiles that fit and tiles that hang over, padding and none, one block of tiles and many. */
static const example examples[] = {
    {2, 14, 14, 32, 5, 64, true},  {1, 13, 11, 48, 5, 32, true},  {1, 15, 14, 32, 5, 32, false},
    {2, 16, 16, 64, 3, 32, true},  {3, 13, 11, 32, 3, 48, false}, {5, 14, 14, 32, 5, 32, true},
    {2, 12, 15, 80, 3, 112, true},
};
enum { EXAMPLES = sizeof examples / sizeof *examples };

static tw_conv conv_of(const example *e)
{
    tw_conv c = {.batch = e->batch, .in_depth = e->in, .out_depth = e->out};
    assert_ok(tw_window_fit(e->rows, e->window, 1, 1, e->same, &c.rows));
    assert_ok(tw_window_fit(e->cols, e->window, 1, 1, e->same, &c.cols));
    assert_true(tw_winograd_fits(TW_FLOAT32, &c, TW_CONV_FORWARD));
    assert_true(tw_winograd_fits(TW_FLOAT32, &c, TW_CONV_INPUT_GRADIENT));
    return c;
}

/* The arrays of a pass: input, filter, output; one of them is computed. */
typedef struct arrays {
    size_t counts[3];
    float *x[3], *plain; /* plain: sums in float, one product after the other */
    double *exact;
    int result;
} arrays;

static arrays arrays_of(const tw_conv *c, int pass)
{
    arrays a = {.counts = {c->batch * c->rows.in * c->cols.in * c->in_depth,
                           c->rows.window * c->cols.window * c->in_depth * c->out_depth,
                           c->batch * c->rows.out * c->cols.out * c->out_depth},
                .result = pass == TW_CONV_FORWARD          ? 2
                          : pass == TW_CONV_INPUT_GRADIENT ? 0
                                                           : 1};
    for (size_t i = 0; i < 3; i++)
        a.x[i] = random_numbers(TW_FLOAT32, a.counts[i], i + 1);
    a.plain = calloc(a.counts[a.result], sizeof(float));
    a.exact = calloc(a.counts[a.result], sizeof(double));
    return a;
}

static void arrays_clear(arrays *a)
{
    for (int i = 0; i < 3; i++)
        free(a->x[i]);
    free(a->plain);
    free(a->exact);
}

/* Adds the products of one output pixel and one tap, in every channel. */
static void add_products(const tw_conv *c, arrays *a, size_t in, size_t tap, size_t out)
{
    for (size_t i = 0; i < c->in_depth; i++) {
        for (size_t o = 0; o < c->out_depth; o++) {
            size_t at[3] = {in * c->in_depth + i, (tap * c->in_depth + i) * c->out_depth + o,
                            out * c->out_depth + o};
            size_t p = a->result == 0, q = a->result == 2 ? 1 : 2, r = at[a->result];
            float u = a->x[p][at[p]], v = a->x[q][at[q]];
            a->plain[r] += u * v;
            a->exact[r] += (double)u * v;
        }
    }
}

static void sum_plainly(const tw_conv *c, arrays *a)
{
    for (size_t b = 0; b < c->batch; b++)
        for (size_t y = 0; y < c->rows.out; y++)
            for (size_t x = 0; x < c->cols.out; x++)
                for (size_t k = 0; k < c->rows.window; k++)
                    for (size_t l = 0; l < c->cols.window; l++) {
                        size_t iy = y + k - c->rows.pad, ix = x + l - c->cols.pad;
                        if (iy < c->rows.in && ix < c->cols.in) /* wraps where negative */
                            add_products(c, a, (b * c->rows.in + iy) * c->cols.in + ix,
                                         k * c->cols.window + l,
                                         (b * c->rows.out + y) * c->cols.out + x);
                    }
}

static void run(const tw_conv *c, int pass, const arrays *a, float *to, const tw_par *par)
{
    if (pass == TW_CONV_FORWARD)
        assert_ok(tw_conv_forward(TW_FLOAT32, c, a->x[0], a->x[1], to, NULL, par));
    else if (pass == TW_CONV_INPUT_GRADIENT)
        assert_ok(tw_conv_input_gradient(TW_FLOAT32, c, a->x[1], a->x[2], to, par));
    else
        assert_ok(tw_conv_filter_gradient(TW_FLOAT32, c, a->x[0], a->x[2], to, par));
}

static void check_errors(const tw_conv *c, int pass, const arrays *a, const float *got)
{
    double own = 0, plain = 0, own_squares = 0, plain_squares = 0;
    for (size_t i = 0; i < a->counts[a->result]; i++) {
        double e = fabs(got[i] - a->exact[i]), p = fabs(a->plain[i] - a->exact[i]);
        own = e > own ? e : own;
        plain = p > plain ? p : plain;
        own_squares += e * e;
        plain_squares += p * p;
    }
    if (!(own <= 4 * plain) || !(own_squares <= 16 * plain_squares))
        fail_msg("pass %d, %zu x %zu: errs by %g, root of squares %g; plain sums by %g and %g",
                 pass, c->rows.window, c->cols.window, own, sqrt(own_squares), plain,
                 sqrt(plain_squares));
}

static void errors_stay_within_four_times_those_of_plain_sums(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++) {
        tw_conv c = conv_of(&examples[i]);
        for (int pass = 0; pass < 3; pass++) {
            arrays a = arrays_of(&c, pass);
            float *got = malloc(a.counts[a.result] * sizeof *got);
            sum_plainly(&c, &a);
            for (EACH_LEVEL(level)) {
                run(&c, pass, &a, got, NULL);
                check_errors(&c, pass, &a, got);
            }
            free(got);
            arrays_clear(&a);
        }
    }
}

/* The sums of a filter's gradient are then so short that the transforms' errors would show. */
static void a_filter_gradient_over_few_places_goes_the_direct_way(void **state)
{
    (void)state;
    tw_conv few = conv_of(&examples[1]), many = conv_of(&examples[0]);
    assert_false(tw_winograd_fits(TW_FLOAT32, &few, TW_CONV_FILTER_GRADIENT));
    assert_true(tw_winograd_fits(TW_FLOAT32, &many, TW_CONV_FILTER_GRADIENT));
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++) {
        tw_conv c = conv_of(&examples[i]);
        for (int pass = 0; pass < 3; pass++) {
            arrays a = arrays_of(&c, pass);
            size_t bytes = a.counts[a.result] * sizeof(float);
            float *one = malloc(bytes), *three = malloc(bytes);
            run(&c, pass, &a, one, NULL);
            run(&c, pass, &a, three, &(tw_par){.threads = 3});
            assert_memory_equal(one, three, bytes);
            free(one);
            free(three);
            arrays_clear(&a);
        }
    }
}

/* A number, an infinity of a sign or a NaN. */
static int kind_of(double x)
{
    return isnan(x) ? 2 : isinf(x) ? (x > 0 ? 1 : -1) : 0;
}

static void what_is_not_finite_stays_where_the_direct_way_has_it(void **state)
{
    (void)state;
    const float strange[] = {INFINITY, -INFINITY, NAN, FLT_MAX};
    tw_conv c = conv_of(&examples[0]);
    for (int pass = 0; pass < 3; pass++) {
        for (size_t s = 0; s < sizeof strange / sizeof *strange; s++) {
            arrays a = arrays_of(&c, pass);
            int from = pass == TW_CONV_INPUT_GRADIENT ? 2 : 0;
            a.x[from][a.counts[from] / 2 + 7] = strange[s];
            float *got = malloc(a.counts[a.result] * sizeof *got);
            sum_plainly(&c, &a);
            run(&c, pass, &a, got, NULL);
            for (size_t i = 0; i < a.counts[a.result]; i++)
                assert_int_equal(kind_of(got[i]), kind_of(a.plain[i]));
            free(got);
            arrays_clear(&a);
        }
    }
}

static void bias_and_activation_follow(void **state)
{
    (void)state;
    tw_conv c = conv_of(&examples[1]);
    arrays a = arrays_of(&c, TW_CONV_FORWARD);
    size_t n = a.counts[2];
    float *plain = malloc(n * sizeof *plain), *got = malloc(n * sizeof *got);
    float *bias = random_numbers(TW_FLOAT32, c.out_depth, 9);
    run(&c, TW_CONV_FORWARD, &a, plain, NULL);
    for (tw_activation act = TW_ACTIVATION_NONE; act <= TW_ACTIVATION_TANH; act++) {
        tw_gemm_epilogue with = {bias, act};
        assert_ok(tw_conv_forward(TW_FLOAT32, &c, a.x[0], a.x[1], got, &with, NULL));
        for (size_t i = 0; i < n; i++) {
            double x = (double)plain[i] + bias[i % c.out_depth];
            double want = act == TW_ACTIVATION_NONE      ? x
                          : act == TW_ACTIVATION_SIGMOID ? 1 / (1 + exp(-x))
                          : act == TW_ACTIVATION_TANH    ? tanh(x)
                          : x < 0                        ? 0
                          : act == TW_ACTIVATION_RELU6   ? fmin(x, 6)
                                                         : x;
            assert_near(got[i], want, 1e-5 * (1 + fabs(want)), "bias and activation");
        }
    }
    free(plain);
    free(got);
    free(bias);
    arrays_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_stay_within_four_times_those_of_plain_sums),
        cmocka_unit_test(a_filter_gradient_over_few_places_goes_the_direct_way),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(what_is_not_finite_stays_where_the_direct_way_has_it),
        cmocka_unit_test(bias_and_activation_follow),
    };
    return cmocka_run_group_tests(tests, enter_float_mode, NULL);
}
