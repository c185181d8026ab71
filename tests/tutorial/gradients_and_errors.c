/* SPDX-License-Identifier: Apache-2.0
 * Slides 33 to 36: derivatives of any order, and the gotchas: every mistake is named with shapes,
 * dtypes and place. */
#include <stdio.h>
#include <thalweg/thalweg.h>

static void report(void)
{
    puts(tw_status_message(tw_graph_status(tw_default_graph())));
    tw_reset_default_graph();
}

int main(void)
{
    tw_session *session = tw_interactive_session();
    tw_tensor x = tw_constant(3.0);
    tw_tensor y = tw_mul(x, tw_mul(x, x));
    tw_tensor dy = tw_grad_tensor(tw_gradients(TW_LIST(y), TW_LIST(x)).grads[0]);
    tw_tensor d2y = tw_grad_tensor(tw_gradients(TW_LIST(dy), TW_LIST(x)).grads[0]);
    tw_show(dy);  //= 27.0
    tw_show(d2y); //= 18.0
    tw_session_free(session);
    tw_reset_default_graph();

    tw_tensor a = tw_ones(TW_SHAPE(64, 784), .name = "a");
    tw_tensor b = tw_ones(TW_SHAPE(512, 10), .name = "b");
    tw_matmul(a, b, .name = "mul");
    report(); //~ .*MatMul.*'mul'.*784.*512.*gradients_and_errors\.c:27.*
    tw_add(tw_ones(TW_SHAPE(2)), tw_ones(TW_SHAPE(2), .dtype = TW_INT32));
    report(); //~ .*Add.*float32.*int32.*gradients_and_errors\.c:29.*
    tw_add(tw_ones(TW_SHAPE(2, 3)), tw_ones(TW_SHAPE(3, 2)));
    report(); //~ .*Add.*\(2, 3\).*\(3, 2\).*gradients_and_errors\.c:31.*
    tw_reshape(tw_ones(TW_SHAPE(4)), TW_SHAPE(3));
    report(); //~ .*Reshape.*4.*3.*gradients_and_errors\.c:33.*
    tw_get_variable("v", TW_SHAPE(-1));
    report(); //~ .*'v'.*shape.*gradients_and_errors\.c:35.*
    return 0;
}
