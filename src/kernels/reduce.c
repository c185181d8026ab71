/* SPDX-License-Identifier: Apache-2.0
 * Every reduction becomes rows that are added to an accumulator. The axes, merged, are: outer kept
 * ones (an output block each), outer reduced ones, a reduced run (the rows), and a kept run (the
 * columns). Short columns are widened: several rows side by side count as one, and the groups are
 * folded together at the end; a contiguous sum is the case of one column. Rows are added 32 at a
 * time, and these blocks by halves, so that rounding errors stay small. */
#include "kernels/reduce.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "kernels/copy.h"
#include "kernels/half.h"
#include "kernels/reduce_loops.h"
#include "tensor/array.h"

/* A line of more than LINE numbers would lose digits in 32 lanes. */
enum {
    WIDTH = TW_REDUCE_WIDTH,
    LEAF = 32,
    MOST_SIZE = 16,
    MOST_CELLS = 64,
    SHORT_RUN = 32,
    LINE = 1024
};

/* Merged neighbours count as one axis, so that few shapes are left to tell apart. */
typedef struct axis {
    size_t n, stride; /* stride in elements of the input */
} axis;

/* A reduction made ready: everything that follows from shape and dtype is settled once, so that
 * cells only read it. */
typedef struct reducer {
    tw_reduction reduction;
    tw_dtype dtype, acc_dtype;
    size_t size, acc_size; /* bytes of an element and of an accumulator's */
    tw_reduce_loops loops, combine;
    void (*strided)(void *acc, const void *x, size_t rows, size_t stride, size_t width,
                    size_t step);
    bool by_halves; /* the order matters, so add by halves, beginning with 0 */
    _Alignas(MOST_SIZE) unsigned char identity[MOST_SIZE];

    axis kept[TW_MAX_RANK + 2], reduced[TW_MAX_RANK + 2]; /* the outer ones */
    size_t kept_count, reduced_count;
    axis rows;            /* the innermost reduced run, in units of whole accumulator rows */
    size_t columns, step; /* the innermost kept run */
    size_t group;         /* rows side by side in an accumulator row; then columns * group wide */
    size_t tail;          /* elements of the reduced run left over by the groups */
    size_t tail_offset;
    bool lines;           /* each output is the sum of one short, contiguous line */
    size_t streams;       /* so many of them are read in turn, at most 4 */
    size_t outer_reduced; /* the product of reduced[].n */
    size_t reduced_total; /* elements behind one output */
    size_t blocks;        /* of columns in an output row */
    size_t tasks, pieces; /* output blocks; parts of the rows of each */
    size_t cells;         /* of whole tasks, where pieces is 1 */
    const char *in;
    char *out;
    char *partial; /* [tasks][pieces][WIDTH] accumulators, where pieces > 1 */
} reducer;

/* Of zeros at once, others by doubling what is there. */
static void set_identity(const reducer *r, size_t width, void *acc)
{
    unsigned char *to = acc;
    size_t bytes = width * r->acc_size, done = r->acc_size < bytes ? r->acc_size : bytes;
    if (r->by_halves)
        memset(to, 0, done = bytes);
    else
        memcpy(to, r->identity, done);
    for (; done < bytes; done *= 2)
        memcpy(to + done, to, done < bytes - done ? done : bytes - done);
}

/* Where element `index` of a grid of axes begins; the last axis counts fastest. */
static size_t offset_of(const axis *axes, size_t count, size_t index)
{
    size_t offset = 0;
    for (size_t i = count; i-- > 0; index /= axes[i].n)
        offset += index % axes[i].n * axes[i].stride;
    return offset;
}

/* Adds n rows of `width` columns of one run. */
static void add_rows(const reducer *r, void *acc, const char *x, size_t n, size_t stride,
                     size_t width)
{
    if (r->step == 1) {
        r->loops.rows(acc, x, n, stride, width);
    } else if (r->strided) {
        r->strided(acc, x, n, stride, width, r->step);
    } else {
        for (size_t j = 0; j < width; j++)
            r->loops.rows((char *)acc + j * r->acc_size, x + j * r->step * r->size, n, stride, 1);
    }
}

