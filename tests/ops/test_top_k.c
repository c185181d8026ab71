/* SPDX-License-Identifier: Apache-2.0
 * TopKV2 of rows of every length and dtype against a plain search: whatever way is taken, the
 * largest come first, among equals the one that stands first, and NaN last. */
#include "ops_test.h"

#include "tensor/array.h"

enum { LONGEST = 700 };

static uint64_t seed = 9;

static uint64_t next(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return seed >> 33;
}

/* Many equals, and what is strange. */
static double number(tw_dtype dtype)
{
    static const double strange[] = {0.0, -0.0, NAN, INFINITY, -INFINITY, 1e-30, -1e30, 1.0};
    uint64_t kind = next() % 4;
    if (tw_dtype_is_floating(dtype))
        return kind == 0   ? strange[next() % 8]
               : kind == 1 ? (double)(next() % 5)
                           : ((double)(next() % 20001) - 10000) / 64;
    return kind < 2 ? (double)(next() % 5) : (double)(next() % 100);
}

/* Any bits for integers, so that the sign and the highest bits count. */
static tw_array *numbers(tw_dtype dtype, size_t n)
{
    tw_array *x = tw_array_new(dtype, TW_SHAPE(2, (int64_t)n));
    size_t size = tw_dtype_size(dtype);
    for (size_t i = 0; i < x->count; i++) {
        char *at = (char *)x->data + i * size;
        uint64_t bits = next() << 33 ^ next();
        if (tw_dtype_is_floating(dtype) || next() % 2)
            tw_element_set(dtype, at, number(dtype));
        else
            memcpy(at, &bits, size);
    }
    return x;
}

/* Does element i of the row come before element j? */
static bool comes_first(const tw_array *x, size_t row, size_t i, size_t j)
{
    size_t size = tw_dtype_size(x->dtype);
    const char *a = (const char *)x->data + (row + i) * size;
    const char *b = (const char *)x->data + (row + j) * size;
    if (tw_dtype_is_floating(x->dtype)) {
        double p = tw_element_get(x->dtype, a), q = tw_element_get(x->dtype, b);
        if (isnan(p) || isnan(q))
            return isnan(p) == isnan(q) ? i < j : !isnan(p);
        return p != q ? p > q : i < j;
    }
    if (x->dtype == TW_UINT64) {
        uint64_t p, q;
        memcpy(&p, a, size);
        memcpy(&q, b, size);
        return p != q ? p > q : i < j;
    }
    int64_t p = tw_element_get_int(x->dtype, a), q = tw_element_get_int(x->dtype, b);
    return p != q ? p > q : i < j;
}

static void check_row(const tw_array *x, const tw_array *values, const tw_array *places, size_t row)
{
    size_t n = (size_t)x->dims[1], k = (size_t)values->dims[1], size = tw_dtype_size(x->dtype);
    const int32_t *at = (const int32_t *)places->data + row * k;
    bool taken[LONGEST] = {false};
    for (size_t i = 0; i < k; i++) {
        size_t place = (size_t)at[i];
        assert_true(place < n && !taken[place]);
        taken[place] = true;
        assert_memory_equal((char *)values->data + (row * k + i) * size,
                            (char *)x->data + (row * n + place) * size, size);
        if (i > 0)
            assert_true(comes_first(x, row * n, (size_t)at[i - 1], place));
    }
    for (size_t i = 0; i < n && k > 0; i++) /* what is left comes later */
        assert_true(taken[i] || comes_first(x, row * n, (size_t)at[k - 1], i));
}

static void the_largest_come_first_whatever_the_length(void **state)
{
    (void)state;
    static const tw_dtype dtypes[] = {TW_FLOAT32, TW_FLOAT64, TW_FLOAT16, TW_BFLOAT16,
                                      TW_INT8,    TW_UINT8,   TW_INT16,   TW_UINT16,
                                      TW_INT32,   TW_UINT32,  TW_INT64,   TW_UINT64};
    static const size_t lengths[] = {1, 2, 15, 16, 17, 31, 100, 255, 256, 257, LONGEST};
    for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            size_t n = lengths[l], counts[] = {1, n / 4, n / 2, n};
            tw_array *x = numbers(dtypes[d], n);
            for (size_t i = 0; i < 4; i++) {
                tw_array *k = tw_array_scalar(TW_INT32, (double)counts[i]), *in[] = {x, k}, *out[2];
                TW_CHECK(tw_op_evaluate("TopKV2", NULL, 0, in, 2, out, 2));
                check_row(x, out[0], out[1], 0);
                check_row(x, out[0], out[1], 1);
                tw_array_unref(out[0]), tw_array_unref(out[1]), tw_array_unref(k);
            }
            tw_array_unref(x);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_come_first_whatever_the_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
