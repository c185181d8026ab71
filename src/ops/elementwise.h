/* SPDX-License-Identifier: Apache-2.0
 * The rows of the expression table (elementwise.def) as data: what the planner needs to make an
 * elementwise operation an instruction of a tile program, and what the gradients are made from. */
#ifndef TW_OPS_ELEMENTWISE_H
#define TW_OPS_ELEMENTWISE_H

#include "kernels/tile.h"
#include "op/define.h"

/* The dtype of a row's result, by its operands'. */
typedef enum tw_element_result {
    TW_ELEMENT_SAME,
    TW_ELEMENT_BOOL,
    TW_ELEMENT_PART,   /* of a complex number */
    TW_ELEMENT_COMPLEX /* made from parts */
} tw_element_result;

/* Which integers a row's second operand may not have. */
typedef enum tw_element_check {
    TW_ELEMENT_ANY,
    TW_ELEMENT_NONZERO,
    TW_ELEMENT_NONZERO_INTERNAL,
    TW_ELEMENT_NATURAL
} tw_element_check;

/* tw_op_definition.elementwise points at one of these for every op that is a tile instruction:
 * the rows of the table, Cast, Select and SelectV2. */
struct tw_elementwise {
    const char *name;
    uint16_t row;               /* in the tables of loops */
    uint16_t cost;              /* of float, picoseconds an element */
    uint8_t arity;              /* tensor inputs */
    uint8_t result;             /* tw_element_result */
    uint8_t check;              /* tw_element_check */
    bool broadcasts;            /* false: all inputs have the same shape */
    bool by_row;                /* Select: see tw_elementwise_fits */
    const char *attr;           /* a float attribute that is the last source, a scalar; NULL */
    const char *value;          /* the expression, as text */
    const char *derivatives[3]; /* texts, one for each input; "NONE": not differentiable */
    /* For those that are no rows: what tw_elementwise_instruction does. NULL for rows. */
    bool (*instruction)(const tw_spec *spec, const tw_dtype *dtypes, tw_tile_instruction *out);
};

/* Fills loop, check, failure, dtype, cost and source_count (arity, and one more for `attr`) for an
 * operation whose inputs have `dtypes` (no references); false: no loop for these dtypes. The caller
 * fills sources. */
bool tw_elementwise_instruction(const tw_spec *spec, const tw_dtype *dtypes,
                                tw_tile_instruction *out);
/* The value of `attr` as a constant operand of the instruction; false: the row has none. */
bool tw_elementwise_constant(const tw_spec *spec, const tw_dtype *dtypes, tw_tile_operand *out);

/* Do these operands' shapes broadcast to the result's by the usual rule? False only for a Select
 * whose condition is a vector and chooses rows: it is no part of a fused program. */
bool tw_elementwise_fits(const struct tw_elementwise *e, const tw_shape *shapes);

/* The kernel of every elementwise op: a program of one instruction, in state of
 * TW_TILE_SINGLE_SIZE bytes. */
tw_status *tw_elementwise_prepare(tw_compute *c, void *state);
tw_status *tw_elementwise_compute(tw_compute *c);

/* The gradient of all rows: their derivatives' texts as operations (elementwise_gradient.c). */
tw_status *tw_elementwise_gradient(tw_gradient *g);

/* An operation `type` on the graph and at the place of the one that is differentiated: its first
 * output. A failure is reported as builders do, and gives an invalid tensor; so does an invalid
 * input, silently. */
tw_tensor tw_gradient_add(tw_gradient *g, const char *type, const tw_tensor *inputs, size_t count,
                          const tw_attr *attrs, size_t attr_count);
/* A scalar constant. */
tw_tensor tw_gradient_number(tw_gradient *g, tw_dtype dtype, double value);

/* The element of an array of shape `from` that stands at element `index` of one of shape `to`. */
size_t tw_broadcast_index(tw_shape from, tw_shape to, size_t index);

/* Add, Equal and NotEqual of strings (elementwise_strings.c). */
tw_status *tw_strings_compute(tw_compute *c);

#endif