/* Adds the rows first .. last - 1, counted over all reduced axes. */
static void add_leaf(const reducer *r, void *acc, const char *x, size_t first, size_t last,
                     size_t width)
{
    while (first < last) {
        size_t outer = first / r->rows.n, inner = first % r->rows.n;
        size_t run = r->rows.n - inner < last - first ? r->rows.n - inner : last - first;
        size_t offset = offset_of(r->reduced, r->reduced_count, outer) + inner * r->rows.stride;
        add_rows(r, acc, x + offset * r->size, run, r->rows.stride, width);
        first += run;
    }
}

/* The error of a sum grows with the depth of this tree plus the length of a leaf. Maxima and
 * integers do not depend on the order and are added straight through. */
static void add_range(const reducer *r, void *acc, const char *x, size_t first, size_t last,
                      size_t width)
{
    size_t n = last - first;
    if (n <= LEAF || !r->by_halves) {
        add_leaf(r, acc, x, first, last, width);
        return;
    }
    _Alignas(64) char upper[WIDTH * MOST_SIZE];
    size_t half = (n / 2 + LEAF - 1) / LEAF * LEAF;
    add_range(r, acc, x, first, first + half, width);
    set_identity(r, width, upper);
    add_range(r, upper, x, first + half, last, width);
    r->combine.rows(acc, upper, 1, 0, width);
}

/* The leftover elements of every run. */
static void add_tails(const reducer *r, void *acc, const char *x)
{
    _Alignas(64) char sum[WIDTH * MOST_SIZE];
    set_identity(r, r->tail, sum);
    for (size_t i = 0; i < r->outer_reduced; i++) {
        size_t offset = offset_of(r->reduced, r->reduced_count, i) + r->tail_offset;
        r->loops.rows(sum, x + offset * r->size, 1, 0, r->tail);
    }
    r->combine.rows(acc, sum, 1, 0, r->tail);
}

/* Where task `task` reads, writes and how wide it is. */
typedef struct place {
    const char *in;
    size_t out, columns;
} place;

/* Tasks are output rows, each in blocks of at most WIDTH columns. */
static place place_of(const reducer *r, size_t task)
{
    size_t outer = task / r->blocks, column = task % r->blocks * WIDTH;
    size_t columns = r->columns - column < WIDTH ? r->columns - column : WIDTH;
    size_t offset = offset_of(r->kept, r->kept_count, outer) + column * r->step;
    return (place){r->in + offset * r->size, outer * r->columns + column, columns};
}

/* What is left to do with a finished accumulator of double. */
static double scaled(const reducer *r, double x)
{
    switch (r->reduction) {
    case TW_REDUCE_MEAN: return x / (double)r->reduced_total;
    case TW_REDUCE_L2_LOSS: return x / 2;
    case TW_REDUCE_EUCLIDEAN: return sqrt(x);
    default: return x;
    }
}

/* The same in float, which is rounded as TensorFlow's is: no step in double between. */
static float scaled_float(const reducer *r, float x)
{
    switch (r->reduction) {
    case TW_REDUCE_MEAN: return x / (float)r->reduced_total;
    case TW_REDUCE_L2_LOSS: return x / 2;
    case TW_REDUCE_EUCLIDEAN: return sqrtf(x);
    default: return x;
    }
}

/* An integer accumulator's value made the result, in a type that holds both. Squares may wrap. */
static int64_t scaled_int(const reducer *r, int64_t x)
{
    if (r->reduction == TW_REDUCE_MEAN)
        return r->reduced_total ? x / (int64_t)r->reduced_total : 0;
    return r->reduction == TW_REDUCE_EUCLIDEAN ? (int64_t)sqrt(x > 0 ? (double)x : 0) : x;
}

/* The same for unsigned ones. */
static uint64_t scaled_uint(const reducer *r, uint64_t x)
{
    if (r->reduction == TW_REDUCE_MEAN)
        return r->reduced_total ? x / r->reduced_total : 0;
    return r->reduction == TW_REDUCE_EUCLIDEAN ? (uint64_t)sqrt((double)x) : x;
}

