/* SPDX-License-Identifier: Apache-2.0
 * Softmax of one dtype. Before it is included: T, EXP, LOG, NAME(f), LARGER of two vectors and,
 * where there is one, EXP_VECTOR. Short rows are taken several at a time, so that the exponentials
 * run over one long stretch. Sums and maxima go by lanes, folded in a fixed order. */

enum { NAME(LANES) = 64 / sizeof(T), NAME(PART) = TW_VECTOR_BYTES / sizeof(T) };

typedef T NAME(vec) __attribute__((vector_size(TW_VECTOR_BYTES), aligned(sizeof(T)), may_alias));

/* By vectors, of which the last begins where the row still fills it. */
static NOINLINE T NAME(long_row_max)(const T *x, size_t n)
{
    enum { STEP = 4 * NAME(PART) };
    T most = -(T)INFINITY;
    NAME(vec) lane[4], last = *(const NAME(vec) *)(x + n - NAME(PART));
    for (size_t v = 0; v < 4; v++)
        lane[v] = (NAME(vec)){0} - (T)INFINITY;
    size_t j = 0;
    for (; j + STEP <= n; j += STEP) {
        for (size_t v = 0; v < 4; v++)
            lane[v] = LARGER(*(const NAME(vec) *)(x + j + v * NAME(PART)), lane[v]);
    }
    for (; j + NAME(PART) <= n; j += NAME(PART))
        lane[0] = LARGER(*(const NAME(vec) *)(x + j), lane[0]);
    lane[1] = LARGER(last, lane[1]);
    lane[0] = LARGER(LARGER(lane[0], lane[1]), LARGER(lane[2], lane[3]));
    for (size_t l = 0; l < NAME(PART); l++)
        most = lane[0][l] > most ? lane[0][l] : most;
    return most;
}

/* NaN is skipped here and comes back in the exponentials. */
static ALWAYS_INLINE T NAME(row_max)(const T *x, size_t n)
{
    T most = -(T)INFINITY;
    if (n >= 4 * NAME(PART))
        return NAME(long_row_max)(x, n);
    for (size_t j = 0; j < n; j++)
        most = x[j] > most ? x[j] : most;
    return most;
}

/* The order depends on n alone. */
static ALWAYS_INLINE T NAME(row_sum)(const T *x, size_t n)
{
    T sum = 0;
    size_t j = 0;
    if (n >= NAME(LANES)) {
        T lane[NAME(LANES)] = {0};
        for (; j + NAME(LANES) <= n; j += NAME(LANES)) {
            for (size_t l = 0; l < NAME(LANES); l++)
                lane[l] += x[j + l];
        }
        for (size_t half = NAME(LANES) / 2; half; half /= 2) {
            for (size_t l = 0; l < half; l++)
                lane[l] += lane[l + half];
        }
        sum = lane[0];
    }
    for (; j < n; j++)
        sum += x[j];
    return sum;
}

/* sum labels * x, as row_sum adds. */
static ALWAYS_INLINE T NAME(row_dot)(const T *labels, const T *x, size_t n)
{
    T sum = 0;
    size_t j = 0;
    if (n >= NAME(LANES)) {
        T lane[NAME(LANES)] = {0};
        for (; j + NAME(LANES) <= n; j += NAME(LANES)) {
            for (size_t l = 0; l < NAME(LANES); l++)
                lane[l] += labels[j + l] * x[j + l];
        }
        sum = NAME(row_sum)(lane, NAME(LANES));
    }
    for (; j < n; j++)
        sum += labels[j] * x[j];
    return sum;
}

/* As many rows as fill a block, at least one. */
static inline size_t NAME(rows_at_once)(const tw_softmax_rows *r)
{
    return r->scratch || r->cols >= ELEMENTS ? 1 : ELEMENTS / (r->cols ? r->cols : 1);
}

/* Scratch is one row for all. */
static inline T *NAME(out_row)(const tw_softmax_rows *r, size_t row)
{
    return (T *)r->out + (r->scratch ? 0 : row * r->cols);
}

