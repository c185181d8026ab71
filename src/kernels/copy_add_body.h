/* SPDX-License-Identifier: Apache-2.0
 * Adding a plane to another. Before it is included: T, REALS of them in an element, SUM(a, b) and
 * NAME(f). */

/* The signature is that of every plane function; this one cannot fail. */
static tw_status *NAME(add)(tw_dtype dtype, const tw_plane *p, void *to_base, const void *from_base)
{
    (void)dtype;
    for (size_t i = 0; i < p->rows; i++) {
        T *to = (T *)to_base + (ptrdiff_t)i * p->to_row * REALS;
        const T *from = (const T *)from_base + (ptrdiff_t)i * p->from_row * REALS;
        if (p->to_col == 1 && p->from_col == 1) {
            for (size_t j = 0; j < REALS * p->cols; j++)
                to[j] = (T)SUM(to[j], from[j]);
            continue;
        }
        for (size_t j = 0; j < p->cols; j++) {
            for (size_t q = 0; q < REALS; q++)
                to[q] = (T)SUM(to[q], from[q]);
            to += p->to_col * REALS;
            from += p->from_col * REALS;
        }
    }
    return TW_OK;
}

#undef T
#undef REALS
#undef SUM
#undef NAME
