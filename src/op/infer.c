/* SPDX-License-Identifier: Apache-2.0
 * What shape rules are written with. A rule never stops at a failure: the first one is kept, and
 * everything asked for afterwards is answered with "unknown". Wording follows TensorFlow's. */
#include "op/infer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/status.h"
#include "op/attr.h"
#include "tensor/array.h"

enum { LAST_BIT = 31, SCRATCH = 64 };

/* Dims for a rule to write where memory is short: what stands there is never read. */
static _Thread_local int64_t scratch[SCRATCH];

/* Short memory is a failure of the rule as any other: the first one is kept. */
static void fail_memory(tw_infer *in)
{
    if (!in->status)
        in->status = tw_no_memory();
}

/* Only the first failure is worth telling: later ones follow from it. */
void tw_infer_fail(tw_infer *in, const char *format, ...)
{
    if (in->status)
        return;
    va_list args;
    va_start(args, format);
    in->status = tw_status_with_kind(tw_status_format(TW_INVALID_ARGUMENT, format, args),
                                     TW_KIND_VALUE);
    va_end(args);
}

/* For rules whose further work would be costly or would mislead; most just go on, since all that
 * follows is then unknown. */
bool tw_infer_failed(const tw_infer *in)
{
    return in->status != NULL;
}

/* An override takes the place of the definition's rule; an op without a rule has unknown shapes. */
tw_status *tw_infer_run(tw_infer *in, tw_infer_fn fn, void *user)
{
    in->read = 0;
    in->status = NULL;
    for (size_t i = 0; i < in->output_count; i++)
        in->outputs[i] = TW_UNKNOWN_SHAPE;
    if (fn)
        fn(in, user);
    else if (in->spec->op && in->spec->op->definition.infer)
        in->spec->op->definition.infer(in);
    /* Half of a failed rule's outputs would be worse than none. */
    tw_status *status = in->status;
    in->status = NULL;
    for (size_t i = 0; status && i < in->output_count; i++)
        in->outputs[i] = TW_UNKNOWN_SHAPE;
    return status;
}

/* ---- inputs ---- */

size_t tw_infer_input_count(const tw_infer *in)
{
    return in->input_count;
}

size_t tw_infer_output_count(const tw_infer *in)
{
    return in->output_count;
}

/* Rules may ask for inputs that are not there; the answer is "unknown". */
tw_shape tw_infer_input(const tw_infer *in, size_t input)
{
    return input < in->input_count ? in->shapes[input] : TW_UNKNOWN_SHAPE;
}

/* An input that is not there has no dtype, so that a rule needs no bounds of its own. */
tw_dtype tw_infer_dtype(const tw_infer *in, size_t input)
{
    return input < in->input_count ? in->dtypes[input] : TW_INVALID_DTYPE;
}

/* Never NULL, so that a rule needs no check: if memory is short it writes into the scratch area,
 * and the failure that was kept makes the result void. */
int64_t *tw_infer_dims(tw_infer *in, size_t rank)
{
    int64_t *dims = tw_arena_array(in->arena, rank, sizeof *dims);
    if (!dims) {
        fail_memory(in);
        dims = scratch;
        rank = rank < SCRATCH ? rank : SCRATCH;
    }
    for (size_t i = 0; i < rank; i++)
        dims[i] = -1;
    return dims;
}

/* The rank may come from the length of a fed vector: it is checked here, where it becomes a
 * shape. */
tw_shape tw_infer_unknown(tw_infer *in, size_t rank)
{
    if (rank > TW_MAX_RANK) {
        tw_infer_fail(in, "a shape has at most %d dimensions, got %zu", TW_MAX_RANK, rank);
        return TW_UNKNOWN_SHAPE;
    }
    return (tw_shape){tw_infer_dims(in, rank), rank};
}

/* After a failure the shape returned has the rank that the rule goes on with. */
tw_shape tw_infer_rank(tw_infer *in, size_t input, size_t rank)
{
    tw_shape shape = tw_infer_input(in, input);
    if (shape.dims && shape.rank == rank)
        return shape;
    if (shape.dims)
        tw_infer_fail(in, "Shape must be rank %zu but is rank %zu", rank, shape.rank);
    return tw_infer_unknown(in, rank);
}

/* An input of unknown rank comes back with rank two and unknown dims, so that a rule can use its
 * dims without asking. */
tw_shape tw_infer_matrix(tw_infer *in, size_t input)
{
    return tw_infer_rank(in, input, 2);
}

/* An input of unknown rank comes back with rank one and an unknown dim, which is more than was
 * known before. */
tw_shape tw_infer_vector(tw_infer *in, size_t input)
{
    return tw_infer_rank(in, input, 1);
}

/* Only for the check: an unknown shape passes, and a known one of another rank is kept as the
 * rule's failure. */
void tw_infer_scalar(tw_infer *in, size_t input)
{
    tw_infer_rank(in, input, 0);
}

/* ---- values ---- */

