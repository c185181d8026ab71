/* SPDX-License-Identifier: Apache-2.0
 * Conditions, loops, TensorArrays and stacks made of raw nodes do what TensorFlow's do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/golden_programs.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void raw_switches_and_loops_do_what_tensorflow_s_do(void **state)
{
    (void)state;
    static const char loop[] = "a loop over a reference does not see its own writes in every build";
    static const char select[] = "RefSelect is not run by the engine yet";
    static const golden_program_exception exceptions[] = {
        {"control/refloop", GOLDEN_NOT_RUN, loop},
        {"control/ref_switch", GOLDEN_NOT_RUN, select},
        {"control/cycle@0.12.1", -1, "a cycle is refused when it is imported, not when it is run"},
    };
    assert_true(golden_programs_run("control.txt", exceptions, COUNT(exceptions)) > 8);
}

static void tensor_arrays_of_all_three_forms_do_what_tensorflow_s_do(void **state)
{
    static const char why[] = "the old forms run whatever the graph's version says";
    static const golden_program_exception exceptions[] = {
        {"tensor_array/okV2@1.15.5", -1, why},
        {"tensor_array/dynamicV2@1.15.5", -1, why},
        {"tensor_array/errorsV2@1.15.5", -1, why},
        {"tensor_array/grad_addsV2@1.15.5", -1, why},
    };
    (void)state;
    assert_true(golden_programs_run("tensor_array.txt", exceptions, COUNT(exceptions)) > 40);
}

static void stacks_do_what_tensorflow_s_do(void **state)
{
    (void)state;
    assert_true(golden_programs_run("stack.txt", NULL, 0) > 6);
}

static void variables_of_raw_nodes_do_what_tensorflow_s_do(void **state)
{
    static const char why[] = "resource variables are not there yet";
    static const golden_program_exception exceptions[] = {
        {"variables/resource@0.12.1", -1, why},
        {"variables/resource@1.15.5", -1, why},
    };
    (void)state;
    assert_true(golden_programs_run("variables.txt", exceptions, COUNT(exceptions)) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_switches_and_loops_do_what_tensorflow_s_do),
        cmocka_unit_test(tensor_arrays_of_all_three_forms_do_what_tensorflow_s_do),
        cmocka_unit_test(variables_of_raw_nodes_do_what_tensorflow_s_do),
        cmocka_unit_test(stacks_do_what_tensorflow_s_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
