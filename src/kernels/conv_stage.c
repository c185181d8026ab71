/* SPDX-License-Identifier: Apache-2.0
 * Scratch memory of convolutions. A staged array takes one area for its numbers in computing form
 * and, if it is both NCHW and of 16 bits, a second for the transposed halves. */
#include "kernels/conv_stage.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "kernels/copy.h"
#include "kernels/half_lines.h"

/* 16-bit floats would lose all of a long sum; they are only a form of storage here. */
tw_dtype tw_conv_compute_dtype(tw_dtype dtype)
{
    switch (dtype) {
    case TW_FLOAT16:
    case TW_BFLOAT16: return TW_FLOAT32;
    case TW_FLOAT32:
    case TW_FLOAT64: return dtype;
    default: return TW_INVALID_DTYPE;
    }
}

/* The product of four sizes leaves room for 64 bytes an element: nothing behind it needs another
 * check. */
static bool fits(size_t a, size_t b, size_t c, size_t d)
{
    size_t n;
    return tw_size_mul(a, b, &n) && tw_size_mul(n, c, &n) && tw_size_mul(n, d, &n) &&
           n <= PTRDIFF_MAX / 64;
}

/* Sizes come from shapes that a file or a feed may have made up. */
tw_status *tw_conv_check(tw_dtype dtype, const tw_conv *c)
{
    if (tw_conv_compute_dtype(dtype) == TW_INVALID_DTYPE)
        return tw_status_new(TW_UNIMPLEMENTED, "%s arrays have no convolution",
                             tw_dtype_name(dtype));
    const tw_window *directions[2] = {&c->rows, &c->cols};
    for (size_t i = 0; i < 2; i++) {
        const tw_window *w = directions[i];
        if (!w->stride || !w->dilation || !w->window || !fits(w->out, w->stride, 1, 1) ||
            !fits(w->window, w->dilation, 1, 1) || !fits(w->in, 1, 1, 1) || !fits(w->pad, 1, 1, 1))
            return tw_status_new(TW_INVALID_ARGUMENT,
                                 "a window of %zu by stride %zu and dilation %zu is impossible",
                                 w->window, w->stride, w->dilation);
    }
    if (!fits(c->batch, c->rows.in, c->cols.in, c->in_depth) ||
        !fits(c->batch, c->rows.out, c->cols.out, c->out_depth) ||
        !fits(c->rows.window, c->cols.window, c->in_depth, c->out_depth + 64))
        return tw_status_new(TW_INVALID_ARGUMENT, "the arrays of a convolution are too large");
    return TW_OK;
}

/* Checked before by tw_conv_check. */
size_t tw_staged_elements(const tw_staged *s)
{
    return s->batch * s->rows * s->cols * s->depth;
}

/* With one channel or one pixel both layouts are the same. */
static bool turns(const tw_staged *s)
{
    return s->nchw && s->depth > 1 && s->rows * s->cols > 1;
}

/* Whether the numbers are computed in another dtype than they are stored in. */
static bool widens(const tw_staged *s)
{
    return tw_conv_compute_dtype(s->dtype) != s->dtype;
}

/* Both areas are wanted at once only while halves are transposed. */
size_t tw_staged_bytes(const tw_staged *s)
{
    size_t n = tw_staged_elements(s), bytes = 0;
    if (turns(s) || widens(s))
        bytes += tw_scratch_size(n * tw_dtype_size(tw_conv_compute_dtype(s->dtype)));
    if (turns(s) && widens(s))
        bytes += tw_scratch_size(n * tw_dtype_size(s->dtype));
    return bytes;
}

/* A workspace that is too small is left alone: kernels are also run by themselves, where nobody
 * asked for its size. */
tw_status *tw_scratch_open(tw_scratch *s, size_t bytes, const tw_par *par)
{
    *s = (tw_scratch){NULL, NULL};
    if (par && par->workspace && par->workspace_bytes >= bytes) {
        s->next = par->workspace;
        return TW_OK;
    }
    if (bytes == 0)
        return TW_OK;
    s->owned = s->next = tw_alloc_aligned(bytes);
    return s->owned ? TW_OK : tw_no_memory();
}