/* out = logits - max for the rows first .. last - 1. */
static NOINLINE void NAME(shift)(const tw_softmax_rows *r, size_t first, size_t last)
{
    for (size_t row = first; row < last; row++) {
        const T *x = (const T *)r->logits + row * r->logits_stride;
        T *out = NAME(out_row)(r, row), most = NAME(row_max)(x, r->cols);
        for (size_t j = 0; j < r->cols; j++)
            out[j] = x[j] - most;
    }
}

/* Over several rows at once: a row of ten is too short for a vector loop. */
static NOINLINE void NAME(exponentials)(T *x, size_t n)
{
    for (size_t j = 0; j < n; j++)
        x[j] = EXP(x[j]);
}

#ifdef EXP_VECTOR
/* e^(x - most), and their sum in the order of row_sum. Meanwhile the next row comes from memory. A
 * last vector begins where the row still fills it, and is read before `out`, which may be x, is
 * written there. */
static ALWAYS_INLINE T NAME(summed_exponentials)(const T *x, T most, size_t n, const T *next,
                                                 T *out)
{
    enum { VECTORS = NAME(LANES) / NAME(PART) };
    _Alignas(64) T sums[NAME(LANES)];
    NAME(vec) sum[VECTORS], last = {0};
    bool overlaps = n >= NAME(PART) && n % NAME(LANES);
    if (overlaps)
        last = *(const NAME(vec) *)(x + n - NAME(PART)) - most;
    for (size_t v = 0; v < VECTORS; v++)
        sum[v] = (NAME(vec)){0};
    size_t j = 0;
    for (; j + NAME(LANES) <= n; j += NAME(LANES)) {
        __builtin_prefetch(next + j, 0, 3);
        for (size_t v = 0; v < VECTORS; v++) {
            size_t at = j + v * NAME(PART);
            NAME(vec) made = EXP_VECTOR(*(const NAME(vec) *)(x + at) - most);
            *(NAME(vec) *)(out + at) = made;
            sum[v] += made;
        }
    }
    for (size_t v = 0; v < VECTORS; v++)
        *(NAME(vec) *)(sums + v * NAME(PART)) = sum[v];
    T all = n >= NAME(LANES) ? NAME(row_sum)(sums, NAME(LANES)) : 0;
    __builtin_prefetch(next + j, 0, 3);
    size_t end = overlaps ? n - NAME(PART) : n;
    for (size_t q = j; q < end; q++)
        out[q] = EXP(x[q] - most);
    if (overlaps)
        *(NAME(vec) *)(out + n - NAME(PART)) = EXP_VECTOR(last);
    for (; j < n; j++)
        all += out[j];
    return all;
}
#else
static ALWAYS_INLINE T NAME(summed_exponentials)(const T *x, T most, size_t n, const T *next,
                                                 T *out)
{
    for (size_t j = 0; j < n; j++)
        out[j] = EXP(x[j] - most);
    (void)next;
    return NAME(row_sum)(out, n);
}
#endif

/* All at once for a long row: the maximum, e^(x - maximum), and their sum. */
static NOINLINE T NAME(shifted_exponentials)(const tw_softmax_rows *r, size_t row, T *out, T *sum)
{
    const T *x = (const T *)r->logits + row * r->logits_stride;
    T most = NAME(row_max)(x, r->cols);
    *sum = NAME(summed_exponentials)(x, most, r->cols, x + r->logits_stride, out);
    return most;
}

/* Divides by the sum, with one division a row. */
static void NAME(normalize)(T *x, size_t n, T sum)
{
    T scale = 1 / sum;
    for (size_t j = 0; j < n; j++)
        x[j] *= scale;
}

/* The same into memory that no cache holds: a line that is written whole need not be read first. */
static void NAME(normalize_past)(T *to, const T *x, size_t n, T sum)
{
    T scale = 1 / sum;
    size_t j = 0;
#if defined(__AVX__)
    typedef T half __attribute__((vector_size(32), aligned(sizeof(T)), may_alias));
    size_t head = -(uintptr_t)to % 64 / sizeof(T);
    for (; j < head && j < n; j++)
        to[j] = x[j] * scale;
    for (; j + NAME(LANES) <= n; j += NAME(LANES)) {
        half low = *(const half *)(x + j) * scale;
        half high = *(const half *)(x + j + NAME(LANES) / 2) * scale;
        _mm256_stream_ps((float *)(void *)(to + j), (__m256)low);
        _mm256_stream_ps((float *)(void *)(to + j + NAME(LANES) / 2), (__m256)high);
    }
#endif
    for (; j < n; j++)
        to[j] = x[j] * scale;
}

