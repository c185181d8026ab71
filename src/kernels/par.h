/* SPDX-License-Identifier: Apache-2.0
 * What a kernel is lent for one call. Every kernel takes a `const tw_par *`, and NULL means one
 * thread. How work is cut depends on shapes, dtype and instruction set alone; threads only share
 * the cells out, so results have the same bits at any number of them. */
#ifndef TW_KERNELS_PAR_H
#define TW_KERNELS_PAR_H

#include <stddef.h>

#include "base/pool.h"

/* A kernel may rely on none of it: without a workspace it allocates, and with one thread it
 * gives the same bits. */
typedef struct tw_par {
    int threads;     /* at most; 0: as many as the pool has */
    void *workspace; /* 64-byte aligned; NULL or too small: kernels that need one allocate it */
    size_t workspace_bytes;
} tw_par;

/* Runs body(cell, arg) for all cells. Below about 10 us of work a kernel takes one cell. */
static inline void tw_par_run(const tw_par *par, size_t cells, void (*body)(size_t cell, void *arg),
                              void *arg)
{
    if (cells > 1 && par && par->threads != 1) {
        tw_pool_run(par->threads, cells, body, arg);
        return;
    }
    for (size_t cell = 0; cell < cells; cell++)
        body(cell, arg);
}

/* The first unit of cell `cell`, when `count` units are cut into `cells` nearly equal runs whose
 * bounds are multiples of `grain`. */
static inline size_t tw_par_bound(size_t count, size_t grain, size_t cells, size_t cell)
{
    if (cells == 1)
        return cell ? count : 0;
    size_t grains = (count + grain - 1) / grain;
    size_t each = grains / cells, longer = grains % cells;
    size_t bound = (cell * each + (cell < longer ? cell : longer)) * grain;
    return bound < count ? bound : count;
}

/* The same where runs that are a grain longer lie among the others instead of before them: threads
 * that begin with as many cells each have as much to do. */
static inline size_t tw_par_even(size_t count, size_t grain, size_t cells, size_t cell)
{
    size_t bound = (count + grain - 1) / grain * cell / cells * grain;
    return bound < count ? bound : count;
}

/* How many cells to cut `count` units of about `cost` nanoseconds each into, in runs of whole
 * grains: at least 10 us of work in a cell, and at most 64 cells. */
static inline size_t tw_par_cells(size_t count, size_t grain, double cost)
{
    size_t grains = (count + grain - 1) / grain;
    double wanted = (double)count * cost / 10000.0;
    size_t cells = wanted >= 64.0 ? 64 : (size_t)wanted;
    cells = cells < grains ? cells : grains;
    return cells > 1 ? cells : 1;
}

#endif
