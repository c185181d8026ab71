/* SPDX-License-Identifier: Apache-2.0
 * TopK and TopKV2: the k largest elements of each row, and their places. Elements become integers
 * that are ordered as they are; the k best so far stand in a heap with the worst on top. Among
 * equals the one that comes first is better; NaN is below everything. */
#include <string.h>

#include "ops/arrays.h"

/* ---- shapes ---- */

/* k -1: not known. */
static void infer_k(tw_infer *in, int64_t k)
{
    tw_shape x = tw_infer_input(in, 0);
    if (!x.dims)
        return;
    int64_t last = tw_infer_dim(x, -1);
    if (x.rank == 0)
        tw_infer_fail(in, "input must be >= 1-D, got shape []");
    else if (last >= 0 && k > last)
        tw_infer_fail(in, "input must have at least k columns. Had %" PRId64 ", needed %" PRId64,
                      last, k);
    for (size_t i = 0; i < 2 && !tw_infer_failed(in); i++)
        tw_infer_output(in, i, tw_infer_replace(in, x, x.rank - 1, k));
}

static void infer_v1(tw_infer *in)
{
    infer_k(in, tw_infer_int(in, "k"));
}

/* k is a value. */
static void infer_v2(tw_infer *in)
{
    int64_t k = -1;
    tw_infer_scalar(in, 1);
    if (tw_infer_int_value(in, 1, &k) && k < 0)
        tw_infer_fail(in, "Need k >= 0, got %" PRId64, k);
    infer_k(in, k);
}

/* dy goes to the places of the values: as updates of a flat array of zeros. */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor x = g->inputs[0], places = g->outputs[1];
    tw_tensor shape = tw_shape(x), flat = tw_reshape(places, TW_INTS(-1));
    tw_tensor last = tw_gather(shape, tw_sub(tw_size(shape), 1));
    tw_tensor place_shape = tw_shape(places);
    tw_tensor k = tw_gather(place_shape, tw_sub(tw_size(place_shape), 1));
    tw_tensor rows = tw_floor_div(tw_range(0, tw_size(places), 1), tw_maximum(k, 1));
    tw_tensor at = tw_expand_dims(tw_add(flat, tw_mul(rows, last)), -1);
    tw_tensor size = tw_expand_dims(tw_prod(shape, 0), 0);
    tw_tensor dy = tw_reshape(tw_gradient_dy(g, 0), TW_INTS(-1));
    g->dx[0] = tw_grad_of(tw_reshape(tw_scatter_nd(at, dy, size), shape));
    return TW_OK;
}

/* ---- keys ---- */

/* The bits of a float of `bits` bits as an integer of the same order; NaN: 0. */
static uint64_t float_key(uint64_t value, unsigned bits, uint64_t infinity)
{
    uint64_t sign = UINT64_C(1) << (bits - 1);
    if ((value & ~sign) > infinity)
        return 0;
    if (value == sign) /* -0 equals 0 */
        value = 0;
    return value & sign ? sign - (value & ~sign) : sign + value;
}

/* Signed integers are moved so that the lowest becomes 0. */
static uint64_t key_of(tw_dtype dtype, const void *row, size_t i)
{
    switch (dtype) {
    case TW_FLOAT32: return float_key(((const uint32_t *)row)[i], 32, UINT64_C(0x7f800000));
    case TW_FLOAT64: return float_key(((const uint64_t *)row)[i], 64, UINT64_C(0x7ff0000000000000));
    case TW_FLOAT16: return float_key(((const uint16_t *)row)[i], 16, UINT64_C(0x7c00));
    case TW_BFLOAT16: return float_key(((const uint16_t *)row)[i], 16, UINT64_C(0x7f80));
    case TW_UINT64: return ((const uint64_t *)row)[i];
    default: break;
    }
    const char *element = (const char *)row + i * tw_dtype_size(dtype);
    return (uint64_t)tw_element_get_int(dtype, element) ^ UINT64_C(1) << 63;
}

/* ---- the heap ---- */

typedef struct entry {
    uint64_t key;
    size_t place;
} entry;

/* A strict order: no two entries have the same place. */
static bool worse(const entry *a, const entry *b)
{
    return a->key != b->key ? a->key < b->key : a->place > b->place;
}

/* The entry at `at` goes down to where it belongs among `count`: a parent is worse than its
 * children. */
static void sink(entry *heap, size_t count, size_t at)
{
    entry moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && worse(&heap[child + 1], &heap[child]))
            child++;
        if (!worse(&heap[child], &moved))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

/* The heap's entries, the best one first. */
static void sort_heap(entry *heap, size_t k)
{
    for (size_t left = k; left > 1;) {
        entry worst = heap[0];
        heap[0] = heap[--left];
        heap[left] = worst;
        sink(heap, left, 0);
    }
}

/* The next element from i on that may be better than the worst of the heap: of the common dtypes
 * most are passed over as they are. Against NaN every number counts. */
