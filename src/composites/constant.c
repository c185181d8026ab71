/* SPDX-License-Identifier: Apache-2.0
 * Values that become part of the graph: tw_constant, tw_convert_to_tensor, tw_zeros, tw_ones. Each
 * makes one Const; zeros and ones of many elements, or of a shape that only a run knows, a Fill. */
#include <composites.h>

enum { SMALL = 1000 }; /* elements of a Const; TensorFlow's bound */

/* Reported to the builder's context; the tensor that comes back is the invalid one, which later
 * builders pass by. */
static tw_tensor fail(tw_code code, const char *text)
{
    return tw_build_fail(tw_status_new(code, "%s", text));
}

/* A Const of the array, which is taken; `what` says what is wrong if it is NULL. */
static tw_tensor add_array(tw_array *array, const char *name, const char *what)
{
    if (!array)
        return fail(TW_INVALID_ARGUMENT, what);
    tw_tensor tensor = tw_operand_tensor(tw_of_array(array), tw_array_dtype(array), name);
    tw_array_unref(array);
    return tensor;
}

/* ---- constant ---- */

/* Only these can be repeated to fill a shape; tensors and lists have shapes of their own. */
static bool is_number(tw_operand value)
{
    return value.kind == TW_OPERAND_INT || value.kind == TW_OPERAND_INT64 ||
           value.kind == TW_OPERAND_FLOAT || value.kind == TW_OPERAND_BOOL;
}

/* TensorFlow's defaults for Python numbers: int32 and float32, whatever the width of the C type,
 * but for a given int64. */
static tw_dtype own_dtype(tw_operand value)
{
    return value.kind == TW_OPERAND_INT     ? TW_INT32
           : value.kind == TW_OPERAND_INT64 ? TW_INT64
           : value.kind == TW_OPERAND_BOOL  ? TW_BOOL
                                            : TW_FLOAT32;
}

/* One number in every element. */
static tw_tensor repeat(tw_operand value, tw_dtype dtype, tw_shape shape, const char *name)
{
    bool real = value.kind == TW_OPERAND_FLOAT;
    if (real && !tw_dtype_is_floating(dtype) && !tw_dtype_is_complex(dtype))
        return tw_build_fail(tw_status_new(TW_INVALID_ARGUMENT,
                                           "Expected %s, got %g of type 'float' instead.",
                                           tw_dtype_name(dtype), value.value.f));
    tw_array *array;
    tw_status *status = tw_array_create(dtype, shape, &array);
    if (status)
        return tw_build_fail(status);
    if (dtype == TW_INT64) {
        int64_t *items = tw_array_data(array);
        for (size_t i = 0; i < tw_array_count(array); i++)
            items[i] = value.value.i;
    } else {
        tw_array_set(array, real ? value.value.f : (double)value.value.i);
    }
    return add_array(array, name, "");
}

/* A number is repeated, an array takes the shape; anything else has a shape of its own. */
static tw_tensor shaped(tw_operand value, tw_dtype dtype, tw_shape shape, const char *name)
{
    if (is_number(value))
        return repeat(value, dtype ? dtype : own_dtype(value), shape, name);
    if (value.kind != TW_OPERAND_ARRAY)
        return fail(TW_INVALID_ARGUMENT, "a shape goes with a number or an array");
    return add_array(tw_array_reshape(value.value.array, shape), name,
                     "the array has not as many elements as the shape");
}

/* Without a shape the value's own is taken; with one, a single number fills it and a list must
 * have as many elements. */
tw_tensor tw_constant_build(const struct tw_constant_args *args)
{
    tw_composite_scope scope;
    tw_composite_enter(&scope, args->where, NULL, args->name, "Const");
    tw_tensor tensor;
    if (tw_shape_known_rank(args->shape))
        tensor = shaped(args->value, args->dtype, args->shape, scope.name);
    else
        tensor = tw_operand_tensor(args->value, args->dtype, scope.name);
    tw_composite_leave(&scope);
    return tensor;
}

