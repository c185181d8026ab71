/* SPDX-License-Identifier: Apache-2.0
 * Lines of elements of one size. The includer defines T, NAME(f) and
 * MIRRORED(bytes), 16 of them with their elements backwards. */

/* Sixteen bytes at a time, as compilers turn no bytes by themselves. */
static void NAME(reversed)(size_t n, void *to, const void *from)
{
    T *restrict z = to;
    const T *x = from;
    size_t j = 0;
    for (; j + 16 / sizeof(T) <= n; j += 16 / sizeof(T)) {
        bytes chunk = *(const bytes *)(x - j - (16 / sizeof(T) - 1));
        *(bytes *)(z + j) = MIRRORED(chunk);
    }
    for (; j < n; j++)
        z[j] = x[-(ptrdiff_t)j];
}

static void NAME(evens)(size_t n, void *to, const void *from)
{
    T *restrict z = to;
    const T *x = from;
    for (size_t j = 0; j < n; j++)
        z[j] = x[2 * j];
}

static void NAME(filled)(size_t n, void *to, const void *from)
{
    T *z = to, value = *(const T *)from;
    for (size_t j = 0; j < n; j++)
        z[j] = value;
}

static void NAME(woven)(size_t n, void *to, const void *a, const void *b)
{
    T *restrict z = to;
    const T *x = a, *y = b;
    for (size_t j = 0; j < n; j++) {
        z[2 * j] = x[j];
        z[2 * j + 1] = y[j];
    }
}

#undef T
#undef MIRRORED
#undef NAME
