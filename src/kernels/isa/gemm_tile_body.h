/* SPDX-License-Identifier: Apache-2.0
 * Register tiles of products of one floating dtype: ROWS x VECTORS accumulators stay in registers
 * and walk over k; A's elements are spread from where they stand, B comes from a panel. Before it
 * is included: T, NAME(f), ROWS and VECTORS; SPREAD(x) to the list of all lanes; ADD_PRODUCT(acc,
 * x, y) and STORE_ASIDE(to, x) (fma.h), MOST and LEAST (extremes.h) on vectors; AT_ONCE, the rows
 * of B that go without a jump where that is wanted; and JOINS: 1 where a tile ends while the next
 * one begins and last panels may be thin, half a vector, whose lanes SPREAD_HALF(x) lists; else
 * 0. */

enum { NAME(LANES) = TW_VECTOR_BYTES / sizeof(T), NAME(WIDTH) = VECTORS * NAME(LANES) };
enum { NAME(LINE) = 64 / sizeof(T) };          /* elements of a line of memory */
enum { NAME(THIN) = JOINS * NAME(LANES) / 2 }; /* columns of a thin panel, with its padding */
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

/* What a tile is given, or `tiles` of them, one below the other. On its way it asks for some of
 * what comes after it, so that the multipliers do not wait: `next` and, with each row of B,
 * next_step bytes on; the tile below begins next_share bytes further. */
typedef struct NAME(tile) {
    size_t k, a_row, a_col, b_row, ldc, tiles;
    const T *a, *b;
    T *c;
    T *keep; /* where B's rows are packed on the way, for the tiles that follow; or NULL */
    T alpha;
    bool adds;                  /* to C */
    const T *bias;              /* of these columns, or NULL */
    const tw_gemm_block *dress; /* whose epilogue is done to each tile; or NULL */
    size_t next_step, next_share;
    const char *next;
    size_t ahead_rows, ahead_step; /* so many tiles ask for a row of the next cell's A instead */
    const char *ahead;
    size_t products, a_step, b_step, c_step; /* of a series; steps in bytes */
} NAME(tile);

/* Where a tile is on its way over k: a[g] points to row 3 g of A, since an address has room for
 * one stride and its double. */
typedef struct NAME(place) {
    size_t left, a_row, a_col, b_row; /* of k; the strides in bytes */
    const char *a[3], *b, *next;
    T *keep;
} NAME(place);

/* The element of row i of A that is used with row q of B from here. */
static ALWAYS_INLINE const T *NAME(element)(const NAME(place) * at, size_t i, size_t q,
                                            tw_gemm_form form)
{
    const char *row = JOINS && form == TW_GEMM_BY_COLUMNS ? at->a[0] + i * sizeof(T)
                                                          : at->a[i / 3] + i % 3 * at->a_row;
    return (const T *)(row + q * at->a_col);
}

/* One row of B, used mr times: every element of A is spread once and used nv times. */
static ALWAYS_INLINE void NAME(add_row)(NAME(vec) acc[ROWS][VECTORS], const NAME(place) * at,
                                        size_t q, size_t mr, size_t nv, bool keeps,
                                        tw_gemm_form form)
{
    NAME(vec) row[VECTORS];
    const T *b = (const T *)(at->b + q * at->b_row);
    UNROLL for (size_t v = 0; v < nv; v++) row[v] = NAME(load)(b + v * NAME(LANES));
    UNROLL for (size_t v = 0; keeps && v < nv; v++)
        STORE_ASIDE(at->keep + (q * nv + v) * NAME(LANES), row[v]);
    UNROLL for (size_t i = 0; i < mr; i++)
    {
        NAME(vec) x = NAME(spread)(*NAME(element)(at, i, q, form));
        UNROLL for (size_t v = 0; v < nv; v++) ADD_PRODUCT(acc[i][v], x, row[v]);
    }
}

/* On to what comes `rows` rows of B later. GCC would make pointers to other elements of a column,
 * more than there are registers. */
static ALWAYS_INLINE void NAME(advance)(NAME(place) * at, size_t rows, tw_gemm_form form)
{
    at->a[0] += rows * at->a_col;
    at->b += rows * at->b_row;
    if (JOINS && form == TW_GEMM_BY_COLUMNS) {
        __asm__("" : "+r"(at->a[0]));
        return;
    }
    at->a[1] += rows * at->a_col;
    at->a[2] += rows * at->a_col;
}

