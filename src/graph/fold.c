/* SPDX-License-Identifier: Apache-2.0
 * Values that are known while building: constants, small integers and booleans that follow from
 * them by pure operations, and the parts of shapes that are known. They serve shape rules; nothing
 * is changed in the graph but a remembered value. All work is bounded: a value that would need more
 * is not known. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/text.h"
#include "graph/graph.h"
#include "op/attr.h"
#include "op/compute.h"
#include "tensor/array.h"

enum { MAX_ELEMENTS = 1024, MAX_OPERATIONS = 512, MAX_DEPTH = 48, MAX_INPUTS = 64 };

/* One question, however many operations it leads to. */
typedef struct folding {
    tw_arena *arena;
    int operations, depth;
} folding;

/* What is read of an operation under the lock; all of it stays valid. */
typedef struct view {
    const tw_spec spec;
    const tw_tensor *inputs;
    size_t input_count, output_count;
    tw_dtype dtype;
    tw_shape shape;
} view;

static tw_array *value_of(folding *f, tw_tensor tensor);
static tw_shape partial_of(folding *f, tw_tensor tensor);

/* One lock for all that is read of an operation. */
static view look(tw_tensor tensor)
{
    const tw_operation *op = tensor.op;
    tw_graph_lock(op->graph);
    view v = {op->spec,
              op->inputs,
              op->input_count,
              op->output_count,
              op->outputs[tensor.index].dtype,
              op->outputs[tensor.index].shape};
    tw_graph_unlock(op->graph);
    return v;
}

/* The lists are short and end in NULL, so that a walk is as good as a table. */
static bool is_one_of(const char *type, const char *const *list)
{
    while (*list && strcmp(type, *list) != 0)
        list++;
    return *list != NULL;
}

/* Inputs of a graph that was imported half may be missing only while it is made; still nothing
 * here relies on it. */
static bool has_inputs(const view *v, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i >= v->input_count || !v->inputs[i].op)
            return false;
    }
    return true;
}

/* The dtypes that shapes and indices have. */
static bool is_index(tw_dtype dtype)
{
    return dtype == TW_INT32 || dtype == TW_INT64;
}

/* 0 where there is no such attribute, which is the default of all masks and axes. */
static int64_t attr_int(const view *v, const char *name)
{
    return tw_attr_as_int(tw_spec_attr(&v->spec, name));
}

/* ---- vectors of which a part may be known ----
 * Most sizes in a graph are made of shapes: taken apart, put together with numbers, and given to
 * Reshape. Where a batch is open one element is not known, yet the others are worth knowing. */

/* Bounded like values: a vector longer than that is no shape. */
static tw_shape unknown_vector(folding *f, int64_t length)
{
    int64_t *dims = NULL;
    if (length >= 0 && length <= MAX_ELEMENTS)
        dims = tw_arena_array(f->arena, (size_t)length, sizeof *dims);
    for (int64_t i = 0; dims && i < length; i++)
        dims[i] = -1;
    return (tw_shape){dims, dims ? (size_t)length : 0};
}

/* To be written: the arena's. */
static int64_t *writable(tw_shape shape)
{
    return (int64_t *)(uintptr_t)shape.dims;
}

/* A whole value read as a shape; a scalar counts as one element. */
static tw_shape shape_of_value(folding *f, const tw_array *value)
{
    if (!value || value->rank > 1 || !is_index(value->dtype) || value->count > MAX_ELEMENTS)
        return TW_UNKNOWN_SHAPE;
    tw_shape shape = unknown_vector(f, (int64_t)value->count);
    size_t size = tw_dtype_size(value->dtype);
    for (size_t i = 0; shape.dims && i < value->count; i++) {
        const char *element = (const char *)value->data + i * size;
        writable(shape)[i] = tw_element_get_int(value->dtype, element);
    }
    return shape;
}

/* The known elements of a tensor of rank 0 or 1; -1 stands for the others. */
static tw_shape elements_of(folding *f, tw_tensor tensor)
{
    tw_shape known = partial_of(f, tensor);
    tw_shape shape = look(tensor).shape;
    if (!known.dims && shape.dims && shape.rank == 1)
        return unknown_vector(f, shape.dims[0]);
    return !known.dims && shape.dims && shape.rank == 0 ? unknown_vector(f, 1) : known;
}

/* The value of a scalar, or of a vector of one. */
static bool known_integer(folding *f, tw_tensor tensor, int64_t *out)
{
    tw_array *value = value_of(f, tensor);
    bool good = value && value->count == 1 && is_index(value->dtype);
    if (good)
        *out = tw_element_get_int(value->dtype, value->data);
    tw_array_unref(value);
    return good;
}