static size_t next_better(tw_dtype dtype, const void *row, size_t i, size_t n, const entry *worst)
{
    const float *f = row;
    const double *d = row;
    const int32_t *l = row;
    if (dtype == TW_FLOAT32 && worst->key) {
        float bound = f[worst->place];
        while (i < n && !(f[i] > bound))
            i++;
    } else if (dtype == TW_FLOAT64 && worst->key) {
        double bound = d[worst->place];
        while (i < n && !(d[i] > bound))
            i++;
    } else if (dtype == TW_INT32) {
        int32_t bound = l[worst->place];
        while (i < n && l[i] <= bound)
            i++;
    }
    return i;
}

/* The k best of a row of n, in a heap. */
static void select_best(tw_dtype dtype, const void *row, size_t n, size_t k, entry *heap)
{
    for (size_t i = 0; i < k; i++)
        heap[i] = (entry){key_of(dtype, row, i), i};
    for (size_t i = k / 2; i-- > 0;)
        sink(heap, k, i);
    for (size_t i = k; (i = next_better(dtype, row, i, n, heap)) < n; i++) {
        uint64_t key = key_of(dtype, row, i);
        if (key <= heap[0].key)
            continue;
        heap[0] = (entry){key, i};
        sink(heap, k, 0);
    }
}

/* ---- whole rows ---- */

enum { DIGITS = 256, MOST_DIGITS = 8 };

/* Bytes of a key that may differ: those of integers fill 64 bits. */
static size_t digits_of(tw_dtype dtype)
{
    return tw_dtype_is_floating(dtype) ? tw_dtype_size(dtype) : MOST_DIGITS;
}

/* The larger digit comes first. */
static size_t digit(const entry *e, size_t d)
{
    return DIGITS - 1 - (size_t)(e->key >> (8 * d) & (DIGITS - 1));
}

/* All of a row in order, digit by digit from the lowest one: among equals the one that comes first
 * stays first. `room` holds twice as many entries; gives where they are in it. */
static const entry *sort_row(tw_dtype dtype, const void *row, size_t n, entry *room)
{
    uint32_t counts[MOST_DIGITS][DIGITS];
    entry *from = room, *to = room + n;
    size_t digits = digits_of(dtype);
    memset(counts, 0, digits * sizeof *counts);
    for (size_t i = 0; i < n; i++) {
        from[i] = (entry){key_of(dtype, row, i), i};
        for (size_t d = 0; d < digits; d++)
            counts[d][digit(&from[i], d)]++;
    }
    for (size_t d = 0; d < digits; d++) {
        uint32_t *place = counts[d], before = 0;
        if (place[digit(from, d)] == n)
            continue;
        for (size_t k = 0; k < DIGITS; k++) {
            uint32_t count = place[k];
            place[k] = before;
            before += count;
        }
        for (size_t i = 0; i < n; i++)
            to[place[digit(&from[i], d)]++] = from[i];
        entry *other = from;
        from = to, to = other;
    }
    return from;
}

/* ---- short rows ---- */

/* A key of at most 33 bits above what is left of 255 less the place, so that equal ones are in
 * order too; entries are made of them again. */
enum { SHORT_ROW = 256, PLACE_BITS = 8 };

/* One more from the front of two runs, or from their back: which of them it is from cannot be
 * foreseen and is no branch. */
static void merge_step(uint64_t *to, const uint64_t **left, const uint64_t **right)
{
    uint64_t a = **left, b = **right;
    size_t later = b > a;
    *to = later ? b : a;
    *left += 1 - later;
    *right += later;
}

static void merge_back_step(uint64_t *to, const uint64_t **left, const uint64_t **right)
{
    uint64_t a = **left, b = **right;
    size_t earlier = a < b;
    *to = earlier ? a : b;
    *left -= earlier;
    *right -= 1 - earlier;
}

/* Two runs of n, from both ends at once. */
static void merge_even(uint64_t *to, const uint64_t *from, size_t n)
{
    const uint64_t *left = from, *right = from + n;
    const uint64_t *left_back = from + n - 1, *right_back = from + 2 * n - 1;
    for (size_t i = 0; i < n; i++) {
        merge_step(to + i, &left, &right);
        merge_back_step(to + 2 * n - 1 - i, &left_back, &right_back);
    }
}

/* Runs of m and then n. */
static void merge_uneven(uint64_t *to, const uint64_t *from, size_t m, size_t n)
{
    const uint64_t *left = from, *right = from + m, *left_end = right, *right_end = right + n;
    while (left < left_end && right < right_end)
        merge_step(to++, &left, &right);
    while (left < left_end)
        *to++ = *left++;
    while (right < right_end)
        *to++ = *right++;
}

