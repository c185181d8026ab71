/* SPDX-License-Identifier: Apache-2.0
 * What an op's file includes: the public contract, the builders that its gradient calls, and
 * shorthand for kernels. */
#ifndef TW_OP_DEFINE_H
#define TW_OP_DEFINE_H

#include <inttypes.h>

#include "base/alloc.h"
#include "base/status.h"
#include "kernels/par.h"
#include "op/compute.h"
#include "op/shapes.h"
#include "thalweg/thalweg.h"

/* Short forms for kernels inside the library. */
static inline const tw_array *tw_input(const tw_compute *c, size_t i)
{
    return c->inputs[i];
}
static inline tw_array *tw_output(const tw_compute *c, size_t i)
{
    return c->outputs[i];
}
/* Without a check of dtype or NULL: the signature has settled the type, and the engine never
 * runs a kernel without its inputs. */
static inline const void *tw_input_data(const tw_compute *c, size_t i)
{
    return c->inputs[i]->data;
}
static inline void *tw_output_data(const tw_compute *c, size_t i)
{
    return c->outputs[i]->data;
}
/* Borrows the dims of the array, so the shape is good only as long as the array stays and keeps
 * its form. */
static inline tw_shape tw_shape_of(const tw_array *array)
{
    return (tw_shape){array->dims, array->rank};
}
/* The value of an int32 or int64 element. */
static inline int64_t tw_index_at(const tw_array *array, size_t i)
{
    return array->dtype == TW_INT64 ? ((const int64_t *)array->data)[i]
                                    : ((const int32_t *)array->data)[i];
}
/* What the step may use, for a kernel that allocates a workspace itself if it needs one. */
static inline tw_par tw_compute_par(const tw_compute *c)
{
    return (tw_par){.threads = c->threads};
}

#endif
