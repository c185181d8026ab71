/* SPDX-License-Identifier: Apache-2.0
 * NumPy's .npy files: a magic, a version, the length of a header and the header, a Python dict with
 * 'descr', 'fortran_order' and 'shape' in any order; then the elements. Whatever the header claims
 * is checked against the bytes that are there before anything is allocated. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/os.h"
#include "base/status.h"
#include "base/text.h"
#include "tensor/array.h"

enum { MAGIC_SIZE = 6, ALIGNMENT = 64, MAX_HEADER = 65535 };

static const char magic[MAGIC_SIZE + 1] = "\x93NUMPY";

/* What the header claimed, checked by itself but not yet against the size of the file: that is
 * done before anything is allocated. */
typedef struct npy_header {
    tw_dtype dtype;
    bool swapped; /* the other byte order than this machine's */
    bool fortran;
    size_t rank;
    int64_t dims[TW_MAX_RANK];
} npy_header;

/* The header's text: never NUL-terminated, so that every look is bounded by `end`. */
typedef struct reader {
    const char *path, *at, *end;
} reader;

/* Only types with a code in NumPy have a row; bfloat16 and the quantized ones have none and are
 * refused on writing. */
typedef struct npy_dtype {
    char kind;
    unsigned char size;
    tw_dtype dtype;
} npy_dtype;

/* The first row of a dtype is how it is written; quantized numbers are written as integers. */
static const npy_dtype npy_dtypes[] = {
    {'f', 4, TW_FLOAT32},   {'f', 8, TW_FLOAT64},     {'f', 2, TW_FLOAT16}, {'i', 1, TW_INT8},
    {'i', 2, TW_INT16},     {'i', 4, TW_INT32},       {'i', 8, TW_INT64},   {'u', 1, TW_UINT8},
    {'u', 2, TW_UINT16},    {'u', 4, TW_UINT32},      {'u', 8, TW_UINT64},  {'b', 1, TW_BOOL},
    {'c', 8, TW_COMPLEX64}, {'c', 16, TW_COMPLEX128}, {'i', 1, TW_QINT8},   {'u', 1, TW_QUINT8},
    {'i', 2, TW_QINT16},    {'u', 2, TW_QUINT16},     {'i', 4, TW_QINT32},
};

enum { N_NPY_DTYPES = sizeof npy_dtypes / sizeof npy_dtypes[0] };

/* Asked at run time: compilers fold it. */
static bool little_endian(void)
{
    const uint16_t one = 1;
    unsigned char low;
    memcpy(&low, &one, 1);
    return low == 1;
}

/* The file breaks the format. */
static tw_status *damaged(const reader *r, const char *what)
{
    return tw_status_new(TW_DATA_LOSS, "%s is no valid .npy file: %s", r->path, what);
}

static void skip_space(reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
}

/* Takes the text and the space after it, if it stands here. */
static bool take(reader *r, const char *text)
{
    size_t length = strlen(text);
    if ((size_t)(r->end - r->at) < length || memcmp(r->at, text, length) != 0)
        return false;
    r->at += length;
    skip_space(r);
    return true;
}

/* A quoted text without escapes. */
static tw_status *read_quoted(reader *r, char *out, size_t size)
{
    char quote = r->at < r->end ? *r->at : '\0';
    if (quote != '\'' && quote != '"')
        return damaged(r, "the header has no quoted text where one should be");
    const char *start = ++r->at;
    const char *stop = memchr(start, quote, (size_t)(r->end - start));
    if (!stop || (size_t)(stop - start) >= size)
        return damaged(r, "a text in the header is too long");
    memcpy(out, start, (size_t)(stop - start));
    out[stop - start] = '\0';
    r->at = stop + 1;
    skip_space(r);
    return TW_OK;
}

/* The file is sound, but its elements have no dtype here. */
static tw_status *unsupported(const reader *r, const char *what)
{
    return tw_status_new(TW_UNIMPLEMENTED, "%s: %s, only numbers and bool can be read", r->path,
                         what);
}

