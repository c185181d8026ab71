/* SPDX-License-Identifier: Apache-2.0
 * Winograd's convolution: pixels in tiles are transformed, channels are multiplied for each of 36
 * places in a tile, and the products transformed back, a block of tiles at a time that stays in the
 * second cache. The gradient to the input is the convolution with the filter turned round; that to
 * the filter is the same sum the other way: G^T (sum of B^T d B times A y A^T) G. */
#include "kernels/conv_winograd.h"

#include <stdatomic.h>
#include <string.h>

#include "kernels/conv_stage.h"
#include "kernels/gemm_loops.h"
#include "kernels/winograd_loops.h"

enum {
    N = TW_WINOGRAD_POINTS,
    PRODUCTS = TW_WINOGRAD_PRODUCTS,
    MOST_OUTPUTS = 16,
    LEAST_DEPTH = 32,
    MOST_DEPTH = 512,
    DEPTH_GRAIN = 16,
    MOST_FILTERS = 1 << 15, /* 5 MB, transformed */
    LEAST_TILES = 24,
    LEAST_PLACES = 384,
    CELLS = 8,
    PARTS = 4,           /* of the filter's gradient: each has a sum of its own */
    BLOCK_BYTES = 400000 /* of transformed pixels and products */
};

/* What padding reads. */
static const float zeros[MOST_DEPTH];

/* A pass: images of `in` channels, rows x cols pixels, give out_rows x out_cols with `out`. */
typedef struct job {
    const tw_winograd_loops *loops;
    const tw_gemm_loops *gemm;
    size_t window, outputs; /* of a filter and of a tile, in one direction */
    size_t rows, cols, in, out_rows, out_cols, out, pad_row, pad_col;
    size_t pool;                /* 2: windows of two by two outputs are pooled; 1: they are not */
    size_t down, across, tiles; /* tiles: of all images */
    tw_gemm_parts columns;      /* the panels that output channels are in */
    size_t groups, at_once;     /* of output channels; so many of these, the most that one has */
    size_t block, cells, cell_bytes;
    const float *images, *filter, *gradient;
    float *result;
    const float *bias;
    tw_activation activation;
    char *scratch;
    atomic_uint rooms;  /* of the scratch: a bit for each that a cell works in */
    atomic_bool broken; /* something was not finite */
} job;

/* Elements from a product to the next; not a power of two, where caches would collide. */
static size_t step_of(size_t tiles, size_t depth)
{
    return tiles * depth + 16;
}

static bool square(const tw_window *w)
{
    return w->stride == 1 && w->dilation == 1 && (w->window == 3 || w->window == 5) &&
           w->pad < w->window;
}

static size_t tiles_of(const tw_conv *c, size_t outputs)
{
    return c->batch * ((c->rows.out + outputs - 1) / outputs) *
           ((c->cols.out + outputs - 1) / outputs);
}

/* Both depths count: each is the inner size of some pass. The filter's gradient sums over places:
 * where these are few, plain sums err so little that the transforms would be seen. */
bool tw_winograd_fits(tw_dtype dtype, const tw_conv *c, tw_conv_pass pass)
{
    size_t least = c->in_depth < c->out_depth ? c->in_depth : c->out_depth;
    size_t most = c->in_depth + c->out_depth - least;
    return dtype == TW_FLOAT32 && square(&c->rows) && square(&c->cols) &&
           c->rows.window == c->cols.window && least >= LEAST_DEPTH && most <= MOST_DEPTH &&
           c->in_depth % DEPTH_GRAIN == 0 && c->out_depth % DEPTH_GRAIN == 0 &&
           least * most <= MOST_FILTERS &&
           (pass != TW_CONV_FILTER_GRADIENT ||
            c->batch * c->rows.out * c->cols.out >= LEAST_PLACES) &&
           tiles_of(c, tw_winograd_outputs(c->rows.window)) >= LEAST_TILES;
}

