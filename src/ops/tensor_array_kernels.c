/* SPDX-License-Identifier: Apache-2.0
 * Kernels and shape rules of the TensorArray operations, for all forms of the handle. The flow, a
 * float that goes from one to the next, says nothing but the order. */
#include <string.h>

#include "ops/tensor_array.h"
#include "tensor/array.h"

/* ---- shapes ---- */

/* A reference that is shared is one element; a name is two words. */
void tw_array_list_infer_make(tw_infer *in)
{
    int64_t words = 2;
    bool shared = tw_infer_output_count(in) > 1;
    tw_infer_output(in, 0, (tw_shape){&words, shared ? 0 : 1});
    if (shared)
        tw_infer_output(in, 1, TW_SHAPE());
}

/* `count` elements under each other, if the attribute says what an element looks like. */
static void infer_elements(tw_infer *in, int64_t count)
{
    const tw_attr *attr = tw_infer_attr(in, "element_shape");
    tw_shape shape = attr && attr->kind == TW_ATTR_SHAPE ? attr->value.shape : TW_UNKNOWN_SHAPE;
    if (shape.dims)
        tw_infer_output(in, 0, tw_infer_concat(in, TW_SHAPE(count), shape));
}

/* As many elements as there are indices, each of the declared shape. */
void tw_array_list_infer_gather(tw_infer *in)
{
    tw_shape indices = tw_infer_vector(in, 1);
    infer_elements(in, tw_infer_dim(indices, 0));
}

/* The number of elements is known in the run only. */
void tw_array_list_infer_pack(tw_infer *in)
{
    infer_elements(in, -1);
}

/* The flow that comes out is a scalar. */
void tw_array_list_infer_scatter(tw_infer *in)
{
    tw_infer_vector(in, 1);
    tw_infer_output(in, 0, TW_SHAPE());
}

/* The lengths are a vector; how many elements a list has is known in the run only. */
void tw_array_list_infer_concat(tw_infer *in)
{
    tw_infer_output(in, 1, TW_SHAPE(-1));
}

/* ---- small helps ---- */

/* The value of the flow is always zero: only its edges matter, but it may be printed or
 * differentiated. */
static void pass_flow(tw_compute *c, size_t output)
{
    *(float *)tw_output_data(c, output) = 0;
}

/* Indices and sizes of all handles; the shape is checked in the run, as graphs from outside may
 * say anything. */
static tw_status *scalar(tw_compute *c, size_t input, const char *what, int64_t *out)
{
    const tw_array *x = tw_input(c, input);
    if (x->rank)
        return tw_value_error("TensorArray %s must be scalar, but had shape: %s", what,
                              tw_shape_tf_text(tw_shape_of(x)).s);
    *out = tw_index_at(x, 0);
    return TW_OK;
}

/* Older forms have no such attribute, which is the same as an unknown shape. */
static tw_shape shape_attr(const tw_compute *c, const char *name)
{
    const tw_attr *attr = tw_compute_attr(c, name);
    return attr && attr->kind == TW_ATTR_SHAPE ? attr->value.shape : TW_UNKNOWN_SHAPE;
}

/* The list of input 0, whose dtype must be that of the attribute `type`. */
static tw_status *list_for(tw_compute *c, const char *type, bool writes, tw_array_list **out)
{
    TW_TRY(tw_array_list_of(c, 0, out));
    return tw_array_list_check(*out, tw_compute_type(c, type), writes);
}

/* ---- handles ---- */

/* The list is called after the attribute or, without one, after the node, with the run's number
 * behind it. A front end for programs that count on names as they are says so by the attribute
 * _exact_name. */
tw_status *tw_array_list_do_make(tw_compute *c)
{
    int64_t size;
    TW_TRY(scalar(c, 0, "size", &size));
    const char *base = tw_compute_string(c, "tensor_array_name");
    const tw_attr *identical = tw_compute_attr(c, "identical_element_shapes");
    const tw_attr *exact = tw_compute_attr(c, "_exact_name");
    tw_array_list_options options = {.dtype = tw_compute_type(c, "dtype"),
                                     .element_shape = shape_attr(c, "element_shape"),
                                     .dynamic_size = tw_compute_bool(c, "dynamic_size"),
                                     .clear_after_read = tw_compute_bool(c, "clear_after_read"),
                                     .identical_shapes = identical && identical->value.b};
    tw_text name;
    tw_array_list *list;
    TW_TRY(tw_array_list_name(c, base && *base ? base : tw_compute_name(c), exact != NULL, &name));
    TW_TRY(tw_array_list_new(name.s, size, &options, &list));
    if (c->output_count > 1)
        pass_flow(c, 1);
    return tw_array_list_hand_out(c, list);
}

