/* SPDX-License-Identifier: Apache-2.0
 * What the machine can do, measured beside the workloads: float multiply-adds from registers, and
 * memory copied (bytes read and written together). */
#include <pthread.h>
#include <string.h>

#include "../bench.h"
#include "workload.h"

enum { MOST_THREADS = 64, CHAINS = 12 };

typedef struct job {
    pthread_t thread;
    size_t bytes;
    double rate; /* a second */
} job;

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2,fma"))) static float multiply_256(long turns)
{
    __m256 acc[CHAINS], a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(1e-3f);
    for (int c = 0; c < CHAINS; c++)
        acc[c] = _mm256_set1_ps((float)c);
    for (long i = 0; i < turns; i++) {
        _Pragma("GCC unroll 12") for (int c = 0; c < CHAINS; c++)
            acc[c] = _mm256_fmadd_ps(acc[c], a, b);
    }
    for (int c = 1; c < CHAINS; c++)
        acc[0] = _mm256_add_ps(acc[0], acc[c]);
    return _mm256_cvtss_f32(acc[0]);
}

__attribute__((target("avx512f"))) static float multiply_512(long turns)
{
    __m512 acc[CHAINS], a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(1e-3f);
    for (int c = 0; c < CHAINS; c++)
        acc[c] = _mm512_set1_ps((float)c);
    for (long i = 0; i < turns; i++) {
        _Pragma("GCC unroll 12") for (int c = 0; c < CHAINS; c++)
            acc[c] = _mm512_fmadd_ps(acc[c], a, b);
    }
    for (int c = 1; c < CHAINS; c++)
        acc[0] = _mm512_add_ps(acc[0], acc[c]);
    return _mm512_cvtss_f32(acc[0]);
}
#endif

/* For other machines: what the compiler makes of it. */
static float multiply_plain(long turns)
{
    float acc[4 * CHAINS];
    for (int c = 0; c < 4 * CHAINS; c++)
        acc[c] = (float)c;
    for (long i = 0; i < turns; i++) {
        for (int c = 0; c < 4 * CHAINS; c++)
            acc[c] = acc[c] * 0.999f + 1e-3f;
    }
    for (int c = 1; c < 4 * CHAINS; c++)
        acc[0] += acc[c];
    return acc[0];
}

static double timed(float (*multiply)(long), double lanes, long turns)
{
    double start = bench_now();
    volatile float kept = multiply(turns);
    (void)kept;
    return 2 * CHAINS * lanes * (double)turns / (bench_now() - start);
}

/* The best width counts. */
static void *multiply(void *arg)
{
    job *j = arg;
    enum { TURNS = 1000000 };
    j->rate = timed(multiply_plain, 4, TURNS);
#if defined(__x86_64__)
    double rate = 0;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        rate = timed(multiply_256, 8, TURNS);
    j->rate = rate > j->rate ? rate : j->rate;
    if (__builtin_cpu_supports("avx512f"))
        rate = timed(multiply_512, 16, TURNS);
    j->rate = rate > j->rate ? rate : j->rate;
#endif
    return NULL;
}

/* The best of several rounds: the first only brings the pages in. */
static void *copy(void *arg)
{
    job *j = arg;
    char *from = malloc(j->bytes), *to = malloc(j->bytes);
    for (int round = 0; from && to && round < 6; round++) {
        double start = bench_now();
        size_t times = 1 + (8 << 20) / j->bytes;
        for (size_t i = 0; i < times; i++) {
            from[i % j->bytes] = (char)round;
            memcpy(to, from, j->bytes);
            __asm__ volatile("" : : "r"(to) : "memory");
        }
        double rate = 2 * (double)times * (double)j->bytes / (bench_now() - start);
        j->rate = round && rate > j->rate ? rate : j->rate;
    }
    free(from);
    free(to);
    return NULL;
}

static double together(int threads, void *(*body)(void *), size_t bytes)
{
    job jobs[MOST_THREADS] = {{0}};
    double rate = 0;
    int count = threads < MOST_THREADS ? threads : MOST_THREADS;
    for (int i = 0; i < count; i++) {
        jobs[i].bytes = bytes / (size_t)count + 1;
        if (pthread_create(&jobs[i].thread, NULL, body, &jobs[i]))
            count = i;
    }
    for (int i = 0; i < count; i++) {
        pthread_join(jobs[i].thread, NULL);
        rate += jobs[i].rate;
    }
    return rate;
}

double limit_flops(int threads)
{
    return together(threads, multiply, 0);
}

double limit_copy(int threads, size_t bytes)
{
    return together(threads, copy, bytes / 2);
}
