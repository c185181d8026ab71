/* SPDX-License-Identifier: Apache-2.0
 * Which way a matrix product goes, and how it is cut: columns by panels first, then rows, in cells
 * of at least 2.5 us that depend on the shape alone. */
#include "kernels/gemm.h"

#include <string.h>

#include "base/alloc.h"
#include "kernels/gemm_loops.h"

enum {
    MOST_CELLS = 64,
    LEAST_ROWS = 48,
    LEAST_TURNED = 192,
    LINE_GRAIN = 512, /* columns: rows of B come from memory in long pieces */
    MOST_LINES = 4,   /* cells, which are as fast as the memory is */
    NEAR_ROWS = 768,
    ENOUGH = 12,
    WIDE = 3,
    SPREAD_WIDE = 12,
    STEP = 320, /* rows of B at a time */
    MANY = 128,
    TURN_GRAIN = 16,
    DEEP = 960, /* where all columns are turned at a time */
    DEEP_ROWS = 54,
    DEEP_BYTES = 1 << 20,
    LANE_GRAIN = 8,
    LEAST_DEPTH = 64,
    AFAR_BYTES = 1 << 22,
    FEW_PLACES = 2048, /* bytes */
    CACHED_BYTES = 1 << 18,
    FAR_BYTES = 1 << 24,
    LINE = 64,
    PAGE = 4096,
    FEW_SETS = 512, /* bytes: columns so far apart share an eighth of the sets or fewer */
    LEAST_STEPS = 16
};

/* Conv and others build on the same panels. */
const tw_gemm_loops *tw_gemm_loops_of(tw_dtype dtype)
{
    const tw_gemm_table *table = TW_ISA_TABLE(tw_gemm_table);
    return dtype == TW_FLOAT64 ? &table->f64 : &table->f32;
}

/* The last columns are padded to a whole vector, or to half of one. */
static size_t padding(const tw_gemm_loops *loops, size_t n)
{
    size_t thin = tw_gemm_thin(loops->lanes, loops->panel_vectors, loops->thin, n);
    size_t over = n % loops->lanes;
    return thin ? loops->thin - thin : over ? loops->lanes - over : 0;
}

size_t tw_gemm_packed_bytes(tw_dtype dtype, size_t k, size_t n)
{
    size_t width, elements, bytes;
    if (!tw_size_add(n, padding(tw_gemm_loops_of(dtype), n), &width) ||
        !tw_size_mul(width, k, &elements) || !tw_size_mul(elements, tw_dtype_size(dtype), &bytes))
        return SIZE_MAX;
    return bytes;
}

/* One row; or a few, with B in pieces of whole vectors. Sums along k are added up across their
 * vectors, which takes several products of a row to be worth it. */
static bool is_lines(const tw_gemm_loops *loops, const tw_gemm_block *g)
{
    size_t lanes = loops->lanes, steps = g->m > 2 ? 4 * lanes : lanes, most = TW_GEMM_FEW;
    if (g->turned && g->b_row == 1) {
        most = loops->most_sums;
        steps = g->m > 2 ? (lanes < 16 ? 2 : 1) * lanes * g->m : steps;
    }
    bool strips = g->m <= TW_GEMM_FEW && g->b_col == 1 && g->n >= lanes;
    bool sums = g->m <= most && g->b_row == 1 && g->k >= steps;
    return !g->packed && g->k > 0 && (g->m == 1 || strips || sums);
}

/* C^T = op(B)^T op(A)^T: the factors change places, and so do the strides of each. */
static void turn(const tw_gemm_block *g, tw_gemm_block *out)
{
    *out = *g;
    out->m = g->n;
    out->n = g->m;
    out->turned = true;
    out->a = g->b;
    out->a_row = g->b_col;
    out->a_col = g->b_row;
    out->b = g->a;
    out->b_row = g->a_col;
    out->b_col = g->a_row;
}

/* A is transposed, and its columns are whole pages apart, or nearly: they share few sets of the
 * cache and drive each other out. */
static bool is_spread(const tw_gemm_block *g, size_t size)
{
    size_t apart = g->a_col * size;
    return g->a_row == 1 && g->k >= LEAST_STEPS && apart >= PAGE && apart % FEW_SETS == 0;
}

