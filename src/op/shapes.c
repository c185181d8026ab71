/* SPDX-License-Identifier: Apache-2.0
 * Shape rules and kernels that many ops share. */
#include "op/shapes.h"
#include "op/compute.h"
#include "op/infer.h"
#include "tensor/array.h"

/* Every output has the shape of the first input: the rule of elementwise ops of one argument. */
void tw_infer_same(tw_infer *in)
{
    for (size_t i = 0; i < in->output_count; i++)
        tw_infer_output(in, i, tw_infer_input(in, 0));
}

/* All outputs at once, which suits ops that give a flag or a count and also those that give
 * nothing at all. */
void tw_infer_scalar_output(tw_infer *in)
{
    for (size_t i = 0; i < in->output_count; i++)
        tw_infer_output(in, i, TW_SHAPE());
}

/* Folding from the left is enough, since broadcasting is associative; the first pair that does
 * not fit is what the message names. */
void tw_infer_broadcast_all(tw_infer *in)
{
    tw_shape shape = tw_infer_input(in, 0);
    for (size_t i = 1; i < in->input_count; i++)
        shape = tw_infer_broadcast(in, shape, tw_infer_input(in, i));
    tw_infer_output(in, 0, shape);
}

/* An engine that gives the output the input's memory leaves nothing to do. */
tw_status *tw_compute_alias(tw_compute *c)
{
    const tw_array *x = c->inputs[0];
    tw_array *y = c->outputs[0];
    if (!y)
        TW_TRY(tw_compute_allocate(c, 0, (tw_shape){x->dims, x->rank}, &y));
    if (x->data == y->data)
        return TW_OK;
    return tw_elements_copy(y->dtype, y->data, x->data, x->count);
}

/* TensorFlow's kernels print [2,3] where its Python layer prints (2, 3); messages of both are to
 * be matched. */
tw_text tw_shape_tf_text(tw_shape shape)
{
    tw_text text = tw_shape_text(shape);
    if (!shape.dims)
        return text;
    size_t length = 0;
    for (const char *c = text.s; *c; c++) {
        if (*c == '(' || *c == ')')
            text.s[length++] = *c == '(' ? '[' : ']';
        else if (*c != ' ' && !(*c == ',' && c[1] == ')'))
            text.s[length++] = *c;
    }
    text.s[length] = '\0';
    return text;
}