/* As many rows of B at a time as `rows`, a constant. Where A stands by columns these may be pages
 * apart, which the processor does not foresee: the part that the next tile reads is asked for. */
static ALWAYS_INLINE void NAME(walk)(NAME(vec) acc[ROWS][VECTORS], NAME(place) * at,
                                     size_t next_step, size_t rows, size_t mr, size_t nv,
                                     bool keeps, tw_gemm_form form)
{
    for (; at->left >= rows; at->left -= rows) {
        UNROLL for (size_t q = 0; q < rows; q++)
        {
            if (form == TW_GEMM_BY_COLUMNS)
                __builtin_prefetch(at->a[0] + q * at->a_col + (2 * mr - 1) * sizeof(T), 0, 3);
            NAME(add_row)(acc, at, q, mr, nv, keeps, form);
        }
        UNROLL for (size_t v = 0; v < nv * TW_VECTOR_BYTES; v += 64)
        {
            if (form && rows > 1)
                __builtin_prefetch(at->next + v, 0, 2);
            else
                __builtin_prefetch(at->next + v, 0, 3); /* rows of B as it stands, which are few */
        }
        NAME(advance)(at, rows, form);
        at->next += rows * next_step;
        if (keeps)
            at->keep += rows * nv * NAME(LANES);
    }
}

/* alpha * sums, or C and that. Mostly alpha is 1: multipliers would be taken from the next tile,
 * which has begun meanwhile. */
static ALWAYS_INLINE void NAME(finish_sums)(NAME(vec) acc[ROWS][VECTORS], const NAME(tile) * t,
                                            const T *c, size_t mr, size_t nv)
{
    NAME(vec) alpha = NAME(spread)(t->alpha);
    if (t->alpha != 1) {
        UNROLL for (size_t i = 0; i < mr; i++) UNROLL for (size_t v = 0; v < nv; v++)
            acc[i][v] *= alpha;
    }
    if (t->adds) {
        UNROLL for (size_t i = 0; i < mr; i++) UNROLL for (size_t v = 0; v < nv; v++)
            acc[i][v] += NAME(load)(c + i * t->ldc + v * NAME(LANES));
    }
}

static ALWAYS_INLINE void NAME(store_sums)(NAME(vec) acc[ROWS][VECTORS], T *c, size_t ldc,
                                           size_t mr, size_t nv)
{
    UNROLL for (size_t i = 0; i < mr; i++, c += ldc)
    {
        UNROLL for (size_t v = 0; v < nv; v++) NAME(store)(c + v * NAME(LANES), acc[i][v]);
    }
}

/* What finish does, to a tile's rows, which are in the cache, and as vectors. Bounds come first, so
 * that NaN stays. */
static NOINLINE void NAME(dress)(T *c, size_t ldc, size_t rows, size_t nv, const T *bias,
                                 tw_activation activation)
{
    bool low = activation != TW_ACTIVATION_NONE, high = activation == TW_ACTIVATION_RELU6;
    for (size_t v = 0; v < nv; v++, c += NAME(LANES)) {
        NAME(vec) zero = NAME(spread)(0), add = bias ? NAME(load)(bias + v * NAME(LANES)) : zero;
        for (size_t i = 0; i < rows; i++) {
            NAME(vec) x = NAME(load)(c + i * ldc);
            x = bias ? x + add : x;
            if (low)
                x = MOST(zero, x);
            if (high)
                x = LEAST(NAME(spread)(6), x);
            NAME(store)(c + i * ldc, x);
        }
    }
}

/* C's rows are far apart: they come too late if they are asked for only when they are wanted. Each
 * is asked for at the ends of lines of memory; its beginning came with the panel before. */
static ALWAYS_INLINE void NAME(ask_c)(const T *c, size_t ldc, size_t rows, size_t width)
{
    UNROLL for (size_t i = 0; i < rows; i++, c += ldc)
    {
        UNROLL for (size_t j = NAME(LINE); j < width; j += NAME(LINE))
            __builtin_prefetch(c + j - 1, 1, 3);
        __builtin_prefetch(c + width - 1, 1, 3);
    }
}

