/* SPDX-License-Identifier: Apache-2.0
 * Shapes: text, known and unknown dimensions, and the check of an array's size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tensor/array.h"

static void the_text_is_pythons_tuple(void **state)
{
    (void)state;
    assert_string_equal(tw_shape_text(TW_SHAPE(2, -1)).s, "(2, ?)");
    assert_string_equal(tw_shape_text(TW_SHAPE(3)).s, "(3,)");
    assert_string_equal(tw_shape_text(TW_SHAPE(-1)).s, "(?,)");
    assert_string_equal(tw_shape_text(TW_SHAPE()).s, "()");
    assert_string_equal(tw_shape_text(TW_SHAPE(0, 5, 7)).s, "(0, 5, 7)");
    assert_string_equal(tw_shape_text(TW_SHAPE(-2)).s, "(-2,)");
    assert_string_equal(tw_shape_text(TW_UNKNOWN_SHAPE).s, "<unknown>");
}

static void a_text_that_is_too_long_ends_in_dots(void **state)
{
    (void)state;
    int64_t dims[300];
    for (size_t i = 0; i < 300; i++)
        dims[i] = INT64_MIN;
    for (size_t rank = 1; rank <= 300; rank++) {
        tw_text text = tw_shape_text((tw_shape){dims, rank});
        size_t length = strlen(text.s);
        assert_true(length < sizeof text.s);
        if (rank > 12)
            assert_string_equal(text.s + length - 4, " ...");
        else if (rank < 12)
            assert_string_equal(text.s + length - 1, ")");
    }
}

static void known_and_unknown(void **state)
{
    (void)state;
    assert_true(tw_shape_known_rank(TW_SHAPE(-1, 2)));
    assert_false(tw_shape_known_rank(TW_UNKNOWN_SHAPE));
    assert_true(tw_shape_fully_known(TW_SHAPE()));
    assert_true(tw_shape_fully_known(TW_SHAPE(0, 2)));
    assert_false(tw_shape_fully_known(TW_SHAPE(2, -1)));
    assert_false(tw_shape_fully_known(TW_UNKNOWN_SHAPE));
}

static void the_number_of_elements(void **state)
{
    (void)state;
    assert_int_equal(tw_shape_elements(TW_SHAPE()), 1);
    assert_int_equal(tw_shape_elements(TW_SHAPE(2, 3, 4)), 24);
    assert_int_equal(tw_shape_elements(TW_SHAPE(2, -1)), -1);
    assert_int_equal(tw_shape_elements(TW_UNKNOWN_SHAPE), -1);
    assert_int_equal(tw_shape_elements(TW_SHAPE(INT64_MAX, 2)), -1);
    assert_int_equal(tw_shape_elements(TW_SHAPE(INT64_MAX, INT64_MAX, 0)), 0);
    assert_true(tw_shape_elements(TW_SHAPE(INT64_MAX, 1)) == INT64_MAX);
}

static void equal_and_compatible(void **state)
{
    (void)state;
    assert_true(tw_shape_equal(TW_SHAPE(2, -1), TW_SHAPE(2, -1)));
    assert_false(tw_shape_equal(TW_SHAPE(2, -1), TW_SHAPE(2, 3)));
    assert_false(tw_shape_equal(TW_SHAPE(2), TW_SHAPE(2, 3)));
    assert_true(tw_shape_equal(TW_UNKNOWN_SHAPE, TW_UNKNOWN_SHAPE));
    assert_false(tw_shape_equal(TW_UNKNOWN_SHAPE, TW_SHAPE()));
    assert_true(tw_shape_compatible(TW_SHAPE(2, -1), TW_SHAPE(-1, 3)));
    assert_false(tw_shape_compatible(TW_SHAPE(2, -1), TW_SHAPE(3, -1)));
    assert_false(tw_shape_compatible(TW_SHAPE(2), TW_SHAPE(2, 2)));
    assert_true(tw_shape_compatible(TW_UNKNOWN_SHAPE, TW_SHAPE(2, 2)));
    assert_true(tw_dims_agree(-1, 7));
    assert_true(tw_dims_agree(7, 7));
    assert_false(tw_dims_agree(7, 8));
}

static void check_refused(tw_dtype dtype, tw_shape shape, tw_code code, const char *text)
{
    size_t count = 99;
    tw_status *status = tw_shape_check(dtype, shape, &count);
    assert_int_equal(tw_status_code(status), code);
    assert_non_null(strstr(tw_status_message(status), text));
    assert_int_equal(count, 0);
    tw_status_free(status);
}

static void an_array_too_large_is_refused_by_name(void **state)
{
    (void)state;
    size_t count;
    int64_t many[TW_MAX_RANK + 1] = {0};
    assert_null(tw_shape_check(TW_FLOAT32, TW_SHAPE(2, 3), &count));
    assert_int_equal(count, 6);
    assert_null(tw_shape_check(TW_FLOAT32, TW_SHAPE(0, 3), &count));
    assert_int_equal(count, 0);
    assert_null(tw_shape_check(TW_FLOAT32, (tw_shape){many, TW_MAX_RANK}, &count));
    check_refused(TW_FLOAT32, TW_SHAPE(2, -1), TW_INVALID_ARGUMENT, "(2, ?)");
    check_refused(TW_FLOAT32, TW_SHAPE(2, -5), TW_INVALID_ARGUMENT, "dimension 1 of shape (2, -5)");
    check_refused(TW_FLOAT32, TW_UNKNOWN_SHAPE, TW_INVALID_ARGUMENT, "<unknown>");
    check_refused(TW_FLOAT32, (tw_shape){many, TW_MAX_RANK + 1}, TW_INVALID_ARGUMENT, "17");
    check_refused(TW_FLOAT32, TW_SHAPE(INT64_MAX, INT64_MAX), TW_RESOURCE_EXHAUSTED, "float32");
    check_refused(TW_FLOAT64, TW_SHAPE(INT64_MAX), TW_RESOURCE_EXHAUSTED, "too large");
    check_refused(TW_INT8, TW_SHAPE(0, INT64_MAX, 3), TW_RESOURCE_EXHAUSTED, "too large");
    check_refused(TW_INVALID_DTYPE, TW_SHAPE(1), TW_INVALID_ARGUMENT, "unknown (0)");
    check_refused(tw_dtype_ref(TW_INT32), TW_SHAPE(1), TW_INVALID_ARGUMENT, "int32_ref");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_pythons_tuple),
        cmocka_unit_test(a_text_that_is_too_long_ends_in_dots),
        cmocka_unit_test(known_and_unknown),
        cmocka_unit_test(the_number_of_elements),
        cmocka_unit_test(equal_and_compatible),
        cmocka_unit_test(an_array_too_large_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
