/* SPDX-License-Identifier: Apache-2.0
 * Slides 21 to 25: variable scopes, sharing, the reuse rules. */
#include <stdio.h>
#include <thalweg/thalweg.h>

static tw_tensor layer(tw_tensor x)
{
    tw_initializer uniform = tw_random_uniform_initializer(.minval = -1, .maxval = 1);
    tw_tensor w = tw_get_variable("w", TW_SHAPE(2, 2), .initializer = uniform);
    return tw_tanh(tw_matmul(x, w));
}

int main(void)
{
    tw_tensor v, v1, x = tw_ones(TW_SHAPE(1, 2));
    TW_VARIABLE_SCOPE("foo") {
        TW_VARIABLE_SCOPE("bar") {
            v = tw_get_variable("v", TW_SHAPE(1));
        }
    }
    puts(tw_tensor_name(v).s); //= foo/bar/v:0

    TW_VARIABLE_SCOPE("foo", .reuse = true) {
        TW_VARIABLE_SCOPE("bar") {
            v1 = tw_get_variable("v", TW_SHAPE(1));
        }
    }
    puts(tw_tensor_name(v1).s);     //= foo/bar/v:0
    printf("%d\n", tw_same(v, v1)); //= 1

    tw_tensor y;
    TW_VARIABLE_SCOPE("net") {
        y = layer(x);
        tw_reuse_variables();
        y = layer(y);
    }
    puts(tw_tensor_name(y).s);                       //= net/Tanh_1:0
    printf("%zu\n", tw_trainable_variables().count); //= 2

    /* A second variable of one name without reuse, or reuse of one that is not there: said once,
     * kept by the graph. */
    TW_VARIABLE_SCOPE("net") {
        layer(x);
    }
    const tw_status *status = tw_graph_status(tw_default_graph());
    puts(tw_status_message(status)); //~ .*net/w.*already exists.*scopes\.c:9.*
    return 0;
}
