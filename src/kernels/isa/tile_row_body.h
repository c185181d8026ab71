/* SPDX-License-Identifier: Apache-2.0
 * Whole rows of one dtype reduced in one way. Before it is included: T, OP(a, b) for numbers,
 * VECTORS(a, b) for vectors, START and NAME(f). Rows are taken in pieces of 1024 by 32 lanes, these
 * by halves, and what pieces come to is put together in double: the same order at every level. */
static double NAME(row)(size_t n, const T *x)
{
    enum { LANES = 32, PART = TW_VECTOR_BYTES / sizeof(T), PARTS = LANES / PART, PIECE = 1024 };
    typedef T vec __attribute__((vector_size(TW_VECTOR_BYTES), aligned(sizeof(T)), may_alias));
    double total = START;
    for (size_t m; n > 0; n -= m, x += m) {
        size_t j = 0;
        m = n < PIECE ? n : PIECE;
        if (m < LANES / 2) { /* too short to fill the lanes */
            for (; j < m; j++)
                total = OP(total, (double)x[j]);
            continue;
        }
        vec part[PARTS];
        T lane[LANES];
        for (size_t v = 0; v < PARTS; v++)
            part[v] = (vec){0} + (T)START;
        for (; j + LANES <= m; j += LANES) {
            _Pragma("GCC unroll 16") for (size_t v = 0; v < PARTS; v++)
            {
                vec y = *(const vec *)(x + j + v * PART);
                part[v] = VECTORS(part[v], y);
            }
        }
        for (size_t v = 0; v < PARTS; v++)
            *(vec *)(lane + v * PART) = part[v];
        for (size_t l = 0; j + l < m; l++)
            lane[l] = OP(lane[l], x[j + l]);
        for (size_t half = LANES / 2; half; half /= 2) {
            for (size_t l = 0; l < half; l++)
                lane[l] = OP(lane[l], lane[l + half]);
        }
        total = OP(total, (double)lane[0]);
    }
    return total;
}

#undef OP
#undef VECTORS
#undef START
#undef NAME
