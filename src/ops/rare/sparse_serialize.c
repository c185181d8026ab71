/* SPDX-License-Identifier: Apache-2.0
 * SerializeSparse, SerializeManySparse and DeserializeManySparse: sparse tensors as three texts
 * each, a TensorProto of the indices, the values and the sizes.
 *
 * Of that message three fields are written: 1 the dtype, 2 the shape (fields 2 its dims, with the
 * size in field 1), 4 the numbers as they lie in memory; of texts all lengths and then all bytes.
 * What is read may be anything: every length is checked against what is left. */
#include <string.h>

#include "base/text.h"
#include "ops/sparse.h"

/* ---- writing ---- */

/* Seven bits at a time, the lowest first. */
static size_t write_varint(uint64_t value, uint8_t out[10])
{
    size_t at = 0;
    for (; value > 127; value >>= 7)
        out[at++] = (uint8_t)(value | 128);
    out[at++] = (uint8_t)value;
    return at;
}

/* A field's key and number, or length. */
static void put_field(tw_buffer *to, uint8_t key, uint64_t value)
{
    uint8_t bytes[10];
    tw_buffer_add(to, &key, 1);
    tw_buffer_add(to, bytes, write_varint(value, bytes));
}

/* All lengths, then all bytes. */
static void put_texts(tw_buffer *to, const tw_string *texts, size_t count)
{
    size_t all = 0, length;
    uint8_t bytes[10];
    for (size_t i = 0; i < count; i++) {
        tw_string_get(texts + i, &length);
        all += length + write_varint(length, bytes);
    }
    if (all)
        put_field(to, 4 << 3 | 2, all);
    for (size_t i = 0; i < count; i++) {
        tw_string_get(texts + i, &length);
        tw_buffer_add(to, bytes, write_varint(length, bytes));
    }
    for (size_t i = 0; i < count; i++) {
        const char *text = tw_string_get(texts + i, &length);
        tw_buffer_add(to, text, length);
    }
}

/* A tensor of one or two dims into element `to` of the output. */
static tw_status *put_tensor(tw_array *out, size_t to, tw_dtype dtype, tw_shape shape,
                             const void *data)
{
    tw_buffer buffer = {0}, dims = {0};
    size_t count = 1;
    for (size_t k = 0; k < shape.rank; k++) {
        uint8_t bytes[10];
        uint64_t size = (uint64_t)shape.dims[k];
        put_field(&dims, 2 << 3 | 2, size ? 1 + write_varint(size, bytes) : 0);
        if (size)
            put_field(&dims, 1 << 3, size);
        count *= (size_t)size;
    }
    put_field(&buffer, 1 << 3, dtype);
    put_field(&buffer, 2 << 3 | 2, dims.length);
    tw_buffer_add(&buffer, dims.data, dims.length);
    if (dtype == TW_STRING) {
        put_texts(&buffer, data, count);
    } else if (count) {
        put_field(&buffer, 4 << 3 | 2, count * tw_dtype_size(dtype));
        tw_buffer_add(&buffer, data, count * tw_dtype_size(dtype));
    }
    tw_status *status = buffer.failed || dims.failed ? tw_no_memory()
                                                     : tw_string_set((tw_string *)out->data + to,
                                                                     buffer.data, buffer.length);
    tw_buffer_clear(&buffer);
    tw_buffer_clear(&dims);
    return status;
}

/* ---- SerializeSparse ---- */

/* Whatever the tensor, it is three texts. */
static void infer_one(tw_infer *in)
{
    tw_infer_sparse(in, 0);
    tw_infer_output(in, 0, TW_SHAPE(3));
}

/* Values that are no numbers or texts have no bytes to write. */
static tw_status *check(const tw_compute *c)
{
    tw_dtype dtype = tw_input(c, 1)->dtype;
    if (tw_dtype_is_plain(dtype) || dtype == TW_STRING)
        return TW_OK;
    return tw_compute_fail(c, "values of %s cannot be serialized", tw_dtype_name(dtype));
}

/* Nothing is checked of the indices: they are numbers like others. */
static tw_status *compute_one(tw_compute *c)
{
    TW_TRY(check(c));
    for (size_t i = 0; i < 3; i++)
        TW_TRY(put_tensor(tw_output(c, 0), i, tw_input(c, i)->dtype, tw_shape_of(tw_input(c, i)),
                          tw_input_data(c, i)));
    return TW_OK;
}

