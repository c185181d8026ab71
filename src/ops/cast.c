/* SPDX-License-Identifier: Apache-2.0
 * Cast: the same numbers in another dtype. An instruction of tile programs. */
#include "ops/elementwise.h"
#include "ops/select_loops.h"

/* TW_CAST_SLOTS: none. 16-bit floats are float to the loops. */
static enum tw_cast_slot slot_of(tw_dtype dtype)
{
    static const uint8_t slots[TW_DTYPE_COUNT] = {
        [TW_FLOAT32] = TW_CAST_F32 + 1,     [TW_FLOAT64] = TW_CAST_F64 + 1,
        [TW_FLOAT16] = TW_CAST_F32 + 1,     [TW_BFLOAT16] = TW_CAST_F32 + 1,
        [TW_INT8] = TW_CAST_I8 + 1,         [TW_INT16] = TW_CAST_I16 + 1,
        [TW_INT32] = TW_CAST_I32 + 1,       [TW_INT64] = TW_CAST_I64 + 1,
        [TW_UINT8] = TW_CAST_U8 + 1,        [TW_UINT16] = TW_CAST_U16 + 1,
        [TW_UINT32] = TW_CAST_U32 + 1,      [TW_UINT64] = TW_CAST_U64 + 1,
        [TW_BOOL] = TW_CAST_BOOL + 1,       [TW_COMPLEX64] = TW_CAST_C64 + 1,
        [TW_COMPLEX128] = TW_CAST_C128 + 1, [TW_QINT8] = TW_CAST_I8 + 1,
        [TW_QUINT8] = TW_CAST_U8 + 1,       [TW_QINT32] = TW_CAST_I32 + 1,
        [TW_QINT16] = TW_CAST_I16 + 1,      [TW_QUINT16] = TW_CAST_U16 + 1,
    };
    int slot = dtype > TW_INVALID_DTYPE && dtype < TW_DTYPE_COUNT ? slots[dtype] : 0;
    return slot ? (enum tw_cast_slot)(slot - 1) : TW_CAST_SLOTS;
}

/* in_float makes 16-bit floats float before or after the loop, where they are one side of it. */
static bool instruction(const tw_spec *spec, const tw_dtype *dtypes, tw_tile_instruction *out)
{
    const tw_attr *attr = tw_spec_attr(spec, "DstT");
    tw_dtype from = dtypes[0], to = attr ? attr->value.type : TW_INVALID_DTYPE;
    enum tw_cast_slot source = slot_of(from), target = slot_of(to);
    if (source == TW_CAST_SLOTS || target == TW_CAST_SLOTS)
        return false;
    tw_tile_loop fast = TW_ISA_TABLE(tw_cast_loops)->from_to[source][target];
    out->loop = fast ? fast : tw_cast_loops_plain.from_to[source][target];
    out->in_float = true;
    out->dtype = to;
    out->cost = 150;
    return true;
}

/* Strings and handles cannot become anything else; with the same dtype on both sides, anything
 * is passed on. */
static tw_status *prepare(tw_compute *c, void *state)
{
    tw_dtype from = tw_input(c, 0)->dtype, to = tw_output(c, 0)->dtype;
    if (from == to)
        return TW_OK;
    if (slot_of(from) == TW_CAST_SLOTS || slot_of(to) == TW_CAST_SLOTS)
        return tw_status_new(TW_UNIMPLEMENTED, "Cast %s to %s is not supported",
                             tw_dtype_tf_name(from), tw_dtype_tf_name(to));
    return tw_elementwise_prepare(c, state);
}

/* Where nothing changes the input itself is the output. */
static tw_status *compute(tw_compute *c)
{
    if (tw_input(c, 0)->dtype == tw_output(c, 0)->dtype)
        return tw_compute_forward(c, 0, c->inputs[0]);
    return tw_elementwise_compute(c);
}

/* A cast back. Whole numbers on either side stop it. */
static tw_status *gradient(tw_gradient *g)
{
    tw_dtype from = tw_dtype_base(tw_tensor_dtype(g->inputs[0]));
    tw_dtype to = tw_dtype_base(tw_tensor_dtype(g->outputs[0]));
    bool floats = (tw_dtype_is_floating(from) || tw_dtype_is_complex(from)) &&
                  (tw_dtype_is_floating(to) || tw_dtype_is_complex(to));
    if (!floats)
        return tw_not_differentiable(g);
    tw_tensor dz = tw_gradient_dy(g, 0);
    tw_attr attr = {.name = "DstT", .kind = TW_ATTR_TYPE, .value.type = from};
    g->dx[0] = tw_grad_of(tw_gradient_add(g, "Cast", &dz, 1, &attr, 1));
    return TW_OK;
}

static const struct tw_elementwise element = {
    .name = "Cast", .arity = 1, .instruction = instruction};

const tw_op_definition tw_op_Cast = {
    .signature = "x: SrcT -> y: DstT; SrcT: type; DstT: type; Truncate: bool = false",
    .doc =
        "The numbers of `x` as `DstT`. Fractions are cut off, any number but 0 is true, and of a "
        "complex number the real part is taken.",
    .examples = {"cast([1.7, -1.7], DstT=int32) -> [1, -1]",
                 "cast([2, 0], DstT=bool) -> [True, False]"},
    .infer = tw_infer_same,
    .gradient = gradient,
    .compute = compute,
    .prepare = prepare,
    .state_size = TW_TILE_SINGLE_SIZE,
    .in_place = 1,
    .elementwise = &element,
};
