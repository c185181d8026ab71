/* SPDX-License-Identifier: Apache-2.0
 * Dense matrices of float or double into padded ones of double, and back. Transposed ones go by
 * blocks of eight, so that a line of the cache is used up once it is there. */
#include <math.h>
#include <string.h>

#include "kernels/linalg_inside.h"

enum { BLOCK = 8 };

/* Padding of zeros is neither slow nor in anybody's way. */
static void clear_padding(size_t rows, size_t columns, size_t ld, double *x)
{
    for (size_t i = 0; i < rows && columns < ld; i++)
        memset(x + i * ld + columns, 0, (ld - columns) * sizeof *x);
}

static void read_turned(bool single, const void *x, size_t rows, size_t columns, double *out,
                        size_t ld)
{
    for (size_t i = 0; i < rows; i += BLOCK) {
        size_t end = rows - i < BLOCK ? rows : i + BLOCK;
        for (size_t j = 0; j < columns; j++) {
            double *to = out + j * ld;
            if (single) {
                for (size_t r = i; r < end; r++)
                    to[r] = ((const float *)x)[r * columns + j];
            } else {
                for (size_t r = i; r < end; r++)
                    to[r] = ((const double *)x)[r * columns + j];
            }
        }
    }
}

void tw_linalg_read(bool single, const void *x, size_t rows, size_t columns, bool turned,
                    double *out)
{
    size_t ld = tw_linalg_stride(turned ? rows : columns);
    if (turned) {
        read_turned(single, x, rows, columns, out, ld);
        clear_padding(columns, rows, ld, out);
        return;
    }
    for (size_t i = 0; i < rows; i++) {
        const float *f = (const float *)x + i * columns;
        for (size_t j = 0; j < columns && single; j++)
            out[i * ld + j] = f[j];
        if (!single && columns)
            memcpy(out + i * ld, (const double *)x + i * columns, columns * sizeof *out);
    }
    clear_padding(rows, columns, ld, out);
}

/* Row i of the numbers to write from. */
static const double *row_of(const double *in, size_t ld, const size_t *order, size_t i)
{
    return in + (order ? order[i] : i) * ld;
}

static void write_turned(bool single, void *y, size_t rows, size_t columns, const double *in,
                         size_t ld, const size_t *order)
{
    for (size_t j = 0; j < columns; j += BLOCK) {
        size_t end = columns - j < BLOCK ? columns : j + BLOCK;
        const double *from[BLOCK];
        for (size_t c = j; c < end; c++)
            from[c - j] = row_of(in, ld, order, c);
        for (size_t i = 0; i < rows; i++) {
            for (size_t c = j; c < end && single; c++)
                ((float *)y)[i * columns + c] = (float)from[c - j][i];
            for (size_t c = j; c < end && !single; c++)
                ((double *)y)[i * columns + c] = from[c - j][i];
        }
    }
}

void tw_linalg_write(bool single, void *y, size_t rows, size_t columns, bool turned,
                     const double *in, size_t ld, const size_t *order)
{
    if (turned) {
        write_turned(single, y, rows, columns, in, ld, order);
        return;
    }
    for (size_t i = 0; i < rows; i++) {
        const double *row = row_of(in, ld, order, i);
        float *f = (float *)y + i * columns;
        for (size_t j = 0; j < columns && single; j++)
            f[j] = (float)row[j];
        if (!single && columns)
            memcpy((double *)y + i * columns, row, columns * sizeof *row);
    }
}

/* Far from where squares overflow or vanish; a power of two, which rounds nothing. */
double tw_linalg_scale(size_t rows, size_t columns, double *x, size_t ld)
{
    double most = 0, odd = 0;
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            most = fmax(most, fabs(x[i * ld + j]));
            odd += x[i * ld + j] * 0;
        }
    }
    if (isnan(odd) || most == 0 || (most > 0x1p-300 && most < 0x1p300))
        return isnan(odd) ? odd : 1;
    int exponent;
    frexp(most, &exponent);
    double scale = ldexp(1, -exponent);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++)
            x[i * ld + j] *= scale;
    }
    return ldexp(1, exponent);
}

/* By insertion from the end: values come out of their factors nearly sorted one way or the other,
 * and this is nothing beside the factors in any case. */
void tw_linalg_sort(size_t n, const double *x, size_t *order)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        for (; at > 0 && x[order[at - 1]] > x[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}
