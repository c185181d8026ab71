/* SPDX-License-Identifier: Apache-2.0
 * Checks and loops of updates. Elements pass through blocks of doubles, so that a rule is written
 * once for all dtypes; the blocks stay in the first cache. */
#include "ops/update.h"

#include <string.h>

#include "base/pool.h"
#include "base/status.h"
#include "ops/brackets.h"
#include "ops/combine.h"
#include "ops/wide.h"

enum { BLOCK = 256, GRAIN = 64 };

/* ---- shapes ---- */

/* All inputs that are neither variables nor gradient nor indices. */
static void infer_scalars(tw_infer *in, const tw_update *update)
{
    for (size_t i = update->variables; i < tw_infer_input_count(in); i++)
        if (i != update->gradient && (!update->indices || i != update->indices))
            tw_infer_scalar(in, i);
}

/* What is known of one slot, or of a dense gradient, is known of all. */
void tw_infer_update(tw_infer *in, const tw_update *update)
{
    tw_shape var = tw_infer_input(in, 0), grad = tw_infer_input(in, update->gradient);
    for (size_t i = 1; i < update->variables; i++)
        var = tw_infer_merge(in, var, tw_infer_input(in, i));
    infer_scalars(in, update);
    if (!update->indices) {
        tw_infer_output(in, 0, tw_infer_merge(in, var, grad));
        return;
    }
    tw_shape indices = tw_infer_vector(in, update->indices);
    tw_infer_output(in, 0, var);
    if (!var.dims || !grad.dims)
        return;
    if (var.rank == 0) {
        tw_infer_fail(in, "Shape must be at least rank 1 but is rank 0");
        return;
    }
    tw_infer_merge(in, grad, tw_infer_concat(in, indices, tw_infer_slice(in, var, 1, SIZE_MAX)));
}

/* ---- checks ---- */

/* The signature's word for an input, kept by the caller. */
static const char *name_of(const tw_compute *c, size_t input, tw_text *text)
{
    *text = tw_spec_input_name(c->spec, input);
    return text->s;
}

/* Apart, since its texts would be room on the stack of every update. */
static tw_status *differs(const tw_compute *c, const tw_array *var, const tw_array *other,
                          size_t input)
{
    tw_text name;
    return tw_compute_fail(c, "var and %s do not have the same shape%s %s",
                           name_of(c, input, &name), tw_brackets(var).s, tw_brackets(other).s);
}

static tw_status *no_scalar(const tw_compute *c, size_t input)
{
    tw_text name;
    return tw_compute_fail(c, "%s is not a scalar: %s", name_of(c, input, &name),
                           tw_brackets(tw_input(c, input)).s);
}

/* The variables are asked for first: from here on they are ours to write. */
static tw_status *check_variables(tw_compute *c, const tw_update *update, tw_updated *out)
{
    for (size_t i = 0; i < update->variables; i++)
        TW_TRY(tw_compute_ref_get(c, i, &out->v[i]));
    for (size_t i = 1; i < update->variables; i++)
        if (!tw_same_shape(out->v[0], out->v[i]))
            return differs(c, out->v[0], out->v[i], i);
    return TW_OK;
}

/* A float is the usual case and is read without a switch. */
static tw_status *read_scalars(const tw_compute *c, const tw_update *update, tw_updated *out)
{
    size_t count = 0;
    for (size_t i = update->variables; i < c->input_count; i++) {
        if (i == update->gradient || (update->indices && i == update->indices))
            continue;
        const tw_array *x = tw_input(c, i);
        if (x->rank != 0)
            return no_scalar(c, i);
        out->s[count++] = x->dtype == TW_FLOAT32 ? (double)*(const float *)x->data
                                                 : tw_element_get(x->dtype, x->data);
    }
    return TW_OK;
}

/* Each with TensorFlow's words. */
static tw_status *check_indices(const tw_compute *c, const tw_array *var, const tw_array *grad,
                                const tw_array *indices)
{
    if (var->rank == 0)
        return tw_compute_fail(c, "var must be at least 1 dimensional");
    if (indices->rank != 1)
        return tw_compute_fail(c, "indices must be one-dimensional");
    bool fits = grad->rank == var->rank;
    for (size_t d = 1; fits && d < var->rank; d++)
        if (grad->dims[d] != var->dims[d])
            return tw_compute_fail(c, "var and grad must match in dimension %zu", d);
    if (!fits)
        return tw_compute_fail(c, "var and grad must have the same rank, got %s and %s",
                               tw_brackets(var).s, tw_brackets(grad).s);
    if (grad->dims[0] != indices->dims[0])
        return tw_compute_fail(c, "grad must be the same size as indices in the first dimension.");
    for (size_t i = 0; i < indices->count; i++) {
        int64_t at = tw_index_at(indices, i);
        if (at < 0 || at >= var->dims[0])
            return tw_compute_fail(c, "Index %" PRId64 " at offset %zu in indices is out of range",
                                   at, i);
    }
    return TW_OK;
}

