/* SPDX-License-Identifier: Apache-2.0
 * Products of one floating dtype. Before it is included: what gemm_tile_body.h asks for,
 * ACT_SIGMOID of an element, NAME(tanh_row)(n, c) in place, and how columns of B are turned into
 * rows: TRANSPOSE(from, from_step, to, to_step, columns), TURN_WIDE and TURN_WIDEST of these at
 * once, where they are few and many, TURN_LENGTH numbers of one after the other. */

#include "kernels/isa/gemm_tile_body.h"

/* What set does, down a column of C. Said to be cold, so that it is not written out for vectors. */
static NOINLINE __attribute__((cold)) void NAME(set_turned)(const tw_gemm_block *g, size_t i,
                                                            size_t j, size_t n, const T *sum)
{
    T *c = (T *)g->c + i + j * g->ldc, alpha = (T)g->alpha, beta = (T)g->beta;
    for (; n; n--, sum++, c += g->ldc)
        *c = beta != 0 ? alpha * *sum + beta * *c : alpha * *sum;
}

/* c = alpha * sum + beta * c for columns j .. j + n - 1 of row i. A copy of it for each caller
 * would be more code than all other loops of products. */
static NOINLINE void NAME(set)(const tw_gemm_block *g, size_t i, size_t j, size_t n,
                               const T *restrict sum)
{
    if (g->turned) {
        NAME(set_turned)(g, i, j, n, sum);
        return;
    }
    T *c = (T *)g->c + i * g->ldc + j, alpha = (T)g->alpha, beta = (T)g->beta;
    if (beta == 0) {
        for (size_t l = 0; l < n; l++)
            c[l] = alpha * sum[l];
        return;
    }
    for (size_t l = 0; l < n; l++)
        c[l] = alpha * sum[l] + beta * c[l];
}

/* Rows of whole vectors, as most are. */
static ALWAYS_INLINE void NAME(pack_rows)(const T *b, size_t b_row, size_t k, size_t nv, T *to)
{
    for (size_t p = 0; p < k; p++, b += b_row, to += nv * NAME(LANES)) {
        UNROLL for (size_t v = 0; v < nv; v++)
            NAME(store)(to + v * NAME(LANES), NAME(load)(b + v * NAME(LANES)));
    }
}

/* n columns, at least `wide`, whose k elements are neighbours, in blocks of `tall` rows, of which
 * there are as many; the last blocks begin early enough to be whole. Lines of memory are used up
 * before the next columns'. Where it is long until these come, they are asked for. */
static ALWAYS_INLINE void NAME(turn)(const T *b, size_t b_col, size_t k, size_t n, size_t wide,
                                     size_t tall, size_t width, T *restrict to)
{
    for (size_t p = 0; p < k; p += TURN_LENGTH) {
        size_t end = k - p < TURN_LENGTH ? k : p + TURN_LENGTH;
        for (size_t j = 0; j < n; j += wide) {
            size_t column = j + wide <= n ? j : n - wide;
            const T *from = b + column * b_col + p;
            T *rows = to + p * width + column;
            for (size_t q = end - p; q; q -= tall, from += tall, rows += tall * width) {
                if (q < tall) {
                    from -= tall - q;
                    rows -= (tall - q) * width;
                    q = tall;
                }
                for (size_t c = wide; tall > 4 && c < 2 * wide; c++)
                    __builtin_prefetch(from + c * b_col, 0, 2);
                TRANSPOSE(from, b_col, rows, width, wide);
            }
        }
    }
}

/* k rows of n columns, padded to `width`. Where B's columns are contiguous instead (it is
 * transposed), blocks are turned in turn. */
