/* SPDX-License-Identifier: Apache-2.0
 * A bound tile program, as tile_bind.c makes it and tile_run.c runs it.
 *
 * The output is seen as `rows` rows of `length` elements. A cell is a rectangle of it; a tile is a
 * few whole rows, or a piece of one. While a cell runs it has a file of registers on the stack.
 * Every pointer that a step uses stands in a slot: operands first, then registers, then outputs. */
#ifndef TW_KERNELS_TILE_INSIDE_H
#define TW_KERNELS_TILE_INSIDE_H

#include <string.h>

#include "kernels/tile.h"

enum {
    TILE_FILE = 48 << 10, /* bytes of registers of a cell */
    TILE_MANY = 352,      /* slots, at most */
    TW_NO_SLOT = 0xffff
};

typedef enum tile_access {
    TILE_FULL,     /* the output's own order: read where it lies */
    TILE_COPIED,   /* the same, of the only tile: copied to its register */
    TILE_SCALAR,   /* spread over its register when a cell starts */
    TILE_PERIODIC, /* every tile needs the same pattern: gathered when a cell starts */
    TILE_STRIDED   /* gathered for each tile, or read where it lies within one row */
} tile_access;

/* A stride of 0 along a dim means that the operand is broadcast there; `access` tells which way
 * of loading suits its strides. */
typedef struct tile_operand {
    uint8_t access, size;
    bool constant;
    bool block;       /* a scalar of which joined loops alone read: spread over one block */
    uint32_t place;   /* of its register in the file */
    int64_t *strides; /* over bound->dims; all operands' lie behind the outputs */
    _Alignas(16) unsigned char value[16];
} tile_operand;

/* z[i] = (x[i] first y[i]) then w[i], over whole blocks of floats. Bit k of `repeated`: source k is
 * one block of a number, which serves all; where nothing comes `then`, the number alone will do,
 * and n need be no multiple of a block, only that many or more. z may be a source that is not
 * repeated. */
typedef void (*tw_joined_loop)(size_t n, float *z, const float *x, const float *y, const float *w,
                               uint32_t repeated);

/* z[i] = f(x[i] factors[0] + factors[1]) factors[2] + factors[3], over whole blocks. */
typedef void (*tw_scaled_loop)(size_t n, float *z, const float *x, const float factors[4]);

/* What a link does with the value of the chain, a, and its own, b. */
typedef enum tile_link_op {
    TILE_LINK_SET, /* b: the first link of a chain */
    TILE_LINK_ADD,
    TILE_LINK_SUB,
    TILE_LINK_TAKEN_FROM, /* b - a */
    TILE_LINK_MUL,
    TILE_LINK_DIV,
    TILE_LINK_DIVIDES, /* b / a */
    TILE_LINK_SQUARE   /* a a */
} tile_link_op;

/* b is x, or x by y, a tw_tile_simple. These are the links that there are. */
#define TILE_LINK_CODE(op, by) ((op)*5 + (by))
#define TILE_LINKS(LINK)    \
    LINK(SET, ADD)          \
    LINK(SET, SUB)          \
    LINK(SET, MUL)          \
    LINK(SET, DIV)          \
    LINK(ADD, OTHER)        \
    LINK(ADD, MUL)          \
    LINK(SUB, OTHER)        \
    LINK(SUB, MUL)          \
    LINK(TAKEN_FROM, OTHER) \
    LINK(TAKEN_FROM, MUL)   \
    LINK(MUL, OTHER)        \
    LINK(MUL, ADD)          \
    LINK(MUL, SUB)          \
    LINK(DIV, OTHER)        \
    LINK(DIVIDES, OTHER)    \
    LINK(SQUARE, OTHER)

/* From the lowest bit on: the code; whether x and y go on from block to block, or are one block
 * that serves all; then, 16 bits each, the slots of x and y. */
typedef uint64_t tile_link;
enum { TILE_LINK_X_GOES_ON = 8, TILE_LINK_Y_GOES_ON = 9, TILE_LINK_X = 32, TILE_LINK_Y = 48 };

/* All links on so many blocks as the function is for, `at` bytes from where slots point to. z may
 * be a source that goes on. */
typedef void (*tw_chain_loop)(char *z, const tile_link *links, const tile_link *end,
                              char *const *slots, size_t at);

/* Functions that exist once for each instruction set level (isa/tile_chain.c), or NULL. */
typedef struct tw_chain_loops {
    tw_chain_loop eight, four, one, number; /* `number`: of the first one where slots point to */
} tw_chain_loops;

typedef enum tile_step_kind { TILE_LOOP, TILE_SCALED, TILE_CHAIN } tile_step_kind;

/* Slots are registers of the file or memory of operands; a step reads and writes whole blocks
 * and knows nothing of shapes. */