tw_status *tw_update_begin(tw_compute *c, const tw_update *update, tw_updated *out)
{
    TW_TRY(check_variables(c, update, out));
    TW_TRY(read_scalars(c, update, out));
    out->gradient = tw_input(c, update->gradient);
    if (update->indices)
        return check_indices(c, out->v[0], out->gradient, tw_input(c, update->indices));
    if (tw_same_shape(out->v[0], out->gradient))
        return TW_OK;
    return differs(c, out->v[0], out->gradient, update->gradient);
}

/* ---- loops ---- */

typedef struct pass {
    const tw_update *update;
    const tw_updated *updated;
    tw_update_step step;
    size_t cells;
} pass;

/* Elements at .. at + n - 1 of the variables, from .. from + n - 1 of the gradient. */
static void run_range(const pass *p, size_t at, size_t from, size_t n)
{
    const tw_updated *u = p->updated;
    double blocks[TW_UPDATE_VARIABLES][BLOCK], g[BLOCK];
    double *v[TW_UPDATE_VARIABLES];
    for (size_t k = 0; k < p->update->variables; k++)
        v[k] = blocks[k];
    while (n > 0) {
        size_t length = n < BLOCK ? n : BLOCK;
        for (size_t k = 0; k < p->update->variables; k++)
            tw_widen(u->v[k]->dtype, u->v[k]->data, at, length, v[k]);
        tw_widen(u->gradient->dtype, u->gradient->data, from, length, g);
        p->step(length, v, g, u->s);
        for (size_t k = 0; k < p->update->variables; k++)
            tw_narrow(u->v[k]->dtype, u->v[k]->data, at, length, v[k]);
        at += length, from += length, n -= length;
    }
}

/* A dense update: the same elements of variables and gradient. */
static void run_cell(size_t cell, void *arg)
{
    const pass *p = arg;
    size_t count = p->updated->gradient->count;
    size_t first = tw_par_bound(count, GRAIN, p->cells, cell);
    size_t last = tw_par_bound(count, GRAIN, p->cells, cell + 1);
    run_range(p, first, first, last - first);
}

/* ---- rows ---- */

enum { AHEAD = 8, LINE = 64, MOST_LINES = 16 };

/* later[i]: the next place of the index at place i, 0 if there is none; or REPEATED, together with
 * it, where the index stood before. NULL: no index stands twice, or rows are not summed. */
#define REPEATED (UINT32_C(1) << 31)
typedef struct row_pass {
    const tw_compute *c;
    const tw_updated *updated;
    const tw_array *indices;
    tw_update_row row;  /* or, */
    const pass *blocks; /* where there is none, by these */
    uint32_t *later;
    size_t length, cells, variables;
    bool sums;
} row_pass;

/* The plan's word that rows of the gradient with one index are one row, their sum. */
static bool is_summed(const tw_compute *c)
{
    const tw_attr *sums = tw_spec_attr(c->spec, TW_UPDATE_SUMS);
    return sums && sums->value.b;
}

/* Rows lie anywhere in memory: those that come soon are asked for now. */
static void prefetch_row(const row_pass *p, size_t index)
{
    size_t bytes = p->length * tw_dtype_size(p->updated->v[0]->dtype);
    for (size_t k = 0; k < p->variables; k++) {
        const char *from = (const char *)p->updated->v[k]->data + index * bytes;
        for (size_t line = 0; line < bytes && line < MOST_LINES * LINE; line += LINE)
            __builtin_prefetch(from + line, 1);
    }
}

static void update_elements(const row_pass *p, const tw_updated *updated, size_t at, size_t from,
                            size_t n)
{
    if (p->row) {
        p->row(p->c, updated, at, from, n);
        return;
    }
    pass blocks = *p->blocks;
    blocks.updated = updated;
    run_range(&blocks, at, from, n);
}

/* By the sum of all rows of the gradient that belong to it, a part at a time. */
static void update_by_sum(const row_pass *p, size_t i, size_t at)
{
    union {
        float f[BLOCK];
        double d[BLOCK];
    } block;
    tw_updated updated = *p->updated;
    const tw_array *gradient = updated.gradient;
    size_t size = tw_dtype_size(gradient->dtype);
    tw_combine add = tw_combine_loop(TW_COMBINE_ADD, gradient->dtype);
    tw_array sum = {.dtype = gradient->dtype, .data = &block};
    updated.gradient = &sum;
    for (size_t done = 0, n; done < p->length; done += n) {
        n = p->length - done < BLOCK ? p->length - done : BLOCK;
        memcpy(&block, tw_update_at(gradient, i * p->length + done), n * size);
        for (size_t k = p->later[i]; k; k = p->later[k] & ~REPEATED)
            add(n, &block, tw_update_at(gradient, k * p->length + done), 1);
        update_elements(p, &updated, at * p->length + done, 0, n);
    }
}

