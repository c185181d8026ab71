/* SPDX-License-Identifier: Apache-2.0
 * Unique and ListDiff against plain loops: small ranges, which are marked in an array, and large
 * ones, which are hashed in tables that grow; signs, NaN, -0, the ends of integers. */
#include "ops_test.h"
#include "tensor/array.h"

enum { COUNT = 500 };

static uint64_t next_bits(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 20;
}

/* Numbers from low on, `range` of them, some more often than others. */
static tw_array *numbers(tw_dtype dtype, double low, uint64_t range, uint64_t seed)
{
    tw_array *x = tw_array_new(dtype, TW_SHAPE(COUNT));
    assert_non_null(x);
    for (size_t i = 0; i < COUNT; i++) {
        uint64_t bits = next_bits(&seed) % range;
        tw_element_set(dtype, (char *)tw_array_data(x) + i * tw_dtype_size(dtype),
                       low + (double)(i % 3 ? bits : bits % 17));
    }
    return x;
}

/* The first place of the number at i, NaN being nowhere else. */
static size_t first_of(tw_array *x, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (tw_array_get(x, j) == tw_array_get(x, i))
            return j;
    }
    return i;
}

/* Takes x. */
static void check_unique(tw_array *x)
{
    op_call k = {.type = "Unique", .inputs = {x}, .input_count = 1};
    call_good(&k);
    size_t count = 0, order[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        size_t first = first_of(x, i);
        order[i] = first < i ? order[first] : count++;
        assert_true(tw_array_get(k.outputs[1], i) == (double)order[i]);
        if (first == i && !isnan(tw_array_get(x, i)))
            assert_true(tw_array_get(k.outputs[0], order[i]) == tw_array_get(x, i));
    }
    assert_int_equal(tw_array_count(k.outputs[0]), count);
    call_end(&k);
}

/* Takes both. */
static void check_difference(tw_array *x, tw_array *y)
{
    op_call k = {.type = "ListDiff", .inputs = {x, y}, .input_count = 2};
    call_good(&k);
    size_t count = 0;
    for (size_t i = 0; i < COUNT; i++) {
        bool there = false;
        for (size_t j = 0; j < COUNT && !there; j++)
            there = tw_array_get(x, i) == tw_array_get(y, j);
        if (there)
            continue;
        assert_true(tw_array_get(k.outputs[1], count) == (double)i);
        double got = tw_array_get(k.outputs[0], count++), want = tw_array_get(x, i);
        assert_true(got == want || (isnan(got) && isnan(want)));
    }
    assert_int_equal(tw_array_count(k.outputs[0]), count);
    call_end(&k);
}

static const struct {
    tw_dtype dtype;
    double low;
    uint64_t range;
} kinds[] = {
    {TW_INT32, -50, 100},        {TW_INT32, -2147483648.0, 2000}, {TW_INT32, -1e9, 2000000000},
    {TW_INT64, 9e15, 5000},      {TW_INT64, -9e15, 1 << 30},      {TW_UINT8, 0, 256},
    {TW_INT8, -128, 256},        {TW_UINT16, 32000, 2000},        {TW_UINT32, 2147483000.0, 2000},
    {TW_FLOAT32, -1000, 2000},   {TW_FLOAT64, -0.5, 1 << 20},     {TW_FLOAT16, -20, 40},
    {TW_UINT64, 9.2e18, 100000},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void every_number_is_found_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++)
        check_unique(numbers(kinds[i].dtype, kinds[i].low, kinds[i].range, i));
}

static void what_is_missing_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        /* the second range lies within the first, beside it, or around it */
        for (uint64_t part = 1; part <= 4; part *= 2) {
            uint64_t range = kinds[i].range;
            check_difference(numbers(kinds[i].dtype, kinds[i].low, range, i),
                             numbers(kinds[i].dtype, kinds[i].low, range / part, i + 99));
            check_difference(numbers(kinds[i].dtype, kinds[i].low, range / part, i),
                             numbers(kinds[i].dtype, kinds[i].low, range, i + 99));
        }
    }
}

static void nan_equals_nothing_and_zero_its_negative(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        tw_dtype dtype = kinds[i].dtype;
        if (!tw_dtype_is_floating(dtype))
            continue;
        tw_array *both[2];
        for (size_t k = 0; k < 2; k++) {
            both[k] = numbers(dtype, -3, 7, k);
            for (size_t j = k; j < COUNT; j += 5)
                tw_element_set(dtype, (char *)tw_array_data(both[k]) + j * tw_dtype_size(dtype),
                               j % 2 ? NAN : -0.0);
        }
        check_unique(tw_array_ref(both[0]));
        check_difference(both[0], both[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_is_found_once),
        cmocka_unit_test(what_is_missing_is_found),
        cmocka_unit_test(nan_equals_nothing_and_zero_its_negative),
    };
    return cmocka_run_group_tests_name("unique", tests, NULL, NULL);
}
