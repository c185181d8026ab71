/* SPDX-License-Identifier: Apache-2.0
 * What ops that rearrange elements share. */
#include "ops/arrays.h"

/* Floats, which most arrays are, without a detour. */
double tw_number_at(const tw_array *array, size_t i)
{
    return array->dtype == TW_FLOAT32 ? (double)((const float *)array->data)[i]
                                      : tw_element_get(array->dtype, tw_element_at(array, i));
}

/* Rounded once, to nearest; whole numbers are cut. */
void tw_number_put(tw_array *array, size_t i, double value)
{
    if (array->dtype == TW_FLOAT32)
        ((float *)array->data)[i] = (float)value;
    else
        tw_element_set(array->dtype, tw_element_to(array, i), value);
}

/* Dims of 0 or 1 count as one, so that strides stay positive and a region with such an axis can
 * still be walked. */
void tw_row_major(const int64_t *dims, size_t rank, ptrdiff_t *strides)
{
    ptrdiff_t stride = 1;
    for (size_t i = rank; i-- > 0;) {
        strides[i] = stride;
        stride *= dims[i] > 1 ? (ptrdiff_t)dims[i] : 1;
    }
}

/* The dims live with the rule's context, so the shape stays good until the node is built. An
 * unknown rank stays unknown. */
tw_shape tw_infer_replace(tw_infer *in, tw_shape shape, size_t axis, int64_t dim)
{
    if (!shape.dims)
        return shape;
    int64_t *dims = tw_infer_dims(in, shape.rank);
    for (size_t i = 0; i < shape.rank; i++)
        dims[i] = i == axis ? dim : shape.dims[i];
    return (tw_shape){dims, shape.rank};
}

/* An axis past the end removes nothing, and an unknown shape stays so: the slices see to both. */
tw_shape tw_infer_without(tw_infer *in, tw_shape shape, size_t axis)
{
    return tw_infer_concat(in, tw_infer_slice(in, shape, 0, axis),
                           tw_infer_slice(in, shape, axis + 1, SIZE_MAX));
}

/* The length of such a vector (paddings, perm, multiples) tells the rank of input 0 where that
 * is not known; -1: neither is. */
int64_t tw_infer_vector_of_rank(tw_infer *in, size_t input)
{
    tw_shape shape = tw_infer_input(in, 0);
    int64_t rank = tw_infer_dim(tw_infer_vector(in, input), 0);
    if (!shape.dims)
        return rank;
    if (!tw_dims_agree(rank, (int64_t)shape.rank))
        tw_infer_fail(in, "Shape must be rank %" PRId64 " but is rank %zu", rank, shape.rank);
    return (int64_t)shape.rank;
}

/* Checks what the shape rule could not when the axis is computed in the run; what comes out
 * counts from the front and is less than rank. */
tw_status *tw_compute_axis(const tw_compute *c, size_t input, size_t rank, size_t *out)
{
    int64_t axis = tw_index_at(tw_input(c, input), 0), n = (int64_t)rank;
    if (axis < -n || axis >= n)
        return tw_compute_fail(
            c, "Expected an axis in the range [%" PRId64 ", %" PRId64 "), but got %" PRId64, -n, n,
            axis);
    *out = (size_t)(axis < 0 ? axis + n : axis);
    return TW_OK;
}

/* Strings own memory, so the old elements are dropped first; for numbers both calls come down to
 * one memset. */
void tw_zero_array(tw_array *array)
{
    tw_elements_drop(array->dtype, array->data, array->count);
    tw_elements_init(array->dtype, array->data, array->count);
}

/* A row may be long: what does not fit is left out, but the bracket is always closed. 24
 * characters hold any int64 with its comma. */
tw_text tw_index_row_text(const tw_array *indices, size_t row, size_t depth)
{
    tw_text text = {"["};
    size_t at = 1;
    for (size_t k = 0; k < depth && at + 24 < sizeof text.s; k++)
        at += (size_t)snprintf(text.s + at, sizeof text.s - at, "%s%" PRId64, k ? ", " : "",
                               tw_index_at(indices, row * depth + k));
    snprintf(text.s + at, sizeof text.s - at, "]");
    return text;
}

/* The caller frees the list with tw_free. Outputs that nothing flows into stand for zeros, since
 * what joins the parts needs all of them. */
tw_status *tw_gradient_dys(tw_gradient *g, size_t count, tw_tensors *out)
{
    tw_tensor *items = tw_alloc_array(count, sizeof *items);
    if (!items)
        return tw_no_memory();
    for (size_t i = 0; i < count; i++)
        items[i] = tw_gradient_dy(g, i);
    *out = (tw_tensors){items, count};
    return TW_OK;
}

/* For operations that have a definition but no derivative in TensorFlow; a silent none would let
 * a model train wrongly. */
tw_status *tw_gradient_undefined(tw_gradient *g)
{
    return tw_gradient_fail(g, "No gradient defined for operation '%s' (op type: %s)",
                            tw_operation_name(g->op), tw_operation_type(g->op));
}

/* Shapes and indices that meet in one operation must have one dtype; int32 stands for everything
 * that is not int64. */
tw_dtype tw_gradient_index_dtype(tw_tensor tensor)
{
    return tw_dtype_base(tw_tensor_dtype(tensor)) == TW_INT64 ? TW_INT64 : TW_INT32;
}

/* Gradients hand the shape to operations that also take the forward index input, and these two
 * share one type attribute. */
tw_tensor tw_gradient_shape_like(tw_tensor tensor, tw_tensor like)
{
    return tw_shape(tensor, .out_type = tw_gradient_index_dtype(like));
}
