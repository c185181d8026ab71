/* SPDX-License-Identifier: Apache-2.0
 * A scan of numbers that lie side by side. Before it is included: T, U (what sums are kept in:
 * unsigned for integers, which wrap) and NAME. Afterwards all three are undefined. */

/* The first sum is the first number itself, so that a negative zero stays one. */
static void NAME(const scan *s, char *y, const char *x)
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
