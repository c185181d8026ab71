/* SPDX-License-Identifier: Apache-2.0
 * The text of arrays against what NumPy printed (print_cases.h), and what NumPy has no word for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <math.h>
#include <string.h>

#include "support/failing_allocator.h"
#include "tensor/array.h"

typedef struct print_case {
    tw_dtype dtype;
    size_t rank;
    int64_t dims[6];
    const double *numbers;
    int divisor;
    const char *text;
} print_case;

typedef struct string_case {
    size_t rank;
    int64_t dims[6];
    const char *const *items;
    const size_t *lengths;
    const char *text;
} string_case;

#include "print_cases.h"

enum { N_CASES = sizeof cases / sizeof cases[0] };

static tw_array *array_of(const print_case *c)
{
    tw_array *array = tw_array_new(c->dtype, (tw_shape){c->dims, c->rank});
    assert_non_null(array);
    bool pairs = tw_dtype_is_complex(c->dtype);
    tw_dtype part = c->dtype == TW_COMPLEX64    ? TW_FLOAT32
                    : c->dtype == TW_COMPLEX128 ? TW_FLOAT64
                                                : c->dtype;
    for (size_t i = 0; i < array->count * (pairs ? 2 : 1); i++)
        tw_element_set(part, (char *)array->data + i * tw_dtype_size(part),
                       c->numbers ? c->numbers[i] : (double)i / c->divisor);
    return array;
}

static void check_text(tw_array *array, const char *expected)
{
    char *text = tw_array_text(array);
    assert_non_null(text);
    assert_string_equal(text, expected);
    tw_free(text);
    tw_array_unref(array);
}

static void numbers_look_as_numpys(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CASES; i++)
        check_text(array_of(&cases[i]), cases[i].text);
}

static void strings_look_as_pythons_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof string_cases / sizeof string_cases[0]; i++) {
        const string_case *c = &string_cases[i];
        check_text(tw_array_strings((tw_shape){c->dims, c->rank}, c->items, c->lengths), c->text);
    }
}

static void the_locale_has_no_say(void **state)
{
    (void)state;
    static const char *const locales[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
    for (size_t i = 0; i < 3; i++)
        if (setlocale(LC_ALL, locales[i]))
            break;
    numbers_look_as_numpys(state);
    setlocale(LC_ALL, "C");
}

static void dtypes_that_numpy_lacks(void **state)
{
    (void)state;
    tw_array *array = tw_array_new(TW_BFLOAT16, TW_SHAPE(3));
    tw_element_set(TW_BFLOAT16, array->data, 0.1);
    tw_element_set(TW_BFLOAT16, (uint16_t *)array->data + 1, -2);
    check_text(array, "[ 0.1 -2.   0. ]");
    check_text(tw_array_scalar(TW_BFLOAT16, 3.140625), "3.14");
    check_text(tw_array_scalar(TW_QINT8, -5), "-5");
    array = tw_array_new(TW_QUINT16, TW_SHAPE(2));
    tw_array_set(array, 65535);
    check_text(array, "[65535 65535]");
    check_text(tw_array_new(TW_VARIANT, TW_SHAPE()), "<empty>");
}

static void the_largest_integers(void **state)
{
    (void)state;
    int64_t least[] = {INT64_MIN, INT64_MAX};
    uint64_t most[] = {UINT64_MAX, 0};
    check_text(tw_array_copy_of(TW_INT64, TW_SHAPE(2), least),
               "[-9223372036854775808  9223372036854775807]");
    check_text(tw_array_copy_of(TW_UINT64, TW_SHAPE(2), most),
               "[18446744073709551615                    0]");
}

static void print_adds_a_newline(void **state)
{
    (void)state;
    char text[64] = "";
    FILE *file = tmpfile();
    assert_non_null(file);
    tw_array *array = tw_array_new(TW_INT32, TW_SHAPE(2));
    tw_array_print(array, file);
    tw_array_print(NULL, file);
    tw_array_unref(array);
    rewind(file);
    assert_int_equal(fread(text, 1, sizeof text - 1, file), 11);
    assert_string_equal(text, "[0 0]\nNULL\n");
    fclose(file);
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    size_t live = failing_allocator_live();
    for (size_t i = 0; i < N_CASES; i++) {
        tw_array *array = array_of(&cases[i]);
        size_t with_array = failing_allocator_live();
        for (size_t n = 1; failing_allocator_next(n); n++) {
            char *text = tw_array_text(array);
            assert_true(failing_allocator_failed() ? !text : text != NULL);
            tw_free(text);
            assert_int_equal(failing_allocator_live(), with_array);
        }
        tw_array_unref(array);
    }
    assert_int_equal(failing_allocator_live(), live);
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_look_as_numpys),  cmocka_unit_test(strings_look_as_pythons_bytes),
        cmocka_unit_test(the_locale_has_no_say),   cmocka_unit_test(dtypes_that_numpy_lacks),
        cmocka_unit_test(the_largest_integers),    cmocka_unit_test(print_adds_a_newline),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