#if JOINS
/* What is done to a tile before it is stored, to sums that are registers yet. */
static ALWAYS_INLINE void NAME(end_sums)(NAME(vec) acc[ROWS][VECTORS], const NAME(tile) * t,
                                         const T *c, size_t mr, size_t nv)
{
    NAME(finish_sums)(acc, t, c, mr, nv);
    if (!t->dress)
        return;
    if (t->bias) {
        UNROLL for (size_t v = 0; v < nv; v++)
        {
            NAME(vec) add = NAME(load)(t->bias + v * NAME(LANES));
            UNROLL for (size_t i = 0; i < mr; i++) acc[i][v] += add;
        }
    }
    if (t->dress->activation != TW_ACTIVATION_NONE) {
        NAME(vec) zero = {0};
        UNROLL for (size_t i = 0; i < mr; i++) UNROLL for (size_t v = 0; v < nv; v++)
            acc[i][v] = MOST(zero, acc[i][v]);
    }
    if (t->dress->activation == TW_ACTIVATION_RELU6) {
        NAME(vec) six = NAME(spread)(6);
        UNROLL for (size_t i = 0; i < mr; i++) UNROLL for (size_t v = 0; v < nv; v++)
            acc[i][v] = LEAST(six, acc[i][v]);
    }
}

/* Where a tile begins on its way. */
static ALWAYS_INLINE void NAME(begin)(NAME(place) * at, const NAME(tile) * t, const char *a,
                                      const char *b, const char *next, size_t nv, tw_gemm_form form)
{
    *at = (NAME(place)){.left = t->k, .b = b, .next = next};
    at->a_row = (form == TW_GEMM_BY_COLUMNS ? 1 : t->a_row) * sizeof(T);
    at->a_col = (form == TW_GEMM_BY_ROWS ? 1 : t->a_col) * sizeof(T);
    at->b_row = nv * NAME(LANES) * sizeof(T);
    UNROLL for (size_t g = 0; g < 3; g++)
    {
        at->a[g] = a + 3 * g * at->a_row;
        if (form == TW_GEMM_BY_ROWS)
            __asm__("" : "+r"(at->a[g])); /* else it would be computed from the first one */
    }
}

/* Stores the sums row by row, and begins the sums of the tile at `at` with its first row of B: on
 * Zen 4 the multipliers would wait for 24 stores of 512 bits in a row. */
static ALWAYS_INLINE void NAME(change)(NAME(vec) acc[ROWS][VECTORS], NAME(place) * at, T *c,
                                       size_t ldc, size_t mr, size_t nv, tw_gemm_form form)
{
    NAME(vec) row[VECTORS];
    UNROLL for (size_t v = 0; v < nv; v++) row[v] = NAME(load)((const T *)at->b + v * NAME(LANES));
    UNROLL for (size_t i = 0; i < mr; i++, c += ldc)
    {
        NAME(vec) x = NAME(spread)(*NAME(element)(at, i, 0, form));
        UNROLL for (size_t v = 0; v < nv; v++)
        {
            NAME(store)(c + v * NAME(LANES), acc[i][v]);
            acc[i][v] = (NAME(vec)){0};
            ADD_PRODUCT(acc[i][v], x, row[v]);
        }
    }
    NAME(advance)(at, 1, form);
    at->left--;
}

/* All of a tile's way. Of C's rows only a few are asked for at a time: more requests than the first
 * cache can wait for would hold up what A and B are asked for. */
static ALWAYS_INLINE void NAME(walk_all)(NAME(vec) acc[ROWS][VECTORS], NAME(place) * at,
                                         const NAME(tile) * t, const T *c, size_t mr, size_t nv,
                                         tw_gemm_form form)
{
    enum { STRETCH = 32, ROWS_EACH = 3 };
    size_t left = at->left, asked = 0;
    do {
        for (size_t i = 0; i < ROWS_EACH && asked < mr; i++, asked++, c += t->ldc)
            NAME(ask_c)(c, 0, 1, nv * NAME(LANES));
        at->left = left < STRETCH ? left : STRETCH;
        left -= at->left;
        NAME(walk)(acc, at, t->next_step, AT_ONCE, mr, nv, false, form);
    } while (left);
    NAME(walk)(acc, at, t->next_step, 1, mr, nv, false, form);
}

