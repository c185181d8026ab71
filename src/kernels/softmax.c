/* SPDX-License-Identifier: Apache-2.0
 * Softmax and cross entropy: rows are shared out in cells; half and bfloat16 go through rows of
 * floats. */
#include "kernels/softmax.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "kernels/half_lines.h"
#include "kernels/softmax_loops.h"

enum {
    SUM_CELLS = 8,         /* each with sums of its own, which are summed in the end */
    SCRATCH = 2048,        /* floats on the stack for a row */
    PAST_CACHES = 16 << 20 /* bytes of a result */
};

/* Cells cannot return a status: one that finds no memory for its rows of floats sets the flag,
 * and the caller reports it once. */
typedef struct job {
    tw_dtype dtype;
    tw_softmax_loop loop;
    tw_softmax_rows all;
    char *partial; /* the sums of cells 1 and on */
    size_t size, cells;
    atomic_bool out_of_memory;
} job;

/* Rows first .. last - 1; a stride of 0 stays where it is. */
static tw_softmax_rows part_of(const job *j, size_t first, size_t last)
{
    tw_softmax_rows r = j->all;
    r.rows = last - first;
    r.logits = (const char *)r.logits + first * r.logits_stride * j->size;
    if (r.labels)
        r.labels = (const char *)r.labels + first * r.labels_stride * j->size;
    if (r.classes)
        r.classes = (const char *)r.classes + first * (r.wide ? 8 : 4);
    if (r.loss)
        r.loss = (char *)r.loss + first * j->size;
    if (r.out)
        r.out = (char *)r.out + first * r.cols * j->size;
    return r;
}

/* Where a cell sums rows: the first one where the result is wanted, the others beside each other in
 * memory that is lent or made for them. */
static void *sums_of(const job *j, size_t cell)
{
    return cell ? j->partial + (cell - 1) * j->all.cols * j->size : j->all.sums;
}

/* One row at a time: logits, labels and result stand in `wide`, three rows of floats. */
static void run_narrow_rows(const job *j, const tw_softmax_rows *r, float *wide)
{
    for (size_t row = 0; row < r->rows; row++) {
        size_t cols = r->cols;
        float loss, *x = wide, *labels = x + cols, *out = labels + cols;
        tw_softmax_rows one = *r;
        one.rows = 1;
        tw_widen_line(j->dtype, cols, x, (const uint16_t *)r->logits + row * r->logits_stride);
        one.logits = x;
        if (r->labels) {
            tw_widen_line(j->dtype, cols, labels,
                          (const uint16_t *)r->labels + row * r->labels_stride);
            one.labels = labels;
        }
        if (r->classes)
            one.classes = (const char *)r->classes + row * (r->wide ? 8 : 4);
        one.out = out;
        one.loss = r->loss ? &loss : NULL;
        j->loop(&one);
        if (r->loss)
            tw_narrow_line(j->dtype, 1, (uint16_t *)r->loss + row, &loss);
        if (r->out)
            tw_narrow_line(j->dtype, cols, (uint16_t *)r->out + row * cols, out);
    }
}

/* A cell needs scratch where results are not wanted and for the 16-bit floats. */
static void run_cell(size_t cell, void *arg)
{
    job *j = arg;
    tw_softmax_rows r = part_of(j, tw_par_bound(j->all.rows, 1, j->cells, cell),
                                tw_par_bound(j->all.rows, 1, j->cells, cell + 1));
    bool is_narrow = j->size == 2;
    if (r.sums) {
        r.sums = sums_of(j, cell);
        memset(r.sums, 0, r.cols * j->size);
    }
    if (!is_narrow && r.out) {
        j->loop(&r);
        return;
    }
    _Alignas(64) double stack[SCRATCH];
    size_t bytes = is_narrow ? 3 * r.cols * sizeof(float) : r.cols * j->size;
    void *heap = bytes > sizeof stack ? tw_alloc_aligned(bytes) : NULL;
    void *scratch = heap ? heap : stack;
    if (bytes > sizeof stack && !heap) {
        atomic_store(&j->out_of_memory, true);
        return;
    }
    if (is_narrow) {
        run_narrow_rows(j, &r, scratch);
    } else {
        r.out = scratch;
        r.scratch = true;
        j->loop(&r);
    }
    tw_free_aligned(heap);
}