static void sort_short_row(tw_dtype dtype, const void *row, size_t n, entry *out)
{
    uint64_t a[SHORT_ROW], b[SHORT_ROW], *from = a, *to = b;
    uint64_t base = tw_dtype_is_floating(dtype) ? 0 : (UINT64_C(1) << 63) - (UINT64_C(1) << 31);
    for (size_t i = 0; i < n; i++)
        a[i] = (key_of(dtype, row, i) - base) << PLACE_BITS | (SHORT_ROW - 1 - i);
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t start = 0; start < n; start += 2 * width) {
            size_t left = n - start;
            if (left >= 2 * width)
                merge_even(to + start, from + start, width);
            else if (left > width)
                merge_uneven(to + start, from + start, width, left - width);
            else
                memcpy(to + start, from + start, left * sizeof *to);
        }
        uint64_t *other = from;
        from = to, to = other;
    }
    for (size_t i = 0; i < n; i++)
        out[i].place = SHORT_ROW - 1 - (size_t)(from[i] & (SHORT_ROW - 1));
}

/* ---- numbers ---- */

/* Are most of n wanted in order? Then sorting all of them costs less than a heap, but for a few. */
static bool sorts_rows(bool sorted, size_t n, size_t k)
{
    return sorted && k >= n / 4 && n >= 16;
}

/* The values that stand there; the common size is the compiler's to see. */
static void put_best(char *to, const char *from, size_t size, const entry *best, size_t k)
{
    for (size_t i = 0; i < k && size == 4; i++)
        memcpy(to + 4 * i, from + 4 * best[i].place, 4);
    for (size_t i = 0; i < k && size != 4; i++)
        memcpy(to + size * i, from + size * best[i].place, size);
}

/* One heap serves all rows. Values are copied from their places, so that no bits are lost. */
static tw_status *top_k(tw_compute *c, entry *heap, size_t k)
{
    const tw_array *x = tw_input(c, 0);
    bool sorted = tw_compute_bool(c, "sorted");
    size_t n = (size_t)x->dims[x->rank - 1], rows = x->count / n, size = tw_dtype_size(x->dtype);
    char *values = tw_output_data(c, 0);
    int32_t *places = tw_output_data(c, 1);
    for (size_t row = 0; row < rows; row++) {
        const char *from = tw_element_at(x, row * n);
        const entry *best = heap;
        if (sorts_rows(sorted, n, k)) {
            if (n <= SHORT_ROW && size <= 4)
                sort_short_row(x->dtype, from, n, heap);
            else
                best = sort_row(x->dtype, from, n, heap);
        } else {
            select_best(x->dtype, from, n, k, heap);
            if (sorted)
                sort_heap(heap, k);
        }
        put_best(values + row * k * size, from, size, best, k);
        for (size_t i = 0; i < k; i++)
            places[row * k + i] = (int32_t)best[i].place;
    }
    return TW_OK;
}

/* k is read off the result, whose shape the rule has made from it. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *y = tw_output(c, 0);
    if (y->count == 0)
        return TW_OK;
    size_t k = (size_t)y->dims[y->rank - 1], n = (size_t)tw_input(c, 0)->dims[y->rank - 1];
    if (n > INT32_MAX)
        return tw_compute_fail(c, "places in rows of more than 2147483647 elements do not fit");
    bool all = sorts_rows(tw_compute_bool(c, "sorted"), n, k);
    entry *heap = tw_alloc_array(all ? 2 * n : k, sizeof *heap);
    if (!heap)
        return tw_no_memory();
    tw_status *status = top_k(c, heap, k);
    tw_free(heap);
    return status;
}

const tw_op_definition tw_op_TopK = {
    .signature = "input: T -> values: T, indices: int32; k: int >= 0; sorted: bool = true; "
                 "T: realnumbertype",
    .doc =
        "The `k` largest elements of each row (the last dimension), the largest first if `sorted`, "
        "and their places; among equals the one that comes first. TopKV2 takes k as an input.",
    .builder = "top_k_v1",
    .since = "sorted: 0.7; half: 1.3",
    .examples = {"top_k_v1([1, 9, 5, 9], 2) -> [9, 9], [1, 3]"},
    .infer = infer_v1,
    .gradient = gradient,
    .compute = compute,
};

const tw_op_definition tw_op_TopKV2 = {
    .signature = "input: T, k: int32 -> values: T, indices: int32; sorted: bool = true; "
                 "T: realnumbertype",
    .doc =
        "The `k` largest elements of each row (the last dimension), the largest first if `sorted`, "
        "and their places; among equals the one that comes first.",
    .builder = "top_k",
    .since = "TopKV2: 0.7; half: 1.3",
    .examples = {"top_k([1, 9, 5, 9], 2) -> [9, 9], [1, 3]",
                 "top_k([[1., 2.], [4., 3.]], 1) -> [[2.], [4.]], [[1], [0]]"},
    .shape_inputs = 1 << 1,
    .infer = infer_v2,
    .gradient = gradient,
    .compute = compute,
};