/* The list of gradients is made when it is first asked for; later ones of the same source get
 * that same list. */
tw_status *tw_array_list_do_gradient(tw_compute *c)
{
    tw_array_list *list, *gradient;
    TW_TRY(tw_array_list_of(c, 0, &list));
    TW_TRY(tw_array_list_gradient(list, tw_compute_string(c, "source"), &gradient));
    if (c->output_count > 1)
        pass_flow(c, 1);
    return tw_array_list_hand_out(c, gradient);
}

/* int32 is what the definition says; lists are far shorter than that. */
tw_status *tw_array_list_do_size(tw_compute *c)
{
    tw_array_list *list;
    int64_t size;
    TW_TRY(tw_array_list_of(c, 0, &list));
    TW_TRY(tw_array_list_size(list, &size));
    *(int32_t *)tw_output_data(c, 0) = (int32_t)size;
    return TW_OK;
}

/* Closing frees the memory of the elements before the run ends, which is what long loops need. */
tw_status *tw_array_list_do_close(tw_compute *c)
{
    tw_array_list *list;
    TW_TRY(tw_array_list_of(c, 0, &list));
    tw_array_list_close(list);
    return TW_OK;
}

/* ---- one element ---- */

/* The output is only the flow, which makes later reads wait for this write. */
tw_status *tw_array_list_do_write(tw_compute *c)
{
    tw_array_list *list;
    int64_t index;
    TW_TRY(list_for(c, "T", true, &list));
    TW_TRY(scalar(c, 1, "index", &index));
    TW_TRY(tw_array_list_write(list, index, tw_input(c, 2)));
    pass_flow(c, 0);
    return TW_OK;
}

/* The output is the element itself, without a copy; the list may forget it meanwhile. */
tw_status *tw_array_list_do_read(tw_compute *c)
{
    tw_array_list *list;
    int64_t index;
    tw_array *value;
    TW_TRY(list_for(c, "dtype", false, &list));
    TW_TRY(scalar(c, 1, "index", &index));
    TW_TRY(tw_array_list_read(list, index, &value));
    tw_status *status = tw_compute_forward(c, 0, value);
    tw_array_unref(value);
    return status;
}

/* ---- all elements in one array ---- */

/* Elements that an operation has read: references. */
typedef struct reading {
    tw_array **items;
    size_t count;
} reading;

/* Also for a reading that failed in the middle: places that were not reached are NULL. */
static void reading_clear(reading *r)
{
    for (size_t i = 0; r->items && i < r->count; i++)
        tw_array_unref(r->items[i]);
    tw_free(r->items);
}

/* indices NULL: 0 .. count - 1. */
static tw_status *read_all(tw_array_list *list, const tw_array *indices, size_t count, reading *out)
{
    *out = (reading){.items = tw_alloc_zero(count + 1, sizeof *out->items), .count = count};
    if (!out->items)
        return tw_no_memory();
    for (size_t i = 0; i < count; i++)
        TW_TRY(tw_array_list_read(list, indices ? tw_index_at(indices, i) : (int64_t)i,
                                  &out->items[i]));
    return TW_OK;
}

/* Cannot overflow: an array of this size exists. */
static size_t row_bytes(const tw_array *array)
{
    return array->count * tw_dtype_size(array->dtype);
}

/* All elements have the shape of the first; the result has one dimension more, which must still
 * be within TW_MAX_RANK. */
static tw_status *stack_elements(tw_compute *c, const reading *r)
{
    int64_t dims[TW_MAX_RANK + 1];
    const tw_array *first = r->items[0];
    if (first->rank == TW_MAX_RANK)
        return tw_value_error("the elements have %zu dimensions already", first->rank);
    dims[0] = (int64_t)r->count;
    memcpy(dims + 1, first->dims, first->rank * sizeof *dims);
    for (size_t i = 1; i < r->count; i++) {
        if (!tw_shape_equal(tw_shape_of(first), tw_shape_of(r->items[i])))
            return tw_value_error("TensorArray has inconsistent shapes. Index 0 has shape: %s but "
                                  "index %zu has shape: %s",
                                  tw_shape_tf_text(tw_shape_of(first)).s, i,
                                  tw_shape_tf_text(tw_shape_of(r->items[i])).s);
    }
    tw_array *out;
    TW_TRY(tw_compute_allocate(c, 0, (tw_shape){dims, first->rank + 1}, &out));
    for (size_t i = 0; i < r->count && first->count; i++)
        TW_TRY(tw_elements_copy(out->dtype, (char *)out->data + i * row_bytes(first),
                                r->items[i]->data, first->count));
    return TW_OK;
}

