/* SPDX-License-Identifier: Apache-2.0
 * f(x a + b) c + d as one step (src/kernels/tile_scale.c) has the bits of its operations one by
 * one: for all that may stand before and after f, at every instruction set level, number of
 * elements and of threads, whether stored past the caches or not, with what is not finite among the
 * elements. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "base/alloc.h"
#include "kernels/isa.h"
#include "kernels/tile_inside.h"
#include "support/skip.h"

enum { LINES = 9, LARGE = (4 << 20) + 37, FLT_MIN_BITS = 0x00800000 };

/* What may stand before the function, or after it; the last two are no product and sum of x. */
static tw_tensor line(int kind, tw_tensor x, tw_tensor a, tw_tensor b)
{
    switch (kind) {
    case 0: return x;
    case 1: return tw_mul(x, a);
    case 2: return tw_mul(a, x);
    case 3: return tw_add(b, x);
    case 4: return tw_sub(x, b);
    case 5: return tw_add(tw_mul(x, a), b);
    case 6: return tw_sub(tw_mul(a, x), b);
    case 7: return tw_sub(b, tw_mul(x, a));
    default: return tw_mul(tw_add(x, b), a);
    }
}

/* As above, with a copy after each operation that keeps it from being joined with the next. */
static tw_tensor apart(tw_tensor x)
{
    return tw_tile(x, TW_INTS(1));
}

static tw_tensor line_apart(int kind, tw_tensor x, tw_tensor a, tw_tensor b)
{
    if (kind < 5)
        return apart(line(kind, x, a, b));
    if (kind == 8)
        return apart(tw_mul(apart(tw_add(x, b)), a));
    tw_tensor product = apart(tw_mul(x, a));
    return apart(kind == 5   ? tw_add(product, b)
                 : kind == 6 ? tw_sub(product, b)
                             : tw_sub(b, product));
}

/* Numbers of all sizes, some of them special. */
static tw_array *numbers(int64_t n)
{
    static const float special[] = {NAN,   INFINITY, -INFINITY, 1e-42f, -0.0f,
                                    3e38f, 1e-38f,   0,         9.02f,  -9.5f};
    tw_array *array = tw_array_new(TW_FLOAT32, TW_SHAPE(n));
    assert_non_null(array);
    float *x = tw_array_data(array);
    uint32_t seed = (uint32_t)n;
    for (size_t i = 0; i < (size_t)n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = ((float)(seed >> 8) / (1 << 24) * 4 - 2) * (i % 5 ? 1.0f : 6.0f);
        if (i % 29 == 3)
            x[i] = special[(seed >> 16) % 10];
    }
    return array;
}

/* NaN has many bits, and which of two comes out is the compiler's choice. */
static void assert_same(tw_array *got, tw_array *want, int before, int after)
{
    const float *a = tw_array_data(got), *b = tw_array_data(want);
    assert_int_equal(tw_array_count(got), tw_array_count(want));
    for (size_t i = 0; i < tw_array_count(got); i++) {
        if (memcmp(a + i, b + i, sizeof *a) && !(a[i] != a[i] && b[i] != b[i]))
            fail_msg("%d before, %d after: element %zu of %zu is %.9g, not %.9g", before, after, i,
                     tw_array_count(got), (double)a[i], (double)b[i]);
    }
}

static void check(tw_array *in, int before, int after, int threads)
{
    tw_reset_default_graph();
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE((int64_t)tw_array_count(in)));
    tw_tensor a = tw_constant(0.7f), b = tw_constant(0.1f),
              c = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE()), d = tw_constant(-0.2f);
    tw_tensor joined = line(after, tw_tanh(line(before, x, a, b)), c, d);
    tw_tensor single = line_apart(after, apart(tw_tanh(line_apart(before, x, a, b))), c, d);
    tw_array *got = NULL, *want = NULL, *factor = tw_array_scalar(TW_FLOAT32, 1.3);
    const struct tw_session_options options = {.size = sizeof options, .threads = threads};
    tw_session *session = tw_session_new(&options);
    TW_CHECK(tw_run(session, TW_FETCH(joined), .feed = TW_FEED({x, in}, {c, factor}), .out = &got));
    TW_CHECK(
        tw_run(session, TW_FETCH(single), .feed = TW_FEED({x, in}, {c, factor}), .out = &want));
    assert_same(got, want, before, after);
    tw_array_unref(got), tw_array_unref(want), tw_array_unref(factor);
    tw_session_free(session);
}

static void whatever_stands_around_it_the_bits_are_the_same(void **state)
{
    (void)state;
    static const int64_t sizes[] = {2, 15, 16, 17, 47, 512, 1003};
    for (int level = TW_ISA_PLAIN; level <= TW_ISA_V4; level++) {
        for (size_t s = 0; tw_isa_force(level) && s < sizeof sizes / sizeof *sizes; s++) {
            tw_array *in = numbers(sizes[s]);
            for (int pair = 0; pair < LINES * LINES; pair++)
                check(in, pair % LINES, pair / LINES, 1);
            tw_array_unref(in);
        }
    }
}

