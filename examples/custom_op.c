/* SPDX-License-Identifier: Apache-2.0
 * An op built outside the library: y = x / (1 + |x|) * scale, with its shape rule, gradient and
 * kernel, registered through <thalweg/op.h>. From then on it is an op like any other: named,
 * differentiated, planned, exported. */
#include <math.h>
#include <stdio.h>
#include <thalweg/thalweg.h>

static void infer(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_input(in, 0));
}

static tw_status *compute(tw_compute *c)
{
    const tw_array *x = tw_compute_input(c, 0);
    float *y = tw_array_data(tw_compute_output(c, 0)), scale = (float)tw_compute_float(c, "scale");
    const float *from = tw_array_const_data(x);
    for (size_t i = 0; i < tw_array_count(x); i++)
        y[i] = scale * from[i] / (1 + fabsf(from[i]));
    return TW_OK;
}

/* dy / dx = scale / (1 + |x|)^2 */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor one_plus = tw_add(tw_abs(g->inputs[0]), 1.0);
    tw_tensor slope = tw_div((double)tw_gradient_attr(g, "scale")->value.f, tw_square(one_plus));
    g->dx[0] = tw_grad_of(tw_mul(tw_gradient_dy(g, 0), slope));
    return TW_OK;
}

static const tw_op_definition squash = {
    .size = sizeof(tw_op_definition),
    .name = "Squash",
    .signature = "x: float -> y: float; scale: float = 1.0",
    .doc = "x / (1 + |x|), times `scale`.",
    .infer = infer,
    .gradient = gradient,
    .compute = compute,
    .in_place = 1,
};

/* The face that a program gives it: the generic builder with a name and a place. */
static tw_tensor make_squash(tw_tensor x, float scale)
{
    tw_operation *op = NULL;
    tw_attr attr = {.name = "scale", .kind = TW_ATTR_FLOAT, .value.f = scale};
    TW_CHECK(tw_graph_add(tw_default_graph(),
                          &(tw_graph_add_args){.size = sizeof(tw_graph_add_args),
                                               .where = TW_HERE,
                                               .type = "Squash",
                                               .inputs = &x,
                                               .input_count = 1,
                                               .attrs = &attr,
                                               .attr_count = 1},
                          &op));
    return tw_operation_output(op, 0);
}

int main(void)
{
    TW_CHECK(tw_register_op(&squash));
    tw_session *session = tw_interactive_session();
    float numbers[4] = {-3, 0, 1, 4};
    tw_tensor x = tw_convert_to_tensor(TW_FLOAT32, TW_SHAPE(4), numbers);
    tw_tensor y = make_squash(x, 2);
    /* [-1.5  0.   1.   1.6] */
    tw_show(y);
    /* [0.125 2.    0.5   0.08 ] */
    tw_show(tw_grad_tensor(tw_gradients(TW_LIST(y), TW_LIST(x)).grads[0]));
    tw_session_free(session);
    return 0;
}