static void NAME(pack_panel)(const T *b, size_t b_row, size_t b_col, size_t k, size_t n,
                             size_t width, T *restrict to)
{
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
    bool turns = b_row == 1 && k >= 4 && n >= 4;
    if (TURN_WIDEST == 16 && turns && n >= 16 && k >= 16)
        NAME(turn)(b, b_col, k, n, 16, 16, width, to);
    else if (turns && n >= TURN_WIDE)
        NAME(turn)(b, b_col, k, n, TURN_WIDE, 4, width, to);
    else if (turns)
        NAME(turn)(b, b_col, k, n, 4, 4, width, to);
    for (size_t p = 0; p < k; p++) {
        for (size_t j = turns ? n : 0; j < n; j++)
            to[p * width + j] = b[p * b_row + j * b_col];
        for (size_t j = n; j < width; j++)
            to[p * width + j] = 0;
    }
}

static NOINLINE void NAME(add_bias)(size_t n, T *restrict c, const T *restrict add)
{
    for (size_t j = 0; j < n; j++)
        c[j] += add[j];
}

/* Runs over a panel's columns while they are still in the cache. */
static void NAME(finish)(void *matrix, size_t m, size_t n, size_t ldc, const void *bias,
                         tw_activation activation)
{
    const T *add = bias;
    if (n == ldc && (!add || n < 4 * NAME(LANES))) { /* rows in one piece are done as one */
        T *c = matrix;
        for (size_t i = 0; add && n == 1 && i < m; i++)
            c[i] += *add;
        for (size_t i = 0; add && n > 1 && i < m; i++)
            NAME(add_bias)(n, c + i * n, add);
        n *= m;
        m = 1;
        add = NULL;
    }
    for (size_t i = 0; i < m; i++) {
        T *c = (T *)matrix + i * ldc;
        if (add)
            NAME(add_bias)(n, c, add);
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
        case TW_ACTIVATION_TANH: NAME(tanh_row)(n, c); break;
        }
    }
}

/* A block of B: what a panel reads of it in one step of k. */
typedef struct NAME(slice) {
    const T *b;
    size_t j, n, p, k, width;
    size_t row, col; /* its strides */
    bool packed;
    bool last; /* nothing is added to C after it */
} NAME(slice);

static tw_gemm_parts NAME(columns_of)(size_t n)
{
    return tw_gemm_columns(NAME(LANES), VECTORS, NAME(THIN), n);
}

/* How many columns a panel of n has with its padding. */
static size_t NAME(padded)(const tw_gemm_parts *columns, size_t n, size_t panel)
{
    if (NAME(THIN) > 0 && panel == columns->count)
        return NAME(THIN);
    return (n + NAME(LANES) - 1) / NAME(LANES) * NAME(LANES);
}

/* The way through the slices of a product. A's rows are read again for each of them: where all of A
 * is too large for the second cache, a step is gone through for all panels before the next; so it
 * is where B is read from afar for few rows, and where its rows share few places of the second
 * cache: memory gives what is near the last line sooner. */
typedef struct NAME(way) {
    const tw_gemm_block *g;
    tw_gemm_parts columns, depths; /* in units of LANES and of 8 */
    size_t first, last, panels;    /* panels; and all that there are */
    size_t panel, step;            /* where we are */
    bool by_steps;
} NAME(way);

static NOINLINE NAME(way) NAME(way_of)(const tw_gemm_block *g, size_t first, size_t last)
{
    enum { AFAR = 1 << 22, FAR = 1 << 25 }; /* bytes: further than one's own cache, than any */
    NAME(way) w = {.g = g, .first = first, .last = last, .panel = first};
    size_t near = g->a_row == 1 ? TW_GEMM_NEAR : 8 * TW_GEMM_NEAR;
    bool far = g->turned && g->k * g->b_row * sizeof(T) > FAR;
    size_t apart = g->b_row * sizeof(T) * (g->b_col == 1 && (!g->packed || g->packed_panels));
    bool few = g->k * apart > AFAR && TW_GEMM_DEPTH * (apart & -apart) > TW_GEMM_PLACES;
    w.by_steps = g->k > TW_GEMM_DEPTH && (g->m * g->k * sizeof(T) > near || far || few);
    w.columns = NAME(columns_of)(g->n);
    w.panels = w.columns.count + (w.columns.whole < g->n);
    w.depths = tw_gemm_parts_of(g->k, 8, g->k ? (g->k + TW_GEMM_DEPTH - 1) / TW_GEMM_DEPTH : 1);
    return w;
}

