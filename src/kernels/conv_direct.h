/* SPDX-License-Identifier: Apache-2.0
 * Convolutions over few channels, as a first one over grey or coloured images is, of NHWC floats:
 * nothing is gathered, as the pixels of a window's row lie one after the other. */
#ifndef TW_KERNELS_CONV_DIRECT_H
#define TW_KERNELS_CONV_DIRECT_H

#include "kernels/conv.h"

bool tw_conv_direct_fits(tw_dtype dtype, const tw_conv *conv);
/* The forward pass of what fits, with no activation or the positive part; pooled where conv says
 * so. */
void tw_conv_direct_forward(const tw_conv *conv, const float *input, const float *filter,
                            float *output, const tw_gemm_epilogue *epilogue, const tw_par *par);

#endif
