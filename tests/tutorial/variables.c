/* SPDX-License-Identifier: Apache-2.0
 * Slides 11 to 16: variables, state, several fetches. */
#include <stdio.h>
#include <thalweg/thalweg.h>

int main(void)
{
    tw_session *session = tw_interactive_session();

    tw_tensor w1 = tw_ones(TW_SHAPE(2, 2));
    tw_tensor w2 = tw_variable(tw_zeros(TW_SHAPE(2, 2)), .name = "weights");
    tw_show(w1); //= [[1. 1.]
                 //=  [1. 1.]]
    /* A variable holds nothing before its initializer has run. */
    tw_status *status = tw_run(session, TW_FETCH(w2));
    puts(tw_status_message(status)); //~ .*uninitialized.*weights.*
    tw_status_free(status);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    tw_show(w2); //= [[0. 0.]
                 //=  [0. 0.]]

    tw_tensor state = tw_variable(tw_constant(0), .name = "counter");
    tw_tensor new_value = tw_add(state, 1);
    tw_tensor update = tw_assign(state, new_value);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    tw_show(state); //= 0
    for (int i = 0; i < 3; i++) {
        TW_CHECK(tw_run(session, TW_FETCH(update)));
        tw_show(state); //= 1
                        //= 2
    }                   //= 3

    tw_tensor input1 = tw_constant(3.0), input2 = tw_constant(2.0), input3 = tw_constant(5.0);
    tw_tensor intermed = tw_add(input2, input3);
    tw_tensor mul = tw_mul(input1, intermed);
    tw_array *out[2] = {NULL, NULL};
    TW_CHECK(tw_run(session, TW_FETCH(mul, intermed), .out = out));
    printf("%g %g\n", tw_array_item(out[0]), tw_array_item(out[1])); //= 21 7
    tw_array_unref(out[0]);
    tw_array_unref(out[1]);

    tw_session_free(session);
    return 0;
}