/* The shape comes from the attribute or from the list itself; if neither knows it whole there is
 * no array to give. */
static tw_status *stack_nothing(tw_compute *c, const tw_array_list *list)
{
    tw_shape shape = shape_attr(c, "element_shape");
    int64_t dims[TW_MAX_RANK + 1] = {0};
    if (!shape.dims || !tw_shape_fully_known(shape))
        shape = tw_array_list_element_shape(list);
    if (!shape.dims || !tw_shape_fully_known(shape) || shape.rank >= TW_MAX_RANK)
        return tw_status_new(TW_UNIMPLEMENTED,
                             "TensorArray has size zero, but element shape %s is not fully "
                             "defined. Currently only static shapes are supported when packing "
                             "zero-size TensorArrays.",
                             tw_shape_tf_text(shape).s);
    if (shape.rank)
        memcpy(dims + 1, shape.dims, shape.rank * sizeof *dims);
    tw_array *out;
    return tw_compute_allocate(c, 0, (tw_shape){dims, shape.rank + 1}, &out);
}

/* `indices` NULL means all in order. The declared shape is compared with the first element only,
 * the others with that one. */
static tw_status *stack(tw_compute *c, tw_array_list *list, const tw_array *indices, size_t count)
{
    reading r = {NULL, 0};
    if (!count)
        return stack_nothing(c, list);
    tw_shape said = shape_attr(c, "element_shape");
    tw_status *status = read_all(list, indices, count, &r);
    if (!status && !tw_shape_compatible(said, tw_shape_of(r.items[0])))
        status = tw_value_error("TensorArray was passed element_shape %s which does not match the "
                                "shape of its elements: %s",
                                tw_shape_tf_text(said).s,
                                tw_shape_tf_text(tw_shape_of(r.items[0])).s);
    if (!status)
        status = stack_elements(c, &r);
    reading_clear(&r);
    return status;
}

/* The indices may stand in any order; one that stands twice needs a list that does not forget
 * what was read. */
tw_status *tw_array_list_do_gather(tw_compute *c)
{
    tw_array_list *list;
    const tw_array *indices = tw_input(c, 1);
    TW_TRY(list_for(c, "dtype", false, &list));
    if (indices->rank != 1)
        return tw_value_error("Expected indices to be a vector, but received shape: %s",
                              tw_shape_tf_text(tw_shape_of(indices)).s);
    return stack(c, list, indices, indices->count);
}

/* All elements in order: a gather of all indices. */
tw_status *tw_array_list_do_pack(tw_compute *c)
{
    tw_array_list *list;
    int64_t size;
    TW_TRY(list_for(c, "dtype", false, &list));
    TW_TRY(tw_array_list_size(list, &size));
    return stack(c, list, NULL, (size_t)size);
}

/* ---- one array into elements ---- */

/* `value` with storage that elements may share: the value itself or a copy. */
static tw_status *shared_value(const tw_array *value, tw_array **out)
{
    bool own = value->storage && !value->storage->release;
    *out = own ? tw_array_view(value->storage, value->dtype, tw_shape_of(value), value->data)
               : tw_array_copy(value);
    return *out ? TW_OK : tw_no_memory();
}

/* Rows first .. first + count - 1 of `whole` (or, `flat`, one row without its dimension) become
 * element `index`. */
static tw_status *write_rows(tw_array_list *list, int64_t index, const tw_array *whole,
                             size_t first, size_t count, bool flat)
{
    int64_t dims[TW_MAX_RANK];
    memcpy(dims, whole->dims, whole->rank * sizeof *dims);
    dims[0] = (int64_t)count;
    size_t row = whole->dims[0] ? whole->count / (size_t)whole->dims[0] : 0;
    char *data = (char *)whole->data + first * row * tw_dtype_size(whole->dtype);
    tw_shape shape = flat ? (tw_shape){dims + 1, whole->rank - 1} : (tw_shape){dims, whole->rank};
    tw_array *view = tw_array_view(whole->storage, whole->dtype, shape, data);
    if (!view)
        return tw_no_memory();
    tw_status *status = tw_array_list_write(list, index, view);
    tw_array_unref(view);
    return status;
}