/* The first channel of a panel of outputs, which are a product's columns. */
static size_t panel_start(const job *j, size_t panel)
{
    return tw_gemm_column(&j->columns, j->out, panel);
}

/* Sizes of a pass from `in` channels of (rows, cols) pixels to `out` of the other size. */
static job make(const tw_conv *c, tw_conv_pass pass)
{
    bool to_input = pass == TW_CONV_INPUT_GRADIENT;
    size_t window = c->rows.window, outputs = tw_winograd_outputs(window);
    job j = {.loops = TW_ISA_TABLE(tw_winograd_loops),
             .gemm = tw_gemm_loops_of(TW_FLOAT32),
             .window = window,
             .outputs = outputs,
             .rows = to_input ? c->rows.out : c->rows.in,
             .cols = to_input ? c->cols.out : c->cols.in,
             .in = to_input ? c->out_depth : c->in_depth,
             .out_rows = to_input ? c->rows.in : c->rows.out,
             .out_cols = to_input ? c->cols.in : c->cols.out,
             .out = to_input ? c->in_depth : c->out_depth,
             .pad_row = to_input ? window - 1 - c->rows.pad : c->rows.pad,
             .pad_col = to_input ? window - 1 - c->cols.pad : c->cols.pad};
    j.pool = 1;
    if (c->pooled_rows) {
        j.pool = 2;
        j.out_rows = 2 * c->pooled_rows;
        j.out_cols = 2 * c->pooled_cols;
    }
    j.columns = tw_gemm_columns(j.gemm->lanes, j.gemm->panel_vectors, j.gemm->thin, j.out);
    j.groups = j.gemm->series ? tw_gemm_panels(j.gemm, j.out) : 1;
    j.at_once = j.out;
    if (j.groups > 1 && pass != TW_CONV_FILTER_GRADIENT)
        j.at_once = panel_start(&j, 1);
    size_t tile = PRODUCTS * sizeof(float) * (j.in + j.at_once);
    j.down = (j.out_rows + outputs - 1) / outputs;
    j.across = (j.out_cols + outputs - 1) / outputs;
    j.tiles = c->batch * j.down * j.across;
    j.block = BLOCK_BYTES / tile / 24 * 24;
    j.block = j.block ? j.block : BLOCK_BYTES / tile >= 12 ? 12 : 6;
    return j;
}

/* So many cells, each with its share of whole blocks. */
static void cut(job *j, size_t most)
{
    size_t blocks = (j->tiles + j->block - 1) / j->block;
    j->cells = blocks < most ? blocks : most;
    j->cell_bytes = tw_scratch_size(
        PRODUCTS * (step_of(j->block, j->in) + step_of(j->block, j->at_once)) * sizeof(float));
}

/* The filter's products, one after the other. */
static size_t filter_bytes(const job *j)
{
    return tw_scratch_size(PRODUCTS * step_of(j->in, j->out) * sizeof(float));
}

/* The filter as it is made and, turned round, as it is packed; or the parts' sums. */
size_t tw_winograd_bytes(const tw_conv *c, tw_conv_pass pass)
{
    job j = make(c, pass);
    cut(&j, pass == TW_CONV_FILTER_GRADIENT ? PARTS : CELLS);
    size_t filters = pass == TW_CONV_FORWARD ? 1 : pass == TW_CONV_INPUT_GRADIENT ? 2 : j.cells;
    return filters * filter_bytes(&j) + j.cells * j.cell_bytes;
}

/* Where tile `tile` begins. */
typedef struct spot {
    size_t image, row, col; /* of outputs */
} spot;

/* Tiles are counted in images, rows and columns. */
static spot spot_of(const job *j, size_t tile)
{
    size_t in_image = tile % (j->down * j->across);
    return (spot){tile / (j->down * j->across), in_image / j->across * j->outputs,
                  in_image % j->across * j->outputs};
}