/* Notes that the value was asked for, known or not; false: the op does not say that it may be. */
static bool may_read(tw_infer *in, size_t input)
{
    uint32_t bit = UINT32_C(1) << (input < LAST_BIT ? input : LAST_BIT);
    if (!in->spec->op || !(in->spec->op->definition.shape_inputs & bit))
        return false;
    in->read |= bit;
    return input < in->input_count;
}

/* NULL where the value is not known while building; asking is noted, so that the
 * caller learns which values the shapes depend on. */
const tw_array *tw_infer_value(tw_infer *in, size_t input)
{
    return may_read(in, input) && in->values ? in->values[input] : NULL;
}

/* A vector of one element counts as a scalar, as TensorFlow's kernels see it. */
bool tw_infer_int_value(tw_infer *in, size_t input, int64_t *out)
{
    const tw_array *value = tw_infer_value(in, input);
    if (value && value->count == 1 && tw_dtype_is_integer(value->dtype)) {
        *out = tw_element_get_int(value->dtype, value->data);
        return true;
    }
    return false;
}

/* Below -1 nothing has a meaning; -1 is "unknown" to some rules and "what is left" to others. */
static tw_shape value_as_shape(tw_infer *in, const tw_array *value)
{
    if (!tw_dtype_is_integer(value->dtype) || value->rank > 1) {
        tw_infer_fail(in, "Shape must be rank 1 but is rank %zu", value->rank);
        return TW_UNKNOWN_SHAPE;
    }
    tw_shape shape = tw_infer_unknown(in, value->count);
    if (!shape.dims)
        return shape;
    int64_t *dims = (int64_t *)(uintptr_t)shape.dims;
    for (size_t i = 0; i < value->count; i++) {
        const char *element = (const char *)value->data + i * tw_dtype_size(value->dtype);
        dims[i] = tw_element_get_int(value->dtype, element);
        if (dims[i] < -1) {
            tw_infer_fail(in, "Invalid value in tensor used for shape: %" PRId64, dims[i]);
            dims[i] = -1;
        }
    }
    return shape;
}

/* From the best that is known: the value, what is known of the value, the length, nothing. */
tw_shape tw_infer_shape_value(tw_infer *in, size_t input)
{
    const tw_array *value = tw_infer_value(in, input);
    tw_shape of_input = tw_infer_input(in, input);
    if (of_input.dims && of_input.rank != 1) {
        tw_infer_fail(in, "Shape must be rank 1 but is rank %zu", of_input.rank);
        return TW_UNKNOWN_SHAPE;
    }
    if (value)
        return value_as_shape(in, value);
    if (may_read(in, input) && in->value_shapes && in->value_shapes[input].dims)
        return in->value_shapes[input];
    int64_t rank = of_input.dims ? of_input.dims[0] : -1;
    if (rank >= 0 && rank <= TW_MAX_RANK)
        return tw_infer_unknown(in, (size_t)rank);
    if (rank > TW_MAX_RANK)
        tw_infer_fail(in, "a shape has at most %d dimensions, got %" PRId64, TW_MAX_RANK, rank);
    return TW_UNKNOWN_SHAPE;
}

/* A negative entry is refused here: in the shape that comes back -1 only means "unknown". */
tw_shape tw_infer_size_value(tw_infer *in, size_t input)
{
    const tw_array *value = tw_infer_value(in, input);
    for (size_t i = 0; value && tw_dtype_is_integer(value->dtype) && i < value->count; i++) {
        const char *element = (const char *)value->data + i * tw_dtype_size(value->dtype);
        int64_t size = tw_element_get_int(value->dtype, element);
        if (size < 0)
            tw_infer_fail(in, "Dimension %" PRId64 " must be >= 0", size);
    }
    return tw_infer_shape_value(in, input);
}

/* ---- shapes made of shapes ---- */

/* Both describe one array: each fills in what the other leaves open. */
tw_shape tw_infer_merge(tw_infer *in, tw_shape a, tw_shape b)
{
    if (!a.dims || !b.dims)
        return a.dims ? a : b;
    if (a.rank != b.rank) {
        tw_infer_fail(in, "Shapes must be equal rank, but are %zu and %zu", a.rank, b.rank);
        return TW_UNKNOWN_SHAPE;
    }
    int64_t *dims = tw_infer_dims(in, a.rank);
    for (size_t i = 0; i < a.rank && i < TW_MAX_RANK; i++) {
        if (!tw_dims_agree(a.dims[i], b.dims[i]))
            tw_infer_fail(in,
                          "Dimension %zu in both shapes must be equal, but are %" PRId64
                          " and %" PRId64 ". Shapes are %s and %s.",
                          i, a.dims[i], b.dims[i], tw_shape_text(a).s, tw_shape_text(b).s);
        dims[i] = a.dims[i] >= 0 ? a.dims[i] : b.dims[i];
    }
    return (tw_shape){dims, a.rank};
}

