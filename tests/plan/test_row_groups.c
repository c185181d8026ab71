/* SPDX-License-Identifier: Apache-2.0
 * What reduces rows and goes on with them is one step (src/plan/fuse_rows.c), with the numbers of
 * the plan that has a step for each operation: on odd sizes, with what is not finite, at every
 * instruction set level, and with the same bits on any number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "base/pool.h"
#include "kernels/isa.h"
#include "support/near.h"

static tw_session *session;

static int setup(void **state)
{
    (void)state;
    tw_reset_default_graph();
    session = tw_session_new(NULL);
    return session ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    tw_session_free(session);
    tw_isa_force(TW_ISA_V3);
    tw_reset_default_graph();
    return 0;
}

/* ---- what is computed from rows ---- */

static bool cutting; /* the next expressions are to be made of single steps */

/* A copy, which is no elementwise operation: what is before it and after it cannot be fused. */
static tw_tensor cut(tw_tensor x)
{
    return cutting ? tw_tile(x, TW_INTS(1, 1)) : x;
}

static tw_tensor sum_of(tw_tensor x)
{
    return cut(tw_reduce_sum(cut(x), .axis = TW_AXES(1), .keep_dims = true));
}

static tw_tensor mean_of(tw_tensor x)
{
    return cut(tw_reduce_mean(cut(x), .axis = TW_AXES(-1), .keep_dims = true));
}

static tw_tensor max_of(tw_tensor x)
{
    return cut(tw_reduce_max(cut(x), .axis = TW_AXES(1), .keep_dims = true));
}

/* Numbers that differ along a row, as a norm's gain has them. */
static tw_tensor along(tw_tensor x, double scale)
{
    tw_tensor one = tw_slice(x, TW_INTS(0, 0), TW_INTS(1, -1));
    return cut(tw_add(tw_mul(tw_sign(cut(one)), scale), 0.25));
}

static tw_tensor layer_norm(tw_tensor x)
{
    tw_tensor mean = mean_of(x), variance = mean_of(tw_squared_difference(cut(x), mean));
    tw_tensor scale = cut(tw_mul(cut(tw_rsqrt(cut(tw_add(variance, 1e-5)))), along(x, 0.5)));
    tw_tensor shift = cut(tw_sub(along(x, 2), cut(tw_mul(mean, scale))));
    return tw_add(cut(tw_mul(cut(x), scale)), shift);
}

/* All factors the other way round; and one whose scale is wanted for itself too. */
static tw_tensor turned_norm(tw_tensor x)
{
    tw_tensor mean = mean_of(x), variance = mean_of(tw_squared_difference(cut(x), mean));
    tw_tensor scale = cut(tw_mul(along(x, 0.5), cut(tw_rsqrt(cut(tw_add(variance, 1e-5))))));
    return tw_add(cut(tw_mul(scale, cut(x))), cut(tw_sub(along(x, 2), cut(tw_mul(scale, mean)))));
}

static tw_tensor norm_and_scale(tw_tensor x)
{
    tw_tensor mean = mean_of(x), variance = mean_of(tw_squared_difference(cut(x), mean));
    tw_tensor scale = cut(tw_mul(cut(tw_rsqrt(cut(tw_add(variance, 1e-5)))), along(x, 0.5)));
    tw_tensor shift = cut(tw_sub(along(x, 2), cut(tw_mul(mean, scale))));
    return tw_mul(cut(tw_add(cut(tw_mul(cut(x), scale)), shift)), scale);
}

static tw_tensor softmax(tw_tensor x)
{
    tw_tensor e = cut(tw_exp(cut(tw_sub(cut(x), max_of(x)))));
    return tw_div(e, sum_of(e));
}

static tw_tensor log_softmax(tw_tensor x)
{
    tw_tensor shifted = cut(tw_sub(cut(x), max_of(x)));
    return tw_sub(shifted, cut(tw_log(sum_of(cut(tw_exp(shifted))))));
}

static tw_tensor l2_normalize(tw_tensor x)
{
    tw_tensor sum = sum_of(tw_square(cut(x)));
    return tw_mul(cut(x), cut(tw_rsqrt(cut(tw_maximum(sum, 1e-12)))));
}

/* Ends in a number for each row, of whatever rank. */
static tw_tensor variance(tw_tensor x)
{
    return tw_reduce_mean(cut(tw_squared_difference(cut(x), mean_of(x))), .axis = TW_AXES(1));
}