/* Tiles of a packed B, one below the other, of one product or of a series of them. The sums of each
 * begin while those of the one before end. */
static ALWAYS_INLINE void NAME(multiply_joined)(const NAME(tile) * t, size_t mr, size_t nv,
                                                tw_gemm_form form, bool series)
{
    size_t tiles = t->tiles, product = 1;
    const char *a = (const char *)t->a, *b = (const char *)t->b, *next = t->next;
    T *c = t->c;
    NAME(vec) acc[ROWS][VECTORS];
    NAME(place) at;
    UNROLL for (size_t i = 0; i < mr; i++) UNROLL for (size_t v = 0; v < nv; v++)
        acc[i][v] = (NAME(vec)){0};
    NAME(begin)(&at, t, a, b, next, nv, form);
    for (;;) {
        NAME(walk_all)(acc, &at, t, c, mr, nv, form);
        NAME(end_sums)(acc, t, c, mr, nv);
        T *to = c;
        if (--tiles) {
            c += mr * t->ldc;
            next += t->next_share;
            a += mr * at.a_row;
        } else {
            if (!series || product == t->products)
                break;
            a = (const char *)t->a + product * t->a_step;
            b += t->b_step;
            c = (T *)((char *)t->c + product * t->c_step);
            next = b + t->b_step;
            tiles = t->tiles;
            product++;
        }
        NAME(begin)(&at, t, a, b, next, nv, form);
        NAME(change)(acc, &at, to, t->ldc, mr, nv, form);
    }
    NAME(store_sums)(acc, c, t->ldc, mr, nv);
}
#endif

/* With mr and nv constant the accumulators are registers; with a form the strides that it fixes
 * are parts of addresses, and a few rows of B go without a jump: fewer instructions are no
 * multiply-adds, for which another thread on the same core has use. So are those between two
 * tiles, during which the multipliers run dry: that is why one call does many. */
static ALWAYS_INLINE void NAME(multiply)(const NAME(tile) * t, size_t mr, size_t nv, bool keeps,
                                         tw_gemm_form form)
{
    bool by_rows = form == TW_GEMM_BY_ROWS, by_columns = form == TW_GEMM_BY_COLUMNS;
    size_t a_row = (by_columns ? 1 : t->a_row) * sizeof(T), tiles = t->tiles;
    const char *a = (const char *)t->a, *next = t->next;
    T *c = t->c;
    for (;; a += mr * a_row, c += mr * t->ldc, next += t->next_share) {
        NAME(vec) acc[ROWS][VECTORS];
        UNROLL for (size_t i = 0; i < mr; i++) UNROLL for (size_t v = 0; v < nv; v++)
            acc[i][v] = (NAME(vec)){0};
        NAME(place) at = {.left = t->k, .a_row = a_row, .b = (const char *)t->b, .next = next};
        at.a_col = (by_rows ? 1 : t->a_col) * sizeof(T);
        at.b_row = (form && !keeps ? nv * NAME(LANES) : t->b_row) * sizeof(T);
        at.keep = keeps ? t->keep : NULL;
        UNROLL for (size_t g = 0; g < 3; g++)
        {
            at.a[g] = t->k ? a + 3 * g * a_row : NULL; /* of nothing it is NULL */
            if (3 * g < mr && !by_columns)
                __asm__("" : "+r"(at.a[g])); /* else it would be computed from the first one */
        }
        if (form || keeps)
            NAME(ask_c)(c, t->ldc, mr, nv * NAME(LANES));
        if (form)
            NAME(walk)(acc, &at, t->next_step, AT_ONCE, mr, nv, keeps, form);
        else
            __asm__("" : "+r"(at.a_col)); /* GCC would make a second loop for a step of one */
        NAME(walk)(acc, &at, t->next_step, 1, mr, nv, keeps, JOINS ? form : TW_GEMM_ANY);
        NAME(finish_sums)(acc, t, c, mr, nv);
        NAME(store_sums)(acc, c, t->ldc, mr, nv);
        if (t->dress)
            NAME(dress)(c, t->ldc, mr, nv, t->bias, t->dress->activation);
        if (!form || keeps || --tiles == 0)
            return;
    }
}

#if JOINS
typedef T NAME(half) __attribute__((vector_size(TW_VECTOR_BYTES / 2)));
typedef T NAME(loose_half)
    __attribute__((vector_size(TW_VECTOR_BYTES / 2), aligned(sizeof(T)), may_alias));

