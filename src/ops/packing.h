/* SPDX-License-Identifier: Apache-2.0
 * Weights that are packed once for many steps: the second input of products and convolutions. */
#ifndef TW_OPS_PACKING_H
#define TW_OPS_PACKING_H

#include "op/define.h"

extern const struct tw_packing tw_matmul_packing, tw_conv2d_packing, tw_conv2d_pool_packing;

#endif