typedef struct tile_step {
    tw_tile_loop loop;
    tw_joined_loop joined; /* instead of `loop`, if it is not NULL */
    union {                /* instead of both */
        struct {
            tw_scaled_loop near, past;
            uint16_t factors[4]; /* slots of numbers, or TW_NO_SLOT */
        } scaled;
        struct {
            const tw_chain_loops *wide, *narrow; /* eight, if there is such a one; the others */
            const tile_link *links;
        } chain;
    } of;
    tw_tile_check check;
    tw_tile_failure failure;
    uint8_t kind;                              /* tile_step_kind */
    uint8_t negative;                          /* bit k: factor k is taken so */
    uint8_t repeated;                          /* a bit for each source of `joined` */
    bool by_number;                            /* of those it reads a number, not a block */
    uint16_t link_count;                       /* of a chain; 0: none */
    uint16_t target, sources[TW_TILE_SOURCES]; /* slots */
} tile_step;

/* Whole blocks, by whichever loop the step has. */
static inline void tw_tile_do(const tile_step *step, size_t n, void *z, const void *x,
                              const void *y, const void *w)
{
    if (step->joined)
        step->joined(n, z, x, y, w, step->repeated);
    else
        step->loop(n, z, x, y, w);
}

/* A direct output costs no copy: its last step writes to the array, except in the short block at
 * the end. */
typedef struct tile_output {
    uint16_t value_slot; /* where the value is when a tile is done */
    bool direct;         /* the last step writes to the output's memory itself */
    bool past;           /* too large for any cache: stored past them, by way of the file */
    uint8_t size;
    uint32_t tail; /* the place in the file of its last, short block, or of a tile to be stored */
} tile_output;

/* How cells are numbered. */
typedef enum tile_grid {
    TILE_BY_ROWS,   /* cell i: `share` rows from i * share on */
    TILE_BY_PIECES, /* cell i: piece i % pieces (of `share` elements) of a row */
    TILE_BY_COLUMNS /* cell i: `share` columns of all rows */
} tile_grid;

/* Everything is one block of memory and never changes after binding, so that threads share it
 * without locks. */
struct tw_tile_bound {
    uint16_t operand_count, step_count, output_count, slot_count, register_count;
    uint16_t rank; /* of dims, after joining */
    uint8_t grid;
    bool small;    /* one operation on few elements: tile_small.c */
    bool checks;   /* some step has one */
    bool padded;   /* one tile, all of it in registers, of whole */
    uint8_t grain; /* such runs of elements */
    bool streams;  /* more memory than the second cache holds */
    bool alone;    /* one step with numbers around a function: a cell is one tile */
    tw_tile_reduction reduction;
    uint16_t reduced_slot;
    uint8_t reduced_size;
    uint32_t shifts[TW_TILE_SOURCES]; /* of a small one: from a source to its last block, bytes */
    uint32_t tile_rows, tile_length;  /* a tile: rows, and elements */
    uint32_t register_bytes, registers_place;
    size_t count, rows, length, share, pieces, cells;
    size_t result_count; /* elements of the reduction's result */
    double time;
    int64_t dims[TW_MAX_RANK];
    tile_operand *operands;
    tile_step *steps;
    tile_output *outputs;
};

/* Partial results of a reduction: one for each block position, so that the order is fixed. */
typedef struct tile_lanes {
    _Alignas(64) double lane[TW_TILE_BLOCK];
} tile_lanes;

/* Functions that exist once for each instruction set level (isa/tile_loops.c). */
typedef struct tw_tile_loops {
    tw_tile_loop widen_half, narrow_half, widen_bfloat16, narrow_bfloat16;
    /* By kind (mean is sum). n: any number. */
    void (*fold_f32[TW_TILE_MIN + 1])(size_t n, double lanes[TW_TILE_BLOCK], const float *x);
    void (*fold_f64[TW_TILE_MIN + 1])(size_t n, double lanes[TW_TILE_BLOCK], const double *x);
    void (*column_f32[TW_TILE_MIN + 1])(size_t n, double *sums, const float *x);
    void (*column_f64[TW_TILE_MIN + 1])(size_t n, double *sums, const double *x);
    /* Stores that leave the caches alone, but for lines that are not whole; `fence` ends a run of
     * them. */
    void (*store_past)(void *to, const void *from, size_t bytes);
    void (*fence)(void);
} tw_tile_loops;

const tw_tile_loops *tw_tile_loops_now(void);

/* A whole row of any length; y where something is made of both. */
typedef double (*tw_row_loop)(size_t n, const float *x, const float *y, bool repeated);

/* What norms end with: t = scale gain, z = x t + (shift - mean t), over whole blocks; the sources
 * in this order, and bit k of `repeated` as for joined loops. */
typedef enum tw_norm_source {
    TW_NORM_SCALE,
    TW_NORM_GAIN,
    TW_NORM_MEAN,
    TW_NORM_SHIFT,
    TW_NORM_X,
    TW_NORM_SOURCES
} tw_norm_source;
typedef void (*tw_norm_loop)(size_t n, float *z, const float *const from[TW_NORM_SOURCES],
                             uint32_t repeated);

/* Functions that exist once for each instruction set level (isa/tile_rows.c). */
typedef struct tw_row_loops {
    tw_joined_loop joined[TW_TILE_SIMPLE_COUNT][TW_TILE_SIMPLE_COUNT]; /* [first][then], or NULL */
    tw_norm_loop norm;                                                 /* or NULL */
    tw_row_loop reduce[TW_TILE_MIN + 1]; /* by kind; NULL: by fold_f32 */
    tw_row_loop products, distances;     /* sums of x y and of (x - y)^2 */
} tw_row_loops;