/* Elements are views of one shared copy of the value, so that many rows do not mean many
 * allocations of data. */
static tw_status *scatter_rows(tw_array_list *list, const tw_array *value, const tw_array *indices)
{
    tw_array *whole;
    TW_TRY(shared_value(value, &whole));
    tw_status *status = TW_OK;
    for (size_t i = 0; i < (size_t)value->dims[0] && !status; i++)
        status = write_rows(list, indices ? tw_index_at(indices, i) : (int64_t)i, whole, i, 1,
                            true);
    tw_array_unref(whole);
    return status;
}

/* The list grows once, to the largest index, before the first element is written. */
tw_status *tw_array_list_do_scatter(tw_compute *c)
{
    tw_array_list *list;
    const tw_array *indices = tw_input(c, 1), *value = tw_input(c, 2);
    TW_TRY(list_for(c, "T", true, &list));
    if (indices->rank != 1 || value->rank == 0)
        return tw_value_error("Expected indices to be a vector and value to be at least a vector, "
                              "but received shapes: %s and %s",
                              tw_shape_tf_text(tw_shape_of(indices)).s,
                              tw_shape_tf_text(tw_shape_of(value)).s);
    if ((int64_t)indices->count != value->dims[0])
        return tw_value_error("Expected len(indices) == values.shape[0], but saw: %zu vs. %lld",
                              indices->count, (long long)value->dims[0]);
    int64_t most = -1, size;
    bool grown;
    for (size_t i = 0; i < indices->count; i++)
        most = tw_index_at(indices, i) > most ? tw_index_at(indices, i) : most;
    TW_TRY(tw_array_list_reserve(list, most + 1, &grown));
    TW_TRY(tw_array_list_size(list, &size));
    if (most >= size)
        return tw_value_error("Max scatter index must be < array size (%lld vs. %lld)",
                              (long long)most, (long long)size);
    TW_TRY(scatter_rows(list, value, indices));
    pass_flow(c, 0);
    return TW_OK;
}

/* As scatter with the indices 0, 1, 2 and so on; the list must have or get just that size. */
tw_status *tw_array_list_do_unpack(tw_compute *c)
{
    tw_array_list *list;
    const tw_array *value = tw_input(c, 1);
    TW_TRY(list_for(c, "T", true, &list));
    if (value->rank == 0)
        return tw_value_error("Input value for unpack must be at least a vector but received "
                              "shape: []");
    int64_t size;
    bool grown;
    TW_TRY(tw_array_list_reserve(list, value->dims[0], &grown));
    TW_TRY(tw_array_list_size(list, &size));
    if (size != value->dims[0])
        return tw_value_error("Input value must have first dimension equal to the array size "
                              "(%lld vs. %lld)",
                              (long long)value->dims[0], (long long)size);
    TW_TRY(scatter_rows(list, value, NULL));
    pass_flow(c, 0);
    return TW_OK;
}

/* ---- elements of different lengths ---- */

/* Parts may differ in dimension 0 only. There is at least one part; an empty list is
 * concatenated elsewhere. */
static tw_status *check_parts(const reading *r, int64_t *rows)
{
    const tw_array *first = r->items[0];
    *rows = 0;
    for (size_t i = 0; i < r->count; i++) {
        const tw_array *part = r->items[i];
        if (!part->rank)
            return tw_value_error("Concat saw a scalar shape at index %zu but requires at least "
                                  "vectors.",
                                  i);
        if (part->rank != first->rank ||
            memcmp(part->dims + 1, first->dims + 1, (first->rank - 1) * sizeof *part->dims) != 0)
            return tw_value_error("TensorArray has inconsistent shapes. Index 0 has shape: %s but "
                                  "index %zu has shape: %s",
                                  tw_shape_tf_text(tw_shape_of(first)).s, i,
                                  tw_shape_tf_text(tw_shape_of(part)).s);
        *rows += part->dims[0];
    }
    return TW_OK;
}

/* Parts follow each other in memory along dimension 0, so each is one run of bytes. Output 1
 * says how long each was. */
