/* SPDX-License-Identifier: Apache-2.0
 * Cast from every dtype of the levels' loops to every other against one number at a time, and Where
 * of truths of any density, at every instruction set level of this machine. */
#include "ops_test.h"

#include "kernels/isa.h"
#include "tensor/array.h"

enum { COUNT = 1003 };

static uint64_t seed = 3;

static uint64_t next(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return seed >> 33;
}

static double strange(size_t i)
{
    static const double numbers[] = {0.0,          -0.0,          0.5,   -0.5,  255.9,
                                     256.0,        -1.0,          1e9,   -1e9,  3e9,
                                     2147483648.0, -2147483648.0, 1e19,  -1e30, NAN,
                                     INFINITY,     1e18,          -1e17, 1e-30, 4503599627370497.0};
    return numbers[i % (sizeof numbers / sizeof *numbers)];
}

/* As x86 converts: the least integer where a number does not fit. */
static int64_t whole(double x, bool wide)
{
    if (wide)
        return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN;
    return x > -2147483649.0 && x < 2147483648.0 ? (int32_t)x : INT32_MIN;
}

static void check(const tw_array *from, tw_dtype to)
{
    tw_attr attrs[] = {
        {.name = "SrcT", .kind = TW_ATTR_TYPE, .value.type = from->dtype},
        {.name = "DstT", .kind = TW_ATTR_TYPE, .value.type = to},
    };
    tw_array *in = (tw_array *)(uintptr_t)from, *out;
    TW_CHECK(tw_op_evaluate("Cast", attrs, 2, &in, 1, &out, 1));
    bool floating = tw_dtype_is_floating(from->dtype);
    for (size_t i = 0; i < from->count; i++) {
        double x = floating ? tw_array_get(from, i) : 0;
        int64_t n = floating ? whole(x, to == TW_INT64)
                             : tw_element_get_int(from->dtype, (const char *)from->data +
                                                                   i * tw_dtype_size(from->dtype));
        switch (to) {
        case TW_UINT8: assert_int_equal(((uint8_t *)out->data)[i], (uint8_t)n); break;
        case TW_INT32: assert_int_equal(((int32_t *)out->data)[i], (int32_t)n); break;
        case TW_INT64: assert_true(((int64_t *)out->data)[i] == n); break;
        case TW_FLOAT32: {
            float want = floating ? (float)x : (float)n, got = ((float *)out->data)[i];
            assert_true(isnan(want) ? isnan(got) : got == want);
            break;
        }
        default: {
            double want = floating ? x : (double)n, got = ((double *)out->data)[i];
            assert_true(isnan(want) ? isnan(got) : got == want);
        }
        }
    }
    tw_array_unref(out);
}

static tw_array *numbers(tw_dtype dtype, bool tame)
{
    tw_array *x = tw_array_new(dtype, TW_SHAPE(COUNT));
    for (size_t i = 0; i < COUNT; i++) {
        char *at = (char *)x->data + i * tw_dtype_size(dtype);
        int64_t bits = (int64_t)(next() << 33 ^ next() << 2) >> (tame ? 40 : next() % 64);
        if (tw_dtype_is_floating(dtype))
            tw_element_set(dtype, at,
                           tame || next() % 2 ? (double)(next() % 2000) / 4 : strange(i));
        else
            memcpy(at, &bits, tw_dtype_size(dtype));
    }
    return x;
}

static void every_number_is_cast_as_one_by_one(void **state)
{
    (void)state;
    const tw_dtype dtypes[] = {TW_UINT8, TW_INT32, TW_INT64, TW_FLOAT32, TW_FLOAT64};
    int level = tw_isa_level();
    for (int forced = 0; forced <= level; forced++) {
        if (!tw_isa_force(forced))
            continue;
        for (size_t i = 0; i < 50; i++) {
            tw_array *x = numbers(dtypes[i / 10], i % 2);
            if (dtypes[i / 10] != dtypes[i / 2 % 5])
                check(x, dtypes[i / 2 % 5]);
            tw_array_unref(x);
        }
    }
    assert_true(tw_isa_force(level));
}

static void check_where(tw_shape shape, unsigned of_eight)
{
    tw_array *x = tw_array_new(TW_BOOL, shape), *out;
    for (size_t i = 0; i < x->count; i++)
        ((bool *)x->data)[i] = next() % 8 < of_eight;
    TW_CHECK(tw_op_evaluate("Where", NULL, 0, &x, 1, &out, 1));
    size_t found = 0;
    for (size_t i = 0; i < x->count; i++) {
        if (!((bool *)x->data)[i])
            continue;
        size_t rest = i;
        for (size_t d = shape.rank; d-- > 0; rest /= (size_t)shape.dims[d])
            assert_int_equal(((int64_t *)out->data)[found * shape.rank + d],
                             rest % (size_t)shape.dims[d]);
        found++;
    }
    assert_int_equal(out->count, found * shape.rank);
    tw_array_unref(x);
    tw_array_unref(out);
}

static void truths_are_found_where_they_are(void **state)
{
    (void)state;
    for (unsigned of_eight = 0; of_eight <= 8; of_eight++) {
        check_where(TW_SHAPE(1), of_eight);
        check_where(TW_SHAPE(1001), of_eight);
        check_where(TW_SHAPE(37, 23), of_eight);
        check_where(TW_SHAPE(3, 1), of_eight);
        check_where(TW_SHAPE(5, 7, 19), of_eight);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_is_cast_as_one_by_one),
        cmocka_unit_test(truths_are_found_where_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