/* What is known of the static shape, known rank at least. */
static tw_shape of_shape(folding *f, const view *v, int32_t output)
{
    size_t input = strcmp(v->spec.type, "ShapeN") == 0 ? (size_t)output : 0;
    if (!has_inputs(v, input + 1))
        return TW_UNKNOWN_SHAPE;
    tw_shape shape = look(v->inputs[input]).shape;
    if (!shape.dims)
        return shape;
    tw_shape copy = unknown_vector(f, (int64_t)shape.rank);
    for (size_t i = 0; copy.dims && i < shape.rank; i++)
        writable(copy)[i] = shape.dims[i];
    return copy;
}

/* Scalars side by side. -1 stands for those that are not known, and for the number -1, which as
 * part of a shape means the same. */
static tw_shape of_pack(folding *f, const view *v)
{
    tw_shape all = unknown_vector(f, (int64_t)v->input_count);
    if (attr_int(v, "axis") > 0 || !has_inputs(v, v->input_count))
        return TW_UNKNOWN_SHAPE;
    for (size_t i = 0; all.dims && i < v->input_count; i++) {
        tw_shape shape = look(v->inputs[i]).shape;
        if (!shape.dims || shape.rank != 0)
            return TW_UNKNOWN_SHAPE;
        if (!known_integer(f, v->inputs[i], &writable(all)[i]))
            writable(all)[i] = -1;
    }
    return all;
}

/* Vectors one after the other. All lengths must be known, or positions after the first gap would
 * be wrong. */
static tw_shape of_concat(folding *f, const view *v, size_t axis_at, size_t first)
{
    int64_t axis, length = 0;
    if (!has_inputs(v, v->input_count) || v->input_count < 2 || v->input_count > MAX_INPUTS ||
        !known_integer(f, v->inputs[axis_at], &axis) || (axis != 0 && axis != -1))
        return TW_UNKNOWN_SHAPE;
    tw_shape parts[MAX_INPUTS];
    for (size_t i = 0; i + 1 < v->input_count; i++) {
        parts[i] = elements_of(f, v->inputs[first + i]);
        if (!parts[i].dims || look(v->inputs[first + i]).shape.rank != 1)
            return TW_UNKNOWN_SHAPE;
        length += (int64_t)parts[i].rank;
    }
    tw_shape all = unknown_vector(f, length);
    int64_t *to = writable(all);
    for (size_t i = 0; to && i + 1 < v->input_count; i++) {
        memcpy(to, parts[i].dims, parts[i].rank * sizeof *to);
        to += parts[i].rank;
    }
    return all;
}

/* Elements from, from + step ... of a vector, `count` of them. */
static tw_shape pick(folding *f, tw_shape from, int64_t first, int64_t step, int64_t count)
{
    tw_shape part = unknown_vector(f, count);
    for (int64_t i = 0; part.dims && i < count; i++)
        writable(part)[i] = from.dims[first + i * step];
    return part;
}

/* NumPy's way with bounds that lie outside. */
static int64_t clamp(int64_t value, int64_t least, int64_t greatest)
{
    return value < least ? least : value > greatest ? greatest : value;
}

/* A slice of one dimension, by NumPy's rules for negative bounds and steps. With a shrunk axis it
 * is one element. */
static tw_shape of_strided_slice(folding *f, const view *v)
{
    int64_t begin, end = 0, step;
    if (!has_inputs(v, 4) || attr_int(v, "ellipsis_mask") || attr_int(v, "new_axis_mask"))
        return TW_UNKNOWN_SHAPE;
    tw_shape from = elements_of(f, v->inputs[0]);
    if (!from.dims || look(v->inputs[0]).shape.rank != 1 ||
        !known_integer(f, v->inputs[1], &begin) || !known_integer(f, v->inputs[3], &step) || !step)
        return TW_UNKNOWN_SHAPE;
    int64_t n = (int64_t)from.rank, least = step > 0 ? 0 : -1, greatest = step > 0 ? n : n - 1;
    begin = begin < 0 && !(attr_int(v, "begin_mask") & 1) ? begin + n : begin;
    if (attr_int(v, "shrink_axis_mask") & 1)
        return begin >= 0 && begin < n ? pick(f, from, begin, 1, 1) : TW_UNKNOWN_SHAPE;
    if (attr_int(v, "end_mask") & 1)
        end = step > 0 ? n : -1;
    else if (!known_integer(f, v->inputs[2], &end))
        return TW_UNKNOWN_SHAPE;
    else
        end = clamp(end < 0 ? end + n : end, least, greatest);
    if (attr_int(v, "begin_mask") & 1)
        begin = step > 0 ? 0 : n - 1;
    begin = clamp(begin, least, greatest);
    int64_t length = step > 0 ? end - begin : begin - end, stride = step > 0 ? step : -step;
    return pick(f, from, begin, step, length > 0 ? (length - 1) / stride + 1 : 0);
}