/* NULL: the dtype has none. */
static const tw_softmax_loops *loops_of(tw_dtype dtype)
{
    if (!tw_dtype_is_floating(dtype))
        return NULL;
    return dtype == TW_FLOAT64 ? &TW_ISA_TABLE_OF_NARROW(tw_softmax_table)->f64
                               : &TW_ISA_TABLE(tw_softmax_table)->f32;
}

/* Softmax needs exp and so a floating dtype; integers are refused here and not converted in
 * silence. */
static tw_status *refuse(tw_dtype dtype)
{
    return tw_status_new(TW_UNIMPLEMENTED, "%s arrays have no softmax", tw_dtype_name(dtype));
}

/* All cells' sums of some columns, in the order of the cells. There are a few of these only, and
 * no loops for each level. */
static void add_partial(size_t part, void *arg)
{
    const job *j = arg;
    size_t cols = j->all.cols, parts = tw_par_cells(cols, SCRATCH, 1);
    size_t first = tw_par_bound(cols, SCRATCH, parts, part),
           last = tw_par_bound(cols, SCRATCH, parts, part + 1);
    for (size_t cell = 1; cell < j->cells; cell++) {
        const void *from = sums_of(j, cell);
        for (size_t c = first; c < last; c++) {
            if (j->dtype == TW_FLOAT32)
                ((float *)j->all.sums)[c] += ((const float *)from)[c];
            else
                ((double *)j->all.sums)[c] += ((const double *)from)[c];
        }
    }
}

/* How many cells: where columns are summed each has sums of its own, which take memory and are read
 * again. As everywhere the number depends on sizes alone, and so do the bits of the sums. */
static size_t cells_of(tw_dtype dtype, size_t rows, size_t cols, bool sums)
{
    size_t cells = tw_par_cells(rows, 1, (dtype == TW_FLOAT64 ? 5.0 : 1.0) * (double)cols + 10);
    return sums && cells > SUM_CELLS ? SUM_CELLS : cells;
}

size_t tw_sparse_softmax_xent_room(tw_dtype dtype, size_t rows, size_t cols)
{
    size_t bytes;
    return tw_size_mul(cells_of(dtype, rows, cols, true) - 1, cols, &bytes) &&
                   tw_size_mul(bytes, tw_dtype_size(dtype), &bytes)
               ? bytes
               : SIZE_MAX;
}

/* A nanosecond for each float, five for a double at the plain level. */
static tw_status *run(tw_dtype dtype, tw_softmax_loop loop, const tw_softmax_rows *r,
                      const tw_par *par)
{
    job j = {.dtype = dtype, .loop = loop, .all = *r, .size = tw_dtype_size(dtype)};
    size_t elements, bytes;
    if (!tw_size_mul(r->rows, r->cols, &elements) || !tw_size_mul(elements, 24, &bytes) ||
        bytes > PTRDIFF_MAX)
        return tw_status_new(TW_INVALID_ARGUMENT, "a matrix of (%zu, %zu) is too large", r->rows,
                             r->cols);
    if (r->rows == 0) {
        if (r->sums)
            memset(r->sums, 0, r->cols * j.size);
        return TW_OK;
    }
    j.cells = cells_of(dtype, r->rows, r->cols, r->sums != NULL);
    size_t room = r->sums ? tw_sparse_softmax_xent_room(dtype, r->rows, r->cols) : 0;
    bool lent = par && par->workspace && par->workspace_bytes >= room;
    j.partial = room ? lent ? par->workspace : tw_alloc_aligned(room) : NULL;
    if (room && !j.partial)
        return tw_no_memory();
    tw_par_run(par, j.cells, run_cell, &j);
    if (room)
        tw_par_run(par, tw_par_cells(r->cols, SCRATCH, 1), add_partial, &j);
    if (!lent)
        tw_free_aligned(j.partial);
    return atomic_load(&j.out_of_memory) ? tw_no_memory() : TW_OK;
}

