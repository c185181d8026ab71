/* SPDX-License-Identifier: Apache-2.0
 * The loops of Select and Cast, a table for each instruction set level. */
#ifndef TW_OPS_SELECT_LOOPS_H
#define TW_OPS_SELECT_LOOPS_H

#include "kernels/isa.h"
#include "kernels/tile.h"

/* Select moves elements without looking at them, so their size alone tells the loop. */
typedef struct tw_select_loops {
    tw_tile_loop by_size[5]; /* 1, 2, 4, 8, 16 bytes */
} tw_select_loops;
TW_ISA_TABLES(tw_select_loops, tw_select_loops);

/* The dtypes that are cast by loops of their own; 16-bit floats go through float. */
enum tw_cast_slot {
    TW_CAST_BOOL,
    TW_CAST_U8,
    TW_CAST_I32,
    TW_CAST_I64,
    TW_CAST_F32,
    TW_CAST_F64,
    TW_CAST_FAST, /* those before it have loops at every level */
    TW_CAST_I8 = TW_CAST_FAST,
    TW_CAST_I16,
    TW_CAST_U16,
    TW_CAST_U32,
    TW_CAST_U64,
    TW_CAST_C64,
    TW_CAST_C128,
    TW_CAST_SLOTS
};

/* A loop for each pair of C types rather than of dtypes: quantized dtypes share those of their
 * integers. */
typedef struct tw_cast_loops {
    tw_tile_loop from_to[TW_CAST_SLOTS][TW_CAST_SLOTS]; /* NULL: none at this level */
} tw_cast_loops;
TW_ISA_TABLES(tw_cast_loops, tw_cast_loops);

#endif
