/* SPDX-License-Identifier: Apache-2.0
 * The tile engine: a chain of elementwise operations as one pass over memory. A program is a list
 * of instructions in the form "each value is made once": the operands are the first values (0 to
 * operand_count - 1), instruction i makes value operand_count + i. All values have the output's
 * shape, which is what the operands' shapes broadcast to. Execution goes tile by tile (at most 512
 * elements that stay in the first cache), every instruction over one tile before the next tile.
 *
 *   program -> tw_tile_bind(program, shapes): strides, tile length, registers, the grid of cells
 *           -> tw_tile_run(bound, in, out): as often as wanted, from any thread, without allocation
 *
 * A loop works on whole blocks of 16 elements; the engine takes care of ends, so that loops have no
 * remainder code. A scalar operand is spread over a tile once, so that loops have no scalar forms.
 * Values named in `outputs` are stored; `reduction`, if it has a kind, ends the program. Results
 * are the same to the bit for any number of threads: cells follow from shapes and dtypes alone. */
#ifndef TW_KERNELS_TILE_H
#define TW_KERNELS_TILE_H

#include "tensor/array.h"

enum {
    TW_TILE_BLOCK = 16,   /* loops get multiples of this */
    TW_TILE_LENGTH = 512, /* elements of the longest tile */
    TW_TILE_SOURCES = 3
};

/* z[i] = f(x[i], y[i], w[i]) for i in 0 .. n - 1, n a multiple of TW_TILE_BLOCK; what an operation
 * does not have is ignored. z may be x, y or w itself where the element sizes are equal. */
typedef void (*tw_tile_loop)(size_t n, void *z, const void *x, const void *y, const void *w);
/* Are all n operand pairs (any n) fit for the loop? False makes tw_tile_run fail. */
typedef bool (*tw_tile_check)(size_t n, const void *x, const void *y);

/* The status of a check that failed. */
typedef struct tw_tile_failure {
    tw_code code;
    const char *text;
} tw_tile_failure;

/* Max and Min skip NaN. */
typedef enum tw_tile_reduce {
    TW_TILE_NO_REDUCTION,
    TW_TILE_SUM,
    TW_TILE_MEAN,
    TW_TILE_PROD,
    TW_TILE_MAX,
    TW_TILE_MIN
} tw_tile_reduce;

/* What a loop of float does, where it gains to do it together with the next one, or with the
 * reduction of what it makes. */
typedef enum tw_tile_simple {
    TW_TILE_OTHER,
    TW_TILE_ADD,
    TW_TILE_SUB,
    TW_TILE_MUL,
    TW_TILE_DIV,
    TW_TILE_TAKEN_FROM, /* y - x */
    TW_TILE_SQUARE,
    TW_TILE_DISTANCE, /* (x - y)^2 */
    TW_TILE_TANH,     /* of one source: with products and sums of numbers around it */
    TW_TILE_SIMPLE_COUNT
} tw_tile_simple;

/* One elementwise operation. Sources are values made before it, so that the list itself is an
 * order of evaluation. */
typedef struct tw_tile_instruction {
    tw_tile_loop loop;
    tw_tile_check check;     /* NULL: nothing to check */
    tw_tile_failure failure; /* where it fails */
    tw_dtype dtype;          /* of the value it makes */
    bool in_float;           /* the loop takes and gives float where values are 16-bit floats */
    uint8_t simple;          /* tw_tile_simple: what `loop` does */
    uint8_t then;            /* tw_tile_simple: with the last source; only tw_tile_join sets it */
    uint16_t cost;           /* picoseconds an element, roughly; decides about threads only */
    /* Only in programs of rows (rows.h): the value is one for each row, */
    bool by_row;
    tw_tile_reduce reduce; /* made by reducing the rows of its source, or by `loop` */
    uint16_t source_count;
    uint16_t sources[TW_TILE_SOURCES]; /* values */
} tw_tile_instruction;

/* A constant is spread into a register once when the program is bound; other operands are read
 * anew at each run. */
typedef struct tw_tile_operand {
    tw_dtype dtype;
    bool constant; /* a scalar known now: `in` and `shapes` of it are not read */
    _Alignas(16) unsigned char value[16];
} tw_tile_operand;

/* Reduces `value` over a run of dims: the last rank - split ones (inner: the result has the first
 * `split` dims; split 0 reduces all) or the first `split` ones (outer: the result has the others).
 * The value is float or double, and so is the result. Sums are kept in double, in an order fixed by
 * the shape. Max and Min skip NaN. */
typedef struct tw_tile_reduction {
    tw_tile_reduce kind;
    bool outer;
    uint16_t value;
    uint16_t split;
} tw_tile_reduction;

/* Nothing of it depends on shapes, so that one program serves every run of a fused chain. */
typedef struct tw_tile_program { /* the arrays are the caller's; what is bound needs none of them */
    const tw_tile_operand *operands;
    const tw_tile_instruction *instructions;
    const uint16_t *outputs; /* values that are stored, each as its own array */
    uint16_t operand_count, instruction_count, output_count;
    tw_tile_reduction reduction;
} tw_tile_program;

/* Makes one instruction of two where that saves a pass over the tile: the sources of the first must
 * be read by nobody else. The program's arrays are `instructions` and `outputs`. Results stay the
 * same to the bit. */
void tw_tile_join(tw_tile_program *program, tw_tile_instruction *instructions, uint16_t *outputs);

typedef struct tw_tile_bound tw_tile_bound;

/* Bytes of a bound program, at any alignment of 16; the caller's memory, needs no clearing
 * after. */
size_t tw_tile_bound_size(const tw_tile_program *program);
/* How many of them are needed once it is bound, from the first one on; or of cleared memory. */
size_t tw_tile_bound_used(const tw_tile_bound *bound);
enum { TW_TILE_SINGLE_SIZE = 1536 }; /* enough for 3 operands, 1 instruction, 1 output */
/* shapes: fully known, one for each operand; `shape`: the output's, to which they all broadcast
 * (checked). Besides it fails where about a hundred values are alive at once. */
tw_status *tw_tile_bind(const tw_tile_program *program, const tw_shape *shapes, tw_shape shape,
                        tw_tile_bound *out);
/* Bytes that run needs beside the outputs (64-byte aligned), 0 for most. */
size_t tw_tile_workspace(const tw_tile_bound *bound);
/* Roughly how long it takes on one thread, in nanoseconds. */
double tw_tile_time(const tw_tile_bound *bound);
/* in: row-major arrays, one for each operand. out: one array for each output, then the reduction's
 * result. out[k] may be in[j] if operand j has the output's shape and the element size of value k,
 * and no two of out are the same. threads: at most so many, 0: all. */
tw_status *tw_tile_run(const tw_tile_bound *bound, const void *const *in, void *const *out,
                       void *workspace, int threads);

#endif