/* The 16-bit floats are rounded here, once. */
static void finish_float(const reducer *r, const float *acc, size_t n, size_t out)
{
    if (r->dtype == TW_FLOAT32) {
        for (size_t j = 0; j < n; j++)
            ((float *)(void *)r->out)[out + j] = scaled_float(r, acc[j]);
        return;
    }
    uint16_t *to = (uint16_t *)(void *)r->out + out;
    for (size_t j = 0; j < n; j++) {
        float x = scaled_float(r, acc[j]);
        to[j] = r->dtype == TW_FLOAT16 ? tw_narrow_half(x) : tw_narrow_bfloat16(x);
    }
}

#define FINISH_INTEGER(type, scale, wide) \
    for (size_t j = 0; j < n; j++)        \
    ((type *)(void *)r->out)[out + j] = (type)scale(r, (wide)((const type *)acc)[j])

/* Rare: an element at a time is fast enough. */
static void finish_integer(const reducer *r, const void *acc, size_t n, size_t out)
{
    switch (r->dtype) {
    case TW_INT8: FINISH_INTEGER(int8_t, scaled_int, int64_t); break;
    case TW_INT16: FINISH_INTEGER(int16_t, scaled_int, int64_t); break;
    case TW_INT32: FINISH_INTEGER(int32_t, scaled_int, int64_t); break;
    case TW_INT64: FINISH_INTEGER(int64_t, scaled_int, int64_t); break;
    case TW_UINT8: FINISH_INTEGER(uint8_t, scaled_uint, uint64_t); break;
    case TW_UINT16: FINISH_INTEGER(uint16_t, scaled_uint, uint64_t); break;
    case TW_UINT32: FINISH_INTEGER(uint32_t, scaled_uint, uint64_t); break;
    default: FINISH_INTEGER(uint64_t, scaled_uint, uint64_t); break;
    }
}

/* The accumulators of one output block become its elements. */
static void finish(const reducer *r, void *acc, place at)
{
    if (r->group > 1)
        r->combine.groups(acc, r->group, at.columns);
    if (r->acc_dtype == TW_FLOAT32) {
        finish_float(r, acc, at.columns, at.out);
    } else if (r->acc_dtype == TW_FLOAT64) {
        const double *x = acc;
        for (size_t j = 0; j < at.columns; j++)
            ((double *)(void *)r->out)[at.out + j] = scaled(r, x[j]);
    } else if (tw_dtype_is_complex(r->dtype) || r->reduction < TW_REDUCE_MEAN ||
               (r->reduction > TW_REDUCE_MEAN && r->reduction < TW_REDUCE_EUCLIDEAN)) {
        memcpy(r->out + at.out * r->size, acc, at.columns * r->size);
    } else {
        finish_integer(r, acc, at.columns, at.out);
    }
}

/* Extremes and integers of one run do not depend on the order: it is one line, read as it lies. */
static bool is_long_line(const reducer *r)
{
    return !r->by_halves && r->loops.lines && r->columns == 1 && r->outer_reduced == 1 &&
           r->rows.stride == r->group;
}

/* A piece of the rows of one task. Leftovers belong to the last piece. */
static void run_piece(size_t cell, void *arg)
{
    const reducer *r = arg;
    size_t task = cell / r->pieces, piece = cell % r->pieces;
    size_t rows = r->rows.n * r->outer_reduced;
    size_t first = tw_par_bound(rows, LEAF, r->pieces, piece);
    size_t last = tw_par_bound(rows, LEAF, r->pieces, piece + 1);
    place at = place_of(r, task);
    _Alignas(64) char local[WIDTH * MOST_SIZE];
    void *acc = r->pieces > 1 ? r->partial + cell * WIDTH * r->acc_size : local;
    bool is_last = piece == r->pieces - 1;
    set_identity(r, at.columns * r->group, acc);
    if (is_long_line(r)) {
        const void *line = at.in + first * r->group * r->size;
        double found;
        r->loops.lines(&found, &line, 1, (last - first) * r->group + (is_last ? r->tail : 0));
        memcpy(acc, &found, r->acc_size);
    } else {
        add_range(r, acc, at.in, first, last, at.columns * r->group);
        if (r->tail && is_last)
            add_tails(r, acc, at.in);
    }
    if (r->pieces == 1)
        finish(r, acc, at);
}

