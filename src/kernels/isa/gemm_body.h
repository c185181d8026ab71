/* SPDX-License-Identifier: Apache-2.0
 * Products of one floating dtype. Before it is included: T, FMA(a, b, c) on vectors, SPREAD(x) to
 * the list of all lanes, ROWS and VECTORS of the register tile, NAME(f), ACT_SIGMOID and ACT_TANH
 * of an element. The tile holds ROWS x VECTORS accumulators in registers and walks over k: A's
 * elements are broadcast from where they stand, B comes from the panel. */

enum { NAME(LANES) = TW_VECTOR_BYTES / sizeof(T), NAME(WIDTH) = VECTORS * NAME(LANES) };
typedef T NAME(vec) __attribute__((vector_size(TW_VECTOR_BYTES)));
typedef T NAME(loose) __attribute__((vector_size(TW_VECTOR_BYTES), aligned(sizeof(T)), may_alias));

/* Rows of C and of an unpacked B begin anywhere. */
static ALWAYS_INLINE NAME(vec) NAME(load)(const T *x)
{
    return *(const NAME(loose) *)x;
}

/* The counterpart of the load: the matrix's rows need not be aligned to a vector. */
static ALWAYS_INLINE void NAME(store)(T *x, NAME(vec) v)
{
    *(NAME(loose) *)x = v;
}

/* The list of lanes becomes one broadcast instruction; a loop over lanes would not at every
 * level. */
static ALWAYS_INLINE NAME(vec) NAME(spread)(T x)
{
    return (NAME(vec)){SPREAD(x)};
}

/* What a tile is given. */
typedef struct NAME(tile) {
    size_t k, a_row, a_col, b_row, ldc;
    const T *a, *b;
    T *c;
    T alpha, beta;
} NAME(tile);

/* With mr and nv constant the accumulators are registers. One step of k loads nv vectors of B, and
 * uses each mr times; every element of A is broadcast once and used nv times. */
static ALWAYS_INLINE void NAME(multiply)(const NAME(tile) * t, size_t mr, size_t nv)
{
    NAME(vec) acc[ROWS][VECTORS];
    UNROLL for (size_t i = 0; i < mr; i++) UNROLL for (size_t v = 0; v < nv; v++)
        acc[i][v] = (NAME(vec)){0};
    const T *a = t->a, *b = t->b;
    size_t a_row = t->a_row, a_col = t->a_col, b_row = t->b_row;
    for (size_t p = t->k; p; p--, a += a_col, b += b_row) {
        NAME(vec) row[VECTORS];
        UNROLL for (size_t v = 0; v < nv; v++) row[v] = NAME(load)(b + v * NAME(LANES));
        UNROLL for (size_t i = 0; i < mr; i++)
        {
            NAME(vec) x = NAME(spread)(a[i * a_row]);
            UNROLL for (size_t v = 0; v < nv; v++) acc[i][v] = FMA(x, row[v], acc[i][v]);
        }
    }
    T *c = t->c;
    size_t ldc = t->ldc;
    NAME(vec) alpha = NAME(spread)(t->alpha), beta = NAME(spread)(t->beta);
    bool adds = t->beta != 0;
    UNROLL for (size_t i = 0; i < mr; i++, c += ldc)
    {
        UNROLL for (size_t v = 0; v < nv; v++)
        {
            NAME(vec) r = acc[i][v] * alpha;
            if (adds)
                r = FMA(NAME(load)(c + v * NAME(LANES)), beta, r);
            NAME(store)(c + v * NAME(LANES), r);
        }
    }
}