/* One dimension of two that are broadcast; -2: they do not fit. */
static int64_t broadcast_dim(int64_t a, int64_t b)
{
    if (a == 1)
        return b;
    if (b == 1 || a == b)
        return a;
    if (a == -1)
        return b;
    return b == -1 ? a : -2;
}

/* An unknown dim beside one greater than 1 must be that or 1: the result is known. */
tw_shape tw_infer_broadcast(tw_infer *in, tw_shape a, tw_shape b)
{
    if (!a.dims || !b.dims)
        return TW_UNKNOWN_SHAPE;
    size_t rank = a.rank > b.rank ? a.rank : b.rank;
    int64_t *dims = tw_infer_dims(in, rank);
    for (size_t i = 1; i <= rank && i <= SCRATCH; i++) {
        int64_t x = i <= a.rank ? a.dims[a.rank - i] : 1, y = i <= b.rank ? b.dims[b.rank - i] : 1;
        dims[rank - i] = broadcast_dim(x, y);
        if (dims[rank - i] == -2) {
            tw_infer_fail(in,
                          "Incompatible shapes: Dimensions must be equal, but are %" PRId64
                          " and %" PRId64,
                          x, y);
            dims[rank - i] = -1;
        }
    }
    return (tw_shape){dims, rank};
}

/* The dims of the result are fresh: the caller's shapes may be literals of its block. */
tw_shape tw_infer_concat(tw_infer *in, tw_shape a, tw_shape b)
{
    if (!a.dims || !b.dims)
        return TW_UNKNOWN_SHAPE;
    tw_shape shape = tw_infer_unknown(in, a.rank + b.rank);
    if (!shape.dims)
        return shape;
    int64_t *dims = (int64_t *)(uintptr_t)shape.dims;
    memcpy(dims, a.dims, a.rank * sizeof *dims);
    memcpy(dims + a.rank, b.dims, b.rank * sizeof *dims);
    return shape;
}

/* Shares the dims; bounds beyond the rank are cut. */
tw_shape tw_infer_slice(tw_infer *in, tw_shape a, size_t from, size_t to)
{
    (void)in;
    if (!a.dims)
        return a;
    to = to < a.rank ? to : a.rank;
    from = from < to ? from : to;
    return (tw_shape){a.dims + from, to - from};
}

/* Axes that are not there are unknown: what to make of that is the rule's affair. */
int64_t tw_infer_dim(tw_shape shape, int64_t axis)
{
    if (!shape.dims)
        return -1;
    axis += axis < 0 ? (int64_t)shape.rank : 0;
    return axis >= 0 && axis < (int64_t)shape.rank ? shape.dims[axis] : -1;
}

/* After a failure 0, which can index the dims of any array that has one. */
int64_t tw_infer_axis(tw_infer *in, int64_t axis, size_t rank)
{
    int64_t n = (int64_t)rank;
    if (axis >= -n && axis < n)
        return axis < 0 ? axis + n : axis;
    tw_infer_fail(in,
                  "Expected dimension in the range [%" PRId64 ", %" PRId64 "), but got %" PRId64,
                  -n, n, axis);
    return 0;
}

/* The dims are copied: rules write shapes as literals. */
void tw_infer_output(tw_infer *in, size_t output, tw_shape shape)
{
    if (output >= in->output_count || in->status)
        return;
    if (shape.dims && shape.rank > TW_MAX_RANK) {
        tw_infer_fail(in, "a shape has at most %d dimensions, got %zu", TW_MAX_RANK, shape.rank);
        return;
    }
    for (size_t i = 0; shape.dims && i < shape.rank; i++)
        if (shape.dims[i] < -1)
            tw_infer_fail(in, "Dimension %" PRId64 " must be >= 0", shape.dims[i]);
    if (shape.dims) {
        shape.dims = tw_arena_copy(in->arena, shape.dims, shape.rank * sizeof *shape.dims);
        if (!shape.dims)
            fail_memory(in);
    }
    in->outputs[output] = shape;
}

/* ---- attributes ---- */

/* NULL for an attribute that the signature does not have; those with a default are filled in
 * before a rule runs. */
const tw_attr *tw_infer_attr(const tw_infer *in, const char *name)
{
    return tw_spec_attr(in->spec, name);
}

bool tw_infer_bool(const tw_infer *in, const char *name)
{
    return tw_attr_as_bool(tw_spec_attr(in->spec, name));
}

int64_t tw_infer_int(const tw_infer *in, const char *name)
{
    return tw_attr_as_int(tw_spec_attr(in->spec, name));
}

tw_dtype tw_infer_type(const tw_infer *in, const char *name)
{
    return tw_attr_as_type(tw_spec_attr(in->spec, name));
}

const char *tw_infer_string(const tw_infer *in, const char *name)
{
    return tw_attr_as_string(tw_spec_attr(in->spec, name));
}

tw_ints tw_infer_ints(const tw_infer *in, const char *name)
{
    return tw_attr_as_ints(tw_spec_attr(in->spec, name));
}