/* "<f4": byte order, kind and size. */
static tw_status *read_descr(reader *r, npy_header *header)
{
    char descr[32];
    if (r->at < r->end && *r->at == '[')
        return unsupported(r, "the elements are records");
    TW_TRY(read_quoted(r, descr, sizeof descr));
    const char *at = descr;
    char order = strchr("<>=|", *at) && *at ? *at++ : '=';
    char kind = *at ? *at++ : '\0';
    unsigned size = 0;
    for (; *at >= '0' && *at <= '9' && size < 1000; at++)
        size = size * 10 + (unsigned)(*at - '0');
    for (size_t i = 0; i < N_NPY_DTYPES && *at == '\0'; i++) {
        if (npy_dtypes[i].kind != kind || npy_dtypes[i].size != size)
            continue;
        header->dtype = npy_dtypes[i].dtype;
        header->swapped = size > 1 && order == (little_endian() ? '>' : '<');
        return TW_OK;
    }
    if (kind == 'S' || kind == 'a' || kind == 'U')
        return unsupported(r, "the elements are strings");
    if (kind == 'O')
        return unsupported(r, "the elements are Python objects");
    return tw_status_new(TW_UNIMPLEMENTED, "%s: there is no dtype for NumPy's '%s'", r->path,
                         descr);
}

/* "(2, 3)", "(5,)", "()". */
static tw_status *read_shape(reader *r, npy_header *header)
{
    header->rank = 0;
    if (!take(r, "("))
        return damaged(r, "the shape is no tuple");
    while (!take(r, ")")) {
        int64_t dim = 0;
        if (header->rank == TW_MAX_RANK)
            return tw_status_new(TW_UNIMPLEMENTED, "%s: more than %d dimensions", r->path,
                                 TW_MAX_RANK);
        if (r->at == r->end || *r->at < '0' || *r->at > '9')
            return damaged(r, "a dimension of the shape is no whole number");
        for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
            if (dim > (INT64_MAX - 9) / 10)
                return damaged(r, "a dimension of the shape is too large");
            dim = dim * 10 + (*r->at - '0');
        }
        take(r, "L"); /* Python 2's mark of a long */
        skip_space(r);
        header->dims[header->rank++] = dim;
        if (take(r, ","))
            continue;
        if (!take(r, ")"))
            return damaged(r, "the shape does not end");
        /* Without a comma "(5)" is a number. */
        return header->rank == 1 ? damaged(r, "the shape is no tuple") : TW_OK;
    }
    return TW_OK;
}

/* The value of one key; a key twice is refused, as the later one would silently win. */
static tw_status *read_value(reader *r, const char *key, npy_header *header, unsigned *seen)
{
    unsigned bit;
    tw_status *status = TW_OK;
    if (strcmp(key, "descr") == 0) {
        bit = 1;
        status = read_descr(r, header);
    } else if (strcmp(key, "fortran_order") == 0) {
        bit = 2;
        header->fortran = take(r, "True");
        if (!header->fortran && !take(r, "False"))
            status = damaged(r, "fortran_order is neither True nor False");
    } else if (strcmp(key, "shape") == 0) {
        bit = 4;
        status = read_shape(r, header);
    } else {
        return damaged(r, "the header has a key that is not known");
    }
    if (!status && (*seen & bit))
        status = damaged(r, "the header has a key twice");
    *seen |= bit;
    return status;
}

/* Keys in any order, all three of them, no others; a comma may follow the last. */
static tw_status *read_dict(reader *r, npy_header *header)
{
    unsigned seen = 0;
    skip_space(r);
    if (!take(r, "{"))
        return damaged(r, "the header is no dict");
    while (!take(r, "}")) {
        char key[32];
        TW_TRY(read_quoted(r, key, sizeof key));
        if (!take(r, ":"))
            return damaged(r, "a key of the header has no value");
        TW_TRY(read_value(r, key, header, &seen));
        if (!take(r, ",") && !(r->at < r->end && *r->at == '}'))
            return damaged(r, "the header does not end");
    }
    if (seen != 7)
        return damaged(r, "descr, fortran_order or shape is missing");
    return r->at == r->end ? TW_OK : damaged(r, "something follows the header's dict");
}

