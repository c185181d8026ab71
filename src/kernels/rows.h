/* SPDX-License-Identifier: Apache-2.0
 * Programs of rows: elementwise operations and reductions of rows in one pass over memory. While a
 * row (or a few short ones) is in the first cache, all that is computed from it is: norms and
 * softmax read their input once and write their result once.
 *
 * Such a program is a tile program (tile.h) with two more kinds of instructions. One with `reduce`
 * makes a value for each row out of its source; one with `by_row` computes with such values. Where
 * an instruction of the whole shape reads a value of the rows, it is repeated along the row. The
 * shape's first `split` dims count the rows, the others make one. Results are the same to the bit
 * for any number of threads. */
#ifndef TW_KERNELS_ROWS_H
#define TW_KERNELS_ROWS_H

#include "kernels/tile.h"

typedef struct tw_rows_bound tw_rows_bound;

/* Bytes of a bound program, at any alignment of 16; the caller's memory, needs no clearing
 * after. */
size_t tw_rows_bound_size(const tw_tile_program *program);
/* shapes: fully known, one for each operand. An operand may have the shape itself, be one number,
 * one for each row, or one row for all. The program's own `reduction` must be none. False: this
 * does not fit (rows that are too long for the cache, other operands, checks, 16-bit floats), so
 * that the operations must run one by one. */
bool tw_rows_bind(const tw_tile_program *program, const tw_shape *shapes, tw_shape shape,
                  size_t split, tw_rows_bound *out);
/* Bit i: the first output may lie over operand i. */
uint32_t tw_rows_in_place(const tw_rows_bound *bound);
/* in: row-major arrays, one for each operand; out: one for each output. threads: at most so many,
 * 0: all. */
void tw_rows_run(const tw_rows_bound *bound, const void *const *in, void *const *out, int threads);

#endif