/* Few columns fill no vectors, where rows or terms do: such a product is done as its transpose,
 * which is made in `turned`. Of rows of A that are pages apart, in memory, little is read at
 * once. */
static const tw_gemm_block *turned_or_not(const tw_gemm_loops *loops, const tw_gemm_block *g,
                                          tw_gemm_block *turned)
{
    bool column = g->n == 1, few = g->m <= (column ? 1 : TW_GEMM_FEW);
    if (few || g->n > TW_GEMM_NARROW || g->packed || (!column && g->n % loops->lanes == 0))
        return g;
    turn(g, turned);
    bool far = is_spread(g, loops->size) && g->k * g->a_col * loops->size > FAR_BYTES;
    bool gains = column || is_lines(loops, turned) || (g->a_row == 1 && g->m > g->n && !far);
    return gains ? turned : g;
}

/* The epilogue of the columns first .. last - 1 of what has been done by lines. */
static void finish_lines(const tw_gemm_loops *loops, const tw_gemm_block *g, size_t first,
                         size_t last, size_t size)
{
    if (!g->bias && g->activation == TW_ACTIVATION_NONE)
        return;
    if (g->turned)
        loops->finish((char *)g->c + first * g->ldc * size, last - first, g->m, g->ldc, g->bias,
                      g->activation);
    else
        loops->finish((char *)g->c + first * size, g->m, last - first, g->ldc,
                      g->bias ? (const char *)g->bias + first * size : NULL, g->activation);
}

/* For callers that cut their work themselves. */
void tw_gemm_run_block(const tw_gemm_loops *loops, const tw_gemm_block *g)
{
    tw_gemm_block turned;
    g = turned_or_not(loops, g, &turned);
    if (is_lines(loops, g)) {
        loops->lines(g, 0, g->n);
        finish_lines(loops, g, 0, g->n, loops->size);
        return;
    }
    loops->panels(g, 0, tw_gemm_panels(loops, g->n));
}

/* A product in cells: `across` runs of panels (or of a line's columns) by `down` runs of rows. */
typedef struct cut {
    const tw_gemm_loops *loops;
    tw_gemm_block g;
    size_t size, panels, grain, across, down;
} cut;

/* Lines are cut by columns at multiples of a few vectors; each column is summed by one cell. */
static void run_line_cell(size_t cell, void *arg)
{
    const cut *x = arg;
    size_t first = tw_par_bound(x->g.n, x->grain, x->across, cell);
    size_t last = tw_par_bound(x->g.n, x->grain, x->across, cell + 1);
    x->loops->lines(&x->g, first, last);
    finish_lines(x->loops, &x->g, first, last, x->size);
}

/* Such rows of a cell are put side by side. NULL: no memory for it, and they are read as they
 * stand. */
static void *gathered(tw_gemm_block *part, size_t size)
{
    size_t row = part->m * size + LINE, apart = part->a_col * size, bytes;
    row -= row % LINE;
    row += row % PAGE == 0 ? LINE : 0;
    char *memory = tw_size_mul(row, part->k, &bytes) ? tw_alloc_aligned(bytes) : NULL;
    if (!memory)
        return NULL;
    for (size_t p = 0; p < part->k; p++)
        memcpy(memory + p * row, (const char *)part->a + p * apart, part->m * size);
    part->a = memory;
    part->a_col = row / size;
    return memory;
}

/* A cell packs its panels for itself: with 48 rows or more to use them, packing them again in
 * another cell costs less than waiting for a shared copy. */
static void run_cell(size_t cell, void *arg)
{
    const cut *x = arg;
    size_t i = cell / x->across, j = cell % x->across;
    size_t first = tw_par_even(x->g.m, x->loops->tile_rows, x->down, i);
    tw_gemm_block part = x->g;
    part.m = tw_par_even(x->g.m, x->loops->tile_rows, x->down, i + 1) - first;
    part.a = (const char *)x->g.a + first * x->g.a_row * x->size;
    part.c = (char *)x->g.c + first * x->g.ldc * x->size;
    if (x->across == 1 && part.packed && part.a_col == 1 && i + 1 < x->down) {
        part.ahead = (const char *)part.a + part.m * x->g.a_row * x->size;
        part.ahead_rows = part.m;
    }
    size_t begin = tw_par_even(x->panels, 1, x->across, j),
           end = tw_par_even(x->panels, 1, x->across, j + 1);
    void *memory = end - begin >= WIDE && is_spread(&part, x->size) ? gathered(&part, x->size)
                                                                    : NULL;
    x->loops->panels(&part, begin, end);
    tw_free_aligned(memory);
}