const tw_op_definition tw_op_SerializeSparse = {
    .signature = "sparse_indices: int64, sparse_values: T, sparse_shape: int64 -> "
                 "serialized_sparse: out_type; T: type; out_type: {string} = string",
    .doc = "A sparse tensor as three texts: its indices, values and sizes.",
    .since = "out_type: 1.5",
    .infer = infer_one,
    .gradient = tw_not_differentiable,
    .compute = compute_one,
};

/* ---- SerializeManySparse ---- */

/* The number of rows is a value that is seldom known while building. */
static void infer_many(tw_infer *in)
{
    tw_infer_sparse(in, 0);
    tw_infer_output(in, 0, TW_SHAPE(tw_infer_dim(tw_infer_size_value(in, 2), 0), 3));
}

/* Rows of the first dimension, which may be empty; indices without it lie apart from each other, so
 * that they are copied. */
static tw_status *compute_many(tw_compute *c)
{
    const tw_array *rows = tw_input(c, 0), *values = tw_input(c, 1);
    const int64_t *sizes = tw_input_data(c, 2), *from = rows->data;
    size_t count = values->count, rank = tw_input(c, 2)->count, first = 0, end = 0;
    tw_array *out;
    TW_TRY(check(c));
    if (rank < 2)
        return tw_compute_fail(c, "Rank of input SparseTensor should be > 1, but saw rank: %zu",
                               rank);
    TW_TRY(tw_sparse_check(c, rows, sizes, false));
    TW_TRY(tw_compute_allocate(c, 0, TW_SHAPE(sizes[0], 3), &out));
    int64_t *indices = tw_alloc_array(count * (rank - 1) + 1, sizeof *indices);
    tw_status *status = indices ? TW_OK : tw_no_memory();
    /* Without the first of each row. */
    for (size_t i = 0; i < count * (rank - 1) && !status; i++)
        indices[i] = from[i / (rank - 1) * rank + i % (rank - 1) + 1];
    for (size_t row = 0; row < (size_t)sizes[0] && !status; row++, first = end) {
        while (end < count && from[end * rank] == (int64_t)row)
            end++;
        /* Rows without any values are tensors of none. */
        int64_t n = (int64_t)(end - first);
        status = put_tensor(out, 3 * row, TW_INT64, TW_SHAPE(n, (int64_t)rank - 1),
                            indices + first * (rank - 1));
        status = status ? status
                        : put_tensor(out, 3 * row + 1, values->dtype, TW_SHAPE(n),
                                     tw_element_at(values, first));
        status = status ? status
                        : put_tensor(out, 3 * row + 2, TW_INT64, TW_SHAPE((int64_t)rank - 1),
                                     sizes + 1);
    }
    tw_free(indices);
    if (!status && end < count)
        return tw_compute_fail(c,
                               "indices must be in order of their first dimension; row %zu is "
                               "not",
                               end);
    return status;
}

const tw_op_definition tw_op_SerializeManySparse = {
    .signature = "sparse_indices: int64, sparse_values: T, sparse_shape: int64 -> "
                 "serialized_sparse: out_type; T: type; out_type: {string} = string",
    .doc = "A row of three texts, as SerializeSparse makes them, for each place of the first "
           "dimension.",
    .since = "out_type: 1.5",
    .shape_inputs = 1 << 2,
    .infer = infer_many,
    .gradient = tw_not_differentiable,
    .compute = compute_many,
};

/* ---- reading ---- */

/* What is left of a message. */
typedef struct reader {
    const uint8_t *at, *end;
} reader;

/* Ten bytes at most; bits beyond 64 are dropped as protobuf drops them. */
static bool read_varint(reader *r, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; shift < 64 && r->at < r->end; shift += 7) {
        *out |= (uint64_t)(*r->at & 127) << shift;
        if (!(*r->at++ & 128))
            return true;
    }
    return false;
}

/* A length, and that many bytes apart. */
static bool read_bytes(reader *r, reader *out)
{
    uint64_t size;
    if (!read_varint(r, &size) || size > (uint64_t)(r->end - r->at))
        return false;
    *out = (reader){r->at, r->at + size};
    r->at += size;
    return true;
}