/* The slice where we are, and on to the one after it; false: we are through. A packed B's slice is
 * one piece. */
static NOINLINE bool NAME(take)(NAME(way) * w, NAME(slice) * s)
{
    const tw_gemm_block *g = w->g;
    if (w->panel == w->last || w->step == w->depths.count)
        return false;
    s->j = tw_gemm_column(&w->columns, g->n, w->panel);
    s->n = tw_gemm_column(&w->columns, g->n, w->panel + 1) - s->j;
    s->p = tw_gemm_part_start(&w->depths, w->step);
    s->k = tw_gemm_part_start(&w->depths, w->step + 1) - s->p;
    s->width = NAME(padded)(&w->columns, s->n, w->panel);
    s->last = w->step + 1 == w->depths.count;
    s->packed = g->packed && (!g->packed_panels || w->panel < g->packed_panels);
    s->row = s->packed ? s->width : g->b_row;
    s->col = s->packed ? 1 : g->b_col;
    s->b = s->packed
               ? (const T *)g->packed + s->j * g->packed_k + (g->packed_first + s->p) * s->width
           : g->b ? (const T *)g->b + s->p * s->row + s->j * s->col
                  : NULL;
    if (w->by_steps && ++w->panel == w->last) {
        w->step++;
        w->panel = w->step == w->depths.count ? w->last : w->first;
    } else if (!w->by_steps && ++w->step == w->depths.count) {
        w->panel++;
        w->step = w->panel == w->last ? w->step : 0;
    }
    return true;
}

/* The first slice after those of this call: mostly the same thread goes on with it. Few rows read B
 * where it stands, and would have it in the first cache too early. */
static bool NAME(beyond)(NAME(way) * w, NAME(slice) * s)
{
    bool few = w->g->m <= 3 * ROWS && !w->g->packed;
    if (w->first == w->last || w->last == w->panels || few)
        return false;
    w->panel = w->last++;
    w->step = 0;
    return NAME(take)(w, s);
}

/* Rows of B as they stand, of which each is asked for at the end of a line of memory: where rows
 * begin in the middle of one, the panel before has asked for their first part. With every AT_ONCE
 * rows a tile asks for one, until all are asked for; where tiles read B as it stands, and its rows
 * have places enough, all tiles ask for them in the first cache. */
static size_t NAME(ask_rows)(NAME(tile) * t, const NAME(slice) * next, size_t tile, size_t count)
{
    enum { FEW_PLACES = 512 }; /* bytes: rows so far apart share an eighth of the first cache */
    size_t row = next->row * sizeof(T), rows = t->k / AT_ONCE, asking = rows ? next->k / rows : 0;
    bool stands = !t->keep && next->row == t->b_row;
    if (stands)
        asking = row % FEW_PLACES ? count : 0;
    if (tile >= asking)
        return count;
    t->next_step = stands ? row : row / AT_ONCE;
    t->next_share = stands ? 0 : rows * row;
    t->next = (const char *)(next->b + NAME(LINE) - 1) + t->next_share * tile;
    return asking;
}

/* What tile `tile` of `count` asks for on its way, so that all of the next slice is in the second
 * cache when it is wanted: its share of one piece, or some rows; runs along k the processor
 * foresees. How many tiles ask so. */
static size_t NAME(ask)(NAME(tile) * t, const NAME(slice) * next, size_t tile, size_t count)
{
    t->next = (const char *)t->b;
    t->next_step = t->next_share = 0;
    if (tile < t->ahead_rows) {
        t->next_step = t->ahead_step;
        t->next_share = t->a_row * sizeof(T);
        t->next = t->ahead + t->next_share * tile;
        return t->ahead_rows;
    }
    if (!next || !next->k || !t->k)
        return count;
    if (next->row == next->width) {
        t->next_share = next->k * next->width * sizeof(T) / count;
        t->next_step = (t->next_share + t->k - 1) / t->k;
        t->next = (const char *)next->b + t->next_share * tile;
        return count;
    }
    return next->col == 1 ? NAME(ask_rows)(t, next, tile, count) : count;
}

