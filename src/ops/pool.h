/* SPDX-License-Identifier: Apache-2.0
 * What the poolings share: a tw_pool2d made from attributes and the input's shape. */
#ifndef TW_OPS_POOL_H
#define TW_OPS_POOL_H

#include "kernels/pool2d.h"

#include "ops/spatial.h"

/* Output `output` has the shape of the input's windows. */
void tw_infer_pool(tw_infer *in, const char *op);
/* The same for windows that are known already. */
void tw_infer_pooled(tw_infer *in, const tw_spatial *s);
/* Prepares a tw_spatial, refusing windows over the batch and, unless `depth`, over channels. */
tw_status *tw_pool_prepare(tw_compute *c, tw_spatial *s, const char *op, bool depth);
tw_status *tw_pool_check(const tw_spatial *s, bool depth);
/* image: rank 4 dims; windows: what has the output's shape, checked, or NULL. */
tw_status *tw_pool_make(const tw_compute *c, const tw_spatial *s, const int64_t *image,
                        const tw_array *windows, tw_pool2d *out);

#endif
