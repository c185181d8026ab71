/* SPDX-License-Identifier: Apache-2.0
 * The loops of parameter updates that each instruction set level gives. */
#ifndef TW_KERNELS_OPTIMIZER_LOOPS_H
#define TW_KERNELS_OPTIMIZER_LOOPS_H

#include "kernels/isa.h"
#include "thalweg/dtype.h"

/* One run of elements: var, up to three slots and the gradient begin at its first. What the scalars
 * mean stands with each loop. */
typedef struct tw_update {
    size_t n;
    void *var, *slots[3];
    const void *grad;
    double scalars[5];
    bool flag;
} tw_update;
typedef void (*tw_update_loop)(const tw_update *u);

/* All loops of one dtype; each reads and writes an element once, so an update costs one pass
 * over memory. v4 has no more than those of float that divide; the others are NULL there. */
typedef struct tw_update_loops {
    tw_update_loop gradient_descent, momentum, adagrad, rmsprop, centered_rmsprop, adam;
} tw_update_loops;
/* 16-bit floats are computed as float, a line at a time, and rounded when they are stored. */
typedef struct tw_update_table {
    tw_update_loops f32, f64;
} tw_update_table;

TW_ISA_TABLES(tw_update_table, tw_update_table);

#endif
