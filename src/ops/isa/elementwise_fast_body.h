/* SPDX-License-Identifier: Apache-2.0
 * The shapes of loops in elementwise_fast.c for one dtype. The includer defines T, BITS (an integer
 * as wide) and NAME(f). All are inlined with known functions, which are so inlined in their
 * turn. */

/* One operand, any number. */
static TW_INLINE void NAME(every)(size_t n, T *z, const T *x, T (*f)(T))
{
    TW_IVDEP
    for (size_t i = 0, m = n & ~(size_t)15; i < m; i++)
        z[i] = f(x[i]);
}

static TW_INLINE void NAME(every_pair)(size_t n, T *z, const T *x, const T *y, T (*f)(T, T))
{
    TW_IVDEP
    for (size_t i = 0, m = n & ~(size_t)15; i < m; i++)
        z[i] = f(x[i], y[i]);
}

/* The fast way where it fits operands and result, else what row `plain` of the table gives: an
 * element's result does not depend on its neighbours. z may be an operand, so that results wait
 * until they are known to hold. */
static TW_INLINE void NAME(some)(size_t n, T *z, const T *x, const T *y, T (*fast)(T, T),
                                 bool (*fits)(T, T, T), tw_tile_loop plain)
{
    T part[STRETCH], other[STRETCH];
    for (size_t whole; n >= 16; n -= whole, x += whole, y += whole, z += whole) {
        BITS bad = 0;
        whole = (n < STRETCH ? n : STRETCH) & ~(size_t)15;
        TW_ROLLED
        for (size_t i = 0; i < whole; i++) {
            part[i] = fast(x[i], y[i]);
            bad |= fits(x[i], y[i], part[i]) ? 0 : 1;
        }
        if (bad) {
            plain(whole, other, x, y, NULL);
            TW_ROLLED
            for (size_t i = 0; i < whole; i++)
                part[i] = fits(x[i], y[i], part[i]) ? part[i] : other[i];
        }
        TW_ROLLED
        for (size_t i = 0; i < whole; i++)
            z[i] = part[i];
    }
}

#undef T
#undef BITS
#undef NAME