const tw_row_loops *tw_row_loops_now(void);

/* By tw_tile_simple, or NULL (isa/tile_scaled.c). `past` stores past the caches, at multiples of 64
 * bytes. */
typedef struct tw_scaled_loops {
    tw_scaled_loop near[TW_TILE_SIMPLE_COUNT], past[TW_TILE_SIMPLE_COUNT];
} tw_scaled_loops;

const tw_scaled_loops *tw_scaled_loops_now(void);

/* What a program becomes while it is bound (tile_scale.c): how many instructions from `index` on
 * are one step, which is filled but for its target and its source x; or 0. */
typedef struct scale_search {
    const tw_tile_program *program;
    const tile_operand *operands;
} scale_search;
size_t tw_tile_find_scaled(const scale_search *s, size_t index, uint16_t *x, tile_step *step);
void tw_tile_do_scaled(const tile_step *step, char *const *slots, size_t n, bool past);

/* How often each value is read, its being stored or reduced at the end included; false: there are
 * too many values. */
enum { TILE_MOST_VALUES = 512 };
bool tw_tile_count_reads(const tw_tile_program *program, uint16_t reads[TILE_MOST_VALUES]);

/* tile_chain.c: how many instructions from `index` on are one chain, whose links' slots are values
 * yet; or 0. */
enum { TILE_MOST_LINKS = 256 };
/* Is it worth it on `elements`? whole: nothing else is done. */
bool tw_tile_chain_gains(size_t instructions, const tile_link *links, size_t count, size_t elements,
                         bool whole);
void tw_tile_set_chain(tile_step *step, const tile_link *links, size_t count);
size_t tw_tile_find_chain(const scale_search *s, const uint16_t *reads, size_t index,
                          tile_link links[TILE_MOST_LINKS], size_t *count);
void tw_tile_do_chain(const tile_step *step, char *const *slots, size_t n);
/* Slots point to single numbers, and so does z. */
void tw_tile_do_chain_of_numbers(const tile_step *step, char *z, char *const *numbers);

static inline uint16_t tw_tile_link_x(tile_link link)
{
    return (uint16_t)(link >> TILE_LINK_X);
}

static inline uint16_t tw_tile_link_y(tile_link link)
{
    return (uint16_t)(link >> TILE_LINK_Y);
}

/* Is an output the memory of an operand? What lies there is in the caches already. */
static inline bool tw_tile_lies_over(void *const *out, size_t outputs, const void *const *in,
                                     size_t operands)
{
    for (size_t k = 0; k < outputs; k++) {
        for (size_t i = 0; i < operands; i++) {
            if (in[i] == out[k])
                return true;
        }
    }
    return false;
}

/* tile_cells.c: rows, then tiles of at most so many elements, what repeats in each; the grid; cost:
 * picoseconds an element. */
bool tw_tile_stands_alone(const tw_tile_bound *b);
size_t tw_tile_longest(const tw_tile_bound *b);
void tw_tile_find_rows(tw_tile_bound *b, tw_shape shape);
void tw_tile_choose(tw_tile_bound *b, size_t most);
void tw_tile_find_periods(tw_tile_bound *b);
void tw_tile_cut(tw_tile_bound *b, double cost);
/* n copies of one element of `size` bytes. */
void tw_tile_spread(void *to, const void *from, size_t size, size_t n);

/* A block of them; those of 4 bytes are met most. */
static inline void tw_tile_spread_block(void *to, const void *from, size_t size)
{
    typedef uint32_t words __attribute__((vector_size(16)));
    uint32_t x;
    if (size != sizeof x) {
        tw_tile_spread(to, from, size, TW_TILE_BLOCK);
        return;
    }
    memcpy(&x, from, sizeof x);
    words all = {x, x, x, x};
    for (size_t i = 0; i < TW_TILE_BLOCK; i += 4)
        memcpy((char *)to + 4 * i, &all, sizeof all);
}
/* tile_small.c */
void tw_tile_find_small(tw_tile_bound *b);
void tw_tile_run_small(const tw_tile_bound *b, const void *const *in, void *out);

/* The pieces of tile_reduce.c. */
double tw_tile_identity(tw_tile_reduce kind);
void tw_tile_fold_start(const tw_tile_bound *b, tile_lanes *lanes);
void tw_tile_fold(const tw_tile_bound *b, tile_lanes *lanes, size_t n, const void *x);
double tw_tile_fold_end(const tw_tile_bound *b, const tile_lanes *lanes);
/* A whole row of floats or doubles, by the same loops. */
double tw_tile_fold_row(tw_tile_reduce kind, size_t size, size_t n, const void *x);
void tw_tile_columns(const tw_tile_bound *b, double *sums, size_t n, const void *x);
void tw_tile_result(const tw_tile_bound *b, void *out, size_t index, double value);
/* What the cells left in the workspace becomes the result; or identities where nothing ran. */
void tw_tile_finish(const tw_tile_bound *b, void *out, void *workspace);

#endif