/* In how many runs the rows are cut: each packs B anew, so there are no more than make cells enough
 * for a few threads; but a run of A is to stay in the second cache from panel to panel, and rows of
 * C that are pages apart should not be more than the processor remembers pages. */
static size_t rows_wanted(const tw_gemm_block *g, size_t size, size_t across, size_t wanted)
{
    size_t depth = g->k < STEP ? g->k : STEP, near = CACHED_BYTES / (depth * size);
    size_t down = across < ENOUGH ? ENOUGH / across : 1;
    near = near < NEAR_ROWS ? near : NEAR_ROWS;
    near = near > LEAST_ROWS ? near : LEAST_ROWS;
    if (g->m / near > down)
        down = g->m / near;
    return down < wanted ? down : wanted;
}

/* Into how many runs of panels: where A is large each cell has some panels, so that A comes from
 * memory fewer times. */
static size_t columns_wanted(const tw_gemm_block *g, size_t size, size_t panels, size_t wanted)
{
    size_t most = panels;
    if (g->m * g->k * size > 2 * CACHED_BYTES && panels >= WIDE)
        most = panels / WIDE;
    if (is_spread(g, size) && panels >= WIDE)
        most = (panels + SPREAD_WIDE - 1) / SPREAD_WIDE;
    return wanted < most ? wanted : most;
}

/* A packing in cells, which are runs of panels. */
typedef struct packing {
    const tw_gemm_loops *loops;
    tw_gemm_block g;
    void *to;
    size_t panels, cells;
} packing;

static void pack_cell(size_t cell, void *arg)
{
    const packing *x = arg;
    x->loops->pack(&x->g, tw_par_bound(x->panels, 1, x->cells, cell),
                   tw_par_bound(x->panels, 1, x->cells, cell + 1), x->to);
}

/* Half a nanosecond for a number, which comes from memory. */
static void pack_all(const tw_gemm_loops *loops, const tw_gemm_block *g, void *to,
                     const tw_par *par)
{
    packing x = {.loops = loops, .g = *g, .to = to, .panels = g->packed_panels};
    x.panels = x.panels ? x.panels : tw_gemm_panels(loops, g->n);
    double panel = 0.5 * (double)g->k * (double)(loops->lanes * loops->panel_vectors);
    x.cells = tw_par_cells(x.panels, 1, panel);
    tw_par_run(par, x.cells, pack_cell, &x);
}

/* Bytes of a row of a packed B. */
static size_t padded_row(const cut *x)
{
    return (x->g.n + padding(x->loops, x->g.n)) * x->size;
}

/* How many rows of B are packed once for all cells, before these multiply by them; 0: each packs
 * for itself. Of a B whose columns are to be turned, many times longer than they are many, and a
 * large A: cells of columns would read A anew, and cells of rows turn B anew. And of a B from afar
 * whose rows share few places of the caches, for the rows of two or three tiles: they would wait
 * for each row of a B that stands. */
static size_t depth_of(const cut *x)
{
    const tw_gemm_block *g = &x->g;
    size_t row = padded_row(x);
    if (g->packed)
        return 0;
    if (g->b_row == 1)
        return g->k > 2 * DEEP && g->m > 2 * DEEP_ROWS && row <= DEEP_BYTES / DEEP ? DEEP : 0;
    bool far = g->k * row >= AFAR_BYTES && g->b_row * x->size % FEW_PLACES == 0;
    bool few = g->m > x->loops->tile_rows && g->m <= 3 * x->loops->tile_rows;
    size_t depth = DEEP_BYTES / row / LANE_GRAIN * LANE_GRAIN;
    if (g->turned || g->b_col != 1 || !far || !few || depth < LEAST_DEPTH)
        return 0;
    return depth < STEP ? depth : STEP;
}