/* Never checked: tw_scratch_open was given the sum of all that is taken. That may be nothing, and
 * then there is no memory to point into. */
void *tw_scratch_take(tw_scratch *s, size_t bytes)
{
    if (bytes == 0)
        return NULL;
    void *taken = s->next;
    if (bytes) /* without any there may be no memory to step in */
        s->next += tw_scratch_size(bytes);
    return taken;
}

/* The caller's workspace stays the caller's. */
void tw_scratch_close(tw_scratch *s)
{
    tw_free_aligned(s->owned);
}

/* A conversion cut into cells: 16-bit floats widen before the computation and are narrowed after
 * it, each element once, whichever thread takes it. */
typedef struct convert {
    tw_dtype dtype;
    size_t n, cells;
    float *wide;
    uint16_t *narrow;
    bool widens;
} convert;

/* A run of elements; runs begin at multiples of a cache line. */
static void convert_cell(size_t cell, void *arg)
{
    const convert *c = arg;
    size_t first = tw_par_bound(c->n, 64, c->cells, cell);
    size_t last = tw_par_bound(c->n, 64, c->cells, cell + 1);
    if (first == last) /* an empty array has no memory */
        return;
    if (c->widens)
        tw_widen_line(c->dtype, last - first, c->wide + first, c->narrow + first);
    else
        tw_narrow_line(c->dtype, last - first, c->narrow + first, c->wide + first);
}

/* Half a nanosecond for each number. */
static void convert_run(convert c, const tw_par *par)
{
    c.cells = tw_par_cells(c.n, 64, 0.5);
    tw_par_run(par, c.cells, convert_cell, &c);
}

/* Swaps depth with rows x cols in each image. The sizes were checked: this cannot fail. */
static void turn(const tw_staged *s, tw_dtype dtype, bool to_nhwc, const void *from, void *to,
                 const tw_par *par)
{
    size_t pixels = s->rows * s->cols, n = pixels * s->depth;
    const size_t dims[3] = {s->batch, pixels, s->depth};
    const ptrdiff_t nhwc[3] = {(ptrdiff_t)n, (ptrdiff_t)s->depth, 1};
    const ptrdiff_t nchw[3] = {(ptrdiff_t)n, 1, (ptrdiff_t)pixels};
    tw_status_free(tw_copy_region(
        dtype, &(tw_region){3, dims, to_nhwc ? nhwc : nchw, to_nhwc ? nchw : nhwc}, to, from, par));
}

/* Halves are transposed before they are widened, since that moves half the bytes. */
const void *tw_stage_in(const tw_staged *s, const void *from, tw_scratch *scratch,
                        const tw_par *par)
{
    size_t n = tw_staged_elements(s);
    if (!turns(s) && !widens(s))
        return from;
    void *staged = tw_scratch_take(scratch, n * tw_dtype_size(tw_conv_compute_dtype(s->dtype)));
    if (!widens(s)) {
        turn(s, s->dtype, true, from, staged, par);
        return staged;
    }
    if (turns(s)) {
        void *halves = tw_scratch_take(scratch, n * sizeof(uint16_t));
        turn(s, s->dtype, true, from, halves, par);
        from = halves;
    }
    convert_run((convert){.dtype = s->dtype,
                          .n = n,
                          .wide = staged,
                          .narrow = (uint16_t *)(uintptr_t)from,
                          .widens = true},
                par);
    return staged;
}

/* Takes the area for the transposed halves too, which lies behind the numbers. */
void *tw_stage_result(const tw_staged *s, void *to, tw_scratch *scratch)
{
    if (!turns(s) && !widens(s))
        return to;
    char *staged = tw_scratch_take(scratch, tw_staged_bytes(s));
    return staged;
}

/* The way of tw_stage_in backwards. */
void tw_stage_out(const tw_staged *s, void *computed, void *to, const tw_par *par)
{
    size_t n = tw_staged_elements(s);
    if (widens(s)) {
        char *behind = (char *)computed + tw_scratch_size(n * sizeof(float));
        void *halves = turns(s) ? behind : to;
        convert_run((convert){.dtype = s->dtype, .n = n, .wide = computed, .narrow = halves}, par);
        computed = halves;
    }
    if (turns(s))
        turn(s, s->dtype, false, computed, to, par);
}
