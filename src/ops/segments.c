/* SPDX-License-Identifier: Apache-2.0
 * Rows of an array that belong to one segment become one row. */
#include "ops/segments.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"

/* By size: the element is aligned for it. */
void tw_put_bits(void *element, size_t size, uint64_t bits)
{
    switch (size) {
    case 1: *(uint8_t *)element = (uint8_t)bits; break;
    case 2: *(uint16_t *)element = (uint16_t)bits; break;
    case 4: *(uint32_t *)element = (uint32_t)bits; break;
    default: *(uint64_t *)element = bits;
    }
}

/* A complex number is two of its parts, the second 0. */
void tw_fill_numbers(tw_dtype dtype, void *elements, size_t count, double value)
{
    size_t size = tw_dtype_size(dtype);
    bool complex = tw_dtype_is_complex(dtype);
    tw_dtype part = dtype == TW_COMPLEX64    ? TW_FLOAT32
                    : dtype == TW_COMPLEX128 ? TW_FLOAT64
                                             : dtype;
    for (size_t i = 0; i < count; i++) {
        char *element = (char *)elements + i * size;
        tw_element_set(part, element, value);
        if (complex)
            tw_element_set(part, element + size / 2, 0);
    }
}

/* Numbers with a point are divided in their own dtype, as the loops do. */
void tw_divide_numbers(tw_dtype dtype, void *elements, size_t count, double by)
{
    _Alignas(16) unsigned char divisor[16] = {0};
    if (!tw_dtype_is_integer(dtype)) {
        tw_fill_numbers(dtype, divisor, 1, by);
        tw_combine_loop(TW_COMBINE_DIV, dtype)(count, elements, divisor, 0);
        return;
    }
    /* Wider than the dtype, in which the divisor may not fit. */
    size_t size = tw_dtype_size(dtype);
    int64_t n = (int64_t)by;
    for (size_t i = 0; i < count; i++) {
        char *element = (char *)elements + i * size;
        int64_t quotient = tw_element_get_int(dtype, element) / n;
        if (dtype == TW_UINT64)
            quotient = (int64_t)(*(const uint64_t *)element / (uint64_t)n);
        tw_put_bits(element, size, (uint64_t)quotient);
    }
}

/* One pass over the rows. */
typedef struct pass {
    const tw_array *data, *indices, *ids;
    tw_array *out;
    size_t row; /* elements of one */
    tw_combine loop;
    tw_segment_end end;
    double empty;
    int64_t segment; /* the one that grows; -1: none yet */
    size_t count;    /* rows in it */
} pass;

/* A segment is complete once the next one begins. */
static void finish(pass *p)
{
    if (p->segment < 0 || p->end == TW_SEGMENT_AS_IT_IS)
        return;
    double by = p->end == TW_SEGMENT_MEAN ? (double)p->count : sqrt((double)p->count);
    tw_divide_numbers(p->out->dtype, tw_element_to(p->out, (size_t)p->segment * p->row), p->row,
                      by);
}

/* Ends the segment, fills those without rows, and begins segment `id`. */
static void begin(pass *p, int64_t id)
{
    finish(p);
    size_t from = (size_t)(p->segment + 1);
    tw_fill_numbers(p->out->dtype, tw_element_to(p->out, from * p->row),
                    ((size_t)id - from) * p->row, p->empty);
    p->segment = id;
    p->count = 0;
}

/* The first row of a segment is copied, the others are combined with it: no neutral element is
 * needed. */
static tw_status *take_row(const tw_compute *c, pass *p, size_t i)
{
    int64_t id = tw_index_at(p->ids, i), at = p->indices ? tw_index_at(p->indices, i) : (int64_t)i;
    if (id < 0 || id >= p->out->dims[0])
        return tw_compute_fail(c,
                               "Segment id %" PRId64 " out of range [0, %" PRId64
                               "), possibly because 'segment_ids' input is not sorted.",
                               id, p->out->dims[0]);
    if (id < p->segment)
        return tw_compute_fail(c, "segment ids are not increasing");
    if (at < 0 || at >= p->data->dims[0])
        return tw_compute_fail(c, "Bad: indices[%zu] == %" PRId64 " out of range [0, %" PRId64 ")",
                               i, at, p->data->dims[0]);
    if (id != p->segment)
        begin(p, id);
    const char *from = tw_element_at(p->data, (size_t)at * p->row);
    char *to = tw_element_to(p->out, (size_t)id * p->row);
    if (p->count++ > 0)
        p->loop(p->row, to, from, 1);
    else if (p->row > 0)
        tw_copy_bytes(to, from, p->row * tw_dtype_size(p->out->dtype));
    return TW_OK;
}

/* The number of segments is the last id + 1: ids do not decrease. */
tw_status *tw_segment_rows(tw_compute *c, tw_combination how, tw_segment_end end, double empty,
                           const tw_array *indices, const tw_array *segment_ids)
{
    const tw_array *data = tw_input(c, 0);
    int64_t dims[TW_MAX_RANK] = {0};
    size_t n = segment_ids->count;
    tw_array *out;
    for (size_t i = 1; i < data->rank; i++)
        dims[i] = data->dims[i];
    if (!indices && (int64_t)n != data->dims[0])
        return tw_compute_fail(c, "segment_ids should be the same size as dimension 0 of input.");
    int64_t last = n > 0 ? tw_index_at(segment_ids, n - 1) : -1;
    if (n > 0 && (last < 0 || last == INT64_MAX))
        return tw_compute_fail(c, "segment ids must be >= 0");
    dims[0] = last + 1;
    TW_TRY(tw_compute_allocate(c, 0, (tw_shape){dims, data->rank}, &out));
    pass p = {.data = data,
              .indices = indices,
              .ids = segment_ids,
              .out = out,
              .row = tw_span(data->dims, 1, data->rank),
              .loop = tw_combine_loop(how, data->dtype),
              .end = end,
              .empty = empty,
              .segment = -1};
    if (!p.loop)
        return tw_compute_fail(c, "no such reduction of %s", tw_dtype_name(data->dtype));
    for (size_t i = 0; i < n; i++)
        TW_TRY(take_row(c, &p, i));
    finish(&p);
    return TW_OK;
}