/* Adds up the pieces of each output block, pairwise. */
static void join_pieces(const reducer *r)
{
    for (size_t task = 0; task < r->tasks; task++) {
        place at = place_of(r, task);
        char *base = r->partial + task * r->pieces * WIDTH * r->acc_size;
        for (size_t n = r->pieces; n > 1; n = (n + 1) / 2) {
            for (size_t i = 0; i < n / 2; i++)
                r->combine.rows(base + i * WIDTH * r->acc_size,
                                base + (i + (n + 1) / 2) * WIDTH * r->acc_size, 1, 0,
                                at.columns * r->group);
        }
        finish(r, base, at);
    }
}

/* Where line `task` begins: mostly they lie one after the other. */
static const void *line_of(const reducer *r, size_t task)
{
    size_t offset = r->kept_count == 1 ? task * r->kept[0].stride
                                       : offset_of(r->kept, r->kept_count, task);
    return r->in + offset * r->size;
}

/* Of one line, or of some that are so many tasks apart. */
static void sum_lines(const reducer *r, size_t first, size_t apart, size_t count)
{
    const void *x[4] = {line_of(r, first)};
    double acc[4];
    for (size_t k = 1; k < count; k++)
        x[k] = line_of(r, first + k * apart);
    r->loops.lines(acc, x, count, r->reduced_total);
    for (size_t k = 0; k < count; k++)
        finish(r, &acc[k], (place){NULL, first + k * apart, 1});
}

/* The commonest reduction of all: a few hundred numbers for each row of a batch. Lines from equal
 * parts of the cell in turn: memory is read faster from several places than from one. */
static void run_lines(size_t cell, void *arg)
{
    const reducer *r = arg;
    size_t first = tw_par_bound(r->tasks, 1, r->cells, cell), streams = r->streams;
    size_t last = tw_par_bound(r->tasks, 1, r->cells, cell + 1), part = (last - first) / streams;
    for (size_t i = 0; i < part; i++)
        sum_lines(r, first + i, part, streams);
    for (size_t task = first + streams * part; task < last; task++)
        sum_lines(r, task, 0, 1);
}

/* A cell does a run of whole tasks. */
static void run_tasks(size_t cell, void *arg)
{
    const reducer *r = arg;
    size_t last = tw_par_bound(r->tasks, 1, r->cells, cell + 1);
    for (size_t task = tw_par_bound(r->tasks, 1, r->cells, cell); task < last; task++)
        run_piece(task, arg);
}

/* Cuts the work by output blocks if there are enough, else the rows of each block too. */
static tw_status *run(reducer *r, const tw_par *par)
{
    double bytes = (double)r->size * (double)r->reduced_total * (double)r->tasks;
    double time = 0.05 * bytes * (double)(r->columns < WIDTH ? r->columns : WIDTH);
    size_t rows = r->rows.n * r->outer_reduced;
    size_t wanted = time >= 64e4 ? MOST_CELLS : (size_t)(time / 1e4);
    r->cells = wanted < 1 ? 1 : wanted < r->tasks ? wanted : r->tasks;
    size_t parts = wanted / r->tasks < rows / LEAF ? wanted / r->tasks : rows / LEAF;
    r->pieces = r->tasks * 4 <= wanted && parts > 1 ? parts : 1;
    if (r->pieces == 1) {
        tw_par_run(par, r->cells, r->lines ? run_lines : run_tasks, r);
        return TW_OK;
    }
    r->partial = tw_alloc_aligned(r->tasks * r->pieces * WIDTH * r->acc_size);
    if (!r->partial)
        return tw_no_memory();
    tw_par_run(par, r->tasks * r->pieces, run_piece, r);
    join_pieces(r);
    tw_free_aligned(r->partial);
    return TW_OK;
}