/* The transformed pixels of tile `t` of a block. */
static void transform_input(const job *j, size_t tile, size_t t, float *to, size_t step)
{
    const float *pixels[N * N];
    spot s = spot_of(j, tile);
    for (size_t i = 0; i < N; i++) {
        size_t y = s.row + i - j->pad_row; /* wraps where it would be negative */
        for (size_t k = 0; k < N; k++) {
            size_t x = s.col + k - j->pad_col;
            bool inside = y < j->rows && x < j->cols;
            size_t pixel = inside ? (s.image * j->rows + y) * j->cols + x : 0;
            pixels[i * N + k] = inside ? j->images + pixel * j->in : zeros;
        }
    }
    j->loops->input(pixels, j->in, to + t * j->in, step);
}

/* Where in the output a tile's pixels are, or the windows that they are pooled by; SIZE_MAX for
 * those that the image has not. */
static void output_pixels(const job *j, size_t tile, size_t *at)
{
    spot s = spot_of(j, tile);
    size_t pool = j->pool, side = j->outputs / pool, rows = j->out_rows / pool;
    size_t cols = j->out_cols / pool;
    for (size_t i = 0; i < side; i++) {
        for (size_t k = 0; k < side; k++) {
            size_t y = s.row / pool + i, x = s.col / pool + k;
            bool inside = y < rows && x < cols;
            at[i * side + k] = inside ? ((s.image * rows + y) * cols + x) * j->out : SIZE_MAX;
        }
    }
}

/* The transformed gradient of a tile. */
static void transform_gradient(const job *j, size_t tile, float *to, size_t step)
{
    size_t at[MOST_OUTPUTS];
    const float *pixels[MOST_OUTPUTS];
    output_pixels(j, tile, at);
    for (size_t p = 0; p < j->outputs * j->outputs; p++)
        pixels[p] = at[p] == SIZE_MAX ? zeros : j->gradient + at[p];
    j->loops->gradient(j->outputs, pixels, j->out, to, step);
}

/* A panel of channels. Bias and positive part are done on the way; what is rarer, after it. */
static void transform_output(const job *j, size_t tile, size_t first, size_t n, const float *from,
                             size_t step, float *strange)
{
    size_t at[MOST_OUTPUTS], count = j->outputs / j->pool * (j->outputs / j->pool);
    float *pixels[MOST_OUTPUTS];
    bool relu = j->activation == TW_ACTIVATION_RELU;
    output_pixels(j, tile, at);
    for (size_t p = 0; p < count; p++)
        pixels[p] = at[p] == SIZE_MAX ? NULL : j->result + at[p] + first;
    j->loops->output(j->outputs, from, step, n, pixels, j->bias ? j->bias + first : NULL, relu,
                     j->pool > 1, strange);
    if (relu || j->activation == TW_ACTIVATION_NONE)
        return;
    for (size_t p = 0; p < count; p++) {
        if (pixels[p])
            j->gemm->finish(pixels[p], 1, n, n, NULL, j->activation);
    }
}

/* Products of `count` tiles for each place, (count, in) times a panel of (in, out) from channel
 * `first` on, or times all panels. */
static void multiply(const job *j, size_t count, size_t first, size_t n, const float *v, float *m)
{
    size_t a_step = step_of(j->block, j->in), b_step = step_of(j->in, j->out);
    size_t c_step = step_of(j->block, n);
    tw_gemm_block g = {.m = count,
                       .n = n,
                       .k = j->in,
                       .a = v,
                       .a_row = j->in,
                       .a_col = 1,
                       .packed = j->filter + first * j->in,
                       .packed_k = j->in,
                       .c = m,
                       .ldc = n,
                       .alpha = 1};
    if (j->gemm->series) {
        j->gemm->series(&g, PRODUCTS, a_step, b_step, c_step);
        return;
    }
    for (size_t p = 0; p < PRODUCTS; p++) {
        g.a = v + p * a_step;
        g.packed = j->filter + p * b_step;
        g.c = m + p * c_step;
        j->gemm->panels(&g, 0, tw_gemm_panels(j->gemm, n));
    }
}

