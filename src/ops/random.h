/* SPDX-License-Identifier: Apache-2.0
 * The generator of a random node, for all files of random ops. */
#ifndef TW_OPS_RANDOM_H
#define TW_OPS_RANDOM_H

#include "base/philox.h"
#include "op/define.h"

/* The node's stream as it is now; its generator goes on by `blocks`. The attributes seed and seed2
 * begin it. */
tw_status *tw_random_take(tw_compute *c, uint64_t blocks, tw_philox *out);

#endif
