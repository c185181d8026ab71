/* SPDX-License-Identifier: Apache-2.0
 * Two operations in one loop (src/kernels/tile_join.c) have the bits of the two by themselves, for
 * every pair, shape of operand and instruction set level, with what is not finite among them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "kernels/isa.h"

enum { OPS = 4, SHAPES = 4, SIZES = 5 };

/* Of few elements too, which have a way of their own. */
static const int64_t sizes[SIZES][2] = {{7, 701}, {1, 1}, {3, 5}, {2, 16}, {9, 40}};

static tw_tensor apply(int op, tw_tensor x, tw_tensor y)
{
    switch (op) {
    case 0: return tw_add(x, y);
    case 1: return tw_sub(x, y);
    case 2: return tw_mul(x, y);
    default: return tw_sub(y, x);
    }
}

/* Numbers of all sizes; the first ones are special. */
static tw_array *numbers(tw_shape shape, uint32_t seed)
{
    static const float special[] = {NAN, INFINITY, -INFINITY, 1e-42f, -0.0f, 3e38f, 1e-38f, 0};
    tw_array *array = tw_array_new(TW_FLOAT32, shape);
    assert_non_null(array);
    float *x = tw_array_data(array);
    for (size_t i = 0; i < tw_array_count(array); i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / (1 << 24) * 4 - 2;
        if (tw_array_count(array) > 1 && i % 29 == 3)
            x[i] = special[seed >> 29];
    }
    return array;
}

/* NaN has many bits, and which of two comes out is the compiler's choice. */
static void assert_same(tw_array *got, tw_array *want, int first, int then)
{
    const float *a = tw_array_data(got), *b = tw_array_data(want);
    assert_int_equal(tw_array_count(got), tw_array_count(want));
    for (size_t i = 0; i < tw_array_count(got); i++) {
        if (memcmp(a + i, b + i, sizeof *a) && !(a[i] != a[i] && b[i] != b[i]))
            fail_msg("%d then %d: element %zu is %.9g, not %.9g", first, then, i, (double)a[i],
                     (double)b[i]);
    }
}

/* With `column` the second operand is what a row adds up to, so that it is a group of rows. */
static void check_pair(tw_array *const *in, const tw_tensor *x, int first, int then, bool column)
{
    tw_session *session = tw_session_new(NULL);
    tw_tensor y = column ? tw_reduce_max(x[0], .axis = TW_AXES(1), .keep_dims = true) : x[1];
    tw_tensor inner = apply(first, x[0], y), joined = apply(then, inner, x[2]);
    /* a copy between the two operations, and what was reduced by itself */
    tw_tensor apart = apply(
        then, tw_tile(apply(first, x[0], tw_tile(y, TW_INTS(1, 1))), TW_INTS(1, 1)), x[2]);
    tw_array *got = NULL, *want = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(joined),
                    .feed = TW_FEED({x[0], in[0]}, {x[1], in[1]}, {x[2], in[2]}), .out = &got));
    TW_CHECK(tw_run(session, TW_FETCH(apart),
                    .feed = TW_FEED({x[0], in[0]}, {x[1], in[1]}, {x[2], in[2]}), .out = &want));
    assert_same(got, want, first, then);
    tw_array_unref(got);
    tw_array_unref(want);
    tw_session_free(session);
}

static void check_size(int64_t height, int64_t width)
{
    const tw_shape shapes[SHAPES] = {TW_SHAPE(height, width), TW_SHAPE(1, width),
                                     TW_SHAPE(height, 1), TW_SHAPE(1, 1)};
    for (int level = TW_ISA_PLAIN; level <= TW_ISA_V4; level++) {
        for (size_t k = 0; tw_isa_force(level) && k < SHAPES * SHAPES; k++) {
            tw_reset_default_graph();
            tw_shape own[] = {shapes[0], shapes[k % SHAPES], shapes[k / SHAPES]};
            tw_tensor x[3];
            tw_array *in[3];
            for (size_t i = 0; i < 3; i++) {
                in[i] = numbers(own[i], (uint32_t)(7 * k + i));
                x[i] = tw_placeholder(TW_FLOAT32, .shape = own[i]);
            }
            for (int pair = 0; pair < OPS * OPS; pair++) {
                check_pair(in, x, pair % OPS, pair / OPS, false);
                check_pair(in, x, pair % OPS, pair / OPS, true);
            }
            for (size_t i = 0; i < 3; i++)
                tw_array_unref(in[i]);
        }
    }
    tw_reset_default_graph();
}

static void every_pair_has_the_bits_of_the_two(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES; i++)
        check_size(sizes[i][0], sizes[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_pair_has_the_bits_of_the_two)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