/* Rows of a result that no cache holds are made in one that is, and stored past the caches. */
static void NAME(softmax_past)(const tw_softmax_rows *r)
{
    _Alignas(64) T made[PAST_ROW / sizeof(T)];
    for (size_t row = 0; row < r->rows; row++) {
        T sum;
        NAME(shifted_exponentials)(r, row, made, &sum);
        NAME(normalize_past)(NAME(out_row)(r, row), made, r->cols, sum);
    }
    tw_tile_loops_now()->fence();
}

/* A few passes over data in the first cache. */
static void NAME(softmax)(const tw_softmax_rows *r)
{
    size_t step = NAME(rows_at_once)(r);
    if (r->past && step == 1 && r->cols <= PAST_ROW / sizeof(T)) {
        NAME(softmax_past)(r);
        return;
    }
    for (size_t first = 0; first < r->rows; first += step) {
        size_t last = r->rows - first < step ? r->rows : first + step;
        if (last - first == 1) {
            T sum, *out = NAME(out_row)(r, first);
            NAME(shifted_exponentials)(r, first, out, &sum);
            NAME(normalize)(out, r->cols, sum);
            continue;
        }
        NAME(shift)(r, first, last);
        NAME(exponentials)(NAME(out_row)(r, first), (last - first) * r->cols);
        for (size_t row = first; row < last; row++) {
            T *out = NAME(out_row)(r, row);
            NAME(normalize)(out, r->cols, NAME(row_sum)(out, r->cols));
        }
    }
}

/* The exponentials are only summed, a piece at a time. */
static void NAME(log_softmax)(const tw_softmax_rows *r)
{
    T piece[ELEMENTS];
    for (size_t row = 0; row < r->rows; row++) {
        NAME(shift)(r, row, row + 1);
        T *out = NAME(out_row)(r, row), sum = 0;
        for (size_t j = 0; j < r->cols; j += ELEMENTS) {
            size_t n = r->cols - j < ELEMENTS ? r->cols - j : ELEMENTS;
            for (size_t q = 0; q < n; q++)
                piece[q] = EXP(out[j + q]);
            sum += NAME(row_sum)(piece, n);
        }
        T log_sum = LOG(sum);
        for (size_t j = 0; j < r->cols; j++)
            out[j] -= log_sum;
    }
}

/* With d = logits - max and s = sum exp d: loss = log(s) sum labels - sum labels d. What needs d is
 * found before it is overwritten; most rows' labels and dots are kept for a block. */
static void NAME(xent)(const tw_softmax_rows *r)
{
    T all[ELEMENTS], dot[ELEMENTS];
    size_t step = NAME(rows_at_once)(r);
    for (size_t first = 0; first < r->rows; first += step) {
        size_t last = r->rows - first < step ? r->rows : first + step;
        NAME(shift)(r, first, last);
        for (size_t row = first; row < last; row++) {
            const T *labels = (const T *)r->labels + row * r->labels_stride;
            all[row - first] = NAME(row_sum)(labels, r->cols);
            dot[row - first] = NAME(row_dot)(labels, NAME(out_row)(r, row), r->cols);
        }
        NAME(exponentials)(NAME(out_row)(r, first), (last - first) * r->cols);
        for (size_t row = first; row < last; row++) {
            const T *labels = (const T *)r->labels + row * r->labels_stride;
            T *out = NAME(out_row)(r, row), sum = NAME(row_sum)(out, r->cols);
            T factor = (T)r->factor, scale = factor / sum;
            if (r->loss)
                ((T *)r->loss)[row] = LOG(sum) * all[row - first] - dot[row - first];
            for (size_t j = 0; j < r->cols && !r->scratch; j++)
                out[j] = out[j] * scale - labels[j] * factor;
        }
    }
}

