/* SPDX-License-Identifier: Apache-2.0
 * Timing for the benchmarks: a function is called in rounds, the median round counts. */
#ifndef THALWEG_BENCH_H
#define THALWEG_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of processor time that the process has used. */
static inline double bench_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int bench_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The middle of n figures, which are put in order. */
static inline double bench_median(double *figures, size_t n)
{
    qsort(figures, n, sizeof *figures, bench_order);
    return figures[n / 2];
}

/* The median over 9 rounds of the seconds of processor time that one call of body(arg) takes, which
 * other programs on the machine change least; each round lasts about 20 ms. */
static inline double bench_time(void (*body)(void *arg), void *arg)
{
    enum { ROUNDS = 9 };
    double rounds[ROUNDS];
    long calls = 1;
    for (;;) {
        double start = bench_cpu();
        for (long i = 0; i < calls; i++)
            body(arg);
        if (bench_cpu() - start > 0.02)
            break;
        calls *= 2;
    }
    for (int r = 0; r < ROUNDS; r++) {
        double start = bench_cpu();
        for (long i = 0; i < calls; i++)
            body(arg);
        rounds[r] = (bench_cpu() - start) / (double)calls;
    }
    return bench_median(rounds, ROUNDS);
}

#endif
