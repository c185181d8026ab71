/* SPDX-License-Identifier: Apache-2.0
 * Slides 4 to 10: NumPy's dictionary in C, explicit evaluation, sessions. */
#include <stdio.h>
#include <thalweg/thalweg.h>

int main(void)
{
    tw_session *session = tw_interactive_session();

    tw_tensor a = tw_zeros(TW_SHAPE(2, 2));
    tw_tensor b = tw_ones(TW_SHAPE(2, 2));
    tw_show(tw_reduce_sum(b, .axis = TW_AXES(1))); //= [2. 2.]
    puts(tw_shape_text(tw_tensor_shape(a)).s);     //= (2, 2)
    tw_show(tw_reshape(a, TW_SHAPE(1, 4)));        //= [[0. 0. 0. 0.]]
    tw_show(tw_add(tw_mul(b, 5), 1));              //= [[6. 6.]
                                                   //=  [6. 6.]]
    tw_show(tw_matmul(b, b, .transpose_b = true)); //= [[2. 2.]
                                                   //=  [2. 2.]]
    tw_tensor c = tw_reshape(tw_range(0, 12, 1), TW_SHAPE(3, 4));
    tw_show(tw_getitem(c, "0, 0"));      //= 0
    tw_show(tw_getitem(c, ":, 0"));      //= [0 4 8]
    tw_show(tw_getitem(c, "0, :"));      //= [0 1 2 3]
    tw_show(tw_getitem(c, "::-2, 1:3")); //= [[ 9 10]
                                         //=  [ 1  2]]

    puts(tw_tensor_text(a).s); //= Tensor("zeros:0", shape=(2, 2), dtype=float32)

    tw_tensor product = tw_mul(tw_constant(5.0), tw_constant(6.0));
    tw_array *value = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(product), .out = &value));
    printf("%g\n", tw_array_item(value)); //= 30
    tw_array_unref(value);

    tw_session_free(session);
    return 0;
}
