/* SPDX-License-Identifier: Apache-2.0
 * The inside of matrix products: what each instruction set level gives. An operand is a pointer
 * with a stride for each index, so a transpose costs nothing to say. B is read as panels of a few
 * vectors of columns, each stored as k rows, padded with zeros. */
#ifndef TW_KERNELS_GEMM_LOOPS_H
#define TW_KERNELS_GEMM_LOOPS_H

#include "kernels/gemm.h"
#include "kernels/isa.h"

/* One thread's part of a product. Strides are in elements: A(i, p) = a[i * a_row + p * a_col]. */
typedef struct tw_gemm_block {
    size_t m, n, k;
    const void *a, *b;
    size_t a_row, a_col, b_row, b_col;
    const void *ahead; /* rows of A by which B is multiplied next, or NULL */
    size_t ahead_rows;
    const void *packed;            /* B packed for this n, or NULL: it is packed on the stack */
    bool in_place;                 /* whole panels of B are few and near: they are not packed */
    size_t packed_k, packed_first; /* rows of the packed B, and where this B begins among them */
    size_t packed_panels;          /* so many panels are packed, the others stand; 0: all are */
    void *c;
    size_t ldc;
    bool turned; /* C stands by columns: C(i, j) = c[i + j * ldc]; m is at most TW_GEMM_NARROW */
    double alpha, beta;
    bool conjugate_a, conjugate_b;
    const void *bias; /* [n] or NULL */
    tw_activation activation;
} tw_gemm_block;

/* Rows that are multiplied by B where it stands; columns for which a C is turned. */
enum { TW_GEMM_FEW = 4, TW_GEMM_NARROW = 12 };
enum { TW_GEMM_CELL_FLOPS = 250000 }; /* at least, of one thread's part */

/* All loops write only their own columns, so panels may run on different threads without a lock;
 * sums go over k in one order, however columns are cut. */
typedef struct tw_gemm_loops {
    size_t size;          /* of an element */
    size_t lanes;         /* columns in a vector */
    size_t thin;          /* at most, in a last panel of half a vector; 0: there is none */
    size_t panel_vectors; /* at most, in a panel */
    size_t tile_rows;     /* a good cut of m is a multiple of it */
    size_t depth;         /* so many terms are added up at a time */
    size_t most_sums;     /* rows of a turned product whose sums are taken along k */
    /* The columns first .. last - 1, counted in panels, of all rows. */
    void (*panels)(const tw_gemm_block *g, size_t first, size_t last);
    /* `count` products of one packed panel each, of equal sizes, without factors or an epilogue;
     * the arrays of each lie so many elements after those of the one before. The elements of a row
     * of A are neighbours. NULL: it would gain nothing. */
    void (*series)(const tw_gemm_block *g, size_t count, size_t a_step, size_t b_step,
                   size_t c_step);
    /* The same columns of B into `to`, as rows packed_first .. packed_first + k - 1 of packed_k *
     * (n and its padding) elements, 64-byte aligned. */
    void (*pack)(const tw_gemm_block *g, size_t first, size_t last, void *to);
    /* The rows first .. last - 1 of an A by columns into `to`, as rows `row` elements apart. */
    void (*rows)(const tw_gemm_block *g, size_t first, size_t last, void *to, size_t row);
    /* The columns first .. last - 1 of at most TW_GEMM_FEW rows, without the epilogue. B is no
     * packed one; for more than one row it has rows of `lanes` elements, or as long columns, in
     * one piece. */
    void (*lines)(const tw_gemm_block *g, size_t first, size_t last);
    /* c = act(c + bias) for an (m, n) block. */
    void (*finish)(void *c, size_t m, size_t n, size_t ldc, const void *bias,
                   tw_activation activation);
} tw_gemm_loops;

/* A whole product by plain blocked loops; g's epilogue is not applied. */
typedef void (*tw_gemm_plain)(const tw_gemm_block *g);

/* What one instruction set level gives: 16-bit floats are widened and use the float loops, so
 * there are only two. */