/* Conditions are bool, and the smallest is repeated in both branches. */
static tw_tensor chosen(tw_tensor x)
{
    tw_tensor least = cut(tw_reduce_min(cut(x), .axis = TW_AXES(1), .keep_dims = true));
    tw_tensor above = cut(tw_sub(cut(x), least));
    return tw_select_v2(cut(tw_greater(above, 1.0)), above, cut(tw_mul(above, 0.5)));
}

static tw_tensor product(tw_tensor x)
{
    tw_tensor near_one = cut(tw_add(cut(tw_mul(cut(x), 1e-3)), 1.0));
    return tw_mul(near_one, cut(tw_reduce_prod(near_one, .axis = TW_AXES(1), .keep_dims = true)));
}

static const struct {
    const char *name;
    tw_tensor (*make)(tw_tensor x);
    size_t most_steps; /* a norm's gain takes six where it is no row of the matrix itself;
                        * long rows of double may not fit */
    double error;      /* of float, as a part */
} rows[] = {{"layer norm", layer_norm, 7, 2e-6},    {"softmax", softmax, 1, 2e-6},
            {"turned norm", turned_norm, 11, 2e-6}, {"norm and scale", norm_and_scale, 20, 2e-6},
            {"log softmax", log_softmax, 1, 2e-6},  {"l2 normalize", l2_normalize, 1, 2e-6},
            {"variance", variance, 1, 2e-6},        {"choice", chosen, 1, 0},
            {"product", product, 1, 3e-5}};
enum { ROWS = sizeof rows / sizeof *rows };

/* ---- numbers ---- */

static tw_array *random_array(tw_dtype dtype, int64_t height, int64_t width)
{
    static uint32_t seed = 7;
    tw_array *x = tw_array_new(dtype, TW_SHAPE(height, width));
    assert_non_null(x);
    for (int64_t i = 0; i < height * width; i++) {
        seed = seed * 1664525u + 1013904223u;
        double value = (double)(seed >> 8) / (1 << 24) * 4 - 2;
        if (dtype == TW_FLOAT32)
            ((float *)tw_array_data(x))[i] = (float)value;
        else
            ((double *)tw_array_data(x))[i] = value;
    }
    return x;
}

static tw_array *run(tw_tensor fetch, tw_tensor x, tw_array *in)
{
    tw_array *out = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(fetch), .feed = TW_FEED({x, in}), .out = &out));
    return out;
}

static size_t steps_of(tw_tensor fetch, tw_tensor x)
{
    tw_plan_counts counts;
    TW_CHECK(tw_session_plan_counts(session, TW_FETCH(fetch), TW_LIST(), TW_LIST(x), &counts));
    return counts.steps;
}

static void assert_alike(const tw_array *got, const tw_array *want, double by, const char *name)
{
    assert_int_equal(tw_array_count(got), tw_array_count(want));
    for (size_t i = 0; i < tw_array_count(got); i++) {
        double a = tw_array_get(got, i), b = tw_array_get(want, i);
        if (!(fabs(a - b) <= by * (1 + fabs(b))) && !(a != a && b != b) && !(a == b))
            fail_msg("%s of %s: element %zu is %.9g, not %.9g", name,
                     tw_shape_text(tw_array_shape(got)).s, i, a, b);
    }
}

/* The fused plan and the one of single steps on the same numbers. */
static void check(size_t which, tw_array *in)
{
    int64_t width = tw_array_shape(in).dims[1];
    tw_dtype dtype = tw_array_dtype(in);
    tw_reset_default_graph();
    tw_session_free(session);
    session = tw_session_new(NULL);
    tw_tensor x = tw_placeholder(dtype, .shape = TW_SHAPE(-1, width));
    cutting = false;
    tw_tensor fused = rows[which].make(x);
    cutting = true;
    tw_tensor single = rows[which].make(x);
    tw_array *got = run(fused, x, in), *want = run(single, x, in);
    size_t steps = steps_of(fused, x);
    if (width * (int64_t)tw_dtype_size(dtype) <= 8192 && steps > rows[which].most_steps)
        fail_msg("%s of rows of %d: %zu steps", rows[which].name, (int)width, steps);
    assert_true(steps_of(single, x) > 5);
    assert_alike(got, want, dtype == TW_FLOAT32 ? rows[which].error : 1e-12, rows[which].name);
    tw_array_unref(got);
    tw_array_unref(want);
}

static const int64_t widths[] = {1, 7, 8, 9, 15, 16, 17, 100, 333, 1000, 1003, 2048, 3001};