/* All rows of one panel's columns for k rows of B. A panel that is padded goes through a tile of
 * its own, since C has no room for the padding. Rows are parted evenly: a short last tile would
 * have too few sums to keep the multipliers busy. */
static NOINLINE void NAME(run_rows)(NAME(tile) * t, size_t m, size_t n, const T *a, T *c, size_t nv,
                                    const NAME(slice) * next)
{
    T own[ROWS * NAME(WIDTH)];
    bool adds = t->adds, padded = n < NAME(width)(nv);
    size_t ldc = t->ldc, count = (m + ROWS - 1) / ROWS, each = count ? m / count : 0,
           longer = m - each * count;
    for (size_t tile = 0, i = 0, tiles, rows; tile < count; tile += tiles, i += rows * tiles) {
        size_t end = NAME(ask)(t, next, tile, count);
        rows = each + (tile < longer);
        end = end > longer && tile < longer ? longer : end < count ? end : count;
        tiles = padded || t->keep || !t->k ? 1 : end - tile;
        t->tiles = tiles;
        t->a = a ? a + i * t->a_row : NULL;
        t->c = padded ? own : c + i * ldc;
        t->ldc = padded ? NAME(WIDTH) : ldc;
        t->adds = adds && !padded;
        NAME(run_tiles)(t, rows, nv);
        for (size_t r = 0; padded && r < rows; r++) {
            T *to = c + (i + r) * ldc;
            for (size_t j = 0; j < n; j++)
                to[j] = adds ? own[r * NAME(WIDTH) + j] + to[j] : own[r * NAME(WIDTH) + j];
        }
    }
}

/* Is the epilogue done tile by tile? */
static bool NAME(dresses)(const tw_gemm_block *g, const NAME(slice) * s)
{
    return s->last && !g->turned && s->n == s->width && s->n >= NAME(LANES) &&
           g->activation <= TW_ACTIVATION_RELU6 && (g->bias || g->activation != TW_ACTIVATION_NONE);
}

/* The sums of a slice, (m, WIDTH), into a C that stands by columns: as one line where its rows are
 * dense. */
static NOINLINE void NAME(put_turned)(const tw_gemm_block *g, const NAME(slice) * s, const T *sums)
{
    T rows[TW_GEMM_NARROW * NAME(WIDTH)];
    size_t at_once = g->ldc == g->m ? s->n : 1;
    tw_gemm_block to = *g;
    to.turned = false;
    to.c = (T *)g->c + s->j * g->ldc;
    to.beta = s->p ? 1 : g->beta;
    NAME(pack_panel)(sums, 1, NAME(WIDTH), s->n, g->m, g->m, rows);
    for (size_t i = 0; i < s->n; i += at_once)
        NAME(set)(&to, i, 0, at_once * g->m, rows + i * g->m);
}

/* Rows of B so far apart that they share few places of the second cache: the next tile would not
 * find them there. */
static bool NAME(is_apart)(const NAME(slice) * s)
{
    size_t apart = s->row * sizeof(T);
    return s->k * (apart & -apart) > TW_GEMM_PLACES;
}

/* Has the first tile of m rows as many as one that packs must have? */
static bool NAME(begins_full)(size_t m)
{
    size_t tiles = (m + ROWS - 1) / ROWS;
    return m > (ROWS - 2) * tiles;
}

/* Does the first tile pack a panel of a vector less than others? */
static bool NAME(keeps_narrow)(size_t m, size_t a_col, size_t n)
{
    size_t tiles = (m + ROWS - 1) / ROWS;
    return JOINS && a_col == 1 && m > (ROWS - 1) * tiles && n == NAME(WIDTH) - NAME(LANES);
}

