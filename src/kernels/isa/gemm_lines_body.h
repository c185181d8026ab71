/* SPDX-License-Identifier: Apache-2.0
 * Products of a few rows, which read B once and where it stands: packing it would cost more than
 * multiplying. Included after gemm_body.h by its names, with FMA(a, b, c) on vectors,
 * LIKE_T, a signed integer of T's size, LINES_AT_ONCE, 4 or 1: so many rows have loops of their
 * own, and MOST_DOTS, 4 or 2: so many are summed along k at once. Every sum goes over k in order,
 * or, where B's columns are contiguous, over vectors of k in order: so it is the same however
 * columns are cut. */

typedef LIKE_T NAME(mask) __attribute__((vector_size(TW_VECTOR_BYTES)));

/* ---- B by rows: a strip of columns whose sums are registers ---- */

/* nv vectors of columns, the last of which ends before column `last`: it begins before the one
 * before it ends where columns are no whole vectors. The columns from j on are written. */
static ALWAYS_INLINE void NAME(strip)(const tw_gemm_block *g, size_t m, size_t nv, size_t j,
                                      size_t last)
{
    enum { MOST = 8 };
    NAME(vec) acc[TW_GEMM_FEW][MOST];
    T sum[MOST * NAME(LANES)];
    const T *a = g->a, *b = (const T *)g->b + j, *end = (const T *)g->b + last - NAME(LANES);
    size_t a_row = g->a_row, a_col = g->a_col, b_row = g->b_row;
    UNROLL for (size_t i = 0; i < m; i++) UNROLL for (size_t v = 0; v < nv; v++)
        acc[i][v] = (NAME(vec)){0};
    for (size_t p = g->k; p; p--, a += a_col, b += b_row, end += b_row) {
        NAME(vec) row[MOST];
        UNROLL for (size_t v = 0; v + 1 < nv; v++) row[v] = NAME(load)(b + v * NAME(LANES));
        row[nv - 1] = NAME(load)(end);
        UNROLL for (size_t i = 0; i < m; i++)
        {
            NAME(vec) x = NAME(spread)(a[i * a_row]);
            UNROLL for (size_t v = 0; v < nv; v++) acc[i][v] = FMA(x, row[v], acc[i][v]);
        }
    }
    size_t n = last - j, whole = (nv - 1) * NAME(LANES);
    UNROLL for (size_t i = 0; i < m; i++)
    {
        UNROLL for (size_t v = 0; v < nv; v++) NAME(store)(sum + v * NAME(LANES), acc[i][v]);
        if (n == nv * NAME(LANES)) {
            NAME(set)(g, i, j, n, sum);
            continue;
        }
        NAME(set)(g, i, j, whole, sum);
        NAME(set)(g, i, j + whole, n - whole, sum + whole + nv * NAME(LANES) - n);
    }
}

/* From j on nv vectors of columns, or what is left; where the next ones begin. */
static ALWAYS_INLINE size_t NAME(strip_from)(const tw_gemm_block *g, size_t m, size_t nv, size_t j,
                                             size_t last)
{
    size_t end = last - j < nv * NAME(LANES) ? last : j + nv * NAME(LANES);
    NAME(strip)(g, m, nv, j, end);
    return end;
}

/* As many vectors as leave registers for a row of B and an element of A; then fewer. */
static ALWAYS_INLINE void NAME(strips_of)(const tw_gemm_block *g, size_t m, size_t most,
                                          size_t first, size_t last)
{
    size_t j = first;
    while (last - j >= most * NAME(LANES))
        j = NAME(strip_from)(g, m, most, j, last);
    while (most > 4 && last - j > 3 * NAME(LANES))
        j = NAME(strip_from)(g, m, 4, j, last);
    while (last - j > NAME(LANES))
        j = NAME(strip_from)(g, m, 2, j, last);
    if (j < last)
        NAME(strip_from)(g, m, 1, j, last);
}

static void NAME(strips)(const tw_gemm_block *g, size_t first, size_t last)
{
    switch (LINES_AT_ONCE > 1 ? g->m : 1) {
    case 1: NAME(strips_of)(g, 1, 8, first, last); break;
    case 2: NAME(strips_of)(g, 2, 4, first, last); break;
    case 3: NAME(strips_of)(g, 3, 3, first, last); break;
    default: NAME(strips_of)(g, 4, 3, first, last);
    }
}

/* ---- B by rows: all columns, whose sums stay in the first cache ---- */

enum { NAME(RUN) = 8192 / sizeof(T) }; /* elements of sums, of all rows */

/* How many of them each row of A has. */
static ALWAYS_INLINE size_t NAME(run_length)(size_t m)
{
    return NAME(RUN) / (m == 3 ? 4 : m);
}

