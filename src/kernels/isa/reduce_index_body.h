/* SPDX-License-Identifier: Apache-2.0
 * The largest or smallest number of a line of one dtype, and where it stands. Needs T, MASK, an
 * integer as wide, LOWEST, HIGHEST, MOST(a, b) and LEAST(a, b) of vectors, b where one is NaN, and
 * NAME(f). The value is found first and then looked for, so that the search for it needs no
 * indices. */

enum { NAME(INDEX_LANES) = TW_VECTOR_BYTES / sizeof(T), NAME(INDEX_STEP) = 4 * NAME(INDEX_LANES) };
typedef T NAME(index_vec) __attribute__((vector_size(TW_VECTOR_BYTES)));
typedef T NAME(index_loose) __attribute__((vector_size(TW_VECTOR_BYTES), aligned(1), may_alias));
typedef T NAME(stored) __attribute__((may_alias));
typedef MASK NAME(index_mask) __attribute__((vector_size(TW_VECTOR_BYTES)));

/* What was found so far stands last, so that NaN never wins. The last stretch of a long line lies
 * over the one before it. */
static ALWAYS_INLINE T NAME(extreme)(const T *x, size_t n, bool largest)
{
    T one = largest ? LOWEST : HIGHEST, part[NAME(INDEX_LANES)];
    NAME(index_vec) best[4];
    if (n < NAME(INDEX_STEP)) {
        for (size_t i = 0; i < n; i++)
            one = (largest ? x[i] > one : x[i] < one) ? x[i] : one;
        return one;
    }
    for (size_t v = 0; v < 4; v++)
        best[v] = (NAME(index_vec)){0} + one;
    for (size_t i = 0; i < n; i += NAME(INDEX_STEP)) {
        const T *at = x + (n - i < NAME(INDEX_STEP) ? n - NAME(INDEX_STEP) : i);
        for (size_t v = 0; v < 4; v++) {
            NAME(index_vec) y = *(const NAME(index_loose) *)(at + v * NAME(INDEX_LANES));
            best[v] = largest ? MOST(y, best[v]) : LEAST(y, best[v]);
        }
    }
    for (size_t v = 1; v < 4; v++)
        best[0] = largest ? MOST(best[v], best[0]) : LEAST(best[v], best[0]);
    memcpy(part, &best[0], sizeof part);
    for (size_t half = NAME(INDEX_LANES) / 2; half; half /= 2) {
        for (size_t l = 0; l < half; l++) {
            T y = part[l + half];
            part[l] = (largest ? y > part[l] : y < part[l]) ? y : part[l];
        }
    }
    return part[0];
}

/* As loops of reductions, whose accumulators begin 8 bytes apart; also called by what asks for the
 * place. */
static __attribute__((noinline)) void NAME(lines_max)(double *acc, const void *const *x,
                                                      size_t count, size_t n)
{
    for (size_t k = 0; k < count; k++)
        *(NAME(stored) *)(acc + k) = NAME(extreme)(x[k], n, true);
}
static __attribute__((noinline)) void NAME(lines_min)(double *acc, const void *const *x,
                                                      size_t count, size_t n)
{
    for (size_t k = 0; k < count; k++)
        *(NAME(stored) *)(acc + k) = NAME(extreme)(x[k], n, false);
}

/* Any of a few vectors at a time, then the one, then its number; if all is NaN, nothing equals what
 * was found, and the answer is 0. */
static size_t NAME(index_line)(const void *line, size_t n, bool largest)
{
    const T *x = line;
    double room;
    size_t i = 0;
    (largest ? NAME(lines_max) : NAME(lines_min))(&room, &line, 1, n);
    T wanted = *(const NAME(stored) *)&room;
    for (; i + NAME(INDEX_STEP) <= n; i += NAME(INDEX_STEP)) {
        NAME(index_mask) found = {0};
        for (size_t v = 0; v < 4; v++)
            found |= *(const NAME(index_loose) *)(x + i + v * NAME(INDEX_LANES)) == wanted;
        if (any((words)found))
            break;
    }
    for (; i + NAME(INDEX_LANES) <= n; i += NAME(INDEX_LANES)) {
        if (any((words)(*(const NAME(index_loose) *)(x + i) == wanted)))
            break;
    }
    for (; i < n; i++) {
        if (x[i] == wanted)
            return i;
    }
    return 0;
}

#undef T
#undef MASK
#undef LOWEST
#undef HIGHEST
#undef NAME
#undef MOST
#undef LEAST
