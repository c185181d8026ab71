/* SPDX-License-Identifier: Apache-2.0
 * Householder's reflections: one at a time where each needs what the one before it left, else by
 * sixteen, as matrix products (Schreiber and Van Loan 1989). */
#include <math.h>
#include <string.h>

#include "kernels/linalg_inside.h"

enum { BLOCK = 16 };

/* The other sign than that of x[0] keeps the difference of the two free of cancellation. */
double tw_find_reflection(size_t n, double *x, double *tau)
{
    double first = x[0], tail = TW_ISA_TABLE(tw_linalg_loops)->dot(n - 1, x + 1, x + 1);
    x[0] = 1;
    *tau = 0;
    if (tail == 0) {
        memset(x + 1, 0, (n - 1) * sizeof *x);
        return first;
    }
    double beta = first >= 0 ? -sqrt(first * first + tail) : sqrt(first * first + tail);
    *tau = (beta - first) / beta;
    for (size_t i = 1; i < n; i++)
        x[i] /= first - beta;
    return beta;
}

/* t of the product 1 - v^T t v of some reflections: upper triangular, or for the opposite order
 * lower. */
static void find_middle(const tw_reflections *h, size_t first, size_t count, bool opposite,
                        double *gram, double *t)
{
    size_t column = first + h->offset;
    const double *v = h->v + first * h->ld + column;
    tw_linalg_product(&(tw_linalg_operand){v, h->ld, 1}, &(tw_linalg_operand){v, 1, h->ld}, count,
                      count, h->length - column, 1, 0, gram, BLOCK);
    memset(t, 0, BLOCK * BLOCK * sizeof *t);
    size_t row = opposite ? 1 : BLOCK, step = opposite ? BLOCK : 1;
    for (size_t j = 0; j < count; j++) {
        double tau = h->tau[first + j];
        for (size_t i = 0; i < j; i++) {
            double sum = 0;
            for (size_t p = i; p < j; p++)
                sum += t[i * row + p * step] * gram[p * BLOCK + j];
            t[i * row + j * step] = -tau * sum;
        }
        t[j * (row + step)] = tau;
    }
}

/* x -= (x v^T) t v, of which the columns before the first one are left as they are. */
static void reflect(const tw_reflections *h, size_t first, size_t count, bool opposite, size_t rows,
                    double *x, size_t ldx, double *work)
{
    double *gram = work, *t = gram + BLOCK * BLOCK, *along = t + BLOCK * BLOCK;
    double *turned = along + rows * BLOCK;
    size_t column = first + h->offset, length = h->length - column;
    const double *v = h->v + first * h->ld + column;
    find_middle(h, first, count, opposite, gram, t);
    tw_linalg_product(&(tw_linalg_operand){x + column, ldx, 1}, &(tw_linalg_operand){v, 1, h->ld},
                      rows, count, length, 1, 0, along, BLOCK);
    tw_linalg_product(&(tw_linalg_operand){along, BLOCK, 1}, &(tw_linalg_operand){t, BLOCK, 1},
                      rows, count, count, 1, 0, turned, BLOCK);
    tw_linalg_product(&(tw_linalg_operand){turned, BLOCK, 1}, &(tw_linalg_operand){v, h->ld, 1},
                      rows, length, count, -1, 1, x + column, ldx);
}

size_t tw_reflect_work(size_t rows)
{
    return 2 * BLOCK * (BLOCK + rows);
}

/* From the last ones on: their rows of the unit matrix are those that all before them reach, so
 * what is done to each is the least. */
void tw_form_rows(const tw_reflections *h, size_t rows, double *x, size_t ldx, double *work)
{
    memset(x, 0, rows * ldx * sizeof *x);
    for (size_t i = 0; i < rows; i++)
        x[i * ldx + i] = 1;
    for (size_t end = h->count; end;) {
        size_t first = (end - 1) / BLOCK * BLOCK, row = first + h->offset;
        reflect(h, first, end - first, true, rows - row, x + row * ldx, ldx, work);
        end = first;
    }
}

/* Blocks of rows: within one each reflection is applied at once, to the rows that follow all of
 * them together. */
void tw_factor_qr(const tw_reflections *h, size_t rows, double *a, size_t lda, double *work)
{
    const tw_linalg_loops *loops = TW_ISA_TABLE(tw_linalg_loops);
    for (size_t first = 0; first < h->count; first += BLOCK) {
        size_t end = h->count - first < BLOCK ? h->count : first + BLOCK;
        for (size_t i = first; i < end; i++) {
            double *v = h->v + i * h->ld, *row = a + i * lda;
            size_t n = h->length - i;
            memset(v, 0, h->ld * sizeof *v);
            memcpy(v + i, row + i, n * sizeof *v);
            row[i] = tw_find_reflection(n, v + i, &h->tau[i]);
            for (size_t j = i + 1; j < end; j++) {
                double *x = a + j * lda + i;
                loops->add(n, -h->tau[i] * loops->dot(n, v + i, x), v + i, x);
            }
        }
        if (end < rows)
            reflect(h, first, end - first, false, rows - end, a + end * lda, lda, work);
    }
}
