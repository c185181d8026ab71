/* SPDX-License-Identifier: Apache-2.0
 * What composites are made with. Each opens a name scope of its own (tw_composite_enter) or, where
 * TensorFlow's function opens none, only a place (tw_place_enter); in between builders report to
 * it. Constants that TensorFlow makes of known shapes and ranks are made here too. */
#ifndef TW_COMPOSITES_COMPOSITE_H
#define TW_COMPOSITES_COMPOSITE_H

#include <composites.h>

/* As tw_composite_enter, without a name scope; closed by tw_composite_leave. */
void tw_place_enter(tw_composite_scope *scope, tw_where where, const tw_operand *graph_of);

/* An operation by its type, for those whose builder's name a composite has. An invalid input gives
 * an invalid tensor: the error was reported when it was made. */
tw_tensor tw_make(const char *type, const char *name, tw_tensors inputs, const tw_attr *attrs,
                  size_t attr_count);
tw_attr tw_attr_of_type(const char *name, tw_dtype dtype);
tw_attr tw_attr_of_int(const char *name, int64_t value);

/* The graph in which a composite builds. */
static inline tw_graph *tw_graph_of(const tw_composite_scope *scope)
{
    return scope->ctx.graph;
}
/* That of the value: a reference to float is a float for all that composites decide. */
static inline tw_dtype tw_plain_dtype(tw_tensor tensor)
{
    return tw_dtype_base(tw_tensor_dtype(tensor));
}
/* An operand as a tensor: a Const of that name where it is none. */
tw_tensor tw_as_tensor(tw_operand operand, const char *name);
tw_tensor tw_number(double value, tw_dtype dtype, const char *name);
/* An int32 vector. */
tw_tensor tw_numbers(tw_ints ints, const char *name);
/* The shape and rank of a tensor: Consts `Shape` and `Rank` where they are known. */
tw_tensor tw_sizes_of(tw_tensor tensor);
tw_tensor tw_rank_of(tw_tensor tensor);
/* Reports a value error; an invalid tensor. */
tw_tensor tw_refuse(const char *format, ...) TW_PRINTF(1, 2);
/* 0, 1, ... rank - 1: a Const named `Const`, or a range where the rank is not known. */
tw_tensor tw_all_axes(tw_tensor tensor);

#endif