/* Kept and reduced axes, merged where they are neighbours, without those of one element. */
typedef struct run_list {
    size_t count;
    struct {
        size_t n, stride;
        bool reduced;
    } items[TW_MAX_RANK + 1];
} run_list;

/* From the innermost axis outwards; strides are those of the merged runs. */
static void merge_axes(tw_shape shape, const bool *reduced, size_t reals, run_list *out)
{
    out->count = 0;
    size_t stride = reals;
    for (size_t i = shape.rank + (reals > 1); i-- > 0;) {
        bool is_part = i == shape.rank; /* the two halves of a complex number are an axis */
        size_t n = is_part ? reals : (size_t)shape.dims[i];
        bool gone = !is_part && reduced[i];
        if (n == 1)
            continue;
        size_t last = out->count - 1;
        if (out->count && out->items[last].reduced == gone) {
            out->items[last].n *= n;
        } else {
            out->items[out->count].n = n;
            out->items[out->count].stride = is_part ? 1 : stride;
            out->items[out->count++].reduced = gone;
        }
        stride *= is_part ? 1 : n;
    }
}

/* Chooses rows and columns; runs are listed from the innermost outwards. */
static void arrange(reducer *r, const run_list *runs)
{
    size_t next = 0;
    r->columns = r->step = r->group = 1;
    r->rows = (axis){1, 1};
    if (next < runs->count && !runs->items[next].reduced)
        r->columns = runs->items[next++].n;
    if (next < runs->count)
        r->rows = (axis){runs->items[next].n, runs->items[next].stride};
    next += next < runs->count;
    if (r->columns == 1 && r->rows.n < SHORT_RUN && next < runs->count) {
        r->columns = runs->items[next].n;
        r->step = runs->items[next++].stride;
    } else if (r->columns <= WIDTH / 4 && r->rows.n > 1) {
        size_t n = r->rows.n, most = r->columns == 1 && n < 4 * WIDTH ? 64 : WIDTH / r->columns;
        r->group = most < n ? most : n;
        r->rows = (axis){n / r->group, r->group * r->columns};
        r->tail = n % r->group * r->columns;
        r->tail_offset = r->rows.n * r->rows.stride;
    }
    r->outer_reduced = r->tasks = 1;
    for (size_t i = runs->count; i-- > next;) {
        axis a = {runs->items[i].n, runs->items[i].stride};
        if (runs->items[i].reduced) {
            r->reduced[r->reduced_count++] = a;
            r->outer_reduced *= a.n;
        } else {
            r->kept[r->kept_count++] = a;
            r->tasks *= a.n;
        }
    }
    r->blocks = (r->columns + WIDTH - 1) / WIDTH;
    r->tasks *= r->blocks;
    r->lines = r->loops.lines && r->columns == 1 && r->outer_reduced == 1 &&
               r->reduced_total <= LINE && (r->group > 1 || r->rows.stride == 1);
    r->group = r->lines ? 1 : r->group;
}

/* True and false are 1 and 0: all is the smallest of them, any the largest. */
static tw_fold fold_of(tw_reduction reduction)
{
    static const tw_fold folds[] = {
        [TW_REDUCE_SUM] = TW_FOLD_SUM,         [TW_REDUCE_PROD] = TW_FOLD_PROD,
        [TW_REDUCE_MEAN] = TW_FOLD_SUM,        [TW_REDUCE_MAX] = TW_FOLD_MAX,
        [TW_REDUCE_MIN] = TW_FOLD_MIN,         [TW_REDUCE_ALL] = TW_FOLD_MIN,
        [TW_REDUCE_ANY] = TW_FOLD_MAX,         [TW_REDUCE_EUCLIDEAN] = TW_FOLD_SQUARES,
        [TW_REDUCE_L2_LOSS] = TW_FOLD_SQUARES,
    };
    return folds[reduction];
}