/* The tiles of the first panels ask for a row each of what the next cell multiplies. */
static void NAME(look_ahead)(NAME(tile) * t, const tw_gemm_block *g, size_t panel)
{
    size_t tiles = (g->m + ROWS - 1) / ROWS, first = panel * tiles;
    size_t rows = first < g->ahead_rows ? g->ahead_rows - first : 0;
    t->ahead_rows = rows < tiles ? rows : tiles;
    t->ahead_step = (g->k * sizeof(T) + t->k - 1) / t->k;
    t->ahead = (const char *)((const T *)g->ahead + first * g->a_row);
}

/* A factor other than 0 and 1 is rare: C is multiplied by it before sums are added. */
static NOINLINE __attribute__((cold)) void NAME(scale)(const tw_gemm_block *g,
                                                       const NAME(slice) * s)
{
    for (size_t i = 0; i < g->m; i++) {
        T *c = (T *)g->c + i * g->ldc + s->j;
        for (size_t j = 0; j < s->n; j++)
            c[j] *= (T)g->beta;
    }
}

/* Few rows do not repay packing: full panels are then read where they stand. Else the first tile
 * packs them on its way; what is no whole panel of rows is packed before. */
static void NAME(run_slice)(const tw_gemm_block *g, const NAME(slice) * s, const NAME(slice) * next,
                            T *stack)
{
    size_t few = NAME(is_apart)(s) && NAME(begins_full)(g->m) ? ROWS : 3 * ROWS;
    bool stands = s->packed || (g->b_col == 1 && s->n == s->width && (g->in_place || g->m <= few));
    bool whole = s->n == NAME(WIDTH) || NAME(keeps_narrow)(g->m, g->a_col, s->n);
    bool keeps = !stands && g->b_col == 1 && whole && g->m > few &&
                 (g->a_col == 1 || g->a_row == 1);
    NAME(tile) t; /* member by member: clearing all of it first would take as long as many sums */
    t.k = s->k;
    t.a_row = g->a_row;
    t.a_col = g->a_col;
    t.b = s->b;
    t.b_row = s->row;
    t.ldc = g->ldc;
    t.keep = keeps ? stack : NULL;
    t.alpha = (T)g->alpha;
    t.adds = s->p || g->beta != 0;
    t.bias = g->bias ? (const T *)g->bias + s->j : NULL;
    t.dress = NAME(dresses)(g, s) ? g : NULL;
    t.ahead_rows = 0;
    if (!stands && !keeps) {
        NAME(pack_panel)(s->b, g->b_row, g->b_col, s->k, s->n, s->width, stack);
        t.b = stack;
        t.b_row = s->width;
    }
    const T *a = g->a ? (const T *)g->a + s->p * g->a_col : NULL;
    if (g->ahead && !s->p)
        NAME(look_ahead)(&t, g, s->j / NAME(WIDTH));
    if (g->beta != 0 && g->beta != 1 && !s->p && !g->turned)
        NAME(scale)(g, s);
    if (g->turned) {
        T sums[TW_GEMM_NARROW * NAME(WIDTH)]; /* whole vectors: there is room for the padding */
        t.ldc = NAME(WIDTH);
        t.alpha = 1;
        t.adds = false;
        NAME(run_rows)(&t, g->m, s->width, a, sums, s->width / NAME(LANES), next);
        NAME(put_turned)(g, s, sums);
        return;
    }
    NAME(run_rows)(&t, g->m, s->n, a, (T *)g->c + s->j, s->width / NAME(LANES), next);
}

/* The epilogue of a slice's columns, which are rows of a turned C. */
static void NAME(finish_slice)(const tw_gemm_block *g, const NAME(slice) * s)
{
    const T *bias = g->bias;
    T *c = (T *)g->c + s->j * (g->turned ? g->ldc : 1);
    if (g->turned)
        NAME(finish)(c, s->n, g->m, g->ldc, bias, g->activation);
    else
        NAME(finish)(c, g->m, s->n, g->ldc, bias ? bias + s->j : NULL, g->activation);
}