typedef struct tw_gemm_table {
    tw_gemm_loops f32, f64;
} tw_gemm_table;
/* Plain loops for the dtypes whose products are rare: integers wrap, and the complex ones have
 * no epilogue. */
typedef struct tw_gemm_other_table {
    tw_gemm_plain i32, i64, c64, c128;
} tw_gemm_other_table;

TW_ISA_TABLES(tw_gemm_table, tw_gemm_table);
TW_ISA_TABLES(tw_gemm_other_table, tw_gemm_other_table);

/* The columns of a last panel of half a vector, which would waste half of a whole one; 0: n has
 * none. */
static inline size_t tw_gemm_thin(size_t lanes, size_t panel_vectors, size_t thin, size_t n)
{
    size_t left = n % lanes;
    return n > lanes * panel_vectors && left <= thin ? left : 0;
}

/* As tw_par_bound, for many bounds: the divisions are done once. */
typedef struct tw_gemm_parts {
    size_t whole, grain, count, each, longer;
} tw_gemm_parts;

static inline tw_gemm_parts tw_gemm_parts_of(size_t whole, size_t grain, size_t count)
{
    size_t grains = (whole + grain - 1) / grain, each = count ? grains / count : 0;
    return (tw_gemm_parts){whole, grain, count, each, grains - each * count};
}

static inline size_t tw_gemm_part_start(const tw_gemm_parts *p, size_t part)
{
    size_t bound = (part * p->each + (part < p->longer ? part : p->longer)) * p->grain;
    return part < p->count && bound < p->whole ? bound : part ? p->whole : 0;
}

/* The panels of n columns but for a thin one: parted evenly, in whole vectors, so that none is much
 * narrower than the others. */
static inline tw_gemm_parts tw_gemm_columns(size_t lanes, size_t panel_vectors, size_t thin,
                                            size_t n)
{
    size_t whole = n - tw_gemm_thin(lanes, panel_vectors, thin, n), width = lanes * panel_vectors;
    return tw_gemm_parts_of(whole, lanes, (whole + width - 1) / width);
}

/* The first column of a panel, a thin one being the last. */
static inline size_t tw_gemm_column(const tw_gemm_parts *columns, size_t n, size_t panel)
{
    return panel > columns->count ? n : tw_gemm_part_start(columns, panel);
}

/* How many panels n columns have, a thin one included. */
static inline size_t tw_gemm_panels(const tw_gemm_loops *loops, size_t n)
{
    tw_gemm_parts columns = tw_gemm_columns(loops->lanes, loops->panel_vectors, loops->thin, n);
    return columns.count + (columns.whole < n);
}

/* The loops of TW_FLOAT32 or TW_FLOAT64. */
const tw_gemm_loops *tw_gemm_loops_of(tw_dtype dtype);
/* Bytes of a packed B; SIZE_MAX if that overflows. */
size_t tw_gemm_packed_bytes(tw_dtype dtype, size_t k, size_t n);
/* Of the copy that is kept of a B for products by m rows: tw_gemm_block.packed_panels. */
size_t tw_gemm_kept_panels(const tw_gemm_loops *loops, size_t m, size_t n, size_t k, bool turned);
/* Runs a block on this thread, whatever its form. */
void tw_gemm_run_block(const tw_gemm_loops *loops, const tw_gemm_block *g);
/* A product of a few floats without an epilogue; false: it is another one. */
bool tw_gemm_run_tiny(const tw_gemm_block *g);
/* Any product of a block that tw_gemm_block_of made and that has operands since. */
void tw_gemm_run(tw_dtype dtype, const tw_gemm_block *g, const tw_par *par);
tw_status *tw_gemm_block_of(tw_dtype dtype, const tw_gemm_shape *shape, tw_gemm_block *out);
/* A product of half or bfloat16. */
void tw_gemm_run_widened(tw_dtype dtype, const tw_gemm_block *g, const tw_par *par);

#endif