/* The dtype whose loops serve `dtype`, or TW_INVALID_DTYPE. */
static tw_dtype dtype_of_loops(tw_reduction reduction, tw_dtype dtype)
{
    bool logical = reduction == TW_REDUCE_ALL || reduction == TW_REDUCE_ANY;
    if (logical || dtype == TW_BOOL)
        return logical && dtype == TW_BOOL ? TW_UINT8 : TW_INVALID_DTYPE;
    if (reduction == TW_REDUCE_L2_LOSS && !tw_dtype_is_floating(dtype))
        return TW_INVALID_DTYPE;
    bool ordered = reduction == TW_REDUCE_MAX || reduction == TW_REDUCE_MIN;
    switch (dtype) {
    case TW_COMPLEX64:
        return ordered ? TW_INVALID_DTYPE : reduction == TW_REDUCE_PROD ? dtype : TW_FLOAT32;
    case TW_COMPLEX128:
        return ordered ? TW_INVALID_DTYPE : reduction == TW_REDUCE_PROD ? dtype : TW_FLOAT64;
    case TW_QINT8: return TW_INT8;
    case TW_QUINT8: return TW_UINT8;
    case TW_QINT16: return TW_INT16;
    case TW_QUINT16: return TW_UINT16;
    case TW_QINT32: return TW_INT32;
    default:
        return tw_dtype_is_floating(dtype) || tw_dtype_is_integer(dtype) ? dtype : TW_INVALID_DTYPE;
    }
}

/* The C library looks for a byte by the widest vectors there are, and stops where one is found. */
static void lines_of_all(double *acc, const void *const *x, size_t count, size_t n)
{
    for (size_t k = 0; k < count; k++)
        *(bool *)(acc + k) = !memchr(x[k], 0, n);
}

/* All are zero if the first is and each equals the next one. */
static void lines_of_any(double *acc, const void *const *x, size_t count, size_t n)
{
    for (size_t k = 0; k < count; k++) {
        const char *first = x[k];
        *(bool *)(acc + k) = n && (*first || memcmp(first, first + 1, n - 1));
    }
}

/* One element that changes nothing. Integers' extremes are made from their size. */
static void make_identity(reducer *r, tw_fold fold)
{
    bool unsigned_type = r->dtype == TW_UINT8 || r->dtype == TW_UINT16 || r->dtype == TW_UINT32 ||
                         r->dtype == TW_UINT64;
    memset(r->identity, 0, sizeof r->identity);
    if (fold == TW_FOLD_PROD || r->reduction == TW_REDUCE_ALL) {
        tw_element_set(tw_dtype_is_complex(r->acc_dtype)
                           ? (r->acc_dtype == TW_COMPLEX64 ? TW_FLOAT32 : TW_FLOAT64)
                           : r->acc_dtype,
                       r->identity, 1);
    } else if (fold == TW_FOLD_MAX || fold == TW_FOLD_MIN) {
        bool lowest = fold == TW_FOLD_MAX;
        uint64_t high = UINT64_MAX >> (64 - 8 * r->acc_size + !unsigned_type);
        uint64_t bits = unsigned_type ? (lowest ? 0 : high) : lowest ? high + 1 : high;
        if (tw_dtype_is_floating(r->acc_dtype))
            tw_element_set(r->acc_dtype, r->identity, lowest ? -INFINITY : INFINITY);
        else if (r->acc_size == 1)
            memcpy(r->identity, &(uint8_t){(uint8_t)bits}, 1);
        else if (r->acc_size == 2)
            memcpy(r->identity, &(uint16_t){(uint16_t)bits}, 2);
        else if (r->acc_size == 4)
            memcpy(r->identity, &(uint32_t){(uint32_t)bits}, 4);
        else
            memcpy(r->identity, &bits, 8);
    }
}

