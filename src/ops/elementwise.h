/* SPDX-License-Identifier: Apache-2.0
 * The rows of the expression table (elementwise.def) as data: what the planner needs to make an
 * elementwise operation an instruction of a tile program, and what the gradients are made from. */
#ifndef TW_OPS_ELEMENTWISE_H
#define TW_OPS_ELEMENTWISE_H

#include "kernels/tile.h"
#include "op/define.h"

/* tw_op_definition.elementwise points at one of these for every op that is a tile instruction:
 * the rows of the table, Cast, Select and SelectV2. */
struct tw_elementwise {
    const char *name;
    uint16_t row;                 /* in the tables of loops */
    uint8_t arity;                /* tensor inputs */
    bool broadcasts;              /* false: all inputs have the same shape */
    const char *attr;             /* a float attribute that is the last source, a scalar; NULL */
    const char *derivatives[2];   /* texts, one for each input; NULL: not differentiable */
    /* Rows that are none of the table's: fills in what differs. NULL for the table's. */
    bool (*instruction)(const tw_spec *spec, const tw_dtype *dtypes, tw_tile_instruction *out);
};

/* Fills loop, check, failure, dtype, cost and source_count (arity, and one more for `attr`) for an
 * operation whose inputs have `dtypes` (no references); false: no loop for these dtypes. The caller
 * fills sources. */
bool tw_elementwise_instruction(const tw_spec *spec, const tw_dtype *dtypes,
                                tw_tile_instruction *out);
/* The value of `attr` as a constant operand of the instruction; false: the row has none. */
bool tw_elementwise_constant(const tw_spec *spec, const tw_dtype *dtypes, tw_tile_operand *out);

#endif
