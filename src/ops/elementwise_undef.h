/* SPDX-License-Identifier: Apache-2.0
 * Forgets what the rows of elementwise.def meant, so that they can be read once more. */
#undef UNARY
#undef BINARY
#undef CHECKED
#undef PAIR
#undef TERNARY
#undef TEST
#undef COMPARE
#undef TO_REAL
#undef TO_COMPLEX
#undef UNARY_WITH
#undef PAIR_WITH
#undef COMPARE_WITH