/* The outputs of a block of tiles. Products of a panel are fewer than those of all channels, and
 * still near when they are transformed. */
static void finish_block(const job *j, size_t tile, size_t count, const float *v, float *m,
                         float *strange)
{
    for (size_t group = 0; group < j->groups; group++) {
        size_t first = 0, n = j->out;
        if (j->groups > 1) {
            first = panel_start(j, group);
            n = panel_start(j, group + 1) - first;
        }
        multiply(j, count, first, n, v, m);
        for (size_t t = 0; t < count; t++)
            transform_output(j, tile + t, first, n, m + t * n, step_of(j->block, n), strange);
    }
}

/* The first room of the scratch in which no other cell works: what the cell before left in the
 * caches serves again. There are as many as cells. */
static size_t take_room(job *j)
{
    unsigned taken = atomic_load_explicit(&j->rooms, memory_order_relaxed), room;
    do {
        for (room = 0; taken >> room & 1; room++)
            ;
    } while (!atomic_compare_exchange_weak_explicit(&j->rooms, &taken, taken | 1u << room,
                                                    memory_order_acquire, memory_order_relaxed));
    return room;
}

static void leave_room(job *j, size_t room)
{
    atomic_fetch_and_explicit(&j->rooms, ~(1u << room), memory_order_release);
}

/* Its share of tiles, block by block. */
static void run_cell(size_t cell, void *arg)
{
    job *j = arg;
    size_t room = take_room(j);
    float *v = (float *)(void *)(j->scratch + room * j->cell_bytes);
    float *m = v + PRODUCTS * step_of(j->block, j->in), strange[TW_WINOGRAD_MOST_LANES] = {0};
    size_t last = tw_par_bound(j->tiles, j->block, j->cells, cell + 1);
    for (size_t tile = tw_par_bound(j->tiles, j->block, j->cells, cell); tile < last;
         tile += j->block) {
        size_t count = last - tile < j->block ? last - tile : j->block;
        for (size_t t = 0; t < count; t++)
            transform_input(j, tile + t, t, v, step_of(j->block, j->in));
        finish_block(j, tile, count, v, m, strange);
    }
    for (size_t i = 1; i < TW_WINOGRAD_MOST_LANES; i++)
        strange[0] += strange[i];
    if (strange[0] != 0)
        atomic_store_explicit(&j->broken, true, memory_order_relaxed);
    leave_room(j, room);
}

/* The images' pixels below a few blocks are not worth waking anybody. */
static bool run(job *j, char *scratch, const tw_par *par)
{
    cut(j, CELLS);
    j->scratch = scratch;
    tw_par_run(par, j->cells, run_cell, j);
    return !atomic_load_explicit(&j->broken, memory_order_relaxed);
}

size_t tw_winograd_filter_bytes(const tw_conv *c)
{
    job j = make(c, TW_CONV_FORWARD);
    return filter_bytes(&j);
}

/* It lies as it is multiplied: in panels of output channels, rows of input channels. */
void tw_winograd_filter(const tw_conv *c, const float *filter, void *to)
{
    job j = make(c, TW_CONV_FORWARD);
    size_t panels = tw_gemm_panels(j.gemm, j.out);
    for (size_t panel = 0; panel < panels; panel++) {
        size_t first = panel_start(&j, panel);
        size_t n = panel_start(&j, panel + 1) - first;
        for (size_t i = 0; i < j.in; i++)
            j.loops->filter(j.window, filter + i * j.out + first, j.in * j.out, n, false,
                            (float *)to + first * j.in + i * n, step_of(j.in, j.out));
    }
}

/* A kept filter saves the transform, which is much where images are few. */
bool tw_winograd_forward(const tw_conv *c, const float *input, const float *filter, float *output,
                         const tw_gemm_epilogue *epilogue, void *scratch, const tw_par *par)
{
    job j = make(c, TW_CONV_FORWARD);
    if (!c->packed)
        tw_winograd_filter(c, filter, scratch);
    j.filter = c->packed ? c->packed : scratch;
    j.images = input;
    j.result = output;
    j.bias = epilogue ? epilogue->bias : NULL;
    j.activation = epilogue ? epilogue->activation : TW_ACTIVATION_NONE;
    return run(&j, (char *)scratch + filter_bytes(&j), par);
}

