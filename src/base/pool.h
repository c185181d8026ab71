/* SPDX-License-Identifier: Apache-2.0
 * One pool of threads for the process, started by the first call that needs it. Workers spin at
 * most 50 us, then sleep. A job is cut in cells by the caller; threads only share the cells out
 * (first in equal runs, then by stealing), so a result never depends on how many threads there are.
 * The caller works too and never waits for a worker that has not begun. A job started inside a job
 * runs on the calling thread alone. After a fork the child starts afresh. */
#ifndef TW_BASE_POOL_H
#define TW_BASE_POOL_H

#include "thalweg/base.h"

/* Runs body(cell, arg) for every cell in 0 .. cells - 1, each once, on at most `threads` threads
 * (the caller included; 0: as many as the pool has). Returns when all are done. */
void tw_pool_run(int threads, size_t cells, void (*body)(size_t cell, void *arg), void *arg);
/* Threads that a job may use: the cores of this process, or what tw_pool_set_threads said. */
int tw_pool_threads(void);
/* 0: the default, from THALWEG_NUM_THREADS or the number of cores. */
void tw_pool_set_threads(int threads);

#endif
