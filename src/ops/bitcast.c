/* SPDX-License-Identifier: Apache-2.0
 * Bitcast: the bytes of an array read as another dtype. */
#include <string.h>

#include "ops/arrays.h"

/* A smaller dtype adds a last dim with the parts of an element; a larger one takes the last dim
 * away, which must then hold just one element's bytes. */
static void infer(tw_infer *in)
{
    tw_shape x = tw_infer_input(in, 0);
    int64_t from = (int64_t)tw_dtype_size(tw_infer_dtype(in, 0)),
            to = (int64_t)tw_dtype_size(tw_infer_type(in, "type"));
    if (!x.dims || from <= 0 || to <= 0)
        return;
    if (from > to) { /* several in the place of one */
        x = tw_infer_concat(in, x, TW_SHAPE(from / to));
    } else if (from < to) {
        int64_t last = tw_infer_dim(x, -1);
        if (x.rank == 0 || !tw_dims_agree(last, to / from))
            tw_infer_fail(in, "Cannot bitcast from %s to %s: shape %s",
                          tw_dtype_name(tw_infer_dtype(in, 0)),
                          tw_dtype_name(tw_infer_type(in, "type")), tw_shape_tf_text(x).s);
        x = tw_infer_slice(in, x, 0, x.rank ? x.rank - 1 : 0);
    }
    tw_infer_output(in, 0, x);
}

/* The output is mostly a view of the input, and then this is not called. The sizes agree, since the
 * shape rule refused all others. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    tw_array *y = tw_output(c, 0);
    if (y->count > 0 && y->data != x->data)
        memcpy(y->data, x->data, y->count * tw_dtype_size(y->dtype));
    return TW_OK;
}

#define BYTES                                                                                    \
    "{bfloat16, half, float, double, int64, int32, uint8, uint16, uint32, uint64, int8, int16, " \
    "complex64, complex128, qint8, quint8, qint16, quint16, qint32}"

const tw_op_definition tw_op_Bitcast = {
    .signature = "input: T -> output: type; T: " BYTES "; type: " BYTES,
    .doc = "The bytes of an array read as `type`. A smaller type adds a last dimension for the "
           "several that stand in one element, a larger one takes it away.",
    .since = "bfloat16: 1.5; uint32, uint64: 1.8",
    .examples = {"bitcast([1.0], int32) -> [1065353216]"},
    .infer = infer,
    .gradient = tw_gradient_undefined,
    .flags = TW_OP_ALIAS,
    .compute = compute,
    .in_place = 1,
};