/* A convolution of the output's gradient with the filter turned round; its rows are the output's
 * channels here, and turned after it was transformed. */
bool tw_winograd_input_gradient(const tw_conv *c, const float *filter, const float *gradient,
                                float *out, void *scratch, const tw_par *par)
{
    job j = make(c, TW_CONV_INPUT_GRADIENT);
    float *u = scratch, *turned = (float *)(void *)((char *)scratch + filter_bytes(&j));
    size_t step = step_of(j.in, j.out);
    j.loops->filter(j.window, filter, j.in * j.out, j.in * j.out, true, u, step);
    for (size_t p = 0; p < PRODUCTS; p++) {
        tw_gemm_block g = {
            .n = j.out, .k = j.in, .b = u + p * step, .b_row = 1, .b_col = j.in, .packed_k = j.in};
        j.gemm->pack(&g, 0, tw_gemm_panels(j.gemm, j.out), turned + p * step);
    }
    j.filter = turned;
    j.images = gradient;
    j.result = out;
    return run(&j, (char *)scratch + 2 * filter_bytes(&j), par);
}

/* One part's sum over its tiles: for each place, (in, tiles) times (tiles, out). */
static void run_part(size_t part, void *arg)
{
    job *j = arg;
    size_t step = step_of(j->in, j->out), bytes = filter_bytes(j), room = take_room(j);
    float *sum = (float *)(void *)(j->scratch + part * bytes);
    float *v = (float *)(void *)(j->scratch + j->cells * bytes + room * j->cell_bytes);
    float *w = v + PRODUCTS * step_of(j->block, j->in);
    size_t first = tw_par_bound(j->tiles, j->block, j->cells, part);
    size_t last = tw_par_bound(j->tiles, j->block, j->cells, part + 1);
    for (size_t tile = first; tile < last; tile += j->block) {
        size_t count = last - tile < j->block ? last - tile : j->block;
        for (size_t t = 0; t < count; t++) {
            transform_input(j, tile + t, t, v, step_of(j->block, j->in));
            transform_gradient(j, tile + t, w + t * j->out, step_of(j->block, j->out));
        }
        for (size_t p = 0; p < PRODUCTS; p++) {
            tw_gemm_block g = {.m = j->in,
                               .n = j->out,
                               .k = count,
                               .a = v + p * step_of(j->block, j->in),
                               .a_row = 1,
                               .a_col = j->in,
                               .b = w + p * step_of(j->block, j->out),
                               .b_row = j->out,
                               .b_col = 1,
                               .in_place = true,
                               .c = sum + p * step,
                               .ldc = j->out,
                               .alpha = 1,
                               .beta = tile > first ? 1 : 0};
            j->gemm->panels(&g, 0, tw_gemm_panels(j->gemm, j->out));
        }
    }
    leave_room(j, room);
}

/* The parts are added up in order, whoever computed them. */
bool tw_winograd_filter_gradient(const tw_conv *c, const float *input, const float *gradient,
                                 float *out, void *scratch, const tw_par *par)
{
    job j = make(c, TW_CONV_FILTER_GRADIENT);
    cut(&j, PARTS);
    j.images = input;
    j.gradient = gradient;
    j.scratch = scratch;
    tw_par_run(par, j.cells, run_part, &j);
    float *sum = scratch;
    size_t step = step_of(j.in, j.out), count = PRODUCTS * step;
    for (size_t part = 1; part < j.cells; part++) {
        const float *more = (const float *)(const void *)((char *)scratch +
                                                          part * filter_bytes(&j));
        for (size_t i = 0; i < count; i++)
            sum[i] += more[i];
    }
    return j.loops->filter_gradient(j.window, sum, step, j.in * j.out, out);
}