/* Where k is 0 there may be no A and no B. */
static void NAME(panels)(const tw_gemm_block *g, size_t first, size_t last)
{
    _Alignas(64) T stack[TW_GEMM_DEPTH * NAME(WIDTH)];
    NAME(way) way = NAME(way_of)(g, first, last);
    NAME(slice) slice, next;
    for (bool more = NAME(take)(&way, &slice); more; slice = next) {
        more = NAME(take)(&way, &next);
        bool known = more || NAME(beyond)(&way, &next);
        NAME(run_slice)(g, &slice, known && !g->in_place ? &next : NULL, stack);
        if (slice.last && !NAME(dresses)(g, &slice) &&
            (g->bias || g->activation != TW_ACTIVATION_NONE))
            NAME(finish_slice)(g, &slice);
    }
}

#if JOINS
/* The next product's panel is asked for on the way. */
static void NAME(series)(const tw_gemm_block *g, size_t count, size_t a_step, size_t b_step,
                         size_t c_step)
{
    size_t nv = g->n / NAME(LANES);
    bool whole = g->n % NAME(LANES) == 0 && (nv == 1 || nv == VECTORS - 1);
    if (whole && g->m && g->m % ROWS == 0 && g->k && g->k <= TW_GEMM_DEPTH) {
        NAME(tile)
        t = {.k = g->k,
             .a_row = g->a_row,
             .a_col = 1,
             .ldc = g->ldc,
             .tiles = g->m / ROWS,
             .a = g->a,
             .b = g->packed,
             .c = g->c,
             .alpha = 1,
             .products = count,
             .a_step = a_step * sizeof(T),
             .b_step = b_step * sizeof(T),
             .c_step = c_step * sizeof(T)};
        t.next_share = g->k * g->n * sizeof(T) / t.tiles;
        t.next_step = (t.next_share + t.k - 1) / t.k;
        t.next = (const char *)t.b + t.b_step;
        NAME(series_tiles)(&t, nv);
        return;
    }
    tw_gemm_block one = *g;
    for (; count; count--) {
        NAME(panels)(&one, 0, 1);
        one.a = (const T *)one.a + a_step;
        one.packed = (const T *)one.packed + b_step;
        one.c = (T *)one.c + c_step;
    }
}
#endif

/* Panels lie one after the other, each with all of packed_k rows. Some rows of all panels are
 * packed at a time where they are B's own: a processor foresees what it reads of a few rows, not
 * what lies one line a row. */
static void NAME(pack)(const tw_gemm_block *g, size_t first, size_t last, void *to)
{
    enum { ROWS_AT_ONCE = 8 };
    tw_gemm_parts columns = NAME(columns_of)(g->n);
    size_t at_once = g->b_col == 1 && g->k > ROWS_AT_ONCE ? ROWS_AT_ONCE : g->k;
    for (size_t p = 0; p < g->k; p += at_once) {
        size_t k = g->k - p < at_once ? g->k - p : at_once;
        for (size_t panel = first; panel < last; panel++) {
            size_t j = tw_gemm_column(&columns, g->n, panel);
            size_t n = tw_gemm_column(&columns, g->n, panel + 1) - j;
            size_t width = NAME(padded)(&columns, n, panel);
            NAME(pack_panel)
            ((const T *)g->b + p * g->b_row + j * g->b_col, g->b_row, g->b_col, k, n, width,
             (T *)to + j * g->packed_k + (g->packed_first + p) * width);
        }
    }
}

static void NAME(rows)(const tw_gemm_block *g, size_t first, size_t last, void *to, size_t row)
{
    NAME(pack_panel)
    ((const T *)g->a + first * g->a_row, g->a_row, g->a_col, last - first, g->k, row,
     (T *)to + first * row);
}
