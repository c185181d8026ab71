/* SPDX-License-Identifier: Apache-2.0
 * One tap of a depthwise convolution for one dtype. Before it is included: T and NAME(f). */

/* y[c][q] += x[c] w[c][q] */
static void NAME(forward_tap)(tap_row r, const void *x_row, const void *w_row, void *y_row)
{
    const T *restrict x = x_row, *restrict w = w_row;
    T *restrict y = y_row;
    if (r.multiplier == 1) {
        for (size_t c = 0; c < r.channels; c++)
            y[c] += x[c] * w[c];
        return;
    }
    for (size_t c = 0; c < r.channels; c++) {
        for (size_t q = 0; q < r.multiplier; q++)
            y[c * r.multiplier + q] += x[c] * w[c * r.multiplier + q];
    }
}

/* dx[c] += sum over q of dy[c][q] w[c][q] */
static void NAME(input_tap)(tap_row r, const void *dy_row, const void *w_row, void *dx_row)
{
    const T *restrict dy = dy_row, *restrict w = w_row;
    T *restrict dx = dx_row;
    if (r.multiplier == 1) {
        for (size_t c = 0; c < r.channels; c++)
            dx[c] += dy[c] * w[c];
        return;
    }
    for (size_t c = 0; c < r.channels; c++) {
        T sum = 0;
        for (size_t q = 0; q < r.multiplier; q++)
            sum += dy[c * r.multiplier + q] * w[c * r.multiplier + q];
        dx[c] += sum;
    }
}

/* dw[c][q] += x[c] dy[c][q] */
static void NAME(filter_tap)(tap_row r, const void *x_row, const void *dy_row, void *dw_row)
{
    NAME(forward_tap)(r, x_row, dy_row, dw_row);
}

#undef T
#undef NAME