/* From magic to dict; afterwards r->at is the first byte of the elements and r->end the file's. */
static tw_status *read_header(reader *r, npy_header *header)
{
    size_t size = (size_t)(r->end - r->at), prefix = MAGIC_SIZE + 4;
    const unsigned char *bytes = (const unsigned char *)r->at;
    if (size < prefix || memcmp(bytes, magic, MAGIC_SIZE) != 0)
        return damaged(r, "it does not begin with NumPy's magic");
    unsigned major = bytes[6];
    if (major < 1 || major > 3 || bytes[7] != 0)
        return tw_status_new(TW_UNIMPLEMENTED, "%s: .npy format %u.%u is not known", r->path, major,
                             (unsigned)bytes[7]);
    size_t length = bytes[8] | (size_t)bytes[9] << 8;
    if (major > 1) {
        prefix += 2;
        if (size < prefix)
            return damaged(r, "it ends within the header");
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    }
    if (length > size - prefix)
        return damaged(r, "it ends within the header");
    if (length > MAX_HEADER)
        return damaged(r, "its header is too long");
    reader dict = {r->path, r->at + prefix, r->at + prefix + length};
    r->at = dict.end;
    return read_dict(&dict, header);
}

/* Turns the bytes of each number around, in place. */
static void swap_bytes(char *data, size_t count, size_t size)
{
    for (char *number = data; count > 0; count--, number += size)
        for (size_t i = 0, j = size - 1; i < j; i++, j--) {
            char byte = number[i];
            number[i] = number[j];
            number[j] = byte;
        }
}

/* Elements of `size` bytes from column-major to row-major order, in steps along the last axis. */
static void copy_transposed(char *to, const char *from, size_t size, const npy_header *header)
{
    size_t stride[TW_MAX_RANK], index[TW_MAX_RANK] = {0}, offset = 0, rank = header->rank;
    size_t step = 1;
    for (size_t i = 0; i < rank; i++) {
        stride[i] = step * size;
        step *= (size_t)header->dims[i];
    }
    for (size_t n = step; n > 0; n--) {
        memcpy(to, from + offset, size);
        to += size;
        for (size_t axis = rank; axis-- > 0;) {
            offset += stride[axis];
            if (++index[axis] < (size_t)header->dims[axis])
                break;
            offset -= index[axis] * stride[axis];
            index[axis] = 0;
        }
    }
}

/* Bytes of a bool other than 0 and 1 are no bool: kernels may not meet them. */
static void mend_bools(uint8_t *data, size_t count)
{
    for (size_t i = 0; i < count; i++)
        data[i] = data[i] != 0;
}

/* The count is compared with the bytes at hand before the array is made, so that a small file
 * cannot ask for much memory. Bytes behind the elements are ignored, as NumPy does. */
static tw_status *read_elements(const reader *r, const npy_header *header, tw_array **out)
{
    size_t count, size = tw_dtype_size(header->dtype);
    tw_shape shape = {header->dims, header->rank};
    tw_status *status = tw_shape_check(header->dtype, shape, &count);
    if (status)
        return tw_status_with_note(status, "in %s", r->path);
    if ((size_t)(r->end - r->at) / size < count)
        return tw_status_new(TW_DATA_LOSS,
                             "%s ends early: %s of shape %s needs %zu bytes, %zu are"
                             " there",
                             r->path, tw_dtype_name(header->dtype), tw_shape_text(shape).s,
                             count * size, (size_t)(r->end - r->at));
    TW_TRY(tw_array_create_for(header->dtype, shape, out));
    char *data = (*out)->data;
    if (count > 0 && header->fortran && header->rank > 1)
        copy_transposed(data, r->at, size, header);
    else if (count > 0)
        memcpy(data, r->at, count * size);
    if (header->swapped) {
        size_t parts = tw_dtype_is_complex(header->dtype) ? 2 : 1;
        swap_bytes(data, count * parts, size / parts);
    }
    if (header->dtype == TW_BOOL)
        mend_bools((*out)->data, count);
    return TW_OK;
}