/* Forces the highest level that has loops of its own. False: none here has, as the plain one where
 * there could be others. */
static bool force_level_with_loops(void)
{
    for (int level = TW_ISA_V4; level >= TW_ISA_PLAIN; level--) {
        if (tw_isa_force(level) && tw_scaled_loops_now()->near[TW_TILE_TANH])
            return true;
    }
    return false;
}

/* The activation of a product, in rows of any length, is the same function. */
static void the_tanh_of_a_product_has_the_same_bits(void **state)
{
    (void)state;
    static const int64_t columns[] = {1, 5, 16, 19, 35, 64, 70, 131, 203};
    enum { ROWS = 331 };
    for (int level = TW_ISA_PLAIN; level <= TW_ISA_V4; level++) {
        for (size_t i = 0; tw_isa_force(level) && i < sizeof columns / sizeof *columns; i++) {
            tw_array *in = numbers(ROWS), *got = NULL, *want = NULL;
            tw_reset_default_graph();
            tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(ROWS));
            tw_tensor ones = tw_ones(TW_SHAPE(1, columns[i]));
            tw_tensor product = tw_matmul(tw_reshape(x, TW_SHAPE(ROWS, 1)), ones);
            tw_tensor single = tw_tanh(tw_tile(product, TW_INTS(1, 1)));
            tw_session *session = tw_session_new(NULL);
            TW_CHECK(
                tw_run(session, TW_FETCH(tw_tanh(product)), .feed = TW_FEED({x, in}), .out = &got));
            TW_CHECK(tw_run(session, TW_FETCH(single), .feed = TW_FEED({x, in}), .out = &want));
            assert_same(got, want, 0, 0);
            tw_array_unref(got), tw_array_unref(want), tw_array_unref(in);
            tw_session_free(session);
        }
    }
}

/* More than any cache holds is stored past them, the last block is not whole. */
static void large_results_have_the_same_bits_at_any_number_of_threads(void **state)
{
    (void)state;
    tw_array *in = numbers(LARGE);
    force_level_with_loops(); /* and where there is none, what stands in for them is checked */
    check(in, 5, 6, 1);
    check(in, 5, 6, 2);
    tw_array_unref(in);
}

/* The function itself, over a sweep of all floats: at most 4 ULP, 3 at v4, exact where libm is at
 * the ends. */
static void check_tanh(const float *x, const float *y, size_t n)
{
    double bound = tw_isa_level() == TW_ISA_V4 ? 3 : 4;
    for (size_t i = 0; i < n; i++) {
        double want = tanh((double)x[i]), error = fabs((double)y[i] - want);
        int exponent;
        frexp(want, &exponent);
        bool ends = x[i] != x[i] || fabsf(x[i]) >= 9.1f || fabsf(x[i]) < 1e-4f;
        bool right = ends ? y[i] == (float)want || (x[i] != x[i] && y[i] != y[i])
                          : error <= ldexp(bound, exponent - 24) && fabsf(y[i]) <= 1;
        if (!right || !signbit(x[i]) != !signbit(y[i]))
            fail_msg("tanh(%a) is %a, not %a", (double)x[i], (double)y[i], want);
    }
}

static void tanh_is_within_its_bound_at_every_level(void **state)
{
    (void)state;
    enum { COUNT = 1 << 20, STEP = 4093 };
    tw_array *in = tw_array_new(TW_FLOAT32, TW_SHAPE(COUNT)), *out = NULL;
    assert_non_null(in);
    uint32_t *bits = tw_array_data(in);
    for (uint32_t i = 0; i < COUNT; i++) {
        bits[i] = i * STEP;
        bits[i] = (bits[i] & 0x7fffffff) < FLT_MIN_BITS ? 0x80000000 : bits[i];
        bits[i] = (bits[i] & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : bits[i];
    }
    for (int level = TW_ISA_PLAIN; level <= TW_ISA_V4; level++) {
        if (!tw_isa_force(level))
            continue;
        tw_reset_default_graph();
        tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(COUNT)), y = tw_tanh(x);
        tw_session *session = tw_session_new(NULL);
        TW_CHECK(tw_run(session, TW_FETCH(y), .feed = TW_FEED({x, in}), .out = &out));
        check_tanh(tw_array_data(in), tw_array_data(out), COUNT);
        tw_array_unref(out);
        tw_session_free(session);
    }
    tw_array_unref(in);
}

/* ---- the loops themselves ---- */

/* Whether a loop's turns are whole or not, and however few they are; and nothing is written behind
 * them. */