/* acc += `count` rows of B times their numbers in each row of A, for n columns, which are whole
 * vectors. What as many next rows have there is asked for meanwhile: a row may be a page of its
 * own, which no processor foresees. */
static ALWAYS_INLINE void NAME(add_rows)(const tw_gemm_block *g, size_t m, size_t count, size_t p,
                                         const T *b, size_t n, T *acc)
{
    const T *a = (const T *)g->a + p * g->a_col;
    size_t step = g->b_row, run = NAME(run_length)(m);
    NAME(vec) by[TW_GEMM_FEW][4];
    UNROLL for (size_t i = 0; i < m; i++) UNROLL for (size_t r = 0; r < count; r++)
        by[i][r] = NAME(spread)(a[i * g->a_row + r * g->a_col]);
    for (size_t j = 0; j < n; j += NAME(LANES)) {
        NAME(vec) row[4];
        UNROLL for (size_t r = 0; r < count; r++)
        {
            row[r] = NAME(load)(b + r * step + j);
            if (j % (64 / sizeof(T)) == 0)
                __builtin_prefetch(b + (count + r) * step + j);
        }
        UNROLL for (size_t i = 0; i < m; i++)
        {
            NAME(vec) sum = NAME(load)(acc + i * run + j);
            UNROLL for (size_t r = 0; r < count; r++) sum = FMA(by[i][r], row[r], sum);
            NAME(store)(acc + i * run + j, sum);
        }
    }
}

static ALWAYS_INLINE void NAME(runs_of)(const tw_gemm_block *g, size_t m, size_t first, size_t last)
{
    _Alignas(64) T acc[NAME(RUN)];
    size_t run = NAME(run_length)(m), whole = first + (last - first) / NAME(LANES) * NAME(LANES);
    for (size_t j = first; j < whole; j += run) {
        size_t n = whole - j < run ? whole - j : run, p = 0;
        const T *b = (const T *)g->b + j;
        for (size_t i = 0; i < m; i++)
            memset(acc + i * run, 0, n * sizeof(T));
        for (; p + 4 <= g->k; p += 4, b += 4 * g->b_row)
            NAME(add_rows)(g, m, 4, p, b, n, acc);
        for (; p < g->k; p++, b += g->b_row)
            NAME(add_rows)(g, m, 1, p, b, n, acc);
        for (size_t i = 0; i < m; i++)
            NAME(set)(g, i, j, n, acc + i * run);
    }
    if (whole < last)
        NAME(strip)(g, m, 1, whole, last);
}

static void NAME(runs)(const tw_gemm_block *g, size_t first, size_t last)
{
    switch (LINES_AT_ONCE > 1 ? g->m : 1) {
    case 1: NAME(runs_of)(g, 1, first, last); break;
    case 2: NAME(runs_of)(g, 2, first, last); break;
    case 3: NAME(runs_of)(g, 3, first, last); break;
    default: NAME(runs_of)(g, 4, first, last);
    }
}

/* ---- B by columns: each sum is a vector along k ---- */

/* Four vectors, each of which is added up across. */
static ALWAYS_INLINE void NAME(sum_lanes)(const T *acc, T *sums)
{
    enum { LANES = NAME(LANES) };
#if TW_VECTOR_BYTES >= 32
    typedef T four __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));
    four part[4], low, high;
    UNROLL for (size_t q = 0; q < 4; q++)
    {
        part[q] = *(const four *)(acc + q * LANES);
        UNROLL for (size_t l = 4; l < LANES; l += 4)
            part[q] += *(const four *)(acc + q * LANES + l);
    }
    low = __builtin_shufflevector(part[0], part[1], 0, 4, 1, 5) +
          __builtin_shufflevector(part[0], part[1], 2, 6, 3, 7);
    high = __builtin_shufflevector(part[2], part[3], 0, 4, 1, 5) +
           __builtin_shufflevector(part[2], part[3], 2, 6, 3, 7);
    *(four *)sums = __builtin_shufflevector(low, high, 0, 1, 4, 5) +
                    __builtin_shufflevector(low, high, 2, 3, 6, 7);
#else
    for (size_t q = 0; q < 4; q++) {
        sums[q] = 0;
        for (size_t l = 0; l < LANES; l++)
            sums[q] += acc[q * LANES + l];
    }
#endif
}

/* Four columns from j on of m rows from i on; where fewer are left, the last one of them serves for
 * the others. k is at least a vector: its last one is read whole, with zeros where elements were
 * read before: `ends` has A's rows there, and before them a mask for B. One of the next columns is
 * asked for. */
