/* SPDX-License-Identifier: Apache-2.0
 * Slides 17 to 20: values from outside, placeholders, feeds; a call prepared once and run many
 * times. */
#include <stdio.h>
#include <thalweg/thalweg.h>

int main(void)
{
    tw_session *session = tw_interactive_session();

    double zeros[3][3] = {{0}};
    tw_tensor ta = tw_convert_to_tensor(TW_FLOAT64, TW_SHAPE(3, 3), zeros);
    tw_show(ta); //= [[0. 0. 0.]
                 //=  [0. 0. 0.]
                 //=  [0. 0. 0.]]
    tw_tensor input1 = tw_placeholder(TW_FLOAT32, .name = "input1");
    tw_tensor input2 = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1), .name = "input2");
    tw_tensor output = tw_mul(input1, input2);

    tw_array *seven = tw_array_scalar(TW_FLOAT32, 7);
    tw_array *pair = tw_array_copy_of(TW_FLOAT32, TW_SHAPE(2), (float[]){2, 3});
    tw_array *value = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(output), .feed = TW_FEED({input1, seven}, {input2, pair}),
                    .out = &value));
    tw_array_print(value, stdout); //= [14. 21.]
    tw_array_unref(value);

    /* A feed of the wrong shape or dtype, or none at all: an error that says all one needs. */
    tw_status *status = tw_run(session, TW_FETCH(output),
                               .feed = TW_FEED({input1, seven}, {input2, seven}));
    puts(tw_status_message(status)); //~ .*input2.*\(\).*\(\?,\).*feeds\.c:17.*
    tw_status_free(status);
    status = tw_run(session, TW_FETCH(output), .feed = TW_FEED({input1, seven}));
    puts(tw_status_message(status)); //~ .*input2.*feeds\.c:17.*
    tw_status_free(status);

    /* The fast way for a loop: nothing is looked up or allocated again; outputs go into ours. */
    tw_callable *step = NULL;
    TW_CHECK(tw_make_callable(session, TW_FETCH(output), .feed = TW_FETCH(input1, input2),
                              .callable = &step));
    value = tw_array_new(TW_FLOAT32, TW_SHAPE(2));
    for (int i = 0; i < 3; i++) {
        tw_array_set(seven, i);
        TW_CHECK(tw_call(step, (tw_array *[]){seven, pair}, (tw_array *[]){value}));
        tw_array_print(value, stdout); //= [0. 0.]
                                       //= [2. 3.]
    }                                  //= [4. 6.]
    tw_callable_free(step);
    tw_array_unref(value);
    tw_array_unref(pair);
    tw_array_unref(seven);
    tw_session_free(session);
    return 0;
}
