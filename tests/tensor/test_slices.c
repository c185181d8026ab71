/* SPDX-License-Identifier: Apache-2.0
 * The text of slices: bounds and masks as TensorFlow's front end makes them, and clear refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tensor/array.h"
#include "tensor/slices.h"

typedef struct slice_case {
    const char *text;
    size_t count;
    int64_t begin[4], end[4], stride[4];
    int64_t begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask;
} slice_case;

static const slice_case cases[] = {
    {"1:3", 1, {1}, {3}, {1}, 0, 0, 0, 0, 0},
    {":", 1, {0}, {0}, {1}, 1, 1, 0, 0, 0},
    {"::", 1, {0}, {0}, {1}, 1, 1, 0, 0, 0},
    {"::-2", 1, {0}, {0}, {-2}, 1, 1, 0, 0, 0},
    {"5", 1, {5}, {6}, {1}, 0, 0, 0, 0, 1},
    {"-1", 1, {-1}, {0}, {1}, 0, 0, 0, 0, 1},
    {"...", 1, {0}, {0}, {1}, 0, 0, 1, 0, 0},
    {"newaxis", 1, {0}, {0}, {1}, 0, 0, 0, 1, 0},
    {"::-2, ..., newaxis, 1:3", 4, {0, 0, 0, 1}, {0, 0, 0, 3}, {-2, 1, 1, 1}, 1, 1, 2, 4, 0},
    {" 1 : , : 2 ,-3:-1:+2,7 ,", 4, {1, 0, -3, 7}, {0, 2, -1, 8}, {1, 1, 2, 1}, 2, 1, 0, 0, 8},
    {"tf.newaxis,np.newaxis,None,0", 4, {0}, {0, 0, 0, 1}, {1, 1, 1, 1}, 0, 0, 0, 7, 8},
    {"-9223372036854775808:9223372036854775807", 1, {INT64_MIN}, {INT64_MAX}, {1}, 0, 0, 0, 0, 0},
};

static void the_masks_are_tensorflows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const slice_case *c = &cases[i];
        tw_slices slices;
        assert_null(tw_slices_parse(c->text, &slices));
        assert_int_equal(slices.count, c->count);
        assert_memory_equal(slices.begin, c->begin, c->count * sizeof(int64_t));
        assert_memory_equal(slices.end, c->end, c->count * sizeof(int64_t));
        assert_memory_equal(slices.stride, c->stride, c->count * sizeof(int64_t));
        assert_int_equal(slices.begin_mask, c->begin_mask);
        assert_int_equal(slices.end_mask, c->end_mask);
        assert_int_equal(slices.ellipsis_mask, c->ellipsis_mask);
        assert_int_equal(slices.new_axis_mask, c->new_axis_mask);
        assert_int_equal(slices.shrink_axis_mask, c->shrink_axis_mask);
    }
}

static void a_refusal_names_text_and_position(void **state)
{
    (void)state;
    static const char *const refused[][2] = {
        {"", "an entry is missing at position 0 of the slices \"\""},
        {"1:2,,3", "an unexpected character at position 4"},
        {"1:2:3:4", "an unexpected character at position 5"},
        {"a", "an unexpected character at position 0 of the slices \"a\""},
        {"1 2", "an unexpected character at position 2"},
        {"1.5", "an unexpected character at position 1"},
        {"1:-", "a sign without a number at position 2"},
        {"1:5:0", "a stride of 0 at position 4"},
        {"..., 1, ...", "a second \"...\" at position 8"},
        {"9223372036854775808:", "a number beyond 64 bits at position 0"},
        {"9223372036854775807", "an index beyond 64 bits at position 0"},
        {"1, -9223372036854775809", "a number beyond 64 bits at position 3"},
        {"99999999999999999999999999", "a number beyond 64 bits"},
        {"[1:3]", "an unexpected character at position 0"},
        {"0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
         "too many entries (at most 16) at position 38"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        tw_slices slices;
        tw_status *status = tw_slices_parse(refused[i][0], &slices);
        assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
        if (!strstr(tw_status_message(status), refused[i][1]))
            assert_string_equal(tw_status_message(status), refused[i][1]);
        tw_status_free(status);
    }
}

static void null_is_refused(void **state)
{
    (void)state;
    tw_slices slices;
    tw_status *status = tw_slices_parse(NULL, &slices);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    tw_status_free(status);
    status = tw_slices_parse("1", NULL);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    tw_status_free(status);
}

static void sixteen_entries_are_allowed(void **state)
{
    (void)state;
    tw_slices slices;
    assert_null(tw_slices_parse(":,:,:,:,:,:,:,:,:,:,:,:,:,:,:,:", &slices));
    assert_int_equal(slices.count, TW_MAX_RANK);
    assert_int_equal(slices.begin_mask, 0xffff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_masks_are_tensorflows),
        cmocka_unit_test(a_refusal_names_text_and_position),
        cmocka_unit_test(null_is_refused),
        cmocka_unit_test(sixteen_entries_are_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
