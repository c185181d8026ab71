/* SPDX-License-Identifier: Apache-2.0
 * The loops of one dtype; included once for each with
 *     NAME(x)   the name of a function of this dtype
 *     STORED    the type of an element in memory, WORK the type that it is computed in
 *     WIDEN(x), NARROW(x)   from one to the other
 *     DIVIDE(a, b)          of WORK, b not an integer 0
 *     ORDERED   defined: the dtype has Min and Max
 *     SUMS      defined: it has sums of several
 * Arithmetic of integers is done in unsigned WORK, so that it wraps. */

static void NAME(add)(size_t n, void *to, const void *from, size_t step)
{
    STORED *restrict y = to;
    const STORED *restrict x = from;
    if (step)
        for (size_t i = 0; i < n; i++)
            y[i] = NARROW(WIDEN(y[i]) + WIDEN(x[i]));
    else
        for (size_t i = 0; i < n; i++)
            y[i] = NARROW(WIDEN(y[i]) + WIDEN(*x));
}

static void NAME(sub)(size_t n, void *to, const void *from, size_t step)
{
    STORED *restrict y = to;
    const STORED *restrict x = from;
    if (step)
        for (size_t i = 0; i < n; i++)
            y[i] = NARROW(WIDEN(y[i]) - WIDEN(x[i]));
    else
        for (size_t i = 0; i < n; i++)
            y[i] = NARROW(WIDEN(y[i]) - WIDEN(*x));
}

static void NAME(mul)(size_t n, void *to, const void *from, size_t step)
{
    STORED *restrict y = to;
    const STORED *restrict x = from;
    for (size_t i = 0; i < n && step; i++)
        y[i] = NARROW(WIDEN(y[i]) * WIDEN(x[i]));
    for (size_t i = 0; i < n && !step; i++)
        y[i] = NARROW(WIDEN(y[i]) * WIDEN(*x));
}

static void NAME(div)(size_t n, void *to, const void *from, size_t step)
{
    STORED *restrict y = to;
    const STORED *restrict x = from;
    for (size_t i = 0; i < n; i++)
        y[i] = DIVIDE(y[i], x[i * step]);
}

#ifdef ORDERED
static void NAME(min)(size_t n, void *to, const void *from, size_t step)
{
    STORED *restrict y = to;
    const STORED *restrict x = from;
    for (size_t i = 0; i < n && step; i++)
        y[i] = ORDERED(x[i]) < ORDERED(y[i]) ? x[i] : y[i];
    for (size_t i = 0; i < n && !step; i++)
        y[i] = ORDERED(*x) < ORDERED(y[i]) ? *x : y[i];
}

static void NAME(max)(size_t n, void *to, const void *from, size_t step)
{
    STORED *restrict y = to;
    const STORED *restrict x = from;
    for (size_t i = 0; i < n && step; i++)
        y[i] = ORDERED(y[i]) < ORDERED(x[i]) ? x[i] : y[i];
    for (size_t i = 0; i < n && !step; i++)
        y[i] = ORDERED(y[i]) < ORDERED(*x) ? *x : y[i];
}
#endif

#ifdef SUMS
static void NAME(sum)(size_t n, void *to, const void *const *from, size_t count)
{
    STORED *z = to;
    const STORED *a = from[0], *b = from[1], *c = from[count > 2 ? 2 : 0];
    const STORED *d = from[count > 3 ? 3 : 0];
    if (count == 2) {
        EACH z[i] = NARROW(WIDEN(a[i]) + WIDEN(b[i]));
    } else if (count == 3) {
        EACH z[i] = NARROW(WIDEN(a[i]) + WIDEN(b[i]) + WIDEN(c[i]));
    } else {
        EACH z[i] = NARROW(WIDEN(a[i]) + WIDEN(b[i]) + WIDEN(c[i]) + WIDEN(d[i]));
    }
}
#endif

static const tw_combine NAME(loops)[TW_COMBINATIONS] = {
    [TW_COMBINE_ADD] = NAME(add), [TW_COMBINE_SUB] = NAME(sub),
    [TW_COMBINE_MUL] = NAME(mul), [TW_COMBINE_DIV] = NAME(div),
#ifdef ORDERED
    [TW_COMBINE_MIN] = NAME(min), [TW_COMBINE_MAX] = NAME(max),
#endif
};

#undef NAME
#undef STORED
#undef WIDEN
#undef NARROW
#undef DIVIDE
#undef ORDERED