/* Tiles of half a vector of columns: `rows` rows of B at a time, a constant. What limits them are
 * loads, two a cycle as multiply-adds are: nothing else is asked for on the way but one line of
 * what comes next. */
static ALWAYS_INLINE void NAME(walk_thin)(NAME(half) acc[ROWS], NAME(place) * at, size_t next_step,
                                          size_t rows, size_t mr)
{
    for (; at->left >= rows; at->left -= rows) {
        UNROLL for (size_t q = 0; q < rows; q++)
        {
            NAME(half) row = *(const NAME(loose_half) *)(at->b + q * at->b_row);
            UNROLL for (size_t i = 0; i < mr; i++)
            {
                NAME(half) x = {SPREAD_HALF(*NAME(element)(at, i, q, TW_GEMM_ANY))};
                ADD_PRODUCT(acc[i], x, row);
            }
        }
        __builtin_prefetch(at->next, 0, 2);
        NAME(advance)(at, rows, TW_GEMM_ANY);
        at->next += rows * next_step;
    }
}

/* All of a tile's way, with A however it stands; such panels are a small part of any product. */
static ALWAYS_INLINE void NAME(multiply_thin)(const NAME(tile) * t, size_t mr)
{
    NAME(half) acc[ROWS], alpha = {SPREAD_HALF(t->alpha)};
    NAME(place) at = {.left = t->k, .b = (const char *)t->b, .next = t->next};
    at.a_row = t->a_row * sizeof(T);
    at.a_col = t->a_col * sizeof(T);
    at.b_row = t->b_row * sizeof(T);
    UNROLL for (size_t i = 0; i < mr; i++) acc[i] = (NAME(half)){0};
    UNROLL for (size_t g = 0; g < 3; g++)
    {
        at.a[g] = t->k ? (const char *)t->a + 3 * g * at.a_row : NULL;
        __asm__("" : "+r"(at.a[g]));
    }
    NAME(walk_thin)(acc, &at, t->next_step, 2, mr);
    NAME(walk_thin)(acc, &at, t->next_step, 1, mr);
    T *c = t->c;
    UNROLL for (size_t i = 0; i < mr; i++, c += t->ldc)
    {
        acc[i] *= alpha;
        if (t->adds)
            acc[i] += *(const NAME(loose_half) *)c;
        *(NAME(loose_half) *)c = acc[i];
    }
}
#endif

