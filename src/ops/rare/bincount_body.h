/* SPDX-License-Identifier: Apache-2.0
 * Counting for one dtype. Before it is included: T, U (in which sums of integers wrap) and NAME.
 * Gives how many numbers were taken: fewer than n where the next one is negative. */
static size_t NAME(const int32_t *numbers, size_t n, const void *weights, void *out, int64_t bins)
{
    const T *w = weights;
    T *z = out;
    size_t i = 0;
    for (; i < n && numbers[i] >= 0; i++) {
        if (numbers[i] < bins)
            z[numbers[i]] = (T)((U)z[numbers[i]] + (w ? (U)w[i] : (U)1));
    }
    return i;
}

#undef T
#undef U
#undef NAME
