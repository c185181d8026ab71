/* SPDX-License-Identifier: Apache-2.0
 * Ends one floating dtype of gemm.c, so that the next can begin. */
#undef T
#undef ADD_PRODUCT
#undef STORE_ASIDE
#undef MOST
#undef LEAST
#undef AT_ONCE
#undef JOINS
#undef LINES_AT_ONCE
#undef MOST_DOTS
#undef LIKE_T
#undef FMA
#undef SPREAD
#undef SPREAD_HALF
#undef NAME
#undef ACT_SIGMOID
#undef TRANSPOSE
#undef TURN_WIDE
#undef TURN_WIDEST
#undef TURN_LENGTH