/* In cells of some panels and some rows. */
static void cut_up(cut *x, size_t wanted)
{
    const tw_gemm_block *g = &x->g;
    x->across = columns_wanted(g, x->size, x->panels, wanted);
    /* Columns of B are packed at a quarter of the speed of rows. */
    size_t least = g->b_col == 1 || g->packed ? LEAST_ROWS : LEAST_TURNED;
    size_t most = g->m / least ? g->m / least : 1;
    size_t down = rows_wanted(g, x->size, x->across, wanted);
    x->down = down < most ? down : most;
    x->across = x->across * x->down > wanted ? wanted / x->down : x->across;
}

/* All threads pack some rows of B, then all of them multiply by these: `part` of the product is of
 * k terms from `first` on. */
static void run_rows_of_b(const cut *x, cut *part, size_t first, size_t k, void *memory,
                          const tw_par *par)
{
    const tw_gemm_block *g = &x->g;
    bool last = first + k == g->k;
    part->g.k = part->g.packed_k = k;
    part->g.a = (const char *)g->a + first * g->a_col * x->size;
    part->g.b = (const char *)g->b + first * g->b_row * x->size;
    part->g.beta = first ? 1 : g->beta;
    part->g.bias = last ? g->bias : NULL;
    part->g.activation = last ? g->activation : TW_ACTIVATION_NONE;
    part->g.packed = NULL;
    pack_all(x->loops, &part->g, memory, par);
    part->g.packed = memory;
    tw_par_run(par, part->across * part->down, run_cell, part);
}

/* Evenly parted by `depth` rows at most, and each part as cells would part it: what is packed at a
 * time is no more than they multiply by at a time. False: there is no memory for it. */
static bool run_deep(const cut *x, size_t depth, size_t wanted, const tw_par *par)
{
    const tw_gemm_block *g = &x->g;
    size_t steps = (g->k + depth - 1) / depth, most = x->loops->depth;
    void *memory = tw_alloc_aligned(padded_row(x) * (depth < most ? depth : most));
    cut part = *x;
    cut_up(&part, wanted);
    if (g->b_row == 1) {
        part.across = 1;
        part.down = (g->m + DEEP_ROWS - 1) / DEEP_ROWS;
    }
    for (size_t i = 0; memory && i < steps; i++) {
        size_t first = tw_par_bound(g->k, LANE_GRAIN, steps, i);
        size_t k = tw_par_bound(g->k, LANE_GRAIN, steps, i + 1) - first;
        tw_gemm_parts parts = tw_gemm_parts_of(k, LANE_GRAIN, (k + most - 1) / most);
        for (size_t j = 0; j < parts.count; j++) {
            size_t begin = tw_gemm_part_start(&parts, j);
            run_rows_of_b(x, &part, first + begin, tw_gemm_part_start(&parts, j + 1) - begin,
                          memory, par);
        }
    }
    tw_free_aligned(memory);
    return memory != NULL;
}

/* A transposed A as rows, in cells of rows. */
typedef struct turning {
    const cut *x;
    void *to;
    size_t row, cells;
} turning;

static void turn_cell(size_t cell, void *arg)
{
    const turning *t = arg;
    size_t m = t->x->g.m;
    t->x->loops->rows(&t->x->g, tw_par_bound(m, TURN_GRAIN, t->cells, cell),
                      tw_par_bound(m, TURN_GRAIN, t->cells, cell + 1), t->to, t->row);
}

/* Tiles read rows of A faster than columns, of which each has a line of memory of its own: many
 * panels repay turning all of A once. The rows are the caller's to free; NULL: A stays. */
static void *turn_a(cut *x, const tw_par *par)
{
    tw_gemm_block *g = &x->g;
    size_t line = LINE / x->size, row = (g->k + line - 1) / line * line;
    row += row * x->size % FEW_SETS ? 0 : line;
    if (g->a_row != 1 || x->panels < MANY || g->k < LEAST_STEPS || g->m < TURN_GRAIN ||
        row > DEEP_BYTES / x->size / g->m)
        return NULL;
    turning t = {.x = x, .to = tw_alloc_aligned(g->m * row * x->size), .row = row};
    if (!t.to)
        return NULL;
    t.cells = tw_par_cells(g->m, TURN_GRAIN, 0.25 * (double)g->k);
    tw_par_run(par, t.cells, turn_cell, &t);
    g->a = t.to;
    g->a_row = row;
    g->a_col = 1;
    return t.to;
}