/* Summed rows: a cell owns a range of the indices, since all places of a row go with its first one.
 * Others: a range of the variable's rows, and looks at all indices; so equal ones stay in order, at
 * any number of threads. */
static void run_rows(size_t cell, void *arg)
{
    const row_pass *p = arg;
    const tw_array *indices = p->indices;
    size_t rows = (size_t)p->updated->v[0]->dims[0], count = indices->count;
    size_t cut = p->sums ? count : rows;
    size_t first = tw_par_bound(cut, 1, p->cells, cell);
    size_t last = tw_par_bound(cut, 1, p->cells, cell + 1);
    size_t low = p->sums ? 0 : first, high = p->sums ? rows : last;
    for (size_t i = p->sums ? first : 0; i < (p->sums ? last : count); i++) {
        size_t at = (size_t)tw_index_at(indices, i);
        size_t soon = i + AHEAD < count ? (size_t)tw_index_at(indices, i + AHEAD) : high;
        if (soon >= low && soon < high)
            prefetch_row(p, soon);
        if (at < low || at >= high || (p->later && p->later[i] & REPEATED))
            continue;
        if (p->later && p->later[i])
            update_by_sum(p, i, at);
        else
            update_elements(p, p->updated, at * p->length, i * p->length, p->length);
    }
}

/* The last place so far of each index stands in a hash table, at most half full. *out: NULL if no
 * index stands twice. */
static tw_status *find_equal(const tw_array *indices, uint32_t **out)
{
    size_t n = indices->count;
    unsigned bits = 1;
    while ((size_t)1 << bits < 2 * n)
        bits++;
    uint32_t *last = tw_alloc_zero((size_t)1 << bits, sizeof *last);
    uint32_t *later = tw_alloc_array(n, sizeof *later);
    bool good = last && later, any = false;
    for (size_t i = 0; good && i < n; i++) {
        int64_t index = tw_index_at(indices, i);
        size_t place = (size_t)(((uint64_t)index * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - bits));
        while (last[place] && tw_index_at(indices, last[place] - 1) != index)
            place = (place + 1) & (((size_t)1 << bits) - 1);
        later[i] = last[place] ? REPEATED : 0;
        any = any || last[place];
        if (last[place])
            later[last[place] - 1] |= (uint32_t)i;
        last[place] = (uint32_t)i + 1;
    }
    tw_free(last);
    if (!any)
        tw_free(later);
    *out = any ? later : NULL;
    return good ? TW_OK : tw_no_memory();
}

static tw_status *update_rows(const tw_compute *c, const tw_update *update,
                              const tw_updated *updated, tw_update_row row, const pass *blocks)
{
    const tw_array *indices = tw_input(c, update->indices), *var = updated->v[0];
    if (!indices->count || !var->count)
        return TW_OK;
    row_pass p = {.c = c,
                  .updated = updated,
                  .indices = indices,
                  .row = row,
                  .blocks = blocks,
                  .length = updated->gradient->count / indices->count,
                  .variables = update->variables,
                  .sums = is_summed(c)};
    if (p.sums && indices->count >= REPEATED)
        return tw_compute_fail(c, "indices are more than %u, which cannot be summed", REPEATED - 1);
    if (p.sums)
        TW_TRY(find_equal(indices, &p.later));
    tw_par par = tw_compute_par(c);
    size_t threads = (size_t)(par.threads > 0 ? par.threads : tw_pool_threads());
    /* Without sums each cell reads all indices. */
    p.cells = tw_par_cells(indices->count, 1, 40.0 + (double)p.length);
    p.cells = p.cells < 2 * threads ? p.cells : threads > 1 ? 2 * threads : 1;
    tw_par_run(&par, p.cells, run_rows, &p);
    tw_free(p.later);
    return TW_OK;
}

tw_status *tw_update_rows(const tw_compute *c, const tw_update *update, const tw_updated *updated,
                          tw_update_row row)
{
    return update_rows(c, update, updated, row, NULL);
}

tw_status *tw_update_run(const tw_compute *c, const tw_update *update, const tw_updated *updated,
                         tw_update_step step)
{
    pass p = {update, updated, step, 1};
    if (update->indices)
        return update_rows(c, update, updated, NULL, &p);
    tw_par par = tw_compute_par(c);
    p.cells = tw_par_cells(updated->gradient->count, GRAIN, 3.0);
    tw_par_run(&par, p.cells, run_cell, &p);
    return TW_OK;
}