/* One field: its number, and its value or bytes. Those of other kinds are passed over. */
static bool read_field(reader *r, uint64_t *field, uint64_t *value, reader *bytes)
{
    uint64_t key;
    if (!read_varint(r, &key))
        return false;
    *field = key >> 3;
    size_t size = (key & 7) == 1 ? 8 : 4;
    switch (key & 7) {
    case 0: return read_varint(r, value);
    case 2: return read_bytes(r, bytes);
    case 1:
    case 5:
        *field = 0;
        if (size > (size_t)(r->end - r->at))
            return false;
        r->at += size;
        return true;
    default: return false;
    }
}

/* A tensor of at most two dims; its numbers are still those bytes. */
typedef struct tensor {
    uint64_t dtype;
    size_t rank;
    int64_t dims[2];
    reader content;
} tensor;

/* Of a field that comes twice the last one counts. More than two dims are of no sparse tensor. */
static bool read_shape(reader r, tensor *t)
{
    uint64_t field, size;
    reader dim;
    t->rank = 0;
    while (r.at < r.end) {
        if (!read_field(&r, &field, &size, &dim))
            return false;
        if (field != 2)
            continue;
        if (t->rank == 2)
            return false;
        for (t->dims[t->rank] = 0; dim.at < dim.end;) {
            reader name;
            if (!read_field(&dim, &field, &size, &name) || (field == 1 && size > INT64_MAX))
                return false;
            if (field == 1)
                t->dims[t->rank] = (int64_t)size;
        }
        t->rank++;
    }
    return true;
}

/* False: no such tensor, or not one whose numbers are all there. */
static bool read_tensor(const tw_array *texts, size_t i, tw_dtype dtype, size_t rank, tensor *t)
{
    size_t length;
    const char *text = tw_string_get((const tw_string *)texts->data + i, &length);
    reader r = {(const uint8_t *)text, (const uint8_t *)text + length}, bytes;
    uint64_t field, value = 0;
    *t = (tensor){.content = {r.end, r.end}};
    while (r.at < r.end) {
        if (!read_field(&r, &field, &value, &bytes))
            return false;
        if (field == 1)
            t->dtype = value;
        if (field == 2 && !read_shape(bytes, t))
            return false;
        if (field == 4)
            t->content = bytes;
    }
    /* The product is checked: sizes may be any numbers. */
    size_t count = 1, size = (size_t)(t->content.end - t->content.at);
    for (size_t k = 0; k < t->rank; k++)
        if (!tw_size_mul(count, (size_t)t->dims[k], &count))
            return false;
    if (t->dtype != (uint64_t)dtype || t->rank != rank || count > SIZE_MAX / 16)
        return false;
    return dtype == TW_STRING ? count <= size : count * tw_dtype_size(dtype) == size;
}

/* Values into the output from element `to` on. */
/* Lengths and bytes are read side by side: where all lengths end the bytes begin. */
static bool take_values(const tensor *t, tw_array *out, size_t to, tw_status **status)
{
    size_t count = (size_t)t->dims[0], size = tw_dtype_size(out->dtype);
    if (out->dtype != TW_STRING) {
        for (size_t i = 0; i < count && out->dtype == TW_BOOL; i++)
            /* Any other byte is no truth value, and reading it as one is not defined. */
            if (t->content.at[i] > 1)
                return false;
        if (count)
            memcpy((char *)out->data + to * size, t->content.at, count * size);
        return true;
    }
    reader lengths = t->content, bytes = t->content;
    uint64_t length;
    for (size_t i = 0; i < count; i++)
        if (!read_varint(&bytes, &length))
            return false;
    for (size_t i = 0; i < count && !*status; i++) {
        if (!read_varint(&lengths, &length) || length > (uint64_t)(bytes.end - bytes.at))
            return false;
        *status = tw_string_set((tw_string *)out->data + to + i, (const char *)bytes.at,
                                (size_t)length);
        bytes.at += length;
    }
    return true;
}

/* ---- DeserializeManySparse ---- */

/* How many rows and how many dims there are only the texts say. */
static void infer_read(tw_infer *in)
{
    int64_t columns = tw_infer_dim(tw_infer_matrix(in, 0), 1);
    if (!tw_dims_agree(columns, 3))
        tw_infer_fail(in, "Dimension must be 3 but is %" PRId64, columns);
    tw_infer_output(in, 0, TW_SHAPE(-1, -1));
    tw_infer_output(in, 1, TW_SHAPE(-1));
    tw_infer_output(in, 2, TW_SHAPE(-1));
}

