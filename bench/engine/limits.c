/* SPDX-License-Identifier: Apache-2.0
 * What the machine can do, measured beside the workloads: float multiply-adds from registers, and
 * memory copied (bytes read and written together). */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../bench.h"
#include "workload.h"

enum { MOST_THREADS = 64, CHAINS = 12, ROUNDS = 6 };

/* All threads begin a round together, and it is over with the last of them: what one does while
 * another waits is no rate of all. */
typedef struct job {
    pthread_t thread;
    size_t bytes;
    pthread_barrier_t *start;
    double work[ROUNDS], begun[ROUNDS], ended[ROUNDS]; /* operations or bytes; seconds */
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

static void begin(job *j, int round)
{
    pthread_barrier_wait(j->start);
    j->begun[round] = bench_now();
}

static void end(job *j, int round, double work)
{
    j->ended[round] = bench_now();
    j->work[round] = work;
}

static void timed(job *j, int round, float (*multiply)(long), double lanes)
{
    enum { TURNS = 500000 };
    begin(j, round);
    volatile float kept = multiply(TURNS);
    (void)kept;
    end(j, round, 2 * CHAINS * lanes * TURNS);
}

/* Each width twice: the best counts. */
static void *multiply(void *arg)
{
    job *j = arg;
    for (int round = 0; round < ROUNDS; round += 3) {
        timed(j, round, multiply_plain, 4);
#if defined(__x86_64__)
        bool wide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        bool wider = __builtin_cpu_supports("avx512f");
        timed(j, round + 1, wide ? multiply_256 : multiply_plain, wide ? 8 : 4);
        timed(j, round + 2, wider ? multiply_512 : multiply_plain, wider ? 16 : 4);
#else
        timed(j, round + 1, multiply_plain, 4);
        timed(j, round + 2, multiply_plain, 4);
#endif
    }
    return NULL;
}

/* On huge pages where there are such, as the library's own arrays are. */
static char *large(size_t bytes)
{
    enum { HUGE_PAGE = 2 << 20 };
    size_t whole = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    char *memory = aligned_alloc(HUGE_PAGE, whole);
#if defined(MADV_HUGEPAGE)
    if (memory)
        madvise(memory, whole, MADV_HUGEPAGE);
#endif
    return memory;
}

/* The first round only brings the pages in. */
static void *copy(void *arg)
{
    job *j = arg;
    char *from = large(j->bytes), *to = large(j->bytes);
    for (int round = 0; round < ROUNDS; round++) {
        size_t times = from && to ? 1 + (8 << 20) / j->bytes : 0;
        begin(j, round);
        for (size_t i = 0; i < times; i++) {
            from[i % j->bytes] = (char)round;
            memcpy(to, from, j->bytes);
            __asm__ volatile("" : : "r"(to) : "memory");
        }
        end(j, round, round ? 2 * (double)times * (double)j->bytes : 0);
    }
    free(from);
    free(to);
    return NULL;
}

/* The work of all in the time from the first beginning to the last end, in the best round. */
static double best_rate(const job *jobs, int count)
{
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double work = 0, begun = jobs[0].begun[round], ended = jobs[0].ended[round];
        for (int i = 0; i < count; i++) {
            work += jobs[i].work[round];
            begun = jobs[i].begun[round] < begun ? jobs[i].begun[round] : begun;
            ended = jobs[i].ended[round] > ended ? jobs[i].ended[round] : ended;
        }
        best = work > best * (ended - begun) ? work / (ended - begun) : best;
    }
    return best;
}

/* Those that are started wait for all: without one of them nothing can be measured. */
static double together(int threads, void *(*body)(void *), size_t bytes)
{
    static job jobs[MOST_THREADS];
    int count = threads < MOST_THREADS ? threads : MOST_THREADS;
    pthread_barrier_t start;
    if (pthread_barrier_init(&start, NULL, (unsigned)count))
        return 0;
    for (int i = 0; i < count; i++) {
        jobs[i] = (job){.bytes = bytes / (size_t)count + 1, .start = &start};
        if (pthread_create(&jobs[i].thread, NULL, body, &jobs[i]))
            abort();
    }
    for (int i = 0; i < count; i++)
        pthread_join(jobs[i].thread, NULL);
    pthread_barrier_destroy(&start);
    return best_rate(jobs, count);
}

double limit_flops(int threads)
{
    return together(threads, multiply, 0);
}

double limit_copy(int threads, size_t bytes)
{
    return together(threads, copy, bytes / 2);
}
