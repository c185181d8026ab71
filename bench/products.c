/* SPDX-License-Identifier: Apache-2.0
 * Matrix products beside oneDNN's sgemm, where it is installed, on one thread and in turns:
 * float32, 1 to 4096 rows, columns and terms, with either factor transposed. Prints every shape,
 * and at the end for each number of rows the median of the ratios and how many are below 0.9; a
 * ratio above 1 means that ours is faster. Arguments: none, or m n k and one of N, A, B, what is
 * transposed. */
#include "bench.h"

#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <thalweg/thalweg.h>

/* As dnnl.h declares it; 0 is success. */
typedef int (*sgemm)(char transa, char transb, int64_t m, int64_t n, int64_t k, float alpha,
                     const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c,
                     int64_t ldc);

typedef struct product {
    int64_t m, n, k;
    bool transpose_a, transpose_b;
    tw_array *factors[2], *result;
    tw_callable *callable;
    sgemm other;
} product;

static void ours(product *p)
{
    TW_CHECK(tw_call(p->callable, p->factors, &p->result));
}

static void theirs(product *p)
{
    p->other(p->transpose_a ? 'T' : 'N', p->transpose_b ? 'T' : 'N', p->m, p->n, p->k, 1,
             tw_array_data(p->factors[0]), p->transpose_a ? p->m : p->k,
             tw_array_data(p->factors[1]), p->transpose_b ? p->k : p->n, 0,
             tw_array_data(p->result), p->n);
}

static tw_array *factor(int64_t rows, int64_t cols)
{
    tw_array *array = tw_array_new(TW_FLOAT32, TW_SHAPE(rows, cols));
    for (int64_t i = 0; i < rows * cols; i++)
        ((float *)tw_array_data(array))[i] = (float)(i % 7) * 0.1f;
    return array;
}

/* Seconds of a call of either, in turns; the lower quarter of nine rounds of about 2 ms counts. */
static void time_both(product *p, double seconds[2])
{
    enum { ROUNDS = 9 };
    void (*body[2])(product *) = {ours, theirs};
    double rounds[2][ROUNDS];
    long calls = (long)(1e8 / (2.0 * (double)p->m * (double)p->n * (double)p->k)) + 1;
    for (int r = 0; r < ROUNDS; r++) {
        for (int w = 0; w < (p->other ? 2 : 1); w++) {
            body[w](p);
            double start = bench_cpu();
            for (long i = 0; i < calls; i++)
                body[w](p);
            rounds[w][r] = (bench_cpu() - start) / (double)calls;
        }
    }
    for (int w = 0; w < (p->other ? 2 : 1); w++) {
        bench_median(rounds[w], ROUNDS);
        seconds[w] = rounds[w][ROUNDS / 4];
    }
}

/* oneDNN's time in ours; 0 without it. */
static double compare(product *p)
{
    double seconds[2] = {0, 0}, flops = 2.0 * (double)p->m * (double)p->n * (double)p->k;
    p->factors[0] = p->transpose_a ? factor(p->k, p->m) : factor(p->m, p->k);
    p->factors[1] = p->transpose_b ? factor(p->n, p->k) : factor(p->k, p->n);
    tw_tensor a = tw_placeholder(TW_FLOAT32, .shape = tw_array_shape(p->factors[0])),
              b = tw_placeholder(TW_FLOAT32, .shape = tw_array_shape(p->factors[1])),
              c = tw_matmul(a, b, .transpose_a = p->transpose_a, .transpose_b = p->transpose_b);
    tw_session *session = tw_session_new(
        &(struct tw_session_options){.size = sizeof(struct tw_session_options), .threads = 1});
    TW_CHECK(
        tw_make_callable(session, TW_FETCH(c), .feed = TW_FETCH(a, b), .callable = &p->callable));
    ours(p);
    time_both(p, seconds);
    printf("%5d %5d %5d %s  %9.1f us %6.1f Gflop/s", (int)p->m, (int)p->n, (int)p->k,
           p->transpose_a   ? "A"
           : p->transpose_b ? "B"
                            : "N",
           1e6 * seconds[0], 1e-9 * flops / seconds[0]);
    if (p->other)
        printf("  oneDNN %9.1f us  ratio %.2f", 1e6 * seconds[1], seconds[1] / seconds[0]);
    puts("");
    tw_callable_free(p->callable);
    tw_session_free(session);
    tw_array_unref(p->factors[0]);
    tw_array_unref(p->factors[1]);
    tw_array_unref(p->result);
    tw_reset_default_graph();
    return seconds[1] / seconds[0];
}

/* The process has no other user of OpenMP, so its number of threads may be set for all of it. */
static sgemm find_other(void)
{
    static const char *const names[] = {"libdnnl.so.3", "libdnnl.so.2", "libdnnl.so"};
    setenv("OMP_NUM_THREADS", "1", 1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *library = dlopen(names[i], RTLD_NOW), *symbol;
        if (library && (symbol = dlsym(library, "dnnl_sgemm"))) {
            sgemm found;
            memcpy(&found, &symbol, sizeof found);
            return found;
        }
    }
    puts("oneDNN is not installed (Debian: libdnnl2): ours alone");
    return NULL;
}

static void compare_rows(int64_t m, sgemm other)
{
    static const int64_t sizes[] = {10, 64, 256, 1024, 4096};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    double ratios[3 * SIZES * SIZES];
    size_t count = 0, below = 0;
    for (size_t i = 0; i < 3 * SIZES * SIZES; i++) {
        product p = {.m = m, .n = sizes[i / 3 % SIZES], .k = sizes[i / 3 / SIZES], .other = other};
        p.transpose_a = i % 3 == 1;
        p.transpose_b = i % 3 == 2;
        if ((double)m * (double)p.n * (double)p.k > 3e9)
            continue;
        ratios[count] = compare(&p);
        below += ratios[count++] < 0.9;
    }
    if (other)
        printf("%5d rows: median %.2f, %zu of %zu below 0.9\n", (int)m, bench_median(ratios, count),
               below, count);
}

int main(int argc, char **argv)
{
    if (argc != 1 && (argc != 5 || !strchr("NAB", *argv[4]))) {
        fprintf(stderr, "usage: %s [m n k N|A|B]\n", argv[0]);
        return 2;
    }
    sgemm other = find_other();
    if (argc == 5) {
        product p = {.m = atoi(argv[1]), .n = atoi(argv[2]), .k = atoi(argv[3]), .other = other};
        p.transpose_a = *argv[4] == 'A';
        p.transpose_b = *argv[4] == 'B';
        compare(&p);
        return 0;
    }
    static const int64_t rows[] = {1, 2, 4, 20, 100, 400, 1024, 4096};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        compare_rows(rows[i], other);
    return 0;
}