#define TILE(mr, nv)                                         \
    static void NAME(tile_##mr##_##nv)(const NAME(tile) * t) \
    {                                                        \
        NAME(multiply)(t, mr, nv);                           \
    }
#define TILES(mr) TILE(mr, 1) TILE(mr, 2) IF_THREE(TILE(mr, 3))
TILES(1)
TILES(2)
TILES(3)
TILES(4)
IF_SIX(TILES(5) TILES(6))
IF_EIGHT(TILES(7) TILES(8))

#define ENTRY(mr)                                                               \
    {                                                                           \
        NAME(tile_##mr##_1), NAME(tile_##mr##_2), IF_THREE(NAME(tile_##mr##_3)) \
    }
static void (*const NAME(tiles)[ROWS][VECTORS])(const NAME(tile) *) = {
    ENTRY(1), ENTRY(2), ENTRY(3), ENTRY(4),
    IF_SIX(ENTRY(5), ENTRY(6), ) IF_EIGHT(ENTRY(7), ENTRY(8))};
#undef TILE
#undef TILES
#undef ENTRY

/* Rows of whole vectors, as most are. */
static ALWAYS_INLINE void NAME(pack_rows)(const T *b, size_t b_row, size_t k, size_t nv, T *to)
{
    for (size_t p = 0; p < k; p++, b += b_row, to += nv * NAME(LANES)) {
        UNROLL for (size_t v = 0; v < nv; v++)
            NAME(store)(to + v * NAME(LANES), NAME(load)(b + v * NAME(LANES)));
    }
}

/* k rows of n columns, padded to `width`. Where B's columns are contiguous instead (it is
 * transposed), square blocks are turned in turn. */
static void NAME(pack_panel)(const T *b, size_t b_row, size_t b_col, size_t k, size_t n,
                             size_t width, T *restrict to)
{
    enum { LINE = 64 / sizeof(T) }; /* a cache line is used up before the next columns' */
    if (b_col == 1 && n == VECTORS * NAME(LANES)) {
        NAME(pack_rows)(b, b_row, k, VECTORS, to);
        return;
    }
    if (b_col == 1) {
        for (size_t p = 0; p < k; p++, b += b_row, to += width) {
            for (size_t j = 0; j < n; j++)
                to[j] = b[j];
            for (size_t j = n; j < width; j++)
                to[j] = 0;
        }
        return;
    }
    size_t whole_k = b_row == 1 ? k / LINE * LINE : 0, whole_n = n / 4 * 4;
    for (size_t p = 0; p < whole_k; p += LINE) {
        for (size_t j = 0; j < whole_n; j += 4) {
            for (size_t q = p; q < p + LINE; q += 4)
                TRANSPOSE_4(b + q + j * b_col, b_col, to + q * width + j, width);
        }
    }
    for (size_t p = 0; p < k; p++) {
        for (size_t j = p < whole_k ? whole_n : 0; j < n; j++)
            to[p * width + j] = b[p * b_row + j * b_col];
        for (size_t j = n; j < width; j++)
            to[p * width + j] = 0;
    }
}

/* Runs over a panel's columns while they are still in the cache. */
static void NAME(finish)(void *matrix, size_t m, size_t n, size_t ldc, const void *bias,
                         tw_activation activation)
{
    const T *add = bias;
    if (n == 1 && ldc == 1) { /* a column in one piece is done as a row */
        T *c = matrix;
        for (size_t i = 0; add && i < m; i++)
            c[i] += *add;
        n = m;
        m = 1;
        add = NULL;
    }
    for (size_t i = 0; i < m; i++) {
        T *c = (T *)matrix + i * ldc;
        for (size_t j = 0; add && j < n; j++)
            c[j] += add[j];
        switch (activation) {
        case TW_ACTIVATION_NONE: break;
        case TW_ACTIVATION_RELU:
            for (size_t j = 0; j < n; j++)
                c[j] = c[j] < 0 ? 0 : c[j];
            break;
        case TW_ACTIVATION_RELU6:
            for (size_t j = 0; j < n; j++) {
                T low = c[j] < 0 ? 0 : c[j];
                c[j] = low > 6 ? 6 : low;
            }
            break;
        case TW_ACTIVATION_SIGMOID:
            for (size_t j = 0; j < n; j++)
                c[j] = ACT_SIGMOID(c[j]);
            break;
        case TW_ACTIVATION_TANH:
            for (size_t j = 0; j < n; j++)
                c[j] = ACT_TANH(c[j]);
            break;
        }
    }
}

/* What will be packed next: it comes into the cache while the tiles of this block are computed. A
 * line of memory at a time, rows of B or, where it is transposed, runs of its columns. */
typedef struct NAME(ahead) {
    const T *b;
    size_t k, n, b_row, b_col;
} NAME(ahead);

/* The share of one of `parts` row tiles. */
static void NAME(fetch)(const NAME(ahead) * x, size_t part, size_t parts)
{
    enum { LINE = 64 / sizeof(T) };
    size_t runs = x->b_col == 1 ? x->k : x->n, length = x->b_col == 1 ? x->n : x->k;
    size_t step = x->b_col == 1 ? x->b_row : x->b_col;
    size_t last = tw_par_bound(runs, 1, parts, part + 1);
    for (size_t i = tw_par_bound(runs, 1, parts, part); i < last; i++) {
        const T *run = x->b + i * step;
        for (size_t j = 0; j < length; j += LINE)
            __builtin_prefetch(run + j, 0, 2);
        __builtin_prefetch(run + length - 1, 0, 2);
    }
}

/* All rows of one panel's columns for k rows of B. A panel that is padded goes through a tile of
 * its own, since C has no room for the padding. Rows are parted evenly: a short last tile would
 * have too few sums to keep the multipliers busy. */
static void NAME(run_rows)(NAME(tile) * t, size_t m, size_t n, const T *a, T *c, size_t nv,
                           const NAME(ahead) * ahead)
{
    T own[ROWS * NAME(WIDTH)], beta = t->beta;
    bool padded = n < nv * NAME(LANES);
    size_t ldc = t->ldc;
    size_t count = (m + ROWS - 1) / ROWS, each = count ? m / count : 0, longer = m - each * count;
    for (size_t tile = 0, i = 0, rows; tile < count; tile++, i += rows) {
        rows = each + (tile < longer);
        t->a = a ? a + i * t->a_row : NULL;
        t->c = padded ? own : c + i * ldc;
        t->ldc = padded ? NAME(WIDTH) : ldc;
        t->beta = padded ? 0 : beta;
        if (ahead)
            NAME(fetch)(ahead, tile, count);
        NAME(tiles)[rows - 1][nv - 1](t);
        for (size_t r = 0; padded && r < rows; r++) {
            T *to = c + (i + r) * ldc;
            for (size_t j = 0; j < n; j++)
                to[j] = beta != 0 ? own[r * NAME(WIDTH) + j] + beta * to[j]
                                  : own[r * NAME(WIDTH) + j];
        }
    }
}

/* The block of B after (panel, step), if there is one. */
static bool NAME(after)(const tw_gemm_block *g, size_t panel, size_t last, size_t step,
                        size_t steps, NAME(ahead) * next)
{
    size_t count = (g->n + NAME(WIDTH) - 1) / NAME(WIDTH);
    if (++step == steps) {
        step = 0;
        if (++panel == last)
            return false;
    }
    size_t j = tw_par_bound(g->n, NAME(LANES), count, panel);
    size_t p = tw_par_bound(g->k, 8, steps, step);
    next->n = tw_par_bound(g->n, NAME(LANES), count, panel + 1) - j;
    next->k = tw_par_bound(g->k, 8, steps, step + 1) - p;
    next->b = (const T *)g->b + p * g->b_row + j * g->b_col;
    next->b_row = g->b_row;
    next->b_col = g->b_col;
    return next->k && next->n;
}

/* Few rows do not repay packing: full panels are then read where they stand. Where k is 0 there may
 * be no A and no B. */
static void NAME(panels)(const tw_gemm_block *g, size_t first, size_t last)
{
    enum { FEW_ROWS = 3 * ROWS };
    _Alignas(64) T stack[TW_GEMM_DEPTH * NAME(WIDTH)];
    size_t width_all = NAME(WIDTH), count = (g->n + width_all - 1) / width_all;
    size_t steps = g->k ? (g->k + TW_GEMM_DEPTH - 1) / TW_GEMM_DEPTH : 1;
    size_t next_j = tw_par_bound(g->n, NAME(LANES), count, first);
    for (size_t panel = first; panel < last; panel++) {
        size_t j = next_j, n;
        next_j = tw_par_bound(g->n, NAME(LANES), count, panel + 1);
        n = next_j - j;
        size_t nv = (n + NAME(LANES) - 1) / NAME(LANES), width = nv * NAME(LANES);
        bool direct = !g->packed && g->b_col == 1 && n == width &&
                      (g->in_place || g->m <= FEW_ROWS);
        T *c = (T *)g->c + j;
        for (size_t step = 0; step < steps; step++) {
            size_t p = tw_par_bound(g->k, 8, steps, step);
            size_t k = tw_par_bound(g->k, 8, steps, step + 1) - p;
            const T *a = g->a ? (const T *)g->a + p * g->a_col : NULL;
            const T *b = g->b ? (const T *)g->b + p * g->b_row + j * g->b_col : NULL;
            NAME(tile)
            t = {.k = k,
                 .a_row = g->a_row,
                 .a_col = g->a_col,
                 .b_row = direct ? g->b_row : width,
                 .ldc = g->ldc,
                 .alpha = (T)g->alpha,
                 .beta = step ? 1 : (T)g->beta};
            if (g->packed)
                t.b = (const T *)g->packed + j * g->packed_k + (g->packed_first + p) * width;
            else if (direct)
                t.b = b;
            else
                t.b = (NAME(pack_panel)(b, g->b_row, g->b_col, k, n, width, stack), stack);
            NAME(ahead) next;
            bool more = !g->packed && !g->in_place &&
                        NAME(after)(g, panel, last, step, steps, &next);
            NAME(run_rows)(&t, g->m, n, a, c, nv, more ? &next : NULL);
        }
        if (g->bias || g->activation != TW_ACTIVATION_NONE)
            NAME(finish)
        (c, g->m, n, g->ldc, g->bias ? (const T *)g->bias + j : NULL, g->activation);
    }
}

/* Panels lie one after the other, each with all of packed_k rows. */
static void NAME(pack)(const tw_gemm_block *g, void *to)
{
    size_t width_all = NAME(WIDTH), count = (g->n + width_all - 1) / width_all;
    for (size_t panel = 0; panel < count; panel++) {
        size_t j = tw_par_bound(g->n, NAME(LANES), count, panel);
        size_t n = tw_par_bound(g->n, NAME(LANES), count, panel + 1) - j;
        size_t width = (n + NAME(LANES) - 1) / NAME(LANES) * NAME(LANES);
        NAME(pack_panel)
        ((const T *)g->b + j * g->b_col, g->b_row, g->b_col, g->k, n, width,
         (T *)to + j * g->packed_k + g->packed_first * width);
    }
}

/* Four products of x with rows of `step` elements apart, summed over k. */
static ALWAYS_INLINE void NAME(dots)(const T *x, const T *b, size_t step, size_t k, size_t n,
                                     T *sum)
{
    NAME(vec) acc[4][2] = {{{0}}};
    size_t p = 0;
    for (; p + 2 * NAME(LANES) <= k; p += 2 * NAME(LANES)) {
        UNROLL for (size_t h = 0; h < 2; h++)
        {
            NAME(vec) row = NAME(load)(x + p + h * NAME(LANES));
            UNROLL for (size_t j = 0; j < n; j++)
                acc[j][h] = FMA(row, NAME(load)(b + j * step + p + h * NAME(LANES)), acc[j][h]);
        }
    }
    for (size_t j = 0; j < n; j++) {
        NAME(vec) both = acc[j][0] + acc[j][1];
        T s = 0;
        for (size_t l = 0; l < NAME(LANES); l++)
            s += both[l];
        for (size_t q = p; q < k; q++)
            s += x[q] * b[j * step + q];
        sum[j] = s;
    }
}

/* Four columns share each load of x; the last few go one by one. */
static void NAME(line_dots)(const tw_gemm_block *g, const T *x, size_t first, size_t last)
{
    const T *b = g->b;
    T *c = g->c, alpha = (T)g->alpha, beta = (T)g->beta, sum[4];
    for (size_t j = first; j < last;) {
        size_t n = last - j < 4 ? 1 : 4;
        if (n == 4)
            NAME(dots)(x, b + j * g->b_col, g->b_col, g->k, 4, sum);
        else
            NAME(dots)(x, b + j * g->b_col, g->b_col, g->k, 1, sum);
        for (size_t q = 0; q < n; q++, j++)
            c[j] = beta != 0 ? alpha * sum[q] + beta * c[j] : alpha * sum[q];
    }
}

/* Rows of B times elements of x, added up four at a time. */
static void NAME(line_rows)(const tw_gemm_block *g, size_t first, size_t last)
{
    enum { BLOCK = 512 };
    const T *x = g->a;
    T acc[BLOCK], alpha = (T)g->alpha, beta = (T)g->beta;
    for (size_t j0 = first; j0 < last; j0 += BLOCK) {
        size_t n = last - j0 < BLOCK ? last - j0 : BLOCK, p = 0, s = g->b_row;
        const T *b = (const T *)g->b + j0;
        T *c = (T *)g->c + j0;
        for (size_t j = 0; j < n; j++)
            acc[j] = 0;
        for (; p + 4 <= g->k; p += 4, b += 4 * s) {
            T x0 = x[p * g->a_col], x1 = x[(p + 1) * g->a_col];
            T x2 = x[(p + 2) * g->a_col], x3 = x[(p + 3) * g->a_col];
            for (size_t j = 0; j < n; j++)
                acc[j] += (x0 * b[j] + x1 * b[s + j]) + (x2 * b[2 * s + j] + x3 * b[3 * s + j]);
        }
        for (; p < g->k; p++, b += s) {
            for (size_t j = 0; j < n; j++)
                acc[j] += x[p * g->a_col] * b[j];
        }
        for (size_t j = 0; j < n; j++)
            c[j] = beta != 0 ? alpha * acc[j] + beta * c[j] : alpha * acc[j];
    }
}

/* By rows of B if these are contiguous, else by dot products with its columns, for which x is made
 * contiguous. */
static void NAME(line)(const tw_gemm_block *g, size_t first, size_t last)
{
    enum { BLOCK = 2048 };
    if (g->b_col == 1 && (g->b_row != 1 || g->n >= g->k)) {
        NAME(line_rows)(g, first, last);
        return;
    }
    if (g->a_col == 1 && g->b_row == 1) {
        NAME(line_dots)(g, g->a, first, last);
        return;
    }
    T x[BLOCK];
    tw_gemm_block part = *g;
    for (size_t p = 0; p < g->k || p == 0; p += BLOCK) {
        part.k = g->k - p < BLOCK ? g->k - p : BLOCK;
        for (size_t q = 0; q < part.k; q++)
            x[q] = ((const T *)g->a)[(p + q) * g->a_col];
        part.b = (const T *)g->b + p * g->b_row;
        if (g->b_row == 1) {
            NAME(line_dots)(&part, x, first, last);
        } else {
            for (size_t j = first; j < last; j++) {
                const T *b = (const T *)part.b + j * g->b_col;
                T sum = 0, *c = (T *)g->c + j;
                for (size_t q = 0; q < part.k; q++)
                    sum += x[q] * b[q * g->b_row];
                *c = part.beta != 0 ? (T)g->alpha * sum + (T)part.beta * *c : (T)g->alpha * sum;
            }
        }
        part.beta = 1;
    }
}

#undef T
#undef FMA
#undef SPREAD
#undef NAME
#undef ACT_SIGMOID
#undef ACT_TANH
#undef TRANSPOSE_4
