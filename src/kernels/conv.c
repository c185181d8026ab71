/* SPDX-License-Identifier: Apache-2.0
 * Convolution and its gradient to the input. The input's gradient is gathered from the output's:
 * input pixels are parted by their remainders by the strides, and for each part only the taps that
 * meet it remain, which is a convolution of stride 1 with those taps in reverse order. */
#include "kernels/conv.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "kernels/conv_direct.h"
#include "kernels/conv_filter.h"
#include "kernels/conv_stage.h"
#include "kernels/conv_windows.h"
#include "kernels/conv_winograd.h"

/* The filter of at most `width` rows and n columns, packed. */
static size_t packed_bytes(tw_dtype dtype, size_t width, size_t n)
{
    return tw_scratch_size(tw_gemm_packed_bytes(tw_conv_compute_dtype(dtype), width, n));
}

/* Taps of the filter; times channels it is the width of the gathered matrix. */
static size_t filter_width(const tw_conv *c)
{
    return c->rows.window * c->cols.window;
}

/* What a pass takes, in the order in which it takes it: the packed filter, then each array that has
 * to be staged. A graph asks once and lends the memory for every run. */
size_t tw_conv_workspace(tw_dtype dtype, const tw_conv *c, tw_conv_pass pass)
{
    tw_status *status = tw_conv_check(dtype, c);
    if (status) {
        tw_status_free(status);
        return SIZE_MAX;
    }
    tw_staged in = tw_conv_input(dtype, c), out = tw_conv_output(dtype, c);
    tw_staged filter = tw_conv_filter(dtype, c, c->in_depth * c->out_depth);
    size_t bytes = tw_staged_bytes(&in) + tw_staged_bytes(&out) + tw_staged_bytes(&filter);
    if (tw_winograd_fits(tw_conv_compute_dtype(dtype), c, pass))
        bytes += tw_winograd_bytes(c, pass);
    switch (pass) {
    case TW_CONV_FORWARD:
        return bytes + packed_bytes(dtype, filter_width(c) * c->in_depth, c->out_depth) +
               tw_scratch_size(c->out_depth * sizeof(float));
    case TW_CONV_INPUT_GRADIENT:
        return bytes + packed_bytes(dtype, filter_width(c) * c->out_depth, c->in_depth);
    default: return bytes + tw_conv_filter_parts_bytes(dtype, c);
    }
}

/* Packs rows of the filter, a run in each cell. */
typedef struct packing {
    const tw_gemm_loops *loops;
    tw_gemm_block g;
    size_t size, cells;
    void *to;
} packing;

/* Rows of a packed matrix are independent of each other, so any run of them is a cell. */
static void pack_cell(size_t cell, void *arg)
{
    const packing *p = arg;
    tw_gemm_block part = p->g;
    size_t first = tw_par_bound(p->g.k, 16, p->cells, cell);
    part.k = tw_par_bound(p->g.k, 16, p->cells, cell + 1) - first;
    part.b = (const char *)part.b + first * part.b_row * p->size;
    part.packed_first += first;
    p->loops->pack(&part, 0, tw_gemm_panels(p->loops, part.n), p->to);
}

/* The filter is packed once for all pixels: its cost is one pass over it, against one for each
 * block of pixels if the product packed it. */
static void pack(tw_dtype dtype, const tw_gemm_block *g, void *to, const tw_par *par)
{
    packing p = {.loops = tw_gemm_loops_of(dtype), .g = *g, .size = tw_dtype_size(dtype), .to = to};
    p.cells = tw_par_cells(g->k, 16, 0.3 * (double)g->n);
    tw_par_run(par, p.cells, pack_cell, &p);
}

/* Places are the outputs; a tap to the left of the padding has a negative index. */
static tw_taps forward_taps(const tw_window *w)
{
    return (tw_taps){.places = w->out,
                     .taps = w->window,
                     .size = w->in,
                     .stride = (ptrdiff_t)w->stride,
                     .start = -(ptrdiff_t)w->pad,
                     .step = (ptrdiff_t)w->dilation};
}

/* Shared with the gradient to the filter, which multiplies the same matrix from the left. */
tw_view tw_conv_forward_view(tw_dtype dtype, const tw_conv *c, const void *images)
{
    return (tw_view){.rows = forward_taps(&c->rows),
                     .cols = forward_taps(&c->cols),
                     .channels = c->in_depth,
                     .element = tw_dtype_size(dtype),
                     .images = images};
}

/* One tap, stride 1, no padding: the images are the matrix. */
static bool is_product(const tw_conv *c)
{
    const tw_window *r = &c->rows, *l = &c->cols;
    return r->window == 1 && l->window == 1 && r->stride == 1 && l->stride == 1 && r->pad == 0 &&
           l->pad == 0 && r->in == r->out && l->in == l->out;
}

