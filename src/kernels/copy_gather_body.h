/* SPDX-License-Identifier: Apache-2.0
 * Single elements of one size from where indices say. Before it is included: T and NAME(f). */
static void NAME(pick)(T *to, const T *from, tw_dtype index_dtype, const void *indices,
                       size_t first, size_t last)
{
    const int32_t *narrow = indices;
    const int64_t *wide = indices;
    for (size_t i = first; i < last && index_dtype == TW_INT32; i++)
        to[i] = from[narrow[i]];
    for (size_t i = first; i < last && index_dtype == TW_INT64; i++)
        to[i] = from[wide[i]];
}

#undef T
#undef NAME
