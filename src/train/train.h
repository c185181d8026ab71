/* SPDX-License-Identifier: Apache-2.0
 * What the files of this folder share: places and small constants, slots (the variables that an
 * optimizer or an average keeps beside another one), and the rules of optimizers. */
#ifndef TW_TRAIN_TRAIN_H
#define TW_TRAIN_TRAIN_H

#include "thalweg/thalweg.h"

/* A place on the graph of `graph_of` without a name scope of its own; closed by
 * tw_composite_leave. */
void tw_train_enter(tw_composite_scope *scope, tw_where where, tw_tensor graph_of);
/* Reports an INVALID_ARGUMENT error. */
tw_tensor tw_train_refuse(const char *format, ...) TW_PRINTF(1, 2);
/* A float32 scalar. */
tw_tensor tw_train_number(double value, const char *name);
/* `tensor` as `dtype`; itself where it is that already. */
tw_tensor tw_train_cast(tw_tensor tensor, tw_dtype dtype);
/* A NoOp of that name which waits for operations. */
tw_tensor tw_train_group(tw_tensors operations, const char *name);
bool tw_train_is_variable(tw_tensor tensor);
/* half, bfloat16, float, double. */
bool tw_train_is_trainable(tw_dtype dtype);

/* ---- slots ---- */

/* What was kept under `key` for a variable; invalid: nothing. */
tw_tensor tw_slot_get(tw_graph *graph, const char *key, tw_tensor variable);
void tw_slot_set(tw_graph *graph, const char *key, tw_tensor variable, tw_tensor slot);
/* A variable PRIMARY/NAME of the primary's dtype, not trained, beside it. */
tw_tensor tw_slot_new(tw_tensor primary, const char *name, tw_shape shape,
                      tw_initializer initializer);
/* An initializer that gives a tensor as it is. */
tw_initializer tw_initializer_of(tw_tensor value);

/* ---- optimizers ---- */

enum { TW_RULE_HYPERS = 4, TW_RULE_SLOTS = 2 };

/* The settings as tensors, and the variables that all updates share. */
typedef struct tw_update {
    const tw_optimizer *optimizer;
    tw_tensor hypers[TW_RULE_HYPERS]; /* float32 or as given; [0] is the learning rate */
    tw_tensor powers[2];              /* Adam's */
    tw_tensor variable, slots[TW_RULE_SLOTS];
    tw_dtype dtype; /* of the variable */
} tw_update;

/* A way to update: which settings and slots it has, and the operations for one variable. */
typedef struct tw_rule {
    const char *name; /* default scope: "Adam" */
    const char *hypers[TW_RULE_HYPERS];
    double (*hyper)(const tw_optimizer *optimizer, size_t which);
    const char *slots[TW_RULE_SLOTS];
    tw_initializer (*initializer)(const tw_optimizer *optimizer, size_t slot);
    tw_tensor (*dense)(const tw_update *u, tw_tensor grad);
    /* rows `indices` (none twice, unless `repeats`) get `values` */
    tw_tensor (*sparse)(const tw_update *u, tw_tensor values, tw_tensor indices);
    bool repeats;
    bool powers; /* keeps beta1_power and beta2_power */
} tw_rule;

extern const tw_rule tw_rules[];

/* Setting `which` in the variable's dtype. */
tw_tensor tw_update_hyper(const tw_update *u, size_t which);

#endif