/* (taps * in_depth, out_depth), to be packed whole. */
static tw_gemm_block filter_matrix(const tw_conv *c, const void *filter)
{
    size_t width = filter_width(c) * c->in_depth;
    return (tw_gemm_block){.n = c->out_depth,
                           .k = width,
                           .b = filter,
                           .b_row = c->out_depth,
                           .b_col = 1,
                           .packed_k = width};
}

/* Only what lies as it is computed on is kept. */
size_t tw_conv_keep_bytes(tw_dtype dtype, const tw_conv *c, size_t *kind)
{
    enum { LEAST_BYTES = 16384 };
    size_t width = filter_width(c) * c->in_depth;
    if ((dtype != TW_FLOAT32 && dtype != TW_FLOAT64) || is_product(c) ||
        tw_conv_direct_fits(dtype, c) || width * c->out_depth * tw_dtype_size(dtype) < LEAST_BYTES)
        return 0;
    bool fast = tw_winograd_fits(dtype, c, TW_CONV_FORWARD);
    *kind = fast ? c->rows.window : 0;
    return fast ? tw_winograd_filter_bytes(c) : tw_gemm_packed_bytes(dtype, width, c->out_depth);
}

/* The form that the forward pass of these sizes takes. */
void tw_conv_pack(tw_dtype dtype, const tw_conv *c, const void *filter, void *to)
{
    tw_gemm_block g = filter_matrix(c, filter);
    if (tw_winograd_fits(dtype, c, TW_CONV_FORWARD))
        tw_winograd_filter(c, filter, to);
    else
        tw_gemm_loops_of(dtype)->pack(&g, 0, tw_gemm_panels(tw_gemm_loops_of(dtype), g.n), to);
}

/* output (places, out_depth) = gathered (places, taps * in_depth) times filter. Without channels
 * the sum is empty, and the plain product writes the zeros and the bias. */
static tw_status *run_forward(tw_dtype dtype, const tw_conv *c, const void *input,
                              const void *filter, void *output, const tw_gemm_epilogue *epilogue,
                              const void *kept, void *packed, const tw_par *par)
{
    size_t width = filter_width(c) * c->in_depth;
    if (is_product(c) || width == 0) {
        tw_gemm_shape s = {
            .m = c->batch * c->rows.out * c->cols.out, .n = c->out_depth, .k = width, .alpha = 1};
        return tw_gemm(dtype, &s, input, filter, output, epilogue, par);
    }
    if (!kept) {
        tw_gemm_block g = filter_matrix(c, filter);
        pack(dtype, &g, packed, par);
    }
    tw_window_product_run(
        &(tw_window_product){.dtype = dtype,
                             .view = tw_conv_forward_view(dtype, c, input),
                             .images = c->batch,
                             .n = c->out_depth,
                             .packed = kept ? kept : packed,
                             .out = output,
                             .out_rows = c->rows.out,
                             .out_cols = c->cols.out,
                             .row_step = 1,
                             .col_step = 1,
                             .bias = epilogue ? epilogue->bias : NULL,
                             .activation = epilogue ? epilogue->activation : TW_ACTIVATION_NONE},
        par);
    return TW_OK;
}

/* The scratch lies in the order of tw_conv_workspace. Only the bias of 16-bit floats is staged,
 * since it is added in the computing form. */
tw_status *tw_conv_forward(tw_dtype dtype, const tw_conv *conv, const void *input,
                           const void *filter, void *output, const tw_gemm_epilogue *epilogue,
                           const tw_par *par)
{
    TW_TRY(tw_conv_check(dtype, conv));
    tw_dtype as = tw_conv_compute_dtype(dtype);
    tw_staged in = tw_conv_input(dtype, conv), out = tw_conv_output(dtype, conv);
    tw_staged f = tw_conv_filter(dtype, conv, conv->in_depth * conv->out_depth);
    tw_staged bias = {dtype, 1, 1, 1, conv->out_depth, false};
    tw_scratch scratch;
    if (tw_staged_elements(&out) == 0)
        return TW_OK;
    TW_TRY(tw_scratch_open(&scratch, tw_conv_workspace(dtype, conv, TW_CONV_FORWARD), par));
    void *packed = tw_scratch_take(
        &scratch, packed_bytes(dtype, filter_width(conv) * conv->in_depth, conv->out_depth));
    const void *x = tw_stage_in(&in, input, &scratch, par);
    const void *w = tw_stage_in(&f, filter, &scratch, par);
    void *y = tw_stage_result(&out, output, &scratch);
    tw_gemm_epilogue with = epilogue ? *epilogue : (tw_gemm_epilogue){NULL, TW_ACTIVATION_NONE};
    if (with.bias)
        with.bias = tw_stage_in(&bias, with.bias, &scratch, par);
    bool done = false, fast = tw_winograd_fits(as, conv, TW_CONV_FORWARD);
    if (fast) {
        void *own = tw_scratch_take(&scratch, tw_winograd_bytes(conv, TW_CONV_FORWARD));
        done = tw_winograd_forward(conv, x, w, y, &with, own, par);
    }
    if (!fast && tw_conv_direct_fits(as, conv) && with.activation <= TW_ACTIVATION_RELU) {
        tw_conv_direct_forward(conv, x, w, y, &with, par);
        done = true;
    }
    const void *kept = fast ? NULL : conv->packed;
    tw_status *status = done ? TW_OK : run_forward(as, conv, x, w, y, &with, kept, packed, par);
    if (!status)
        tw_stage_out(&out, y, output, par);
    tw_scratch_close(&scratch);
    return status;
}