/* First by panels, since they share nothing; by rows only where panels are too few. */
static void run_floating(tw_dtype dtype, const tw_gemm_block *g, const tw_par *par)
{
    double flops = 2.0 * (double)g->m * (double)g->n * (double)g->k;
    size_t wanted = flops >= (double)MOST_CELLS * TW_GEMM_CELL_FLOPS
                        ? MOST_CELLS
                        : (size_t)(flops / TW_GEMM_CELL_FLOPS);
    if (dtype == TW_FLOAT32 && tw_gemm_run_tiny(g))
        return;
    const tw_gemm_loops *loops = tw_gemm_loops_of(dtype);
    if (wanted <= 1) {
        tw_gemm_run_block(loops, g);
        return;
    }
    tw_gemm_block turned;
    g = turned_or_not(loops, g, &turned);
    cut x = {.loops = loops, .g = *g, .size = loops->size};
    if (is_lines(x.loops, &x.g)) {
        bool sums = x.g.m > TW_GEMM_FEW;
        x.grain = sums ? LEAST_ROWS : LINE_GRAIN;
        size_t grains = (x.g.n + x.grain - 1) / x.grain;
        size_t most = grains < MOST_LINES || sums ? grains : MOST_LINES;
        x.across = wanted < most ? wanted : most;
        tw_par_run(par, x.across, run_line_cell, &x);
        return;
    }
    x.panels = tw_gemm_panels(x.loops, g->n);
    size_t depth = depth_of(&x);
    if (depth && run_deep(&x, depth, wanted, par))
        return;
    void *rows = turn_a(&x, par);
    cut_up(&x, wanted);
    tw_par_run(par, x.across * x.down, run_cell, &x);
    tw_free_aligned(rows);
}

/* Integers and complex numbers: runs of rows. */
typedef struct plain {
    tw_gemm_plain run;
    tw_gemm_block g;
    size_t size, cells;
} plain;

/* Rows in runs that are multiples of the loops' own block. */
static void run_plain_cell(size_t cell, void *arg)
{
    const plain *x = arg;
    tw_gemm_block part = x->g;
    size_t first = tw_par_bound(x->g.m, 32, x->cells, cell);
    part.m = tw_par_bound(x->g.m, 32, x->cells, cell + 1) - first;
    part.a = (const char *)x->g.a + first * x->g.a_row * x->size;
    part.c = (char *)x->g.c + first * x->g.ldc * x->size;
    x->run(&part);
}

/* About a fifth of a nanosecond for a product. */
static void run_plain(tw_gemm_plain run, tw_dtype dtype, const tw_gemm_block *g, const tw_par *par)
{
    plain x = {.run = run, .g = *g, .size = tw_dtype_size(dtype)};
    x.cells = tw_par_cells(g->m, 32, 0.2 * (double)g->n * (double)g->k);
    tw_par_run(par, x.cells, run_plain_cell, &x);
}

/* Empty results have no memory; with k = 0 they are still written. */
void tw_gemm_run(tw_dtype dtype, const tw_gemm_block *g, const tw_par *par)
{
    const tw_gemm_other_table *other = TW_ISA_TABLE_OF_NARROW(tw_gemm_other_table);
    if (g->m == 0 || g->n == 0)
        return;
    switch (dtype) {
    case TW_FLOAT32:
    case TW_FLOAT64: run_floating(dtype, g, par); break;
    case TW_INT32: run_plain(other->i32, dtype, g, par); break;
    case TW_INT64: run_plain(other->i64, dtype, g, par); break;
    case TW_COMPLEX64: run_plain(other->c64, dtype, g, par); break;
    case TW_COMPLEX128: run_plain(other->c128, dtype, g, par); break;
    default: tw_gemm_run_widened(dtype, g, par); break;
    }
}

