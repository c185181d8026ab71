/* SPDX-License-Identifier: Apache-2.0
 * Slides 26 to 32: data, placeholders, variables, Adam, a training loop. Weights start at 0 and
 * batches are taken in order here, so that the losses are the numbers that TensorFlow 0.12.1 and
 * 1.15.5 print (they agree in 6 digits). */
#include <math.h>
#include <stdio.h>
#include <thalweg/thalweg.h>

enum { N_SAMPLES = 1000, BATCH = 100, STEPS = 500 };

int main(void)
{
    static float x_data[N_SAMPLES], y_data[N_SAMPLES];
    for (int i = 0; i < N_SAMPLES; i++) {
        double x = 0.1 * i;
        x_data[i] = (float)x;
        y_data[i] = (float)(x + 20 * sin(x / 10));
    }

    tw_tensor X = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(BATCH, 1), .name = "X");
    tw_tensor y = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(BATCH, 1), .name = "y");
    tw_tensor W, b, y_pred, loss;
    TW_VARIABLE_SCOPE("linear-regression") {
        W = tw_get_variable("weights", TW_SHAPE(1, 1), .initializer = tw_constant_initializer(0));
        b = tw_get_variable("bias", TW_SHAPE(1), .initializer = tw_constant_initializer(0));
        y_pred = tw_add(tw_matmul(X, W), b);
        loss = tw_reduce_sum(tw_div(tw_square(tw_sub(y, y_pred)), N_SAMPLES));
    }
    tw_tensor train = tw_minimize(tw_adam(.learning_rate = 0.001), loss);

    tw_session *session = tw_session_new(NULL);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    tw_array *out[1] = {NULL};
    for (int step = 0; step < STEPS; step++) {
        int first = step * BATCH % N_SAMPLES;
        tw_array *x_batch = tw_array_borrow(TW_FLOAT32, TW_SHAPE(BATCH, 1), x_data + first);
        tw_array *y_batch = tw_array_borrow(TW_FLOAT32, TW_SHAPE(BATCH, 1), y_data + first);
        TW_CHECK(tw_run(session, TW_FETCH(loss), .target = TW_FETCH(train),
                        .feed = TW_FEED({X, x_batch}, {y, y_batch}), .out = out));
        if (step == 0 || step == 1 || step == 99 || step == STEPS - 1)
            printf("step %d loss %.5g\n", step, tw_array_item(out[0])); //= step 0 loss 25.928
        tw_array_unref(out[0]);                                         //= step 1 loss 117.13
        tw_array_unref(x_batch);                                        //= step 99 loss 747.8
        tw_array_unref(y_batch);                                        //= step 499 loss 376.1
    }
    tw_session_free(session);
    return 0;
}