static void rows_of_odd_sizes_are_as_without_fusing(void **state)
{
    (void)state;
    for (int level = TW_ISA_PLAIN; level <= TW_ISA_V4; level++) {
        for (size_t k = 0; tw_isa_force(level) && k < sizeof widths / sizeof *widths; k++) {
            for (size_t which = 0; which < ROWS; which++) {
                for (int64_t height = 1; height <= 37; height += 12) {
                    tw_array *in = random_array(TW_FLOAT32, height, widths[k]);
                    check(which, in);
                    tw_array_unref(in);
                }
            }
        }
    }
}

static void doubles_too(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) {
        for (size_t which = 0; which < ROWS; which++) {
            tw_array *in = random_array(TW_FLOAT64, 5, widths[k]);
            check(which, in);
            tw_array_unref(in);
        }
    }
}

static void what_is_not_finite_stays_in_its_row(void **state)
{
    (void)state;
    static const float special[] = {NAN, INFINITY, -INFINITY, 1e-40f, -1e-45f, 3e38f, -0.0f};
    enum { SPECIAL = sizeof special / sizeof *special };
    for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) {
        for (size_t which = 0; which < ROWS; which++) {
            tw_array *in = random_array(TW_FLOAT32, 2 * SPECIAL, widths[k]);
            for (int64_t i = 0; i < SPECIAL; i++)
                ((float *)tw_array_data(in))[2 * i * widths[k] + i % widths[k]] = special[i];
            check(which, in);
            tw_array_unref(in);
        }
    }
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    (void)state;
    for (size_t which = 0; which < ROWS; which++) {
        tw_array *in = random_array(TW_FLOAT32, 3001, 333), *results[3];
        tw_pool_set_threads(3); /* on a machine of fewer cores too */
        for (int threads = 1; threads <= 3; threads++) {
            tw_session_free(session);
            tw_reset_default_graph();
            session = tw_session_new(&(struct tw_session_options){
                .size = sizeof(struct tw_session_options), .threads = threads});
            cutting = false;
            tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 333));
            results[threads - 1] = run(rows[which].make(x), x, in);
        }
        tw_pool_set_threads(0);
        for (int i = 1; i < 3; i++)
            assert_memory_equal(tw_array_data(results[0]), tw_array_data(results[i]),
                                tw_array_count(results[0]) * sizeof(float));
        for (int i = 0; i < 3; i++)
            tw_array_unref(results[i]);
        tw_array_unref(in);
    }
}

/* ---- what becomes one step, and what does not ---- */

static void a_norm_is_one_step(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 64));
    tw_tensor gain = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(64));
    struct tw_moments_result m = tw_moments(x, .axes = TW_AXES(1), .keep_dims = true);
    tw_tensor y = tw_mul(tw_mul(tw_sub(x, m.mean), tw_rsqrt(tw_add(m.variance, 1e-5))), gain);
    tw_plan_counts counts;
    tw_array *in = random_array(TW_FLOAT32, 10, 64), *one = tw_array_new(TW_FLOAT32, TW_SHAPE(64)),
             *out = NULL;
    tw_array_set(one, 1);
    TW_CHECK(tw_run(session, TW_FETCH(y), .feed = TW_FEED({x, in}, {gain, one}), .out = &out));
    TW_CHECK(tw_session_plan_counts(session, TW_FETCH(y), TW_LIST(), TW_LIST(x, gain), &counts));
    assert_int_equal(counts.steps, 1);
    assert_int_equal(counts.fused, 1);
    char *text = NULL;
    TW_CHECK(tw_explain(session, TW_FETCH(y), TW_LIST(), TW_LIST(x, gain), &text));
    assert_non_null(strstr(text, "Mean+SquaredDifference+Mean"));
    free(text);
    tw_array_unref(in);
    tw_array_unref(one);
    tw_array_unref(out);
}

static void what_is_read_later_too_is_stored_on_the_way(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 100));
    tw_tensor e = tw_exp(x), sum = tw_reduce_sum(e, .axis = TW_AXES(1), .keep_dims = true);
    tw_tensor y = tw_div(e, sum);
    tw_array *in = random_array(TW_FLOAT32, 21, 100), *out[3] = {NULL};
    TW_CHECK(tw_run(session, TW_FETCH(y, e, sum), .feed = TW_FEED({x, in}), .out = out));
    tw_plan_counts counts;
    TW_CHECK(tw_session_plan_counts(session, TW_FETCH(y, e, sum), TW_LIST(), TW_LIST(x), &counts));
    assert_int_equal(counts.steps, 1);
    for (size_t i = 0; i < 2100; i++) {
        double want = exp(tw_array_get(in, i));
        assert_near(tw_array_get(out[1], i), want, 1e-5);
        assert_near(tw_array_get(out[0], i), want / tw_array_get(out[2], i / 100), 1e-6);
    }
    for (size_t i = 0; i < 3; i++)
        tw_array_unref(out[i]);
    tw_array_unref(in);
}

