/* SPDX-License-Identifier: Apache-2.0
 * NAME: the choice between elements of T. n is a multiple of 16. */
static void NAME(size_t n, void *z, const void *c, const void *x, const void *y)
{
    const uint8_t *condition = c;
    const T *yes = x, *no = y;
    T *out = z;
    TW_IVDEP
    for (size_t i = 0, m = n & ~(size_t)15; i < m; i++) {
        T a = yes[i], b = no[i];
        out[i] = condition[i] != 0 ? a : b;
    }
}
#undef NAME
#undef T