/* In place too: a row is read before it is written. */
tw_status *tw_softmax(tw_dtype dtype, bool log, size_t rows, size_t cols, const void *in, void *out,
                      const tw_par *par)
{
    const tw_softmax_loops *loops = loops_of(dtype);
    if (!loops)
        return refuse(dtype);
    tw_softmax_rows r = {
        .rows = rows, .cols = cols, .logits = in, .logits_stride = cols, .out = out};
    r.past = in != out && cols && rows >= (size_t)PAST_CACHES / tw_dtype_size(dtype) / cols;
    return run(dtype, log ? loops->log_softmax : loops->softmax, &r, par);
}

/* A row stride of 0 makes one row of logits or labels serve all. */
tw_status *tw_softmax_xent(tw_dtype dtype, size_t rows, size_t cols, const void *logits,
                           size_t logits_stride, const void *labels, size_t labels_stride,
                           double factor, void *loss, void *backprop, const tw_par *par)
{
    const tw_softmax_loops *loops = loops_of(dtype);
    if (!loops)
        return refuse(dtype);
    tw_softmax_rows r = {.rows = rows,
                         .cols = cols,
                         .logits = logits,
                         .labels = labels,
                         .logits_stride = logits_stride,
                         .labels_stride = labels_stride,
                         .factor = factor,
                         .loss = loss,
                         .out = backprop};
    return run(dtype, loops->xent, &r, par);
}

/* "3 0 -1", of the first ten. */
static tw_text list_classes(const tw_softmax_rows *r)
{
    tw_text text = {""};
    size_t used = 0;
    for (size_t i = 0; i < r->rows && i < 10 && used < sizeof text.s; i++) {
        int64_t c = r->wide ? ((const int64_t *)r->classes)[i] : ((const int32_t *)r->classes)[i];
        int n = snprintf(text.s + used, sizeof text.s - used, "%s%" PRId64, i ? " " : "", c);
        used += n > 0 ? (size_t)n : 0;
    }
    if (r->rows > 10 && used + 4 < sizeof text.s)
        snprintf(text.s + used, sizeof text.s - used, "...");
    return text;
}

/* Before anything is computed: a refusal writes nothing. */
static tw_status *check_classes(const tw_softmax_rows *r)
{
    for (size_t i = 0; i < r->rows; i++) {
        int64_t c = r->wide ? ((const int64_t *)r->classes)[i] : ((const int32_t *)r->classes)[i];
        if (c < 0 || (uint64_t)c >= r->cols)
            return tw_status_new(TW_INVALID_ARGUMENT,
                                 "Received a label value of %" PRId64
                                 " which is outside the valid range of [0, %zu).  Label values: %s",
                                 c, r->cols, list_classes(r).s);
    }
    return TW_OK;
}

/* Labels are checked against the classes before any row is computed, so that a failure leaves
 * loss and gradient untouched. */
tw_status *tw_sparse_softmax_xent(tw_dtype dtype, size_t rows, size_t cols, const void *logits,
                                  tw_dtype label_dtype, const void *labels, double factor,
                                  void *loss, void *backprop, void *sums, const tw_par *par)
{
    const tw_softmax_loops *loops = loops_of(dtype);
    if (!loops)
        return refuse(dtype);
    if (label_dtype != TW_INT32 && label_dtype != TW_INT64)
        return tw_status_new(TW_UNIMPLEMENTED, "a label is int32 or int64, not %s",
                             tw_dtype_name(label_dtype));
    tw_softmax_rows r = {.rows = rows,
                         .cols = cols,
                         .logits = logits,
                         .logits_stride = cols,
                         .classes = labels,
                         .wide = label_dtype == TW_INT64,
                         .factor = factor,
                         .loss = loss,
                         .sums = sums,
                         .out = backprop};
    TW_TRY(check_classes(&r));
    return run(dtype, loops->sparse_xent, &r, par);
}
