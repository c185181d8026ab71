/* SPDX-License-Identifier: Apache-2.0
 * Ends one floating dtype of gemm.c, so that the next can begin. */
#undef T
#undef ADD_PRODUCT
#undef AT_ONCE
#undef LINES_AT_ONCE
#undef LIKE_T
#undef FMA
#undef SPREAD
#undef NAME
#undef ACT_SIGMOID
#undef ACT_TANH
#undef TRANSPOSE_4
#undef TRANSPOSE_8
#undef TURN_WIDE