/* A size of -1 means the rest. */
static tw_shape of_slice(folding *f, const view *v)
{
    int64_t begin, size;
    if (!has_inputs(v, 3))
        return TW_UNKNOWN_SHAPE;
    tw_shape from = elements_of(f, v->inputs[0]);
    if (!from.dims || !known_integer(f, v->inputs[1], &begin) ||
        !known_integer(f, v->inputs[2], &size))
        return TW_UNKNOWN_SHAPE;
    int64_t n = (int64_t)from.rank;
    if (begin < 0 || begin > n || size < -1 || size > n - begin)
        return TW_UNKNOWN_SHAPE;
    return pick(f, from, begin, 1, size < 0 ? n - begin : size);
}

/* An index that is not known, or out of range, leaves the whole open: the kernel will say so. */
static tw_shape of_gather(folding *f, const view *v)
{
    if (!has_inputs(v, 2))
        return TW_UNKNOWN_SHAPE;
    tw_shape from = elements_of(f, v->inputs[0]), indices = partial_of(f, v->inputs[1]);
    if (!from.dims || !indices.dims)
        return TW_UNKNOWN_SHAPE;
    tw_shape part = unknown_vector(f, (int64_t)indices.rank);
    for (size_t i = 0; part.dims && i < indices.rank; i++) {
        if (indices.dims[i] < 0 || indices.dims[i] >= (int64_t)from.rank)
            return TW_UNKNOWN_SHAPE;
        writable(part)[i] = from.dims[indices.dims[i]];
    }
    return part;
}

/* Operations that put vectors of sizes together, element by element. *known: it is one of them. */
static tw_shape by_structure(folding *f, const view *v, int32_t output, bool *known)
{
    const char *type = v->spec.type;
    static const char *const same[] = {"Identity", "Cast", "StopGradient", NULL};
    *known = v->shape.dims && v->shape.rank <= 1 && is_index(tw_dtype_base(v->dtype));
    if (!*known)
        return TW_UNKNOWN_SHAPE;
    if (strcmp(type, "Shape") == 0 || strcmp(type, "ShapeN") == 0)
        return of_shape(f, v, output);
    if (strcmp(type, "Pack") == 0)
        return of_pack(f, v);
    if (strcmp(type, "Concat") == 0)
        return of_concat(f, v, 0, 1);
    if (strcmp(type, "ConcatV2") == 0)
        return of_concat(f, v, v->input_count ? v->input_count - 1 : 0, 0);
    if (strcmp(type, "StridedSlice") == 0)
        return of_strided_slice(f, v);
    if (strcmp(type, "Slice") == 0)
        return of_slice(f, v);
    if (strcmp(type, "Gather") == 0 || strcmp(type, "GatherV2") == 0)
        return of_gather(f, v);
    if (is_one_of(type, same) && has_inputs(v, 1) && is_index(tw_tensor_dtype(v->inputs[0])))
        return partial_of(f, v->inputs[0]);
    *known = false;
    return TW_UNKNOWN_SHAPE;
}

/* ---- whole values ----
 * The kernels themselves say what follows from known inputs, so that no operation has a second
 * meaning here. */

/* What may be fed, may be dead or differs from one iteration to the next is never known. */
static bool may_be_folded(const view *v)
{
    static const char *const never[] = {
        "Placeholder", "PlaceholderV2", "PlaceholderWithDefault", "Switch",   "Merge",
        "Enter",       "Exit",          "NextIteration",          "LoopCond", "LoopValue",
        NULL};
    const tw_op *op = v->spec.op;
    uint32_t lasting = TW_OP_STATEFUL | TW_OP_WAITS | TW_OP_SIDE_EFFECT | TW_OP_READS_UNINITIALIZED;
    if (!op || atomic_load(&op->foreign) || op->definition.flags & lasting ||
        tw_dtype_is_ref(v->dtype) || is_one_of(v->spec.type, never))
        return false;
    for (size_t i = 0; i < op->input_count; i++) {
        if (op->inputs[i].is_ref)
            return false;
    }
    int64_t elements = v->shape.dims ? tw_shape_elements(v->shape) : -1;
    /* The ends of a range of floats are single numbers that were cast. */
    bool kind = tw_dtype_is_integer(v->dtype) || v->dtype == TW_BOOL ||
                (strcmp(v->spec.type, "Cast") == 0 && elements == 1);
    return kind && elements >= 0 && elements <= MAX_ELEMENTS && v->input_count <= MAX_INPUTS &&
           has_inputs(v, v->input_count);
}

