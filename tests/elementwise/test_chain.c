/* SPDX-License-Identifier: Apache-2.0
 * A chain of sums, products and their like in one step (src/kernels/tile_chain.c) has the bits of
 * the operations by themselves: for chains by chance of all lengths, over arrays, rows and numbers,
 * at every instruction set level, with what is not finite among them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "kernels/isa.h"

enum { LEAVES = 6, LONGEST = 40, SIZES = 9, KINDS = 12 };

/* A block, less and more of it, whole tiles and more; and one number. */
static const int64_t sizes[SIZES][2] = {{1, 1},  {1, 7},  {2, 8},   {3, 11},   {1, 100},
                                        {8, 16}, {5, 47}, {7, 150}, {130, 260}};

static uint32_t chance(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

/* Numbers of all sizes, a few of them special. */
static tw_array *numbers(tw_shape shape, uint32_t *seed)
{
    static const float special[] = {NAN, INFINITY, -INFINITY, 1e-42f, -0.0f, 3e38f, 1e-38f, 0};
    tw_array *array = tw_array_new(TW_FLOAT32, shape);
    assert_non_null(array);
    float *x = tw_array_data(array);
    for (size_t i = 0; i < tw_array_count(array); i++) {
        x[i] = (float)chance(seed, 1 << 16) / (1 << 15) - 1;
        if (tw_array_count(array) > 1 && i % 31 == 3)
            x[i] = special[chance(seed, 8)];
    }
    return array;
}

/* One operation of a chain: `kind`, with leaves a and b. */
typedef struct link {
    uint32_t kind, a, b;
} link;

static tw_tensor apply(link l, tw_tensor z, const tw_tensor *leaves)
{
    tw_tensor x = leaves[l.a], y = leaves[l.b];
    switch (l.kind) {
    case 0: return tw_add(z, x);
    case 1: return tw_sub(z, x);
    case 2: return tw_mul(z, x);
    case 3: return tw_div(z, x);
    case 4: return tw_sub(x, z);
    case 5: return tw_div(x, z);
    case 6: return tw_square(z);
    case 7: return tw_squared_difference(z, x);
    case 8: return tw_add(tw_mul(x, y), z);
    case 9: return tw_sub(z, tw_mul(x, y));
    case 10: return tw_mul(tw_sub(x, y), z);
    default: return tw_add(z, tw_tanh(x));
    }
}

/* NaN has many bits, and which of two comes out is the compiler's choice. */
static void assert_same(tw_array *got, tw_array *want, int level, uint32_t count)
{
    const float *a = tw_array_data(got), *b = tw_array_data(want);
    assert_int_equal(tw_array_count(got), tw_array_count(want));
    for (size_t i = 0; i < tw_array_count(got); i++) {
        if (memcmp(a + i, b + i, sizeof *a) && !(a[i] != a[i] && b[i] != b[i]))
            fail_msg("level %d, %u operations: element %zu of %zu is %.9g, not %.9g", level, count,
                     i, tw_array_count(got), (double)a[i], (double)b[i]);
    }
}

static tw_array *run(tw_tensor fetch, const tw_tensor *leaves, tw_array *const *values, int threads)
{
    tw_session *session = tw_session_new(&(struct tw_session_options){
        .size = sizeof(struct tw_session_options), .threads = threads});
    tw_array *out = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(fetch),
                    .feed = TW_FEED({leaves[0], values[0]}, {leaves[1], values[1]},
                                    {leaves[2], values[2]}, {leaves[3], values[3]},
                                    {leaves[4], values[4]}),
                    .out = &out));
    tw_session_free(session);
    return out;
}

/* What is alone: each operation behind a copy of what the one before made. */
static void check_chain(const tw_tensor *leaves, tw_array *const *values, const link *links,
                        uint32_t count)
{
    tw_tensor chain = leaves[0], apart = leaves[0];
    for (uint32_t i = 0; i < count; i++) {
        chain = apply(links[i], chain, leaves);
        apart = tw_tile(apply(links[i], apart, leaves), TW_INTS(1, 1));
    }
    for (int level = TW_ISA_PLAIN; level <= TW_ISA_V4; level++) {
        if (!tw_isa_force(level))
            continue;
        tw_array *want = run(apart, leaves, values, 1);
        for (int threads = 1; threads <= 2; threads++) {
            tw_array *got = run(chain, leaves, values, threads);
            assert_same(got, want, level, count);
            tw_array_unref(got);
        }
        tw_array_unref(want);
    }
}

/* Two arrays, a row, a column and a number are fed; a number is known. */
static void check_size(int64_t height, int64_t width, uint32_t seed)
{
    const tw_shape shapes[LEAVES - 1] = {TW_SHAPE(height, width), TW_SHAPE(height, width),
                                         TW_SHAPE(1, width), TW_SHAPE(height, 1), TW_SHAPE(1, 1)};
    for (uint32_t count = 1; count <= LONGEST; count += 1 + count / 4) {
        tw_reset_default_graph();
        tw_tensor leaves[LEAVES];
        tw_array *values[LEAVES - 1];
        link links[LONGEST];
        for (size_t i = 0; i < LEAVES - 1; i++) {
            values[i] = numbers(shapes[i], &seed);
            leaves[i] = tw_placeholder(TW_FLOAT32, .shape = shapes[i]);
        }
        leaves[LEAVES - 1] = tw_constant(0.7);
        /* few of the dear ones; short chains of sums and products alone, too */
        uint32_t kinds = count % 3 ? KINDS : 3;
        for (uint32_t i = 0; i < count; i++) {
            links[i] = (link){chance(&seed, kinds), chance(&seed, LEAVES), chance(&seed, LEAVES)};
            if (links[i].kind == KINDS - 1 && chance(&seed, 4))
                links[i].kind = 0;
        }
        check_chain(leaves, values, links, count);
        for (size_t i = 0; i < LEAVES - 1; i++)
            tw_array_unref(values[i]);
    }
    tw_reset_default_graph();
}

static void chains_have_the_bits_of_their_operations(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SIZES; i++) {
        for (uint32_t again = 0; again < 3; again++)
            check_size(sizes[i][0], sizes[i][1], 100 * i + again);
    }
}

/* The result may lie over what the chain reads. */
static void a_chain_is_assigned_to_what_it_reads(void **state)
{
    (void)state;
    for (int level = TW_ISA_PLAIN; level <= TW_ISA_V4; level++) {
        for (size_t n = 1; tw_isa_force(level) && n < 400; n += 1 + n / 2) {
            tw_reset_default_graph();
            tw_tensor v = tw_variable(tw_fill(TW_INTS((int64_t)n), tw_constant(2.0f)));
            tw_tensor y = v;
            for (int i = 0; i < 12; i++)
                y = i % 2 ? tw_sub(tw_mul(y, 0.5), v) : tw_add(y, v);
            tw_tensor assigned = tw_assign(v, y);
            tw_session *session = tw_session_new(NULL);
            tw_array *out = NULL;
            TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
            TW_CHECK(tw_run(session, TW_FETCH(assigned), .out = &out));
            float want = 2;
            for (int i = 0; i < 12; i++)
                want = i % 2 ? want * 0.5f - 2 : want + 2;
            for (size_t i = 0; i < n; i++)
                assert_true(((float *)tw_array_data(out))[i] == want);
            tw_array_unref(out);
            tw_session_free(session);
        }
    }
    tw_reset_default_graph();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(chains_have_the_bits_of_their_operations),
                                       cmocka_unit_test(a_chain_is_assigned_to_what_it_reads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