/* Rows of `cols` elements `ld` apart (0: dense) in memory that can exist. */
static tw_status *check_matrix(const char *name, tw_dtype dtype, size_t rows, size_t cols,
                               size_t *ld)
{
    size_t elements, bytes;
    if (*ld == 0)
        *ld = cols;
    if (*ld < cols)
        return tw_status_new(TW_INVALID_ARGUMENT, "rows of %s are %zu apart but %zu long", name,
                             *ld, cols);
    if (!tw_size_mul(rows, *ld, &elements) ||
        !tw_size_mul(elements, tw_dtype_size(dtype), &bytes) || bytes > PTRDIFF_MAX)
        return tw_status_new(TW_INVALID_ARGUMENT, "a matrix of (%zu, %zu) is too large", rows,
                             cols);
    return TW_OK;
}

/* From the caller's words to pointers and strides: from here on a transpose is only a pair of
 * strides that changed places. */
tw_status *tw_gemm_block_of(tw_dtype dtype, const tw_gemm_shape *s, tw_gemm_block *out)
{
    switch (dtype) {
    case TW_FLOAT32:
    case TW_FLOAT64:
    case TW_FLOAT16:
    case TW_BFLOAT16:
    case TW_INT32:
    case TW_INT64:
    case TW_COMPLEX64:
    case TW_COMPLEX128: break;
    default:
        return tw_status_new(TW_UNIMPLEMENTED, "%s matrices have no product", tw_dtype_name(dtype));
    }
    size_t lda = s->lda, ldb = s->ldb, ldc = s->ldc;
    bool ta = s->transpose_a, tb = s->transpose_b;
    TW_TRY(check_matrix("a", dtype, ta ? s->k : s->m, ta ? s->m : s->k, &lda));
    TW_TRY(check_matrix("b", dtype, tb ? s->n : s->k, tb ? s->k : s->n, &ldb));
    TW_TRY(check_matrix("c", dtype, s->m, s->n, &ldc));
    *out = (tw_gemm_block){.m = s->m,
                           .n = s->n,
                           .k = s->k,
                           .a_row = ta ? 1 : lda,
                           .a_col = ta ? lda : 1,
                           .b_row = tb ? 1 : ldb,
                           .b_col = tb ? ldb : 1,
                           .ldc = ldc,
                           .alpha = s->alpha,
                           .beta = s->beta,
                           .packed = s->packed,
                           .packed_k = s->k,
                           .conjugate_a = s->conjugate_a,
                           .conjugate_b = s->conjugate_b};
    return TW_OK;
}

/* An epilogue that does nothing is no epilogue, for any dtype. */
tw_status *tw_gemm(tw_dtype dtype, const tw_gemm_shape *shape, const void *a, const void *b,
                   void *c, const tw_gemm_epilogue *epilogue, const tw_par *par)
{
    tw_gemm_block g;
    TW_TRY(tw_gemm_block_of(dtype, shape, &g));
    g.a = a;
    g.b = b;
    g.c = c;
    if (g.packed)
        g.packed_panels = tw_gemm_kept_panels(tw_gemm_loops_of(dtype), g.m, g.n, g.k,
                                              shape->transpose_b);
    if (epilogue) {
        bool bare = !epilogue->bias && epilogue->activation == TW_ACTIVATION_NONE;
        if (!bare && !tw_dtype_is_floating(dtype))
            return tw_status_new(TW_UNIMPLEMENTED, "products of %s have no bias or activation",
                                 tw_dtype_name(dtype));
        g.bias = epilogue->bias;
        g.activation = epilogue->activation;
    }
    tw_gemm_run(dtype, &g, par);
    return TW_OK;
}

void tw_gemm_pack(tw_dtype dtype, const tw_gemm_shape *s, const void *b, void *to,
                  const tw_par *par)
{
    size_t ldb = s->ldb ? s->ldb : s->transpose_b ? s->k : s->n;
    tw_gemm_block g = {.n = s->n,
                       .k = s->k,
                       .b = b,
                       .b_row = s->transpose_b ? 1 : ldb,
                       .b_col = s->transpose_b ? ldb : 1,
                       .packed_k = s->k,
                       .packed_panels = tw_gemm_kept_panels(tw_gemm_loops_of(dtype), s->m, s->n,
                                                            s->k, s->transpose_b)};
    pack_all(tw_gemm_loops_of(dtype), &g, to, par);
}