tw_reduce_loops tw_reduce_loops_of(tw_dtype dtype, tw_fold fold)
{
    tw_reduce_loops loops = TW_ISA_TABLE(tw_reduce_table)->loops[dtype][fold];
    tw_reduce_loops narrow = TW_ISA_TABLE_OF_NARROW(tw_reduce_table)->loops[dtype][fold];
    if (!loops.rows)
        loops = narrow;
    loops.lines = loops.lines ? loops.lines : narrow.lines;
    return loops.rows ? loops : tw_reduce_rare.loops[dtype][fold];
}

/* Outputs of nothing: what the identity gives. */
static void run_empty(reducer *r, size_t outputs)
{
    _Alignas(64) char acc[WIDTH * MOST_SIZE];
    r->group = 1;
    for (size_t i = 0; i < outputs; i += WIDTH) {
        size_t n = outputs - i < WIDTH ? outputs - i : WIDTH;
        set_identity(r, n, acc);
        finish(r, acc, (place){NULL, i, n});
    }
}

/* sqrt of the sum of squares of both parts, which stand side by side. */
static void join_parts(tw_dtype dtype, void *out, size_t outputs)
{
    for (size_t i = 0; i < outputs; i++) {
        if (dtype == TW_COMPLEX64) {
            float *x = (float *)out + 2 * i;
            x[0] = sqrtf(x[0] + x[1]);
            x[1] = 0;
        } else {
            double *x = (double *)out + 2 * i;
            x[0] = sqrt(x[0] + x[1]);
            x[1] = 0;
        }
    }
}

/* The sums of complex numbers are sums of reals over one more kept axis, of two elements; so only
 * their product needs loops of its own. */
tw_status *tw_reduce(tw_reduction reduction, tw_dtype dtype, tw_shape shape, const bool *reduced,
                     const void *in, void *out, const tw_par *par)
{
    tw_dtype as = dtype_of_loops(reduction, dtype);
    if (as == TW_INVALID_DTYPE)
        return tw_status_new(TW_UNIMPLEMENTED, "%s arrays have no such reduction",
                             tw_dtype_name(dtype));
    size_t count, total = 1, outputs = 1, reals = tw_dtype_is_complex(dtype) && as != dtype ? 2 : 1;
    TW_TRY(tw_shape_check(dtype, shape, &count));
    for (size_t i = 0; i < shape.rank; i++)
        *(reduced[i] ? &total : &outputs) *= (size_t)shape.dims[i];
    if (total == 1 && reduction != TW_REDUCE_L2_LOSS && reduction != TW_REDUCE_EUCLIDEAN)
        return tw_concat(dtype, 1, 1, &count, &in, out, par);
    bool joined = reals == 2 && reduction == TW_REDUCE_EUCLIDEAN;
    tw_fold fold = fold_of(reduction);
    reducer r = {.reduction = joined ? TW_REDUCE_SUM : reduction,
                 .dtype = as,
                 .acc_dtype = as == TW_FLOAT16 || as == TW_BFLOAT16 ? TW_FLOAT32 : as,
                 .reduced_total = total,
                 .in = in,
                 .out = out};
    r.size = tw_dtype_size(as);
    r.acc_size = tw_dtype_size(r.acc_dtype);
    r.loops = tw_reduce_loops_of(as, fold);
    r.streams = TW_ISA_TABLE(tw_reduce_table)->streams;
    if (reduction == TW_REDUCE_ALL || reduction == TW_REDUCE_ANY)
        r.loops.lines = reduction == TW_REDUCE_ALL ? lines_of_all : lines_of_any;
    r.combine = tw_reduce_loops_of(r.acc_dtype, fold == TW_FOLD_SQUARES ? TW_FOLD_SUM : fold);
    r.strided = tw_reduce_strided.columns[as][fold];
    r.by_halves = tw_dtype_is_floating(as) && (fold == TW_FOLD_SUM || fold == TW_FOLD_SQUARES);
    make_identity(&r, fold);
    if (count == 0) {
        run_empty(&r, outputs * reals);
    } else {
        run_list runs;
        merge_axes(shape, reduced, reals, &runs);
        arrange(&r, &runs);
        TW_TRY(run(&r, par));
    }
    if (joined)
        join_parts(dtype, out, outputs);
    return TW_OK;
}
