/* SPDX-License-Identifier: Apache-2.0
 * Where: the coordinates of the elements that are not zero. */
#include <string.h>

#include "ops/arrays.h"

/* How many there are is known only from the values. */
static void infer(tw_infer *in)
{
    tw_shape shape = tw_infer_input(in, 0);
    if (shape.dims && shape.rank == 0)
        tw_infer_fail(in, "WhereOp : Unhandled input dimensions: 0");
    tw_infer_output(in, 0, TW_SHAPE(-1, shape.dims ? (int64_t)shape.rank : -1));
}

/* Anything but zero, -0 and false: NaN counts. */
static bool is_set(const tw_array *x, size_t i)
{
    const char *element = tw_element_at(x, i);
    switch (x->dtype) {
    case TW_BOOL:
    case TW_INT8:
    case TW_UINT8: return *element != 0;
    case TW_FLOAT32: return *(const float *)element != 0;
    case TW_COMPLEX64: return ((const float *)element)[0] != 0 || ((const float *)element)[1] != 0;
    case TW_COMPLEX128:
        return ((const double *)element)[0] != 0 || ((const double *)element)[1] != 0;
    case TW_INT64:
    case TW_UINT64: return *(const uint64_t *)element != 0;
    default: return tw_element_get(x->dtype, element) != 0;
    }
}

/* Eight truths at once: each byte is 0 or 1. */
static uint64_t eight(const tw_array *x, size_t i)
{
    uint64_t word;
    memcpy(&word, (const char *)x->data + i, sizeof word);
    return word;
}

/* How many are set; of truths by adding up bytes. */
static int64_t count_set(const tw_array *x)
{
    int64_t count = 0;
    size_t i = 0;
    for (; x->dtype == TW_BOOL && i + 8 <= x->count; i += 8)
        count += (int64_t)(eight(x, i) * UINT64_C(0x0101010101010101) >> 56);
    for (; i < x->count; i++)
        count += is_set(x, i);
    return count;
}

/* Writes the coordinates at + (j) of one element. */
static int64_t *put(int64_t *to, const size_t *at, size_t outer, size_t j)
{
    for (size_t k = 0; k < outer; k++)
        *to++ = (int64_t)at[k];
    *to = (int64_t)j;
    return to + 1;
}

/* Truths j .. last - 1 of a line in an array of at most two dims, of which the one at `last` is
 * set: whatever is written for one that is not is written over later. */
static int64_t *put_truths(const bool *line, size_t j, size_t last, const size_t *at, size_t rank,
                           int64_t *to)
{
    for (; j < last && rank == 1; j++) {
        *to = (int64_t)j;
        to += line[j];
    }
    for (; j < last; j++) {
        to[0] = (int64_t)at[0];
        to[1] = (int64_t)j;
        to += 2 * (size_t)line[j];
    }
    return to;
}

/* The elements of one line, `start` the first: the last coordinate counts through. Truths need no
 * branch, which would be guessed wrong half of the time: before the last one that is set (`last`,
 * in the whole array) there is room for another. */
static int64_t *put_line(const tw_array *x, size_t start, size_t length, const size_t *at,
                         size_t last, int64_t *to)
{
    size_t outer = x->rank - 1, j = 0;
    if (x->dtype == TW_BOOL && x->rank <= 2 && last > start) {
        j = last - start < length ? last - start : length;
        to = put_truths((const bool *)x->data + start, 0, j, at, x->rank, to);
    }
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; x->dtype == TW_BOOL && j + 8 <= length; j += 8) {
        for (uint64_t word = eight(x, start + j); word; word &= word - 1)
            to = put(to, at, outer, j + (size_t)__builtin_ctzll(word) / 8);
    }
#endif
    for (; j < length; j++) {
        if (is_set(x, start + j))
            to = put(to, at, outer, j);
    }
    return to;
}

/* The last element that is set, or 0. */
static size_t last_set(const tw_array *x)
{
    size_t last = x->count;
    while (last > 0 && !is_set(x, last - 1))
        last--;
    return last > 0 ? last - 1 : 0;
}

/* Two passes: the first counts, so that the result is made once in its size. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    size_t at[TW_MAX_RANK] = {0};
    tw_array *y;
    TW_TRY(tw_compute_allocate(c, 0, TW_SHAPE(count_set(x), (int64_t)x->rank), &y));
    int64_t *to = y->data;
    size_t length = x->rank ? (size_t)x->dims[x->rank - 1] : 1, last = last_set(x);
    for (size_t i = 0; i < x->count; i += length) {
        to = put_line(x, i, length, at, last, to);
        for (size_t k = x->rank - 1; k-- > 0 && ++at[k] == (size_t)x->dims[k];)
            at[k] = 0;
    }
    return TW_OK;
}

const tw_op_definition tw_op_Where = {
    .signature = "input: T -> index: int64; "
                 "T: {float, double, int32, uint8, int16, int8, complex64, int64, qint8, quint8, "
                 "qint32, bfloat16, uint16, complex128, half, uint32, uint64, bool} = bool",
    .doc = "The coordinates of the elements that are true (or not zero), one row for each, in "
           "row-major order.",
    .builder = "where",
    .since = "numbers: 1.3",
    .examples = {"where([[True, False], [True, True]]) -> [[0, 0], [1, 0], [1, 1]]"},
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute,
};
