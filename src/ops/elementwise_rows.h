/* SPDX-License-Identifier: Apache-2.0
 * The rows of elementwise.def as numbers, and the tables of their loops. */
#ifndef TW_OPS_ELEMENTWISE_ROWS_H
#define TW_OPS_ELEMENTWISE_ROWS_H

#include "kernels/isa.h"
#include "kernels/tile.h"

/* Every kind of row is a number here. */
#define ROW(name, ...) TW_ROW_##name,
#define UNARY ROW
#define BINARY ROW
#define CHECKED ROW
#define PAIR ROW
#define TERNARY ROW
#define TEST ROW
#define COMPARE ROW
#define TO_REAL ROW
#define TO_COMPLEX ROW
#define UNARY_WITH ROW
#define PAIR_WITH ROW
#define COMPARE_WITH ROW
enum tw_row {
#include "ops/elementwise.def"
    TW_ROW_COUNT
};
#include "ops/elementwise_undef.h"
#undef ROW

/* For one instruction set level: by dtype, then by row; NULL: none at this level. */
typedef struct tw_loop_table {
    const tw_tile_loop *loops[TW_DTYPE_COUNT];
} tw_loop_table;

TW_ISA_TABLES(tw_loop_table, tw_loop_table);

/* What goes before the table's own loop (isa/elementwise_fast.c). */
typedef struct tw_fast_loop {
    uint16_t dtype, row;
    tw_tile_loop loop;
} tw_fast_loop;

typedef struct tw_fast_table {
    const tw_fast_loop *loops;
    size_t count;
} tw_fast_table;

TW_ISA_TABLES(tw_fast_table, tw_fast_table);

/* Special functions of double; float has the same, rounded. */
double tw_special_lgamma(double x);
double tw_special_digamma(double x);
double tw_special_zeta(double x, double q); /* Hurwitz's */
double tw_special_polygamma(double order, double x);

#endif
