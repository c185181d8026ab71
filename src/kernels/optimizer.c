/* SPDX-License-Identifier: Apache-2.0
 * Parameter updates: every optimizer is one loop, run over blocks of the parameters. */
#include "kernels/optimizer.h"

#include <math.h>

#include "base/alloc.h"
#include "kernels/half_lines.h"
#include "kernels/optimizer_loops.h"

enum { GRAIN = 1024, SLOTS = 3, LINE = 256, CACHED_BYTES = 2 << 20 };

/* `all` describes the whole parameter; a cell moves its pointers by whole elements, so that
 * loops know nothing of cells. */
typedef struct job {
    tw_update_loop loop;
    tw_update all;
    tw_dtype dtype;
    size_t size, cells;
    bool shared; /* by threads that may have all of the parameter in their caches */
} job;

/* A slot that the update does not have stays NULL. */
static void *at(void *base, size_t bytes)
{
    return base ? (char *)base + bytes : NULL;
}

/* As the elements of `from` from `first` on. */
static tw_update part_of(const tw_update *from, size_t first, size_t n, size_t size)
{
    tw_update part = *from;
    part.n = n;
    part.var = at(part.var, first * size);
    for (size_t i = 0; i < SLOTS; i++)
        part.slots[i] = at(part.slots[i], first * size);
    part.grad = (const char *)part.grad + first * size;
    return part;
}

/* Lines of floats, which are read and written like any parameter's. */
static void run_narrow(const job *j, const tw_update *u)
{
    float var[LINE], grad[LINE], slots[SLOTS][LINE];
    for (size_t i = 0; i < u->n; i += LINE) {
        tw_update here = part_of(u, i, u->n - i < LINE ? u->n - i : LINE, j->size), wide = here;
        wide.var = var;
        wide.grad = grad;
        tw_widen_line(j->dtype, here.n, var, here.var);
        tw_widen_line(j->dtype, here.n, grad, here.grad);
        for (size_t s = 0; s < SLOTS; s++) {
            wide.slots[s] = here.slots[s] ? slots[s] : NULL;
            if (here.slots[s])
                tw_widen_line(j->dtype, here.n, slots[s], here.slots[s]);
        }
        j->loop(&wide);
        tw_narrow_line(j->dtype, here.n, here.var, var);
        for (size_t s = 0; s < SLOTS; s++)
            if (here.slots[s])
                tw_narrow_line(j->dtype, here.n, here.slots[s], slots[s]);
    }
}

/* What all threads have read since the last update is in the caches of all, and to be written must
 * leave those of the others. Stores wait for that in turn, those to slots behind those to the
 * parameter; asked for ahead, many lines leave at once. Only a store asks: to prefetch for writing
 * what is in the cache already does nothing on AMD's processors. */
static void own(const tw_update *u, size_t size)
{
    volatile unsigned char *x = u->var;
    for (size_t i = 0; i < u->n * size; i += TW_ALLOC_LINE)
        x[i] = x[i];
}

/* Every array is cut at the same element. */
static void run_cell(size_t cell, void *arg)
{
    const job *j = arg;
    size_t first = tw_par_bound(j->all.n, GRAIN, j->cells, cell);
    size_t last = tw_par_bound(j->all.n, GRAIN, j->cells, cell + 1);
    size_t step = j->shared ? GRAIN : last - first;
    for (; first < last; first += step) {
        size_t n = last - first < step ? last - first : step;
        tw_update part = part_of(&j->all, first, n, j->size);
        if (j->shared)
            own(&part, j->size);
        if (j->size == 2)
            run_narrow(j, &part);
        else
            j->loop(&part);
    }
}

/* NULL: none. */
static const tw_update_loops *loops_of(tw_dtype dtype)
{
    const tw_update_table *table = TW_ISA_TABLE_OF_NARROW(tw_update_table);
    switch (dtype) {
    case TW_FLOAT16:
    case TW_BFLOAT16:
    case TW_FLOAT32: return &table->f32;
    case TW_FLOAT64: return &table->f64;
    default: return NULL;
    }
}

/* The same for rules that divide, of which v4 has its own of float. */
static const tw_update_loops *dividing_loops_of(tw_dtype dtype)
{
    const tw_update_loops *loops = loops_of(dtype);
    return loops && dtype != TW_FLOAT64 ? &TW_ISA_TABLE(tw_update_table)->f32 : loops;
}