static void rows_that_are_too_long_are_left_to_the_groups_of_before(void **state)
{
    (void)state;
    cutting = false;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, -1));
    tw_tensor y = l2_normalize(x), z = layer_norm(x);
    tw_array *in = random_array(TW_FLOAT32, 2, 40000);
    tw_array_unref(run(y, x, in));
    assert_true(steps_of(y, x) > 1);
    tw_array *long_one = run(z, x, in), *want;
    assert_true(steps_of(z, x) > 7);
    cutting = true;
    want = run(layer_norm(x), x, in);
    assert_alike(long_one, want, 4e-6, "a long layer norm");
    tw_array_unref(long_one);
    tw_array_unref(want);
    tw_array_unref(in);
}

/* The sum over columns is no sum of rows; a sum without dims of 1 lies along the last axis. */
static void other_reductions_are_not_taken_for_rows(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 20));
    tw_tensor columns = tw_sub(x, tw_reduce_sum(x, .axis = TW_AXES(0), .keep_dims = true));
    tw_tensor turned = tw_sub(x, tw_reduce_sum(x, .axis = TW_AXES(1)));
    tw_array *in = random_array(TW_FLOAT32, 20, 20), *a = run(columns, x, in),
             *b = run(turned, x, in);
    for (size_t i = 0; i < 20; i++) {
        double column = 0, row = 0;
        for (size_t k = 0; k < 20; k++) {
            column += tw_array_get(in, k * 20 + i);
            row += tw_array_get(in, i * 20 + k);
        }
        for (size_t k = 0; k < 20; k++) {
            assert_near(tw_array_get(a, k * 20 + i), tw_array_get(in, k * 20 + i) - column, 1e-5);
            assert_near(tw_array_get(b, k * 20 + i), tw_array_get(in, k * 20 + i) - row, 1e-5);
        }
    }
    tw_array_unref(in);
    tw_array_unref(a);
    tw_array_unref(b);
}

/* Both lie in the arena, as large as the result: only the first may be overwritten. */
static void a_result_lies_over_the_matrix_and_never_over_the_row(void **state)
{
    (void)state;
    enum { N = 300 };
    tw_tensor p = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(N, N));
    tw_tensor x = tw_tile(p, TW_INTS(1, 1));
    tw_tensor row = tw_tile(tw_slice(p, TW_INTS(0, 0), TW_INTS(1, -1)), TW_INTS(1, 1));
    tw_tensor centred = tw_sub(x, tw_reduce_mean(x, .axis = TW_AXES(1), .keep_dims = true));
    tw_tensor y = tw_reduce_sum(tw_mul(centred, row), .axis = TW_AXES(1), .keep_dims = true);
    tw_array *in = random_array(TW_FLOAT32, N, N), *got = run(y, p, in);
    tw_array *whole = run(tw_mul(centred, row), p, in);
    for (size_t i = 0; i < N; i++) {
        double mean = 0, want = 0;
        for (size_t k = 0; k < N; k++)
            mean += tw_array_get(in, i * N + k) / N;
        for (size_t k = 0; k < N; k++) {
            double part = (tw_array_get(in, i * N + k) - mean) * tw_array_get(in, k);
            assert_near(tw_array_get(whole, i * N + k), part, 1e-5);
            want += part;
        }
        assert_near(tw_array_get(got, i), want, 1e-4);
    }
    tw_array_unref(in);
    tw_array_unref(got);
    tw_array_unref(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_of_odd_sizes_are_as_without_fusing, setup, teardown),
        cmocka_unit_test_setup_teardown(doubles_too, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_finite_stays_in_its_row, setup, teardown),
        cmocka_unit_test_setup_teardown(any_number_of_threads_gives_the_same_bits, setup, teardown),
        cmocka_unit_test_setup_teardown(a_norm_is_one_step, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_read_later_too_is_stored_on_the_way, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(rows_that_are_too_long_are_left_to_the_groups_of_before,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(other_reductions_are_not_taken_for_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(a_result_lies_over_the_matrix_and_never_over_the_row, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