/* Windows of two, each wholly inside. */
static bool is_pair(const tw_window *w)
{
    return w->window == 2 && w->stride == 2 && !w->pad && w->out && 2 * w->out <= w->in;
}

/* The windows are then those of whole tiles: both ways compute two by two outputs, or four by four,
 * at a time, and the first begins where the image does. */
bool tw_conv_pools(tw_dtype dtype, tw_conv *c, const tw_window *rows, const tw_window *cols,
                   tw_activation activation)
{
    if (!is_pair(rows) || !is_pair(cols) || activation > TW_ACTIVATION_RELU || c->nchw)
        return false;
    c->pooled_rows = rows->out;
    c->pooled_cols = cols->out;
    if (tw_winograd_fits(dtype, c, TW_CONV_FORWARD) || tw_conv_direct_fits(dtype, c))
        return true;
    c->pooled_rows = c->pooled_cols = 0;
    return false;
}

/* The direct way takes none: its strips of pixels are on the stack. */
size_t tw_conv_pooled_workspace(const tw_conv *c)
{
    bool fast = tw_winograd_fits(TW_FLOAT32, c, TW_CONV_FORWARD);
    return fast ? tw_winograd_bytes(c, TW_CONV_FORWARD) : 0;
}

/* Only Winograd's way can stop: the direct one treats what is not finite as poolings do. */
tw_status *tw_conv_forward_pooled(const tw_conv *conv, const float *input, const float *filter,
                                  float *output, const tw_gemm_epilogue *epilogue,
                                  const tw_par *par, bool *done)
{
    tw_scratch scratch;
    TW_TRY(tw_conv_check(TW_FLOAT32, conv));
    *done = true;
    if (!tw_winograd_fits(TW_FLOAT32, conv, TW_CONV_FORWARD)) {
        tw_conv_direct_forward(conv, input, filter, output, epilogue, par);
        return TW_OK;
    }
    size_t bytes = tw_winograd_bytes(conv, TW_CONV_FORWARD);
    TW_TRY(tw_scratch_open(&scratch, bytes, par));
    void *own = tw_scratch_take(&scratch, bytes);
    *done = tw_winograd_forward(conv, input, filter, output, epilogue, own, par);
    tw_scratch_close(&scratch);
    return TW_OK;
}

/* The input pixels of one remainder in one direction, and the taps that meet them: tap t of the
 * part is the filter's last - t * apart. */
typedef struct part {
    size_t first, taps, last, apart;
    tw_taps view;
} part;