static tw_status *concat_parts(tw_compute *c, const reading *r)
{
    int64_t dims[TW_MAX_RANK], rows;
    tw_array *out, *lengths;
    TW_TRY(check_parts(r, &rows));
    memcpy(dims, r->items[0]->dims, r->items[0]->rank * sizeof *dims);
    dims[0] = rows;
    TW_TRY(tw_compute_allocate(c, 0, (tw_shape){dims, r->items[0]->rank}, &out));
    TW_TRY(tw_compute_allocate(c, 1, TW_SHAPE((int64_t)r->count), &lengths));
    char *to = out->data;
    for (size_t i = 0; i < r->count; i++) {
        const tw_array *part = r->items[i];
        ((int64_t *)lengths->data)[i] = part->dims[0];
        if (part->count)
            TW_TRY(tw_elements_copy(out->dtype, to, part->data, part->count));
        to += row_bytes(part);
    }
    return TW_OK;
}

/* Without elements only the attribute can tell the shape, so it must be fully known. */
static tw_status *concat_nothing(tw_compute *c)
{
    tw_shape rest = shape_attr(c, "element_shape_except0");
    int64_t dims[TW_MAX_RANK + 1] = {0};
    tw_array *out;
    if (!rest.dims || !tw_shape_fully_known(rest) || rest.rank >= TW_MAX_RANK)
        return tw_status_new(TW_UNIMPLEMENTED,
                             "TensorArray has size zero, but element_shape_except0 %s is not "
                             "fully defined. Currently only static shapes are supported when "
                             "concatenating zero-size TensorArrays.",
                             tw_shape_tf_text(rest).s);
    if (rest.rank)
        memcpy(dims + 1, rest.dims, rest.rank * sizeof *dims);
    TW_TRY(tw_compute_allocate(c, 0, (tw_shape){dims, rest.rank + 1}, &out));
    return tw_compute_allocate(c, 1, TW_SHAPE(0), &out);
}

/* Elements may be of different lengths, unlike for gather; they count as read afterwards. */
tw_status *tw_array_list_do_concat(tw_compute *c)
{
    tw_array_list *list;
    int64_t size;
    reading r;
    TW_TRY(list_for(c, "dtype", false, &list));
    TW_TRY(tw_array_list_size(list, &size));
    if (!size)
        return concat_nothing(c);
    tw_status *status = read_all(list, NULL, (size_t)size, &r);
    if (!status)
        status = concat_parts(c, &r);
    reading_clear(&r);
    return status;
}

/* Compares with what is left instead of adding up, so that large lengths cannot overflow; one
 * bad length spoils the sum for good. */
static tw_status *check_lengths(const tw_array *value, const tw_array *lengths)
{
    int64_t sum = 0;
    if (lengths->rank != 1)
        return tw_value_error("Expected lengths to be a vector, received shape: %s",
                              tw_shape_tf_text(tw_shape_of(lengths)).s);
    if (value->rank == 0)
        return tw_value_error("Expected value to be at least a vector, but received shape: []");
    for (size_t i = 0; i < lengths->count; i++) {
        int64_t n = tw_index_at(lengths, i);
        if (n < 0 || n > value->dims[0] - sum)
            sum = INT64_MIN;
        sum = sum < 0 ? sum : sum + n;
    }
    if (sum != value->dims[0])
        return tw_value_error("Expected sum of lengths to be equal to values.shape[0], but it is "
                              "not; values's shape is: %s",
                              tw_shape_tf_text(tw_shape_of(value)).s);
    return TW_OK;
}

/* Lengths are checked against the value and against the list before the first element is
 * written. */
tw_status *tw_array_list_do_split(tw_compute *c)
{
    tw_array_list *list;
    const tw_array *value = tw_input(c, 1), *lengths = tw_input(c, 2);
    tw_array *whole;
    int64_t size;
    bool grown;
    TW_TRY(list_for(c, "T", true, &list));
    TW_TRY(check_lengths(value, lengths));
    TW_TRY(tw_array_list_reserve(list, (int64_t)lengths->count, &grown));
    TW_TRY(tw_array_list_size(list, &size));
    if (size != (int64_t)lengths->count)
        return tw_value_error("TensorArray's size is not equal to the size of lengths (%lld vs. "
                              "%zu), and the TensorArray is not marked as dynamically resizeable",
                              (long long)size, lengths->count);
    TW_TRY(shared_value(value, &whole));
    tw_status *status = TW_OK;
    size_t at = 0;
    for (size_t i = 0; i < lengths->count && !status; i++) {
        size_t rows = (size_t)tw_index_at(lengths, i);
        status = write_rows(list, (int64_t)i, whole, at, rows, false);
        at += rows;
    }
    tw_array_unref(whole);
    pass_flow(c, 0);
    return status;
}