/* An array without numbers, for operations that read only shapes. */
static tw_array *stand_in(folding *f, const view *v, tw_tensor input)
{
    view in = look(input);
    bool rank_only = strcmp(v->spec.type, "Rank") == 0;
    int64_t elements = in.shape.dims ? tw_shape_elements(in.shape) : -1;
    if (!in.shape.dims || in.shape.rank > TW_MAX_RANK || (elements < 0 && !rank_only))
        return NULL;
    tw_array *array = TW_ARENA_NEW(f->arena, tw_array);
    if (!array)
        return NULL;
    atomic_init(&array->refs, 1);
    array->dtype = tw_dtype_base(in.dtype);
    array->rank = in.shape.rank;
    array->count = elements > 0 ? (size_t)elements : 0;
    for (size_t i = 0; i < in.shape.rank; i++)
        array->dims[i] = in.shape.dims[i] < 0 ? 0 : in.shape.dims[i];
    return array;
}

/* A kernel that fails here fails in the run too, and says it there: while building it only means
 * "not known". */
static tw_array *run(const view *v, tw_array **inputs, int32_t output)
{
    tw_array *outputs[MAX_INPUTS];
    if (v->output_count > MAX_INPUTS)
        return NULL;
    tw_status *status = tw_evaluate(&v->spec, inputs, v->input_count, 0, 1, outputs,
                                    v->output_count);
    if (status) {
        tw_status_free(status);
        return NULL;
    }
    tw_array *result = tw_array_ref(outputs[output]);
    for (size_t i = 0; i < v->output_count; i++)
        tw_array_unref(outputs[i]);
    return result;
}

/* Evaluates the operation by itself. Outputs are small by what may_be_folded asks; inputs are
 * bounded here, so that no large constant is reduced while building. */
static tw_array *by_kernel(folding *f, const view *v, int32_t output)
{
    tw_array *inputs[MAX_INPUTS + 1] = {NULL}, *result = NULL;
    if (!may_be_folded(v))
        return NULL;
    bool shapes = v->spec.op->definition.flags & TW_OP_SHAPE_ONLY, good = true;
    for (size_t i = 0; i < v->input_count && good; i++) {
        inputs[i] = shapes ? stand_in(f, v, v->inputs[i]) : value_of(f, v->inputs[i]);
        good = inputs[i] && (shapes || inputs[i]->count <= MAX_ELEMENTS);
    }
    if (good)
        result = run(v, inputs, output);
    for (size_t i = 0; i < v->input_count && !shapes; i++)
        tw_array_unref(inputs[i]);
    return result;
}

/* A vector of which every element is known becomes an array of the tensor's dtype. */
static tw_array *array_of(tw_shape elements, const view *v)
{
    tw_dtype dtype = tw_dtype_base(v->dtype);
    int64_t count = (int64_t)elements.rank, greatest = dtype == TW_INT64 ? INT64_MAX : INT32_MAX;
    for (size_t i = 0; i < elements.rank; i++) {
        if (elements.dims[i] < 0 || elements.dims[i] > greatest)
            return NULL;
    }
    if (v->shape.rank == 0 && count != 1)
        return NULL;
    tw_array *array = tw_array_new(dtype, (tw_shape){&count, v->shape.rank});
    for (size_t i = 0; array && i < elements.rank; i++) {
        if (dtype == TW_INT64)
            ((int64_t *)array->data)[i] = elements.dims[i];
        else
            ((int32_t *)array->data)[i] = (int32_t)elements.dims[i];
    }
    return array;
}

tw_array *tw_fold_remembered_locked(tw_tensor tensor)
{
    const tw_operation *op = tensor.op;
    if (!op->constant || tensor.index != 0)
        return NULL;
    bool fresh = op->constant_version == op->graph->changes ||
                 tw_text_equal(op->spec.type, "Const");
    return fresh ? tw_array_ref(op->constant) : NULL;
}