/* Euclid; both are positive. */
static size_t common_divisor(size_t a, size_t b)
{
    while (b) {
        size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Output o meets input i at tap k where o * stride = i + pad - k * dilation. */
static part part_of(const tw_window *w, size_t first)
{
    part p = {.first = first, .apart = w->stride / common_divisor(w->stride, w->dilation)};
    for (size_t k = w->window; k-- > 0;) {
        if ((first + w->pad + w->stride - k * w->dilation % w->stride) % w->stride != 0)
            continue;
        if (!p.taps)
            p.last = k;
        p.taps++;
    }
    ptrdiff_t stride = (ptrdiff_t)w->stride;
    ptrdiff_t start = (ptrdiff_t)(first + w->pad) - (ptrdiff_t)(p.last * w->dilation);
    p.view = (tw_taps){.places = first < w->in ? (w->in - first + w->stride - 1) / w->stride : 0,
                       .taps = p.taps,
                       .size = w->out,
                       .stride = 1,
                       .start = p.taps ? start / stride : 0,
                       .step = (ptrdiff_t)(p.apart * w->dilation / w->stride)};
    return p;
}

/* Rows of the packed filter: taps of the part by output channels; columns: input channels. */
static void pack_part(tw_dtype dtype, const tw_conv *c, const part *rows, const part *cols,
                      const char *filter, void *packed, const tw_par *par)
{
    size_t size = tw_dtype_size(dtype), tap = c->in_depth * c->out_depth;
    for (size_t i = 0; i < rows->taps; i++) {
        for (size_t j = 0; j < cols->taps; j++) {
            size_t row = rows->last - i * rows->apart, col = cols->last - j * cols->apart;
            pack(dtype,
                 &(tw_gemm_block){.n = c->in_depth,
                                  .k = c->out_depth,
                                  .b = filter + (row * c->cols.window + col) * tap * size,
                                  .b_row = 1,
                                  .b_col = c->out_depth,
                                  .packed_k = rows->taps * cols->taps * c->out_depth,
                                  .packed_first = (i * cols->taps + j) * c->out_depth},
                 packed, par);
        }
    }
}

/* The output here is the input's gradient: its pixels of this part lie a stride apart in both
 * directions, from the part's first pixel on. */
static void run_part(tw_dtype dtype, const tw_conv *c, const part *rows, const part *cols,
                     const void *filter, const void *gradient, char *out, void *packed,
                     const tw_par *par)
{
    size_t size = tw_dtype_size(dtype);
    pack_part(dtype, c, rows, cols, filter, packed, par);
    tw_window_product_run(
        &(tw_window_product){.dtype = dtype,
                             .view = {rows->view, cols->view, c->out_depth, size, gradient},
                             .images = c->batch,
                             .n = c->in_depth,
                             .packed = packed,
                             .out = out +
                                    (rows->first * c->cols.in + cols->first) * c->in_depth * size,
                             .out_rows = c->rows.in,
                             .out_cols = c->cols.in,
                             .row_step = c->rows.stride,
                             .col_step = c->cols.stride},
        par);
}

/* Parts that no tap meets stay zero. */
static void run_input_gradient(tw_dtype dtype, const tw_conv *c, const void *filter,
                               const void *gradient, void *out, void *packed, const tw_par *par)
{
    bool gaps = c->out_depth == 0 || c->rows.stride > 1 || c->cols.stride > 1;
    if (gaps)
        memset(out, 0, c->batch * c->rows.in * c->cols.in * c->in_depth * tw_dtype_size(dtype));
    for (size_t y = 0; y < c->rows.stride && y < c->rows.in; y++) {
        part rows = part_of(&c->rows, y);
        for (size_t x = 0; x < c->cols.stride && x < c->cols.in; x++) {
            part cols = part_of(&c->cols, x);
            if (rows.taps && cols.taps && c->out_depth)
                run_part(dtype, c, &rows, &cols, filter, gradient, out, packed, par);
        }
    }
}

/* Nothing is scattered, so cells never meet in one output and the sum of each pixel has one
 * order. */
tw_status *tw_conv_input_gradient(tw_dtype dtype, const tw_conv *conv, const void *filter,
                                  const void *gradient, void *out, const tw_par *par)
{
    TW_TRY(tw_conv_check(dtype, conv));
    tw_dtype as = tw_conv_compute_dtype(dtype);
    tw_staged in = tw_conv_input(dtype, conv), dy = tw_conv_output(dtype, conv);
    tw_staged f = tw_conv_filter(dtype, conv, conv->in_depth * conv->out_depth);
    tw_scratch scratch;
    if (tw_staged_elements(&in) == 0)
        return TW_OK;
    TW_TRY(tw_scratch_open(&scratch, tw_conv_workspace(dtype, conv, TW_CONV_INPUT_GRADIENT), par));
    void *packed = tw_scratch_take(
        &scratch, packed_bytes(dtype, filter_width(conv) * conv->out_depth, conv->in_depth));
    const void *w = tw_stage_in(&f, filter, &scratch, par);
    const void *g = tw_stage_in(&dy, gradient, &scratch, par);
    void *x = tw_stage_result(&in, out, &scratch);
    bool done = false;
    if (tw_winograd_fits(as, conv, TW_CONV_INPUT_GRADIENT)) {
        void *own = tw_scratch_take(&scratch, tw_winograd_bytes(conv, TW_CONV_INPUT_GRADIENT));
        done = tw_winograd_input_gradient(conv, w, g, x, own, par);
    }
    if (!done)
        run_input_gradient(as, conv, w, g, x, packed, par);
    tw_stage_out(&in, x, out, par);
    tw_scratch_close(&scratch);
    return TW_OK;
}
