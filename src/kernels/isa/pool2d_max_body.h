/* SPDX-License-Identifier: Apache-2.0
 * Maxima of windows for one dtype. Before it is included: T as stored, W as compared and added,
 * GET(x) and PUT(x) between them, LOWEST, SUM(a, b) in W, and NAME(f). A window's cells are walked
 * in rows, and for each cell a run of channels. */

/* A comparison with NaN is false: it never replaces the largest so far. */
static void NAME(max)(const tw_pool_row *r)
{
    const T *in = r->input;
    T *out = (T *)r->out + r->y * r->cols.out * r->depth;
    size_t y0, y1, x0, x1;
    tw_pool_seen(&r->rows, r->y, &y0, &y1);
    for (size_t x = 0; x < r->cols.out; x++, out += r->depth) {
        tw_pool_seen(&r->cols, x, &x0, &x1);
        for (size_t c = r->first; c < r->last; c += RUN) {
            size_t n = r->last - c < RUN ? r->last - c : RUN;
            W most[RUN];
            for (size_t j = 0; j < n; j++)
                most[j] = LOWEST;
            for (size_t i = y0; i < y1; i++) {
                for (size_t k = x0; k < x1; k++) {
                    const T *cell = in + (i * r->cols.in + k) * r->depth + c;
                    for (size_t j = 0; j < n; j++)
                        most[j] = GET(cell[j]) > most[j] ? GET(cell[j]) : most[j];
                }
            }
            for (size_t j = 0; j < n; j++)
                out[c + j] = PUT(most[j]);
        }
    }
}

/* For n channels from c on: which of the window's cells, counted in rows, is chosen. */
static void NAME(choose)(const tw_pool_row *r, size_t x, size_t c, size_t n, int32_t *chosen)
{
    const T *in = r->input;
    size_t y0, y1, x0, x1;
    tw_pool_seen(&r->rows, r->y, &y0, &y1);
    tw_pool_seen(&r->cols, x, &x0, &x1);
    W best[RUN];
    int32_t number = 0;
    for (size_t i = y0; i < y1; i++) {
        for (size_t k = x0; k < x1; k++, number++) {
            const T *cell = in + (i * r->cols.in + k) * r->depth + c;
            if (number == 0) {
                for (size_t j = 0; j < n; j++) {
                    best[j] = GET(cell[j]);
                    chosen[j] = 0;
                }
                continue;
            }
            for (size_t j = 0; j < n; j++) {
                int better = GET(cell[j]) > best[j];
                best[j] = better ? GET(cell[j]) : best[j];
                chosen[j] = better ? number : chosen[j];
            }
        }
    }
}

/* The place in the image of a chosen cell of output column x. */
static inline size_t NAME(place)(const tw_pool_row *r, size_t x, int32_t chosen)
{
    size_t y0, y1, x0, x1;
    tw_pool_seen(&r->rows, r->y, &y0, &y1);
    tw_pool_seen(&r->cols, x, &x0, &x1);
    size_t width = x1 - x0 ? x1 - x0 : 1;
    return (y0 + (size_t)chosen / width) * r->cols.in + x0 + (size_t)chosen % width;
}

/* Indices count elements: the place times the depth, and the channel. */
static void NAME(argmax)(const tw_pool_row *r)
{
    size_t row = r->y * r->cols.out;
    int32_t chosen[RUN];
    for (size_t x = 0; x < r->cols.out; x++) {
        for (size_t c = r->first; c < r->last; c += RUN) {
            size_t n = r->last - c < RUN ? r->last - c : RUN;
            NAME(choose)(r, x, c, n, chosen);
            for (size_t j = 0; j < n; j++)
                r->argmax[(row + x) * r->depth + c + j] =
                    r->index_start + (int64_t)(NAME(place)(r, x, chosen[j]) * r->depth + c + j);
        }
    }
}

/* Adds to the chosen cells by walking all cells of the window with a mask: no scattered stores.
 * Windows may overlap, so rows are done in order by whoever has these channels. */
static void NAME(max_gradient)(const tw_pool_row *r)
{
    const T *gradient = (const T *)r->gradient + r->y * r->cols.out * r->depth;
    size_t y0, y1, x0, x1;
    int32_t chosen[RUN];
    tw_pool_seen(&r->rows, r->y, &y0, &y1);
    for (size_t x = 0; x < r->cols.out; x++, gradient += r->depth) {
        tw_pool_seen(&r->cols, x, &x0, &x1);
        for (size_t c = r->first; c < r->last; c += RUN) {
            size_t n = r->last - c < RUN ? r->last - c : RUN;
            int32_t number = 0;
            NAME(choose)(r, x, c, n, chosen);
            for (size_t i = y0; i < y1; i++) {
                for (size_t k = x0; k < x1; k++, number++) {
                    T *cell = (T *)r->out + (i * r->cols.in + k) * r->depth + c;
                    const T *dy = gradient + c;
                    for (size_t j = 0; j < n; j++) {
                        W sum = SUM(GET(cell[j]), GET(dy[j]));
                        cell[j] = chosen[j] == number ? PUT(sum) : cell[j];
                    }
                }
            }
        }
    }
}

/* The reverse of the gradient: reads where that one adds. */
static void NAME(max_pick)(const tw_pool_row *r)
{
    const T *gradient = r->gradient;
    T *out = (T *)r->out + r->y * r->cols.out * r->depth;
    int32_t chosen[RUN];
    for (size_t x = 0; x < r->cols.out; x++, out += r->depth) {
        for (size_t c = r->first; c < r->last; c += RUN) {
            size_t n = r->last - c < RUN ? r->last - c : RUN;
            NAME(choose)(r, x, c, n, chosen);
            for (size_t j = 0; j < n; j++)
                out[c + j] = gradient[NAME(place)(r, x, chosen[j]) * r->depth + c + j];
        }
    }
}
