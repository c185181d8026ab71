/* SPDX-License-Identifier: Apache-2.0
 * Averages of windows for one floating dtype; needs what isa/pool2d_max_body.h does. */

/* Every window has a cell inside the image, so the count is never zero. */
static void NAME(avg)(const tw_pool_row *r)
{
    const T *in = r->input;
    T *out = (T *)r->out + r->y * r->cols.out * r->depth;
    size_t y0, y1, x0, x1;
    tw_pool_seen(&r->rows, r->y, &y0, &y1);
    for (size_t x = 0; x < r->cols.out; x++, out += r->depth) {
        tw_pool_seen(&r->cols, x, &x0, &x1);
        W count = (W)((y1 - y0) * (x1 - x0));
        for (size_t c = r->first; c < r->last; c += RUN) {
            size_t n = r->last - c < RUN ? r->last - c : RUN;
            W sum[RUN];
            for (size_t j = 0; j < n; j++)
                sum[j] = 0;
            for (size_t i = y0; i < y1; i++) {
                for (size_t k = x0; k < x1; k++) {
                    const T *cell = in + (i * r->cols.in + k) * r->depth + c;
                    for (size_t j = 0; j < n; j++)
                        sum[j] += GET(cell[j]);
                }
            }
            for (size_t j = 0; j < n; j++)
                out[c + j] = PUT(sum[j] / count);
        }
    }
}

/* A row of inputs: each gets its share from all outputs that see it. */
static void NAME(avg_gradient)(const tw_pool_row *r)
{
    T *out = (T *)r->out + r->y * r->cols.in * r->depth;
    size_t y0, y1, x0, x1, first, last;
    tw_pool_seers(&r->rows, r->y, &y0, &y1);
    for (size_t x = 0; x < r->cols.in; x++, out += r->depth) {
        tw_pool_seers(&r->cols, x, &x0, &x1);
        for (size_t c = r->first; c < r->last; c += RUN) {
            size_t n = r->last - c < RUN ? r->last - c : RUN;
            W sum[RUN];
            for (size_t j = 0; j < n; j++)
                sum[j] = 0;
            for (size_t i = y0; i < y1; i++) {
                tw_pool_seen(&r->rows, i, &first, &last);
                size_t rows = last - first;
                for (size_t k = x0; k < x1; k++) {
                    tw_pool_seen(&r->cols, k, &first, &last);
                    W count = (W)(rows * (last - first));
                    const T *dy = (const T *)r->gradient + (i * r->cols.out + k) * r->depth + c;
                    for (size_t j = 0; j < n; j++)
                        sum[j] += GET(dy[j]) / count;
                }
            }
            for (size_t j = 0; j < n; j++)
                out[c + j] = PUT(sum[j]);
        }
    }
}