static ALWAYS_INLINE void NAME(dots)(const tw_gemm_block *g, size_t i, size_t m, size_t j,
                                     size_t last, const T *ends)
{
    enum { LANES = NAME(LANES) };
    const T *a[MOST_DOTS], *b[4], *ahead[2];
    size_t whole = g->k / LANES * LANES;
    NAME(vec) acc[MOST_DOTS][4];
    T parts[4 * LANES], sums[4];
    UNROLL for (size_t q = 0; q < 4; q++)
        b[q] = (const T *)g->b + (j + q < last ? j + q : last - 1) * g->b_col;
    UNROLL for (size_t h = 0; h < m / 2; h++)
    {
        size_t next = j + 4 + (i / 2 + h) % 4;
        ahead[h] = (const T *)g->b + (next < g->n ? next : j) * g->b_col;
    }
    UNROLL for (size_t r = 0; r < m; r++)
    {
        a[r] = (const T *)g->a + (i + r) * g->a_row;
        UNROLL for (size_t q = 0; q < 4; q++) acc[r][q] = (NAME(vec)){0};
    }
    for (size_t p = 0; p < whole; p += LANES) {
        NAME(vec) row[MOST_DOTS];
        UNROLL for (size_t h = 0; h < m / 2; h++) __builtin_prefetch(ahead[h] + p, 0, 3);
        UNROLL for (size_t r = 0; r < m; r++) row[r] = NAME(load)(a[r] + p);
        UNROLL for (size_t q = 0; q < 4; q++)
        {
            NAME(vec) x = NAME(load)(b[q] + p);
            UNROLL for (size_t r = 0; r < m; r++) ADD_PRODUCT(acc[r][q], row[r], x);
        }
    }
    if (whole < g->k) {
        UNROLL for (size_t q = 0; q < 4; q++)
        {
            NAME(vec) x = NAME(load)(b[q] + g->k - LANES);
            x = (NAME(vec))((NAME(mask))x & (NAME(mask))NAME(load)(ends));
            UNROLL for (size_t r = 0; r < m; r++)
                ADD_PRODUCT(acc[r][q], NAME(load)(ends + (i + r + 1) * LANES), x);
        }
    }
    UNROLL for (size_t r = 0; r < m; r++)
    {
        UNROLL for (size_t q = 0; q < 4; q++) NAME(store)(parts + q * LANES, acc[r][q]);
        NAME(sum_lanes)(parts, sums);
        NAME(set)(g, i + r, j, last - j < 4 ? last - j : 4, sums);
    }
}

static NOINLINE void NAME(dots_of_one)(const tw_gemm_block *g, size_t i, size_t first, size_t last,
                                       const T *ends)
{
    for (size_t j = first; j < last; j += 4)
        NAME(dots)(g, i, 1, j, last, ends);
}

#if MOST_DOTS > 2
/* Sixteen sums: vectors of 512 bits are loaded no faster than multiplied. */
static NOINLINE void NAME(dots_of_four)(const tw_gemm_block *g, size_t i, size_t first, size_t last,
                                        const T *ends)
{
    for (size_t j = first; j < last; j += 4)
        NAME(dots)(g, i, 4, j, last, ends);
}
#endif

/* Eight sums are as many as keep the multipliers busy. */
static NOINLINE void NAME(dots_of_two)(const tw_gemm_block *g, size_t i, size_t first, size_t last,
                                       const T *ends)
{
    for (size_t j = first; j < last; j += 4)
        NAME(dots)(g, i, 2, j, last, ends);
}

/* So many columns at a time as stay in the first cache for all rows. */
static void NAME(columns)(const tw_gemm_block *g, size_t first, size_t last)
{
    enum { LANES = NAME(LANES), NEAR = 512 };
    T ends[(1 + TW_GEMM_NARROW) * LANES] = {0};
    size_t over = g->k % LANES, each = 4 + NEAR / g->k * 8;
    memset(ends + LANES - over, 0xff, over * sizeof(T));
    for (size_t i = 0; i < g->m; i++)
        memcpy(ends + (i + 2) * LANES - over, (const T *)g->a + i * g->a_row + g->k - over,
               over * sizeof(T));
    for (size_t j = first, end; j < last; j = end) {
        size_t i = 0;
        end = last - j < each || g->m < 3 ? last : j + each;
#if MOST_DOTS > 2
        for (; i + 4 <= g->m; i += 4)
            NAME(dots_of_four)(g, i, j, end, ends);
#endif
        for (; (LINES_AT_ONCE > 1 || MOST_DOTS > 2) && i + 2 <= g->m; i += 2)
            NAME(dots_of_two)(g, i, j, end, ends);
        for (; i < g->m; i++)
            NAME(dots_of_one)(g, i, j, end, ends);
    }
}

/* ---- which of them ---- */