/* A value that was found before and is still true. */
static tw_array *remembered(tw_tensor tensor)
{
    tw_graph_lock(tensor.op->graph);
    tw_array *value = tw_fold_remembered_locked(tensor);
    tw_graph_unlock(tensor.op->graph);
    return value;
}

/* Only where nothing was changed since the value was begun. The array that was there before may
 * have been handed out: it is only let go. */
static void remember(tw_operation *op, uint64_t changes, tw_array *value)
{
    if (!value || op->output_count != 1)
        return;
    tw_graph_lock(op->graph);
    bool still = op->graph->changes == changes;
    tw_array *old = still ? op->constant : NULL;
    if (still) {
        op->constant = tw_array_ref(value);
        op->constant_version = changes;
    }
    tw_graph_unlock(op->graph);
    tw_array_unref(old);
}

/* Rearrangements of shapes are tried before kernels: they need not know all elements of their
 * inputs. */
static tw_array *value_of(folding *f, tw_tensor tensor)
{
    tw_array *value = remembered(tensor);
    if (value || f->depth >= MAX_DEPTH || f->operations >= MAX_OPERATIONS)
        return value;
    f->depth++;
    f->operations++;
    tw_graph_lock(tensor.op->graph);
    uint64_t changes = tensor.op->graph->changes;
    tw_graph_unlock(tensor.op->graph);
    view v = look(tensor);
    bool structural;
    tw_shape elements = by_structure(f, &v, tensor.index, &structural);
    if (elements.dims)
        value = array_of(elements, &v);
    if (!value) /* -1 may be a number too */
        value = by_kernel(f, &v, tensor.index);
    remember(tensor.op, changes, value);
    f->depth--;
    return value;
}

/* What comes into a loop is the same in all iterations. */
static bool enters_as_constant(const view *v)
{
    const tw_attr *constant = strcmp(v->spec.type, "Enter") == 0
                                  ? tw_spec_attr(&v->spec, "is_constant")
                                  : NULL;
    return constant && constant->value.b && has_inputs(v, 1);
}

/* For what rearranges, the parts; for everything else the whole value or nothing. */
static tw_shape partial_of(folding *f, tw_tensor tensor)
{
    if (f->depth >= MAX_DEPTH || f->operations >= MAX_OPERATIONS)
        return TW_UNKNOWN_SHAPE;
    view v = look(tensor);
    bool structural;
    f->depth++;
    f->operations++;
    tw_shape shape = enters_as_constant(&v) ? partial_of(f, v.inputs[0])
                                            : by_structure(f, &v, tensor.index, &structural);
    f->depth--;
    if (shape.dims)
        return shape;
    tw_array *value = value_of(f, tensor);
    shape = shape_of_value(f, value);
    tw_array_unref(value);
    return shape;
}

/* ---- the face ----
 * Shape rules and tw_tensor_constant_value ask here. */

/* An operation without outputs has no value. */
static bool can_be_asked(tw_tensor tensor)
{
    return tw_tensor_valid(tensor) && tensor.index >= 0;
}

/* Each question has its own bounds and its own memory. */
tw_array *tw_fold_value(tw_tensor tensor)
{
    tw_arena arena = {0};
    folding f = {.arena = &arena};
    if (!can_be_asked(tensor))
        return NULL;
    tw_array *value = value_of(&f, tensor);
    tw_arena_clear(&arena);
    return value;
}

/* A number below -1 can be no dimension: a rule that sees none of it complains by what it knows. */
tw_shape tw_fold_partial(tw_tensor tensor, tw_arena *arena)
{
    folding f = {.arena = arena};
    if (!can_be_asked(tensor))
        return TW_UNKNOWN_SHAPE;
    tw_shape shape = partial_of(&f, tensor);
    for (size_t i = 0; shape.dims && i < shape.rank; i++) {
        if (shape.dims[i] < -1)
            return TW_UNKNOWN_SHAPE;
    }
    return shape;
}

/* The dims are copied out of the question's memory. */
int tw_tensor_value_dims(tw_tensor tensor, int64_t dims[TW_MAX_RANK])
{
    tw_arena arena = {0};
    tw_shape shape = tw_fold_partial(tensor, &arena);
    int rank = shape.dims && shape.rank <= TW_MAX_RANK ? (int)shape.rank : -1;
    for (int i = 0; i < rank; i++)
        dims[i] = shape.dims[i];
    tw_arena_clear(&arena);
    return rank;
}

/* The public name of folding: a new reference, or NULL where the value is not known while
 * building. */
tw_array *tw_tensor_constant_value(tw_tensor tensor)
{
    return tw_fold_value(tensor);
}