/* *out is NULL unless all went well. */
tw_status *tw_array_load_npy(const char *path, tw_array **out)
{
    char *bytes;
    size_t size;
    npy_header header = {0};
    if (!out)
        return tw_value_error("tw_array_load_npy needs a place for the array");
    *out = NULL;
    if (!path)
        return tw_value_error("tw_array_load_npy needs a path");
    TW_TRY(tw_os_read_file(path, 0, &bytes, &size));
    reader r = {path, bytes, bytes + size};
    tw_status *status = read_header(&r, &header);
    if (!status)
        status = read_elements(&r, &header, out);
    tw_free(bytes);
    return status;
}

/* NULL is how a dtype that the format cannot name is found out, before the file is begun. */
static const npy_dtype *written_as(tw_dtype dtype)
{
    for (size_t i = 0; i < N_NPY_DTYPES; i++)
        if (npy_dtypes[i].dtype == dtype)
            return &npy_dtypes[i];
    return NULL;
}

/* Magic, version, length and dict, padded so that the elements begin at a multiple of 64. */
static void write_header(tw_buffer *out, const npy_dtype *dtype, tw_shape shape)
{
    char order = dtype->size == 1 ? '|' : little_endian() ? '<' : '>';
    tw_buffer dict = {0};
    tw_buffer_printf(&dict, "{'descr': '%c%c%u', 'fortran_order': False, 'shape': (", order,
                     dtype->kind, (unsigned)dtype->size);
    for (size_t i = 0; i < shape.rank; i++)
        tw_buffer_printf(&dict, "%s%" PRId64, i > 0 ? ", " : "", shape.dims[i]);
    tw_buffer_add_text(&dict, shape.rank == 1 ? ",), }" : "), }");
    while ((MAGIC_SIZE + 4 + dict.length + 1) % ALIGNMENT != 0 && !dict.failed)
        tw_buffer_add_char(&dict, ' ');
    tw_buffer_add_char(&dict, '\n');
    tw_buffer_add(out, magic, MAGIC_SIZE);
    tw_buffer_add(out, "\x01\x00", 2);
    tw_buffer_add_char(out, (char)(dict.length & 0xff));
    tw_buffer_add_char(out, (char)(dict.length >> 8));
    tw_buffer_add(out, dict.data ? dict.data : "", dict.length);
    out->failed = out->failed || dict.failed;
    tw_buffer_clear(&dict);
}

/* The whole file is put together in memory, for one atomic replacement of the old one. */
tw_status *tw_array_save_npy(const tw_array *array, const char *path)
{
    if (!array)
        return tw_value_error("an array that is NULL cannot be saved");
    if (!path)
        return tw_value_error("tw_array_save_npy needs a path");
    const npy_dtype *dtype = written_as(array->dtype);
    if (!dtype)
        return tw_status_with_kind(tw_status_new(TW_UNIMPLEMENTED,
                                                 "%s: .npy files have no elements of %s", path,
                                                 tw_dtype_name(array->dtype)),
                                   TW_KIND_TYPE);
    tw_buffer file = {0};
    write_header(&file, dtype, tw_array_shape(array));
    tw_buffer_add(&file, array->data, tw_array_bytes(array));
    tw_status *status = file.failed ? tw_no_memory()
                                    : tw_os_write_file(path, file.data, file.length);
    tw_buffer_clear(&file);
    return status;
}
