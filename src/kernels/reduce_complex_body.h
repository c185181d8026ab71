/* SPDX-License-Identifier: Apache-2.0
 * Products of complex numbers. Before it is included: REAL, and NAME(f) for functions' names. */

/* a *= b */
static inline void NAME(multiply)(REAL *a, const REAL *b)
{
    REAL re = a[0] * b[0] - a[1] * b[1], im = a[0] * b[1] + a[1] * b[0];
    a[0] = re;
    a[1] = im;
}

/* acc[j] *= x[r][j] for all rows, in order */
static void NAME(rows_prod)(void *accumulator, const void *input, size_t rows, size_t stride,
                            size_t width)
{
    REAL *acc = accumulator;
    const REAL *x = input;
    for (size_t r = 0; r < rows; r++) {
        for (size_t j = 0; j < width; j++)
            NAME(multiply)(acc + 2 * j, x + 2 * (r * stride + j));
    }
}

/* As the groups of reals: by halves. */
static void NAME(groups_prod)(void *accumulator, size_t groups, size_t width)
{
    REAL *acc = accumulator;
    while (groups > 1) {
        size_t kept = (groups + 1) / 2;
        for (size_t j = 0; j < (groups - kept) * width; j++)
            NAME(multiply)(acc + 2 * j, acc + 2 * (kept * width + j));
        groups = kept;
    }
}

#undef REAL
#undef NAME
