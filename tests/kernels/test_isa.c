/* SPDX-License-Identifier: Apache-2.0
 * The environment forces a level of kernels; a level that is not there leaves the machine's own. */
#include "kernel_test.h"
#include "support/environment.h"

static void the_environment_says_which_level_runs(void **state)
{
    (void)state;
    int own;
    set_environment("TW_ISA", "");
    set_environment("THALWEG_ISA", "");
    own = tw_isa_find();
    for (int level = 0; level <= own; level++) {
        if (!tw_isa_level_name(level) || !tw_isa_force(level))
            continue;
        set_environment("TW_ISA", tw_isa_level_name(level));
        assert_int_equal(tw_isa_find(), level);
        assert_int_equal(tw_isa_level(), level);
    }
    set_environment("TW_ISA", "sse");
    assert_int_equal(tw_isa_find(), own);
    set_environment("TW_ISA", "");
    set_environment("THALWEG_ISA", "plain");
    assert_int_equal(tw_isa_find(), TW_ISA_PLAIN);
#ifdef TW_ISA_LEVELS_X86
    set_environment("TW_ISA", "v2");
    set_environment("THALWEG_ISA", tw_isa_level_name(own));
    assert_int_equal(tw_isa_find(), TW_ISA_PLAIN);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_environment_says_which_level_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
