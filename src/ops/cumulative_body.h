/* SPDX-License-Identifier: Apache-2.0
 * A scan of numbers that lie side by side. Before it is included: T, U (what sums are kept in:
 * unsigned for integers, which wrap) and NAME(f). Afterwards all three are undefined. */

/* Four lines, one after the other in memory: their sums do not wait for each other. */
static void NAME(four)(const scan *s, char *y, const char *x)
{
    const size_t n = s->count;
    const bool product = s->first != 0;
    const T *x0 = (const T *)(const void *)x, *x1 = x0 + n, *x2 = x1 + n, *x3 = x2 + n;
    T *y0 = (T *)(void *)y, *y1 = y0 + n, *y2 = y1 + n, *y3 = y2 + n;
    U a = (U)*x0, b = (U)*x1, c = (U)*x2, d = (U)*x3;
    size_t i = 1;
    *y0 = *x0, *y1 = *x1, *y2 = *x2, *y3 = *x3;
    for (; i < n && product; i++) {
        y0[i] = (T)(a *= (U)x0[i]);
        y1[i] = (T)(b *= (U)x1[i]);
        y2[i] = (T)(c *= (U)x2[i]);
        y3[i] = (T)(d *= (U)x3[i]);
    }
    for (; i < n; i++) {
        y0[i] = (T)(a += (U)x0[i]);
        y1[i] = (T)(b += (U)x1[i]);
        y2[i] = (T)(c += (U)x2[i]);
        y3[i] = (T)(d += (U)x3[i]);
    }
}

/* The first sum is the first number itself, so that a negative zero stays one. */
static void NAME(line)(const scan *s, char *y, const char *x)
{
    const T *in = (const T *)(const void *)x;
    T *out = (T *)(void *)y;
    bool product = s->first != 0;
    U sum = (U)s->first;
    size_t n = 0;
    /* The commonest kinds have a loop that holds nothing but the sum. */
    if (s->count && !s->reverse && !s->exclusive) {
        sum = (U)in[0];
        out[0] = in[0];
        for (n = 1; n < s->count && product; n++)
            out[n] = (T)(sum *= (U)in[n]);
        for (; n < s->count; n++)
            out[n] = (T)(sum += (U)in[n]);
    }
    for (; n < s->count; n++) {
        size_t i = s->reverse ? s->count - 1 - n : n;
        U before = sum, next = (U)in[i];
        sum = n == 0 && !s->exclusive ? next : product ? sum * next : sum + next;
        out[i] = (T)(s->exclusive ? before : sum);
    }
}

#undef T
#undef U
#undef NAME