static inline size_t NAME(class)(const tw_softmax_rows *r, size_t row)
{
    return r->wide ? (size_t)((const int64_t *)r->classes)[row]
                   : (size_t)((const int32_t *)r->classes)[row];
}

/* Rows of exponentials become the derivative, and their losses are known. */
static void NAME(end_sparse)(const tw_softmax_rows *r, size_t first, size_t last, const T *dot,
                             const T *sums)
{
    for (size_t row = first; row < last; row++) {
        T *out = NAME(out_row)(r, row), sum = sums[row - first];
        T factor = (T)r->factor, scale = factor / sum;
        if (r->loss)
            ((T *)r->loss)[row] = LOG(sum) - dot[row - first];
        for (size_t j = 0; j < r->cols && !r->scratch; j++)
            out[j] *= scale;
        out[NAME(class)(r, row)] -= factor;
    }
    for (size_t row = first; row < last && r->sums; row++) {
        const T *out = NAME(out_row)(r, row);
        for (size_t j = 0; j < r->cols; j++)
            ((T *)r->sums)[j] += out[j];
    }
}

/* The same of some long rows, (AT_ONCE, cols), whose sums are read and written once for all of
 * them: neither a row nor the sums fit into the first cache, and each would drive out the other
 * for every row. */
static void NAME(end_summed)(const tw_softmax_rows *r, size_t first, const T *dot, const T *all)
{
    T scale[AT_ONCE], factor = (T)r->factor;
    for (size_t i = 0; i < AT_ONCE; i++) {
        scale[i] = factor / all[i];
        if (r->loss)
            ((T *)r->loss)[first + i] = LOG(all[i]) - dot[i];
    }
    T *restrict a = NAME(out_row)(r, first), *restrict b = NAME(out_row)(r, first + 1);
    T *restrict c = NAME(out_row)(r, first + 2), *restrict d = NAME(out_row)(r, first + 3);
    T *restrict sums = r->sums;
    for (size_t j = 0; j < r->cols; j++) {
        a[j] *= scale[0];
        b[j] *= scale[1];
        c[j] *= scale[2];
        d[j] *= scale[3];
        sums[j] += (a[j] + b[j]) + (c[j] + d[j]);
    }
    for (size_t i = 0; i < AT_ONCE; i++) {
        size_t class = NAME(class)(r, first + i);
        NAME(out_row)(r, first + i)[class] -= factor;
        sums[class] -= factor;
    }
}

/* As xent with a label of 1 at the class: its shifted logit is kept before it is overwritten. */
static void NAME(sparse_xent)(const tw_softmax_rows *r)
{
    T dot[ELEMENTS], all[ELEMENTS];
    bool summed = r->sums && sizeof(T) == sizeof(float); /* of doubles it is rare */
    size_t step = NAME(rows_at_once)(r), most = step == 1 && summed ? AT_ONCE : step;
    for (size_t first = 0; first < r->rows; first += most) {
        size_t last = r->rows - first < most ? r->rows : first + most;
        for (size_t row = first; row < last && step == 1; row++) {
            T x = ((const T *)r->logits)[row * r->logits_stride + NAME(class)(r, row)];
            dot[row - first] = x - NAME(shifted_exponentials)(r, row, NAME(out_row)(r, row),
                                                              &all[row - first]);
        }
        if (step > 1) {
            NAME(shift)(r, first, last);
            for (size_t row = first; row < last; row++)
                dot[row - first] = NAME(out_row)(r, row)[NAME(class)(r, row)];
            NAME(exponentials)(NAME(out_row)(r, first), (last - first) * r->cols);
            for (size_t row = first; row < last; row++)
                all[row - first] = NAME(row_sum)(NAME(out_row)(r, row), r->cols);
        }
        if (summed && step == 1 && last - first == AT_ONCE)
            NAME(end_summed)(r, first, dot, all);
        else
            NAME(end_sparse)(r, first, last, dot, all);
    }
}

#undef T
#undef LARGER
#undef EXP
#undef EXP_VECTOR
#undef LOG
#undef NAME