/* Integers have no steps small enough. */
static tw_status *refuse(tw_dtype dtype)
{
    return tw_status_new(TW_UNIMPLEMENTED, "parameters of %s cannot be updated",
                         tw_dtype_name(dtype));
}

/* `arrays` are read and written; half a nanosecond for each float of each. */
static tw_status *run(tw_dtype dtype, tw_update_loop loop, const tw_update *u, size_t arrays,
                      const tw_par *par)
{
    job j = {.loop = loop, .all = *u, .dtype = dtype, .size = tw_dtype_size(dtype)};
    if (u->n == 0)
        return TW_OK;
    j.cells = tw_par_cells(u->n, GRAIN, 0.04 * (double)(arrays * j.size));
    j.shared = j.cells > 1 && par && par->threads != 1 && u->n <= CACHED_BYTES / j.size;
    tw_par_run(par, j.cells, run_cell, &j);
    return TW_OK;
}

/* var -= alpha * delta: two arrays are touched, which is what decides whether threads are worth
 * their start. */
tw_status *tw_update_gradient_descent(tw_dtype dtype, size_t count, void *var, double alpha,
                                      const void *delta, const tw_par *par)
{
    const tw_update_loops *loops = loops_of(dtype);
    if (!loops)
        return refuse(dtype);
    tw_update u = {.n = count, .var = var, .grad = delta, .scalars = {alpha}};
    return run(dtype, loops->gradient_descent, &u, 2, par);
}

/* The momentum itself is the caller's to schedule, as is the rate. */
tw_status *tw_update_momentum(tw_dtype dtype, size_t count, void *var, void *accum, double lr,
                              const void *grad, double momentum, bool nesterov, const tw_par *par)
{
    const tw_update_loops *loops = loops_of(dtype);
    if (!loops)
        return refuse(dtype);
    tw_update u = {.n = count,
                   .var = var,
                   .slots = {accum},
                   .grad = grad,
                   .scalars = {lr, momentum},
                   .flag = nesterov};
    return run(dtype, loops->momentum, &u, 3, par);
}

/* Without update_slots the sums are only read, though the loop writes them back as they are. */
tw_status *tw_update_adagrad(tw_dtype dtype, size_t count, void *var, void *accum, double lr,
                             double epsilon, const void *grad, bool update_slots, const tw_par *par)
{
    const tw_update_loops *loops = dividing_loops_of(dtype);
    if (!loops)
        return refuse(dtype);
    tw_update u = {.n = count,
                   .var = var,
                   .slots = {accum},
                   .grad = grad,
                   .scalars = {lr, epsilon},
                   .flag = update_slots};
    return run(dtype, loops->adagrad, &u, 4, par);
}

/* The centered form has a loop of its own, with one array more to stream. */
tw_status *tw_update_rmsprop(tw_dtype dtype, size_t count, void *var, void *mg, void *ms, void *mom,
                             double lr, double rho, double momentum, double epsilon,
                             const void *grad, const tw_par *par)
{
    const tw_update_loops *loops = dividing_loops_of(dtype);
    if (!loops)
        return refuse(dtype);
    tw_update u = {.n = count,
                   .var = var,
                   .slots = {ms, mom, mg},
                   .grad = grad,
                   .scalars = {lr, rho, momentum, epsilon}};
    return run(dtype, mg ? loops->centered_rmsprop : loops->rmsprop, &u, 5, par);
}

/* The correction of the rate is one scalar, so it is not left to the loop. */
tw_status *tw_update_adam(tw_dtype dtype, size_t count, void *var, void *m, void *v,
                          const tw_adam *adam, const void *grad, const tw_par *par)
{
    const tw_update_loops *loops = dividing_loops_of(dtype);
    if (!loops)
        return refuse(dtype);
    double lr = adam->lr * sqrt(1 - adam->beta2_power) / (1 - adam->beta1_power);
    tw_update u = {.n = count,
                   .var = var,
                   .slots = {m, v},
                   .grad = grad,
                   .scalars = {lr, adam->beta1, adam->beta2, adam->epsilon},
                   .flag = adam->nesterov};
    return run(dtype, loops->adam, &u, 5, par);
}