#define TILE(mr, nv)                                         \
    static void NAME(tile_##mr##_##nv)(const NAME(tile) * t) \
    {                                                        \
        NAME(multiply)(t, mr, nv, false, TW_GEMM_ANY);       \
    }
#if JOINS
#define THIN_TILE(mr)                                      \
    static void NAME(thin_tile_##mr)(const NAME(tile) * t) \
    {                                                      \
        NAME(multiply_thin)(t, mr);                        \
    }
#define THIN_ENTRY(mr) NAME(thin_tile_##mr),
#else
#define THIN_TILE(mr)
#define THIN_ENTRY(mr)
#endif
#define TILES(mr) THIN_TILE(mr) TILE(mr, 1) TILE(mr, 2) IF_THREE(TILE(mr, 3))
TILES(1)
TILES(2)
TILES(3)
TILES(4)
IF_SIX(TILES(5) TILES(6))
IF_EIGHT(TILES(7) TILES(8))

/* By rows and whole vectors of columns; where there are thin panels, 0 stands for half of one. */
#define ENTRY(mr)                                                                              \
    {                                                                                          \
        THIN_ENTRY(mr) NAME(tile_##mr##_1), NAME(tile_##mr##_2), IF_THREE(NAME(tile_##mr##_3)) \
    }
static void (*const NAME(tiles)[ROWS][JOINS + VECTORS])(const NAME(tile) *) = {
    ENTRY(1), ENTRY(2), ENTRY(3), ENTRY(4),
    IF_SIX(ENTRY(5), ENTRY(6), ) IF_EIGHT(ENTRY(7), ENTRY(8))};
#undef TILE
#undef TILES
#undef THIN_TILE
#undef THIN_ENTRY
#undef ENTRY

#if JOINS
/* Of a panel of a vector less it is the first tile alone that gains from a loop of its own. */
static void NAME(keep_narrow)(const NAME(tile) * t)
{
    NAME(multiply)(t, ROWS, VECTORS - 1, true, TW_GEMM_BY_ROWS);
}

/* Panels of 32 columns, as many convolutions have no other, and of 16. */
static void NAME(series_tiles)(const NAME(tile) * t, size_t nv)
{
    if (nv == VECTORS - 1)
        NAME(multiply_joined)(t, ROWS, VECTORS - 1, TW_GEMM_BY_ROWS, true);
    else
        NAME(multiply_joined)(t, ROWS, 1, TW_GEMM_BY_ROWS, true);
}

static ALWAYS_INLINE void NAME(full_tiles)(const NAME(tile) * t, size_t mr, bool keeps,
                                           tw_gemm_form form)
{
    if (keeps)
        NAME(multiply)(t, mr, VECTORS, true, form);
    else
        NAME(multiply_joined)(t, mr, VECTORS, form, false);
}
#define FULL_TILES NAME(full_tiles)
#else
#define FULL_TILES(t, mr, keeps, form) NAME(multiply)(t, mr, VECTORS, keeps, form)
#endif

/* Full tiles, or nearly, of a B that is packed or to be packed are most of a large product. */
#define FULL(name, keeps, form)                         \
    static void NAME(name##_most)(const NAME(tile) * t) \
    {                                                   \
        FULL_TILES(t, ROWS - 1, keeps, form);           \
    }                                                   \
    static void NAME(name##_all)(const NAME(tile) * t)  \
    {                                                   \
        FULL_TILES(t, ROWS, keeps, form);               \
    }
#define PAIR(name)                          \
    {                                       \
        NAME(name##_most), NAME(name##_all) \
    }
#if AT_ONCE > 1
FULL(by_rows, false, TW_GEMM_BY_ROWS)
FULL(by_columns, false, TW_GEMM_BY_COLUMNS)
FULL(keep_by_rows, true, TW_GEMM_BY_ROWS)
FULL(keep_by_columns, true, TW_GEMM_BY_COLUMNS)
static void (*const NAME(full)[2][2][2])(const NAME(tile) *) = {
    {PAIR(by_rows), PAIR(by_columns)}, {PAIR(keep_by_rows), PAIR(keep_by_columns)}};
#else
FULL(keep, true, TW_GEMM_ANY)
static void (*const NAME(full)[2][2][2])(const NAME(tile) *) = {[1] = {PAIR(keep), PAIR(keep)}};
#endif
#undef FULL
#undef FULL_TILES
#undef PAIR

/* Columns of a panel of nv vectors, or of a thin one. */
static size_t NAME(width)(size_t nv)
{
    return nv ? nv * NAME(LANES) : NAME(THIN);
}

/* Tiles of `rows` of C. Of columns that are pages apart nothing is asked for: they share few
 * places of the cache, and it would be gone when it is wanted. */
static NOINLINE void NAME(run_tiles)(NAME(tile) * t, size_t rows, size_t nv)
{
    bool apart = t->a_col * sizeof(T) % 4096 == 0, formed = t->a_row == 1 && !apart;
    bool full = rows >= ROWS - 1 && nv == VECTORS && t->k && AT_ONCE > 1 && t->b_row == NAME(WIDTH);
    if (t->keep || (full && (formed || t->a_col == 1))) {
#if JOINS
        if (nv < VECTORS)
            NAME(keep_narrow)(t);
        else
#endif
            NAME(full)[t->keep != NULL][t->a_col != 1][rows == ROWS](t);
    } else {
        for (;; t->a += rows * t->a_row, t->c += rows * t->ldc, t->next += t->next_share) {
            for (size_t j = NAME(width)(nv); j; j -= j < NAME(LINE) ? j : NAME(LINE)) {
                const T *end = t->c + j - 1;
                for (size_t r = rows; r; r--, end += t->ldc)
                    __builtin_prefetch(end, 1, 3);
            }
            NAME(tiles)[rows - 1][JOINS ? nv : nv - 1](t);
            if (--t->tiles == 0)
                break;
        }
    }
    if (t->keep) {
        t->b = t->keep;
        t->b_row = nv * NAME(LANES);
        t->keep = NULL;
    }
}
