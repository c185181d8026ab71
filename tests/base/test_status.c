/* SPDX-License-Identifier: Apache-2.0
 * Statuses: their two texts, their parts, payloads and copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"

static tw_status *decorated(void)
{
    tw_status *s = tw_value_error("inner sizes differ, %d and %d", 784, 512);
    s = tw_status_with_where(s, (tw_where){"train.c", 35});
    s = tw_status_with_note(s, "a: float32 (64, 784)");
    s = tw_status_with_operation(s, "MatMul", "net/mul");
    s = tw_status_with_note(s, "b: float32 (512, %d)", 10);
    s = tw_status_with_phase(s, TW_PHASE_BUILD);
    return tw_status_with_input(s, 1);
}

static void success_is_null_and_has_an_answer_to_every_question(void **state)
{
    (void)state;
    assert_int_equal(tw_status_code(TW_OK), TW_CODE_OK);
    assert_string_equal(tw_status_message(TW_OK), "OK");
    assert_string_equal(tw_status_report(TW_OK), "OK");
    assert_int_equal(tw_status_kind(TW_OK), TW_KIND_NONE);
    assert_int_equal(tw_status_phase(TW_OK), TW_PHASE_NONE);
    assert_null(tw_status_operation(TW_OK));
    assert_int_equal(tw_status_input(TW_OK), -1);
    assert_null(tw_status_where(TW_OK).file);
    assert_null(tw_status_payload(TW_OK));
    assert_null(tw_status_copy(TW_OK));
    assert_null(tw_status_with_note(TW_OK, "nothing"));
    assert_null(tw_status_with_operation(TW_OK, "A", "b"));
    tw_status_free(TW_OK);
}

static void the_message_is_one_line_and_the_report_several(void **state)
{
    (void)state;
    tw_status *s = decorated();
    assert_string_equal(tw_status_message(s),
                        "MatMul 'net/mul': inner sizes differ, 784 and 512 | a: float32 (64, 784) "
                        "| b: float32 (512, 10) | made at train.c:35");
    assert_string_equal(tw_status_report(s), "MatMul 'net/mul': inner sizes differ, 784 and 512\n"
                                             "    a: float32 (64, 784)\n"
                                             "    b: float32 (512, 10)\n"
                                             "    made at train.c:35");
    tw_status_free(s);
}

static void the_parts_of_a_status_can_be_asked_for(void **state)
{
    (void)state;
    tw_status *s = decorated();
    assert_int_equal(tw_status_code(s), TW_INVALID_ARGUMENT);
    assert_int_equal(tw_status_kind(s), TW_KIND_VALUE);
    assert_int_equal(tw_status_phase(s), TW_PHASE_BUILD);
    assert_string_equal(tw_status_operation(s), "net/mul");
    assert_int_equal(tw_status_input(s), 1);
    assert_string_equal(tw_status_where(s).file, "train.c");
    assert_int_equal(tw_status_where(s).line, 35);
    tw_status_free(s);
}

static void the_first_operation_and_the_first_place_stay(void **state)
{
    (void)state;
    tw_status *s = tw_status_with_operation(decorated(), "Add", "other");
    s = tw_status_with_where(s, (tw_where){"other.c", 1});
    s = tw_status_with_where(s, (tw_where){NULL, 0});
    assert_string_equal(tw_status_operation(s), "net/mul");
    assert_string_equal(tw_status_where(s).file, "train.c");
    assert_null(strstr(tw_status_report(s), "other"));
    tw_status_free(s);
}

static void a_text_of_several_lines_is_one_line_in_the_message(void **state)
{
    (void)state;
    tw_status *s = tw_status_new(TW_INTERNAL, "first\nsecond");
    s = tw_status_with_note(s, "third\nfourth");
    assert_string_equal(tw_status_message(s), "first second | third fourth");
    assert_string_equal(tw_status_report(s), "first\nsecond\n    third fourth");
    tw_status_free(s);
}

static void a_type_error_says_so_and_a_plain_status_has_no_kind(void **state)
{
    (void)state;
    tw_status *type = tw_type_error("no %s", "strings"), *plain = tw_status_new(TW_ABORTED, "stop");
    assert_int_equal(tw_status_kind(type), TW_KIND_TYPE);
    assert_int_equal(tw_status_code(type), TW_INVALID_ARGUMENT);
    assert_string_equal(tw_status_message(type), "no strings");
    assert_int_equal(tw_status_kind(plain), TW_KIND_NONE);
    assert_int_equal(tw_status_input(plain), -1);
    tw_status_free(type);
    tw_status_free(plain);
}

static void out_of_memory_is_one_status_that_nothing_changes(void **state)
{
    (void)state;
    tw_status *s = tw_no_memory();
    assert_ptr_equal(tw_status_with_note(s, "note"), s);
    assert_ptr_equal(tw_status_with_operation(s, "Add", "sum"), s);
    assert_ptr_equal(tw_status_with_where(s, TW_HERE), s);
    assert_ptr_equal(tw_status_with_kind(s, TW_KIND_VALUE), s);
    assert_ptr_equal(tw_status_with_phase(s, TW_PHASE_RUN), s);
    assert_ptr_equal(tw_status_with_input(s, 3), s);
    assert_ptr_equal(tw_status_copy(s), s);
    tw_status_free(s);
    tw_status_free(s);
    assert_int_equal(tw_status_code(s), TW_RESOURCE_EXHAUSTED);
    assert_int_equal(tw_status_kind(s), TW_KIND_MEMORY);
    assert_int_equal(tw_status_phase(s), TW_PHASE_NONE);
    assert_int_equal(tw_status_input(s), -1);
    assert_string_equal(tw_status_message(s), "out of memory");
    assert_string_equal(tw_status_report(s), "out of memory");
}

static void count_release(void *payload)
{
    ++*(int *)payload;
}

static void a_payload_is_let_go_once_with_the_status_or_its_successor(void **state)
{
    (void)state;
    int first = 0, second = 0, lost = 0;
    tw_status *s = tw_status_new(TW_UNKNOWN, "raised");
    tw_status_set_payload(s, &first, count_release);
    assert_ptr_equal(tw_status_payload(s), &first);
    tw_status_set_payload(s, &second, count_release);
    assert_int_equal(first, 1);
    tw_status *copy = tw_status_copy(s);
    assert_null(tw_status_payload(copy));
    tw_status_free(copy);
    assert_int_equal(second, 0);
    tw_status_free(s);
    assert_int_equal(second, 1);
    tw_status_set_payload(tw_no_memory(), &lost, count_release);
    assert_int_equal(lost, 1);
    assert_null(tw_status_payload(tw_no_memory()));
}

static void a_copy_says_all_that_the_original_said(void **state)
{
    (void)state;
    tw_status *s = decorated(), *copy = tw_status_copy(s);
    char report[300];
    strcpy(report, tw_status_report(s));
    tw_status_free(s);
    assert_string_equal(tw_status_report(copy), report);
    assert_int_equal(tw_status_code(copy), TW_INVALID_ARGUMENT);
    assert_int_equal(tw_status_kind(copy), TW_KIND_VALUE);
    assert_int_equal(tw_status_phase(copy), TW_PHASE_BUILD);
    assert_int_equal(tw_status_input(copy), 1);
    assert_int_equal(tw_status_where(copy).line, 35);
    copy = tw_status_with_note(copy, "more");
    assert_non_null(strstr(tw_status_report(copy), "(512, 10)\n    more\n    made at"));
    tw_status_free(copy);
}

static void every_code_has_the_name_of_tensorflow(void **state)
{
    (void)state;
    assert_string_equal(tw_code_name(TW_CODE_OK), "OK");
    assert_string_equal(tw_code_name(TW_INVALID_ARGUMENT), "INVALID_ARGUMENT");
    assert_string_equal(tw_code_name(TW_OUT_OF_RANGE), "OUT_OF_RANGE");
    assert_string_equal(tw_code_name(TW_UNAUTHENTICATED), "UNAUTHENTICATED");
    assert_string_equal(tw_code_name((tw_code)17), "UNKNOWN");
    assert_string_equal(tw_code_name((tw_code)-1), "UNKNOWN");
    for (int i = 0; i <= TW_UNAUTHENTICATED; i++)
        assert_true(strlen(tw_code_name((tw_code)i)) > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_is_null_and_has_an_answer_to_every_question),
        cmocka_unit_test(the_message_is_one_line_and_the_report_several),
        cmocka_unit_test(the_parts_of_a_status_can_be_asked_for),
        cmocka_unit_test(the_first_operation_and_the_first_place_stay),
        cmocka_unit_test(a_text_of_several_lines_is_one_line_in_the_message),
        cmocka_unit_test(a_type_error_says_so_and_a_plain_status_has_no_kind),
        cmocka_unit_test(out_of_memory_is_one_status_that_nothing_changes),
        cmocka_unit_test(a_payload_is_let_go_once_with_the_status_or_its_successor),
        cmocka_unit_test(a_copy_says_all_that_the_original_said),
        cmocka_unit_test(every_code_has_the_name_of_tensorflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