const tw_composite tw_composite_constant = {
    .signature = "value: tensor; dtype: type; shape: shape -> output: tensor",
    .doc = "A number, a list of integers, a text or an array as a tensor. With `shape` a number "
           "fills an array of that shape, and an array takes that shape.",
    .examples = {"constant(3) -> 3", "constant(2., shape=[2]) -> [2., 2.]"},
};

/* ---- convert_to_tensor ---- */

/* The elements are copied, so the caller's memory may go after the call. */
tw_tensor tw_convert_to_tensor_build(const struct tw_convert_to_tensor_args *args)
{
    tw_composite_scope scope;
    tw_composite_enter(&scope, args->where, NULL, args->name, "Const");
    tw_array *array = args->dtype == TW_STRING
                          ? tw_array_strings(args->shape, args->data, NULL)
                          : tw_array_copy_of(args->dtype, args->shape, args->data);
    tw_tensor tensor = add_array(array, scope.name,
                                 "convert_to_tensor needs a dtype of numbers or strings, a "
                                 "known shape and its elements");
    tw_composite_leave(&scope);
    return tensor;
}

const tw_composite tw_composite_convert_to_tensor = {
    .signature = "dtype: type, shape: shape, data: data -> output: tensor",
    .doc = "A copy of a C array in row-major order as a tensor; strings are `const char *`.",
};

/* ---- zeros and ones ---- */

/* The shape is a list known now, or a tensor. TensorFlow keeps up to 1000 elements in the graph
 * itself. */
static tw_tensor full(const tw_operand *shape, tw_dtype dtype, int value, const char *name)
{
    if (shape->kind == TW_OPERAND_INTS) {
        tw_shape known = {shape->value.ints.items, shape->value.ints.count};
        int64_t count = tw_shape_elements(known);
        if (count < 0)
            return tw_build_fail(tw_status_new(
                TW_INVALID_ARGUMENT, "a known shape is needed, got %s", tw_shape_text(known).s));
        if (count < SMALL) {
            tw_array *array;
            tw_status *status = tw_array_create(dtype, known, &array);
            if (status)
                return tw_build_fail(status);
            if (value)
                tw_array_set(array, value);
            return add_array(array, name, "");
        }
    }
    tw_tensor dims = tw_operand_tensor(*shape, (tw_dtype)0, "shape_as_tensor");
    tw_array *scalar = tw_array_new(dtype, TW_SHAPE());
    if (value)
        tw_array_set(scalar, value);
    return tw_fill(dims, add_array(scalar, "Const", "no such dtype"), .name = name);
}

/* As for ones; zeros of a shape that only a run knows are a Fill as well. */
tw_tensor tw_zeros_build(const struct tw_zeros_args *args)
{
    tw_composite_scope scope;
    tw_composite_enter(&scope, args->where, &args->shape, args->name, "zeros");
    tw_tensor tensor = full(&args->shape, args->dtype, 0, scope.name);
    tw_composite_leave(&scope);
    return tensor;
}

const tw_composite tw_composite_zeros = {
    .signature = "shape: tensor; dtype: type = float32 -> output: tensor",
    .doc = "An array of zeros (false, empty texts).",
    .examples = {"zeros([2, 2]) -> [[0., 0.], [0., 0.]]"},
};

/* A Const where the shape is known and small, else a Fill, so that large ones do not become part
 * of the graph. */
tw_tensor tw_ones_build(const struct tw_ones_args *args)
{
    tw_composite_scope scope;
    tw_composite_enter(&scope, args->where, &args->shape, args->name, "ones");
    tw_tensor tensor = full(&args->shape, args->dtype, 1, scope.name);
    tw_composite_leave(&scope);
    return tensor;
}

const tw_composite tw_composite_ones = {
    .signature = "shape: tensor; dtype: type = float32 -> output: tensor",
    .doc = "An array of ones (true).",
    .examples = {"ones([3], dtype=int32) -> [1, 1, 1]"},
};
