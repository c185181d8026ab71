/* SPDX-License-Identifier: Apache-2.0
 * The growing text, comparisons, and numbers as Python's repr writes them. */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "support/skip.h"
#include "thalweg/base.h"

static void a_buffer_collects_what_is_added(void **state)
{
    (void)state;
    tw_buffer b = {0};
    tw_buffer_add_text(&b, "one");
    tw_buffer_add_char(&b, ' ');
    tw_buffer_printf(&b, "%d %s", 2, "two");
    tw_buffer_add(&b, "xyz", 1);
    tw_buffer_add(&b, NULL, 0);
    assert_int_equal(b.length, 10);
    char *text = tw_buffer_take(&b);
    assert_string_equal(text, "one 2 twox");
    assert_null(b.data);
    tw_free(text);
    text = tw_buffer_take(&b);
    assert_string_equal(text, "");
    tw_free(text);
}

static void a_long_text_grows_in_pieces(void **state)
{
    (void)state;
    tw_buffer b = {0};
    for (int i = 0; i < 2000; i++)
        tw_buffer_printf(&b, "%04d", i);
    assert_int_equal(b.length, 8000);
    assert_int_equal(strlen(b.data), 8000);
    assert_memory_equal(b.data + 4 * 1234, "12341235", 8);
    tw_buffer_clear(&b);
    assert_int_equal(b.length + b.capacity, 0);
}

static void a_size_that_overflows_fails_the_buffer(void **state)
{
    (void)state;
    tw_buffer b = {0};
    tw_buffer_add_text(&b, "kept");
    tw_buffer_add(&b, "", SIZE_MAX - 4);
    assert_true(b.failed);
    assert_string_equal(b.data, "kept");
    tw_buffer_add_text(&b, "more");
    assert_string_equal(b.data, "kept");
    assert_null(tw_buffer_take(&b));
    assert_false(b.failed);
}

static void texts_are_compared_without_the_locale(void **state)
{
    (void)state;
    assert_true(tw_text_starts("weights", "wei"));
    assert_true(tw_text_starts("weights", ""));
    assert_false(tw_text_starts("we", "wei"));
    assert_true(tw_text_equal_nocase("SAME", "same"));
    assert_false(tw_text_equal_nocase("SAME", "sam"));
    assert_false(tw_text_equal_nocase("sam", "SAME"));
    assert_false(tw_text_equal_nocase("[", "{"));
    assert_true(tw_text_equal_nocase("", ""));
}

typedef struct known {
    double value;
    const char *text;
} known;

static void doubles_are_written_as_python_writes_them(void **state)
{
    (void)state;
    const known all[] = {{0.0, "0.0"},
                         {-0.0, "-0.0"},
                         {1, "1.0"},
                         {-2.5, "-2.5"},
                         {0.1, "0.1"},
                         {1.0 / 3, "0.3333333333333333"},
                         {0.0001, "0.0001"},
                         {0.00001, "1e-05"},
                         {0.000012345, "1.2345e-05"},
                         {123456789012345.6, "123456789012345.6"},
                         {1e15, "1000000000000000.0"},
                         {1e16, "1e+16"},
                         {1e22, "1e+22"},
                         {1e23, "1e+23"},
                         {0.1 + 0.2, "0.30000000000000004"},
                         {9007199254740993.0, "9007199254740992.0"},
                         {0x1p-44, "5.684341886080802e-14"},
                         {DBL_MAX, "1.7976931348623157e+308"},
                         {DBL_MIN, "2.2250738585072014e-308"},
                         {0x1p-1074, "5e-324"},
                         {INFINITY, "inf"},
                         {-INFINITY, "-inf"},
                         {NAN, "nan"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char text[40];
        assert_int_equal(tw_double_text(text, all[i].value), strlen(all[i].text));
        assert_string_equal(text, all[i].text);
    }
}

static void floats_are_written_with_the_digits_a_float_needs(void **state)
{
    (void)state;
    const struct {
        float value;
        const char *text;
    } all[] = {{0.1f, "0.1"},
               {16777216.0f, "16777216.0"},
               {1.0f / 3, "0.33333334"},
               {FLT_MAX, "3.4028235e+38"},
               {0x1p-149f, "1e-45"},
               {-1e-5f, "-1e-05"},
               {-INFINITY, "-inf"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char text[40];
        assert_int_equal(tw_float_text(text, all[i].value), strlen(all[i].text));
        assert_string_equal(text, all[i].text);
    }
}

static void every_power_of_two_reads_back(void **state)
{
    (void)state;
    for (int e = -1074; e < 1024; e++) {
        char text[40];
        tw_double_text(text, -ldexp(1.0, e));
        assert_true(strtod(text, NULL) == -ldexp(1.0, e));
    }
    for (int e = -149; e < 128; e++) {
        char text[40];
        tw_float_text(text, ldexpf(1.0f, e));
        assert_true(strtof(text, NULL) == ldexpf(1.0f, e));
    }
}

static void the_point_is_a_point_in_every_locale(void **state)
{
    (void)state;
    const char *const locales[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE", NULL};
    const char *set = NULL;
    for (int i = 0; locales[i] && !set; i++)
        set = setlocale(LC_NUMERIC, locales[i]);
    if (!set)
        skip_because("no German or French locale is installed");
    char text[40];
    tw_double_text(text, 1234.5);
    setlocale(LC_NUMERIC, "C");
    assert_string_equal(text, "1234.5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_collects_what_is_added),
        cmocka_unit_test(a_long_text_grows_in_pieces),
        cmocka_unit_test(a_size_that_overflows_fails_the_buffer),
        cmocka_unit_test(texts_are_compared_without_the_locale),
        cmocka_unit_test(doubles_are_written_as_python_writes_them),
        cmocka_unit_test(floats_are_written_with_the_digits_a_float_needs),
        cmocka_unit_test(every_power_of_two_reads_back),
        cmocka_unit_test(the_point_is_a_point_in_every_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
