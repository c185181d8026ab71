/* SPDX-License-Identifier: Apache-2.0
 * Counts of more numbers than bins, in every type of the result: those beyond the last bin are not
 * counted, and a negative one is refused wherever it stands. */
#include "ops/ops_test.h"

enum { COUNT = 5003, BINS = 100, MOST = 130 };

/* Empty weights stand for ones. */
static op_call counting(tw_dtype dtype, int32_t bins, const int32_t *numbers)
{
    op_call k = {.type = "Bincount", .input_count = 3};
    k.inputs[0] = tw_array_copy_of(TW_INT32, TW_SHAPE(COUNT), numbers);
    k.inputs[1] = tw_array_copy_of(TW_INT32, TW_SHAPE(), &bins);
    k.inputs[2] = tw_array_new(dtype, TW_SHAPE(0));
    return k;
}

static void many_numbers_are_counted_one_by_one(void **state)
{
    static const tw_dtype dtypes[] = {TW_INT32, TW_INT64, TW_FLOAT32, TW_FLOAT64};
    static int32_t numbers[COUNT];
    double want[MOST] = {0};
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        numbers[i] = (int32_t)(i * i % MOST);
        want[numbers[i]]++;
    }
    for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
        op_call k = counting(dtypes[d], BINS, numbers);
        call_good(&k);
        assert_values(k.outputs[0], want, BINS);
        call_end(&k);
    }
}

static void a_negative_number_is_refused_wherever_it_stands(void **state)
{
    static int32_t numbers[COUNT];
    (void)state;
    for (size_t at = 0; at < COUNT; at += 1667) {
        numbers[at] = -1;
        op_call k = counting(TW_FLOAT32, BINS, numbers);
        call_refused(&k, TW_INVALID_ARGUMENT, "non-negative");
        numbers[at] = 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_numbers_are_counted_one_by_one),
        cmocka_unit_test(a_negative_number_is_refused_wherever_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