static void stores_past_the_caches_have_the_bits_of_others(void **state)
{
    (void)state;
    enum { MOST = 13 * TW_TILE_BLOCK };
    static _Alignas(64) float near[MOST + TW_TILE_BLOCK], past[MOST + TW_TILE_BLOCK];
    const float factors[4] = {0.9f, -0.1f, 1.7f, 0.3f};
    tw_array *in = numbers(MOST);
    for (int level = TW_ISA_PLAIN; level <= TW_ISA_V4; level++) {
        if (!tw_isa_force(level) || !tw_scaled_loops_now()->near[TW_TILE_TANH])
            continue;
        for (size_t n = 0; n <= MOST; n += TW_TILE_BLOCK) {
            for (size_t i = 0; i < MOST + TW_TILE_BLOCK; i++)
                near[i] = past[i] = 77;
            tw_scaled_loops_now()->near[TW_TILE_TANH](n, near, tw_array_data(in), factors);
            tw_scaled_loops_now()->past[TW_TILE_TANH](n, past, tw_array_data(in), factors);
            tw_tile_loops_now()->fence();
            assert_memory_equal(near, past, sizeof near);
            assert_true(near[n] == 77);
        }
    }
    tw_array_unref(in);
}

/* ---- the step itself ---- */

static void no_loop(size_t n, void *z, const void *x, const void *y, const void *w)
{
    (void)n, (void)z, (void)x, (void)y, (void)w;
}

/* tanh(x a) + d: what the levels have a loop for. */
static tw_tile_bound *bind(tw_tile_program *program, int64_t n)
{
    static const tw_tile_operand operands[] = {
        {.dtype = TW_FLOAT32}, {.dtype = TW_FLOAT32}, {.dtype = TW_FLOAT32}};
    static const tw_tile_instruction instructions[] = {
        {no_loop, .dtype = TW_FLOAT32, .simple = TW_TILE_MUL, .source_count = 2, .sources = {1, 0}},
        {no_loop, .dtype = TW_FLOAT32, .simple = TW_TILE_TANH, .source_count = 1, .sources = {3}},
        {no_loop, .dtype = TW_FLOAT32, .simple = TW_TILE_ADD, .source_count = 2,
         .sources = {4, 2}}};
    static const uint16_t outputs[] = {5, 3};
    *program = (tw_tile_program){.operands = operands,
                                 .instructions = instructions,
                                 .outputs = outputs,
                                 .operand_count = 3,
                                 .instruction_count = 3,
                                 .output_count = program->output_count};
    const tw_shape shapes[] = {TW_SHAPE(n), TW_SHAPE(), TW_SHAPE()};
    tw_tile_bound *bound = tw_alloc_aligned(tw_tile_bound_size(program));
    assert_non_null(bound);
    assert_null(tw_tile_bind(program, shapes, TW_SHAPE(n), bound));
    return bound;
}

static void memory_may_lie_anywhere(void **state)
{
    (void)state;
    const float a = 0.5f, d = 2;
    float *x = tw_alloc_aligned((LARGE + 16) * sizeof *x),
          *z = tw_alloc_aligned((LARGE + 16) * sizeof *z);
    assert_true(x && z);
    if (!force_level_with_loops()) {
        tw_free_aligned(x), tw_free_aligned(z);
        skip_because("no level here has a loop for it");
    }
    tw_tile_program program = {.output_count = 1};
    tw_tile_bound *bound = bind(&program, LARGE);
    assert_int_equal(bound->step_count, 1);
    for (size_t off = 0; off < 3; off++) {
        for (size_t i = 0; i < LARGE + 16; i++)
            x[i] = (float)(i % 1000) / 100 - 5, z[i] = 77;
        assert_null(tw_tile_run(bound, (const void *[]){x + off, &a, &d},
                                (void *[]){off == 2 ? x + off : z + off}, NULL, 1));
        const float *got = off == 2 ? x : z;
        for (size_t i = off; i < LARGE + off; i += 13) {
            double want = tanh((double)((float)(i % 1000) / 100 - 5) / 2) + 2;
            assert_float_equal(got[i], want, 1e-6);
        }
        assert_true(off == 2 || (z[LARGE + off] == 77 && (!off || z[off - 1] == 77)));
    }
    tw_free_aligned(bound), tw_free_aligned(x), tw_free_aligned(z);
}

static void what_is_read_elsewhere_too_stays_a_step(void **state)
{
    (void)state;
    if (!force_level_with_loops())
        skip_because("no level here has a loop for it");
    tw_tile_program program = {.output_count = 2};
    tw_tile_bound *bound = bind(&program, 100);
    assert_int_equal(bound->step_count, 2);
    assert_int_not_equal(bound->steps[0].kind, TILE_SCALED);
    assert_int_equal(bound->steps[1].kind, TILE_SCALED);
    tw_free_aligned(bound);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_stands_around_it_the_bits_are_the_same),
        cmocka_unit_test(large_results_have_the_same_bits_at_any_number_of_threads),
        cmocka_unit_test(tanh_is_within_its_bound_at_every_level),
        cmocka_unit_test(the_tanh_of_a_product_has_the_same_bits),
        cmocka_unit_test(stores_past_the_caches_have_the_bits_of_others),
        cmocka_unit_test(memory_may_lie_anywhere),
        cmocka_unit_test(what_is_read_elsewhere_too_stays_a_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