/* Rows of A that are no rows in memory are made such, a piece of k at a time. */
static void NAME(gathered)(const tw_gemm_block *g, size_t first, size_t last)
{
    T a[4 * NAME(RUN)];
    size_t most = 4 * NAME(RUN) / g->m / NAME(LANES) * NAME(LANES);
    tw_gemm_parts parts = tw_gemm_parts_of(g->k, NAME(LANES), (g->k + most - 1) / most);
    tw_gemm_block part = *g;
    part.a = a;
    part.a_col = 1;
    for (size_t i = 0; i < parts.count; i++) {
        size_t p = tw_gemm_part_start(&parts, i);
        part.k = tw_gemm_part_start(&parts, i + 1) - p;
        part.a_row = (part.k + NAME(LANES) - 1) / NAME(LANES) * NAME(LANES);
        NAME(pack_panel)
        ((const T *)g->a + p * g->a_col, g->a_row, g->a_col, g->m, part.k, part.a_row, a);
        part.b = (const T *)g->b + p * g->b_row;
        NAME(columns)(&part, first, last);
        part.beta = 1;
    }
}

/* One row and less than a vector of columns, or of terms: number by number, four terms at once, as
 * a sum waits for the one before it. Said to be cold, so that nothing of it is written out for
 * vectors that there are not. */
static NOINLINE __attribute__((cold)) void NAME(numbers)(const tw_gemm_block *g, size_t first,
                                                         size_t last)
{
    const T *a = g->a;
    size_t down = g->b_row, along = g->b_col, step = g->a_col;
    for (size_t j = first; j < last;) {
        T sum[NAME(LANES)] = {0};
        size_t n = last - j < NAME(LANES) ? last - j : NAME(LANES), p = 0;
        const T *b = (const T *)g->b + j * along;
        for (; p + 4 <= g->k; p += 4, b += 4 * down) {
            T x0 = a[p * step], x1 = a[(p + 1) * step], x2 = a[(p + 2) * step],
              x3 = a[(p + 3) * step];
            for (size_t l = 0; l < n; l++)
                sum[l] += (x0 * b[l * along] + x1 * b[down + l * along]) +
                          (x2 * b[2 * down + l * along] + x3 * b[3 * down + l * along]);
        }
        for (; p < g->k; p++, b += down) {
            for (size_t l = 0; l < n; l++)
                sum[l] += a[p * step] * b[l * along];
        }
        NAME(set)(g, 0, j, n, sum);
        j += n;
    }
}

/* One number: what training a line needs, where little else is done. */
static NOINLINE void NAME(dot)(const tw_gemm_block *g)
{
    enum { PAIR = 2 * NAME(LANES) };
    const T *a = g->a, *b = g->b;
    NAME(vec) sums[2] = {{0}};
    T sum = 0, *c = g->c, beta = (T)g->beta;
    size_t p = 0;
    for (; p + PAIR <= g->k; p += PAIR) {
        UNROLL for (size_t h = 0; h < 2; h++) sums[h] = FMA(
            NAME(load)(a + p + h * NAME(LANES)), NAME(load)(b + p + h * NAME(LANES)), sums[h]);
    }
    sums[0] += sums[1];
    for (size_t l = 0; l < NAME(LANES); l++)
        sum += sums[0][l];
    for (; p < g->k; p++)
        sum += a[p] * b[p];
    *c = beta != 0 ? (T)g->alpha * sum + beta * *c : (T)g->alpha * sum;
}

/* What is near is summed in registers, a strip of columns after the other; what comes from afar
 * is read along its rows, as it lies. */
static void NAME(lines)(const tw_gemm_block *g, size_t first, size_t last)
{
    enum { NEAR_BYTES = 1 << 18 };
    bool near = g->k * g->n * sizeof(T) <= NEAR_BYTES || g->n <= 8 * NAME(LANES);
    bool rows = g->b_col == 1 && g->n >= NAME(LANES) && g->m <= TW_GEMM_FEW;
    tw_gemm_block part = *g;
    if (!rows) {
        bool columns = g->b_row == 1 && g->k >= NAME(LANES);
        if (columns && g->m == 1 && g->n == 1 && g->a_col == 1)
            NAME(dot)(g);
        else
            (!columns        ? NAME(numbers)
             : g->a_col == 1 ? NAME(columns)
                             : NAME(gathered))(g, first, last);
        return;
    }
    for (size_t i = 0; i < g->m; i += part.m) {
        part.m = LINES_AT_ONCE < g->m ? LINES_AT_ONCE : g->m;
        part.a = (const T *)g->a + i * g->a_row;
        part.c = (T *)g->c + i * (g->turned ? 1 : g->ldc);
        (near ? NAME(strips) : NAME(runs))(&part, first, last);
    }
}