/* The three tensors of a row, which must go with each other and with the first row's rank. */
static tw_status *read_row(const tw_compute *c, size_t row, size_t *rank, tensor t[3])
{
    tw_dtype dtype = tw_compute_type(c, "dtype");
    const tw_dtype dtypes[] = {TW_INT64, dtype, TW_INT64};
    for (size_t k = 0; k < 3; k++)
        if (!read_tensor(tw_input(c, 0), 3 * row + k, dtypes[k], k == 0 ? 2 : 1, &t[k]))
            return tw_compute_fail(c,
                                   "Failed to parse serialized_sparse[%zu, %zu] as a tensor of "
                                   "%s",
                                   row, k, tw_dtype_name(dtypes[k]));
    size_t own = (size_t)t[2].dims[0];
    if (t[0].dims[0] != t[1].dims[0] || (size_t)t[0].dims[1] != own)
        return tw_compute_fail(c,
                               "SparseTensor[%zu] has %" PRId64 " rows of %" PRId64
                               " indices, %" PRId64 " values and %zu sizes",
                               row, t[0].dims[0], t[0].dims[1], t[1].dims[0], own);
    if (row && own != *rank)
        return tw_compute_fail(c,
                               "Inconsistent rank across SparseTensors: prior rank was: %zu but "
                               "rank of SparseTensor[%zu] is: %zu",
                               *rank, row, own);
    *rank = own;
    return TW_OK;
}

/* One row's rows behind those before; sizes are the largest of all. */
static tw_status *take_row(tw_compute *c, const tensor t[3], size_t row, size_t to)
{
    tw_status *status = TW_OK;
    size_t rank = (size_t)t[2].dims[0], count = (size_t)t[1].dims[0];
    int64_t *indices = (int64_t *)tw_output_data(c, 0) + to * (rank + 1);
    int64_t *sizes = tw_output_data(c, 2), size;
    for (size_t i = 0; i < count; i++) {
        indices[i * (rank + 1)] = (int64_t)row;
        if (rank)
            memcpy(indices + i * (rank + 1) + 1, t[0].content.at + i * rank * sizeof size,
                   rank * sizeof size);
    }
    for (size_t k = 0; k < rank; k++) {
        memcpy(&size, t[2].content.at + k * sizeof size, sizeof size);
        sizes[k + 1] = size > sizes[k + 1] ? size : sizes[k + 1];
    }
    if (!take_values(&t[1], tw_output(c, 1), to, &status))
        return tw_compute_fail(c, "Failed to parse serialized_sparse[%zu, 1]", row);
    return status;
}

/* Twice over all rows: to count, and to copy. */
static tw_status *compute_read(tw_compute *c)
{
    size_t rows = (size_t)tw_input(c, 0)->dims[0], rank = 0, count = 0, at = 0;
    tw_array *out;
    tensor t[3];
    tw_dtype dtype = tw_compute_type(c, "dtype");
    if (!tw_dtype_is_plain(dtype) && dtype != TW_STRING)
        return tw_compute_fail(c, "values of %s cannot be read", tw_dtype_name(dtype));
    if (!rows)
        return tw_compute_fail(c, "Must have at least 1 serialized SparseTensor, but input matrix "
                                  "has 0 rows");
    for (size_t row = 0; row < rows; row++) {
        TW_TRY(read_row(c, row, &rank, t));
        count += (size_t)t[1].dims[0];
    }
    TW_TRY(tw_compute_allocate(c, 0, TW_SHAPE((int64_t)count, (int64_t)rank + 1), &out));
    TW_TRY(tw_compute_allocate(c, 1, TW_SHAPE((int64_t)count), &out));
    TW_TRY(tw_compute_allocate(c, 2, TW_SHAPE((int64_t)rank + 1), &out));
    memset(out->data, 0, out->count * sizeof(int64_t));
    /* The first dimension is new. */
    *(int64_t *)out->data = (int64_t)rows;
    for (size_t row = 0; row < rows; row++, at += (size_t)t[1].dims[0]) {
        TW_TRY(read_row(c, row, &rank, t));
        TW_TRY(take_row(c, t, row, at));
    }
    return TW_OK;
}

const tw_op_definition tw_op_DeserializeManySparse = {
    .signature = "serialized_sparse: string -> sparse_indices: int64, sparse_values: dtype, "
                 "sparse_shape: int64; dtype: type",
    .doc = "The sparse tensor of whose rows SerializeManySparse made texts, or one of many that "
           "SerializeSparse made, which get a first dimension.",
    .infer = infer_read,
    .gradient = tw_not_differentiable,
    .compute = compute_read,
};
