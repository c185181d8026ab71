/* SPDX-License-Identifier: Apache-2.0
 * Matrix products of every dtype against three plain loops in double, on shapes that take every
 * path: lines, few rows, panels with and without padding, several steps over k. */
#include "kernel_test.h"

#include "kernels/gemm.h"
#include "kernels/gemm_loops.h"

typedef struct number {
    double re, im;
} number;

typedef struct example {
    size_t m, n, k;
    double alpha, beta;
    size_t extra; /* elements between the rows of the matrices */
} example;

static const example examples[] = {
    {1, 1, 1, 1, 0, 0},     {3, 3, 3, 1, 0, 1},      {1, 7, 5, 1, 0, 0},
    {7, 1, 5, 1, 1, 0},     {5, 1, 70, 1, 0, 3},     {1, 600, 9, 2, 0, 0},
    {1, 5, 2500, 1, 0, 0},  {9, 1, 2100, -1, 1, 0},  {17, 19, 23, 1, 0, 2},
    {8, 48, 16, 1, 1, 0},   {6, 16, 64, 1, 0, 0},    {20, 100, 33, 1, 0, 0},
    {13, 10, 400, 1, 0, 0}, {37, 33, 350, -2, 3, 1}, {50, 10, 84, 1, 0, 0},
    {4, 4, 0, 1, 1, 0},     {3, 3, 0, 1, 0, 0},      {31, 49, 7, 1, 0, 5},
    {1, 9, 8, 1, 0, 0},     {2, 67, 41, 1, 1, 2},    {3, 110, 70, 2, 1, 0},
    {4, 300, 260, 1, 1, 3}, {2, 40, 1100, -2, 1, 1}, {4, 5, 530, 1, 0, 0},
    {3, 530, 150, 1, 0, 0}, {1, 930, 133, 1, 1, 0},  {20, 9, 10, 1, 0, 0},
};

static const tw_dtype dtypes[] = {TW_FLOAT32, TW_FLOAT64, TW_FLOAT16,   TW_BFLOAT16,
                                  TW_INT32,   TW_INT64,   TW_COMPLEX64, TW_COMPLEX128};

static number at(tw_dtype dtype, const void *x, size_t index)
{
    tw_dtype real = real_of(dtype);
    if (real == dtype)
        return (number){number_at(dtype, x, index), 0};
    return (number){number_at(real, x, 2 * index), number_at(real, x, 2 * index + 1)};
}

/* `count` elements as numbers; the caller's to free. */
static number *numbers(tw_dtype dtype, const void *x, size_t count, bool conjugate)
{
    number *all = malloc((count + 1) * sizeof *all);
    for (size_t i = 0; i < count; i++) {
        all[i] = at(dtype, x, i);
        all[i].im = conjugate ? -all[i].im : all[i].im;
    }
    return all;
}

static double precision(tw_dtype dtype)
{
    return dtype == TW_FLOAT64 || dtype == TW_COMPLEX128  ? 1e-14
           : dtype == TW_FLOAT16                          ? 2e-3
           : dtype == TW_BFLOAT16                         ? 2e-2
           : dtype == TW_FLOAT32 || dtype == TW_COMPLEX64 ? 1e-6
                                                          : 0;
}

static double activated(double x, tw_activation activation)
{
    switch (activation) {
    case TW_ACTIVATION_RELU: return x > 0 ? x : 0;
    case TW_ACTIVATION_RELU6: return x > 6 ? 6 : x > 0 ? x : 0;
    case TW_ACTIVATION_SIGMOID: return 1 / (1 + exp(-x));
    case TW_ACTIVATION_TANH: return tanh(x);
    default: return x;
    }
}

static void compare(tw_dtype dtype, const tw_gemm_shape *s, const void *a, const void *b,
                    const void *before, const void *after, const tw_gemm_epilogue *epilogue)
{
    number *left = numbers(dtype, a, (s->transpose_a ? s->k : s->m) * s->lda, s->conjugate_a);
    number *right = numbers(dtype, b, (s->transpose_b ? s->n : s->k) * s->ldb, s->conjugate_b);
    for (size_t i = 0; i < s->m; i++) {
        for (size_t j = 0; j < s->n; j++) {
            number sum = {0, 0};
            double sizes = 0;
            for (size_t p = 0; p < s->k; p++) {
                number x = left[s->transpose_a ? p * s->lda + i : i * s->lda + p];
                number y = right[s->transpose_b ? j * s->ldb + p : p * s->ldb + j];
                sum.re += x.re * y.re - x.im * y.im;
                sum.im += x.re * y.im + x.im * y.re;
                sizes += fabs(x.re * y.re) + fabs(x.im * y.im);
            }
            number old = s->beta != 0 ? at(dtype, before, i * s->ldc + j) : (number){0, 0};
            number got = at(dtype, after, i * s->ldc + j);
            double re = s->alpha * sum.re + s->beta * old.re;
            double bound = precision(dtype) *
                           (fabs(s->alpha) * sizes + fabs(s->beta * old.re) + fabs(re) + 1);
            if (epilogue && epilogue->bias)
                re += number_at(dtype, epilogue->bias, j);
            if (epilogue)
                re = activated(re, epilogue->activation);
            assert_near(got.re, re, bound, tw_dtype_name(dtype));
            assert_near(got.im, s->alpha * sum.im + s->beta * old.im, bound, "imaginary part");
        }
    }
    free(left);
    free(right);
}

static void check(tw_dtype dtype, const example *e, unsigned flags,
                  const tw_gemm_epilogue *epilogue)
{
    tw_gemm_shape s = {.m = e->m,
                       .n = e->n,
                       .k = e->k,
                       .transpose_a = flags & 1,
                       .transpose_b = flags >> 1 & 1,
                       .conjugate_a = flags >> 2 & 1,
                       .conjugate_b = flags >> 3 & 1,
                       .alpha = e->alpha,
                       .beta = e->beta};
    s.lda = (s.transpose_a ? s.m : s.k) + e->extra;
    s.ldb = (s.transpose_b ? s.k : s.n) + e->extra;
    s.ldc = s.n + e->extra;
    size_t size = tw_dtype_size(dtype), bytes = s.m * s.ldc * size;
    void *a = random_numbers(dtype, (s.transpose_a ? s.k : s.m) * s.lda, 1 + e->m);
    void *b = random_numbers(dtype, (s.transpose_b ? s.n : s.k) * s.ldb, 2 + e->n);
    void *before = random_numbers(dtype, s.m * s.ldc, 3), *c = malloc(bytes), *many = malloc(bytes);
    memcpy(c, before, bytes);
    memcpy(many, before, bytes);
    if (s.beta == 0) { /* must not be read: NaN, where there is one */
        memset(c, 0xff, bytes);
        memset(many, 0xff, bytes);
    }
    assert_ok(tw_gemm(dtype, &s, a, b, c, epilogue, NULL));
    assert_ok(tw_gemm(dtype, &s, a, b, many, epilogue, &(tw_par){.threads = 3}));
    assert_memory_equal(c, many, bytes);
    compare(dtype, &s, a, b, before, c, epilogue);
    for (size_t i = 0; i < s.m && e->extra; i++) /* what is between rows stays */
        assert_memory_equal((char *)c + (i * s.ldc + s.n) * size,
                            (char *)(s.beta == 0 ? many : before) + (i * s.ldc + s.n) * size, size);
    free(a);
    free(b);
    free(before);
    free(c);
    free(many);
}

static void every_product_is_what_plain_loops_give(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
            for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
                unsigned most = tw_dtype_is_complex(dtypes[d]) && i < 10 ? 16 : 4;
                for (unsigned flags = 0; flags < most; flags++)
                    check(dtypes[d], &examples[i], flags, NULL);
            }
        }
    }
}

/* Rows of B share few places of the cache and are packed by the first of few tiles, or not. */
static void few_rows_by_columns_pages_apart_are_what_plain_loops_give(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t m = 5; m <= 17; m++) {
            check(TW_FLOAT32, &(example){m, 96, 70, 1, 1, 928}, m & 1, NULL);
            check(TW_FLOAT64, &(example){m, 96, 70, 1, 1, 416}, m & 1, NULL);
        }
    }
}

/* So many of them that they come from afar: some are packed at a time for all columns. */
static void rows_from_afar_are_what_plain_loops_give(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        void *bias = random_numbers(TW_FLOAT32, 1000, 5);
        tw_gemm_epilogue with = {bias, TW_ACTIVATION_RELU};
        check(TW_FLOAT32, &(example){14, 1000, 1100, -2, 1, 24}, 0, &with);
        check(TW_FLOAT32, &(example){13, 1000, 1100, 1, 0, 24}, 1, NULL);
        check(TW_FLOAT64, &(example){9, 544, 1031, 1, 1, 224}, 0, NULL);
        free(bias);
    }
}

/* Half of a vector or less beside whole panels, and more than half, for tiles of all sizes. */
static void columns_of_half_a_vector_are_what_plain_loops_give(void **state)
{
    static const size_t columns[] = {49, 53, 56, 57, 104};
    (void)state;
    float *bias = random_numbers(TW_FLOAT32, 104, 78);
    tw_gemm_epilogue with = {bias, TW_ACTIVATION_RELU};
    for (EACH_LEVEL(level)) {
        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
            for (size_t m = 5; m <= 17; m++) {
                example dense = {m, columns[i], 30 + m, 1, 0, 0}, apart = dense;
                apart.alpha = -2;
                apart.beta = 1;
                apart.extra = 3;
                check(TW_FLOAT32, &dense, m & 3, &with);
                check(TW_FLOAT32, &apart, m & 3, NULL);
            }
            /* A is long, so that k goes in steps: all but the first add to C */
            check(TW_FLOAT32, &(example){50, columns[i], 811, 1, 1, 0}, i & 3, &with);
        }
        check(TW_FLOAT32, &(example){109, 56, 1950, 1, 1, 0}, 2, &with); /* in depths of 960 */
    }
    free(bias);
}

/* Every number of columns for which C is turned, and the first for which it is not. */
static void narrow_products_are_what_plain_loops_give(void **state)
{
    (void)state;
    float *bias = random_numbers(TW_FLOAT32, TW_GEMM_NARROW + 1, 77);
    tw_gemm_epilogue with = {bias, TW_ACTIVATION_RELU};
    for (EACH_LEVEL(level)) {
        for (size_t n = 1; n <= TW_GEMM_NARROW + 1; n++) {
            for (unsigned flags = 0; flags < 4; flags++) {
                example dense = {29, n, 33 + 31 * n, 1, 0, 0}, apart = {7 + n, n, 409, -2, 1, 1};
                check(TW_FLOAT32, &dense, flags, NULL);
                check(TW_FLOAT32, &dense, flags, &with);
                check(TW_FLOAT32, &apart, flags, &with);
                check(TW_FLOAT64, &apart, flags, NULL);
            }
            for (size_t k = 1; k < 4; k++) { /* with one term both strides of a factor are 1 */
                check(TW_FLOAT32, &(example){37, n, k, 1, 0, 0}, 0, NULL);
                check(TW_FLOAT32, &(example){n, 37, k, 1, 1, 0}, 0, NULL);
            }
        }
        check(TW_FLOAT32, &(example){20, 12, 5600, -1, 1, 0}, 1, &with); /* step by step */
        for (unsigned flags = 0; flags < 4; flags++) { /* several pieces of k, cells of rows */
            check(TW_FLOAT32, &(example){23, 11, 1601, -1, 1, 0}, flags, NULL);
            check(TW_FLOAT32, &(example){370, 10, 333, 1, 0, 2}, flags, &with);
            check(TW_FLOAT32, &(example){512, 5, 170, 1, 1, 0}, flags, NULL);
        }
    }
    free(bias);
}

static void bias_and_activation_follow_the_product(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t d = 0; d < 4; d++) {
            void *bias = random_numbers(dtypes[d], 1000, 77);
            for (int act = TW_ACTIVATION_NONE; act <= TW_ACTIVATION_TANH; act++) {
                tw_gemm_epilogue with = {bias, (tw_activation)act}, bare = {NULL, with.activation};
                for (size_t i = d; i < sizeof examples / sizeof *examples; i += 3) {
                    check(dtypes[d], &examples[i], (unsigned)i & 3, &with);
                    check(dtypes[d], &examples[i], (unsigned)i & 3, &bare);
                }
            }
            free(bias);
        }
    }
}

/* Each tile of a panel ends while the next one begins: of all kinds of ends, after 1, 2, 3 rows of
 * B and several steps over k. */
static void tiles_below_each_other_are_what_plain_loops_give(void **state)
{
    (void)state;
    const example joined[] = {
        {39, 48, 1, 1, 0, 0},   {46, 96, 2, -2, 1, 1},   {31, 144, 3, 1, 1, 0},
        {29, 48, 70, 1, 0, 2},  {64, 97, 331, -1, 1, 0}, {23, 130, 656, 1, 3, 1},
        {40, 32, 403, 1, 1, 0}, {47, 80, 37, -1, 0, 2},  {30, 37, 1043, 1, 0, 1}};
    for (EACH_LEVEL(level)) {
        for (size_t d = 0; d < 2; d++) {
            void *bias = random_numbers(dtypes[d], 200, 7);
            for (unsigned i = 0; i < 4 * sizeof joined / sizeof *joined; i++) {
                tw_gemm_epilogue with = {i & 1 ? NULL : bias, (tw_activation)(i / 4 % 3)};
                check(dtypes[d], &joined[i / 4], i & 3, NULL);
                check(dtypes[d], &joined[i / 4], i & 3, &with);
                with.activation = (tw_activation)((i / 4 + 1) % 3);
                check(dtypes[d], &joined[i / 4], i & 3, &with);
            }
            free(bias);
        }
    }
}

static void large_products_have_the_same_bits_at_any_number_of_threads(void **state)
{
    (void)state;
    const example large[] = {{150, 160, 290, 1, 0, 0},
                             {1, 5000, 300, 1, 0, 0},
                             {4000, 1, 300, 1, 0, 0},
                             {500, 10, 300, 1, 1, 0},
                             {50, 66, 2700, 1, 0, 0}};
    for (EACH_LEVEL(level)) {
        for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
            check(TW_FLOAT32, &large[i], (unsigned)i & 3, NULL);
            if (i < 4)
                check(TW_FLOAT16, &large[i], (unsigned)i & 3, NULL);
        }
        check(TW_INT32, &large[3], 1, NULL);
    }
}

/* A's columns are made rows first. */
static void many_columns_by_a_transposed_a_are_what_plain_loops_give(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        check(TW_FLOAT32, &(example){19, 6170, 17, -1, 1, 1}, 1, NULL);
        check(TW_FLOAT32, &(example){17, 6145, 128, 1, 0, 0}, 1, NULL);
        check(TW_FLOAT64, &(example){33, 3077, 16, 1, 0, 0}, 3, NULL);
    }
}

/* B's columns are turned a part of k at a time. */
static void long_columns_of_b_are_what_plain_loops_give(void **state)
{
    (void)state;
    const example deep[] = {{109, 17, 1930, -2, 1, 1}, {111, 14, 1921, 1, 0, 0}};
    for (EACH_LEVEL(level)) {
        for (unsigned i = 0; i < 4; i++) { /* of dtypes: float and double */
            void *bias = random_numbers(dtypes[i % 2], deep[i / 2].n, 5);
            tw_gemm_epilogue with = {bias, TW_ACTIVATION_RELU};
            check(dtypes[i % 2], &deep[i / 2], 2 + i % 2, &with);
            check(dtypes[i % 2], &deep[i / 2], 3 - i % 2, NULL);
            free(bias);
        }
    }
}

static void integers_wrap(void **state)
{
    (void)state;
    int32_t a[2] = {INT32_MAX, INT32_MAX}, b[2] = {2, 3}, c;
    tw_gemm_shape s = {.m = 1, .n = 1, .k = 2, .alpha = 1};
    assert_ok(tw_gemm(TW_INT32, &s, a, b, &c, NULL, NULL));
    assert_int_equal(c, INT32_MAX - 4);
}

static void activations_keep_nan(void **state)
{
    (void)state;
    float a = NAN, b = 1, c = 0;
    for (int act = TW_ACTIVATION_NONE; act <= TW_ACTIVATION_TANH; act++) {
        assert_ok(tw_gemm(TW_FLOAT32, &(tw_gemm_shape){.m = 1, .n = 1, .k = 1, .alpha = 1}, &a, &b,
                          &c, &(tw_gemm_epilogue){NULL, (tw_activation)act}, NULL));
        assert_true(isnan(c));
    }
    enum { ROWS = 33, COLS = 48 }; /* some tiles */
    float many[ROWS], row[COLS], product[ROWS * COLS];
    for (size_t i = 0; i < COLS; i++)
        row[i] = 1;
    for (size_t i = 0; i < ROWS; i++)
        many[i] = i % 3 ? -(float)i : NAN;
    for (EACH_LEVEL(level)) {
        assert_ok(tw_gemm(TW_FLOAT32, &(tw_gemm_shape){.m = ROWS, .n = COLS, .k = 1, .alpha = 1},
                          many, row, product, &(tw_gemm_epilogue){row, TW_ACTIVATION_RELU6}, NULL));
        for (size_t i = 0; i < ROWS * COLS; i++)
            assert_true(i / COLS % 3 ? product[i] == 0 : isnan(product[i]));
    }
}

static void batches_broadcast_by_strides(void **state)
{
    (void)state;
    enum { M = 5, N = 6, K = 7 };
    const size_t dims[2] = {2, 3}, a_strides[2] = {3 * M * K, M * K}, b_strides[2] = {0, K * N};
    for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
        size_t size = tw_dtype_size(dtypes[d]);
        char *a = random_numbers(dtypes[d], 6 * M * K, 1),
             *b = random_numbers(dtypes[d], 3 * K * N, 2);
        char *c = malloc(6 * M * N * size), one[M * N * 16];
        tw_gemm_shape s = {.m = M, .n = N, .k = K, .alpha = 1};
        assert_ok(tw_gemm_batch(dtypes[d], &s, &(tw_gemm_batches){2, dims, a_strides, b_strides}, a,
                                b, c, &(tw_par){.threads = 2}));
        for (size_t i = 0; i < 6; i++) {
            assert_ok(tw_gemm(dtypes[d], &s, a + i * M * K * size, b + i % 3 * K * N * size, one,
                              NULL, NULL));
            assert_memory_equal(one, c + i * M * N * size, M * N * size);
        }
        free(a);
        free(b);
        free(c);
    }
}

static void a_packed_matrix_serves_as_well(void **state)
{
    (void)state;
    enum { M = 9, N = 70, K = 700 };
    float *a = random_numbers(TW_FLOAT32, M * K, 1), *b = random_numbers(TW_FLOAT32, N * K, 2);
    float *c = malloc(M * N * sizeof *c), *d = malloc(M * N * sizeof *c);
    for (EACH_LEVEL(level)) {
        const tw_gemm_loops *loops = tw_gemm_loops_of(TW_FLOAT32);
        tw_gemm_block g = {.m = M,
                           .n = N,
                           .k = K,
                           .a = a,
                           .a_row = K,
                           .a_col = 1,
                           .b = b,
                           .b_row = 1,
                           .b_col = K,
                           .c = c,
                           .ldc = N,
                           .alpha = 1};
        tw_gemm_run_block(loops, &g);
        void *packed = tw_alloc_aligned(tw_gemm_packed_bytes(TW_FLOAT32, K, N));
        g.packed_k = K;
        loops->pack(&g, 0, tw_gemm_panels(loops, N), packed);
        g.packed = packed;
        g.c = d;
        tw_gemm_run_block(loops, &g);
        assert_memory_equal(c, d, M * N * sizeof *c);
        tw_gemm_shape s = {.m = M, .n = N, .k = K, .transpose_b = true, .alpha = 1};
        size_t panels, bytes = tw_gemm_keep_bytes(TW_FLOAT32, &s, &panels);
        void *shared = tw_alloc_aligned(bytes);
        assert_int_equal(bytes, tw_gemm_packed_bytes(TW_FLOAT32, K, N));
        assert_int_equal(panels, 0);
        tw_gemm_pack(TW_FLOAT32, &s, b, shared, &(tw_par){.threads = 3});
        assert_memory_equal(packed, shared, bytes);
        s.packed = shared;
        assert_ok(tw_gemm(TW_FLOAT32, &s, a, NULL, d, NULL, &(tw_par){.threads = 3}));
        assert_memory_equal(c, d, M * N * sizeof *c);
        tw_free_aligned(shared);
        tw_free_aligned(packed);
    }
    free(a);
    free(b);
    free(c);
    free(d);
}

static void panels_together_give_the_bits_of_panels_one_by_one(void **state)
{
    (void)state;
    enum { M = 100, N = 131, K = 700 };
    float *a = random_numbers(TW_FLOAT32, M * K, 1), *b = random_numbers(TW_FLOAT32, N * K, 2);
    float *bias = random_numbers(TW_FLOAT32, N, 3), *c = malloc(M * N * sizeof *c);
    float *d = malloc(M * N * sizeof *c);
    for (EACH_LEVEL(level)) {
        for (int turned = 0; turned < 2; turned++) {
            const tw_gemm_loops *loops = tw_gemm_loops_of(TW_FLOAT32);
            tw_gemm_block g = {.m = M, .n = N, .k = K, .a = a, .a_row = 1, .a_col = M, .b = b};
            g.b_row = turned ? 1 : N;
            g.b_col = turned ? K : 1;
            g.c = c;
            g.ldc = N;
            g.alpha = 1;
            g.bias = bias;
            g.activation = TW_ACTIVATION_RELU;
            tw_gemm_run_block(loops, &g);
            g.c = d;
            for (size_t panel = 0; panel < tw_gemm_panels(loops, N); panel++)
                loops->panels(&g, panel, panel + 1);
            assert_memory_equal(c, d, M * N * sizeof *c);
        }
    }
    free(a);
    free(b);
    free(bias);
    free(c);
    free(d);
}

/* A transposed A of m columns in rows of 1024 elements, and the same in dense rows. */
static void check_pages(tw_dtype dtype, tw_gemm_shape s)
{
    enum { APART = 1024 };
    size_t size = tw_dtype_size(dtype), bytes = s.m * s.n * size;
    char *a = random_numbers(dtype, s.k * APART, 1), *dense = malloc(s.k * s.m * size);
    void *b = random_numbers(dtype, s.n * s.k, 2);
    void *c = random_numbers(dtype, s.m * s.n, 3), *d = malloc(bytes);
    memcpy(d, c, bytes);
    for (size_t p = 0; p < s.k; p++)
        memcpy(dense + p * s.m * size, a + p * APART * size, s.m * size);
    assert_ok(tw_gemm(dtype, &s, dense, b, c, NULL, NULL));
    s.lda = APART;
    assert_ok(tw_gemm(dtype, &s, a, b, d, NULL, NULL));
    assert_memory_equal(c, d, bytes);
    free(a);
    free(dense);
    free(b);
    free(c);
    free(d);
}

static void columns_pages_apart_give_the_bits_of_columns_side_by_side(void **state)
{
    (void)state;
    static const size_t widths[] = {30, 390}; /* read as they stand, and put side by side */
    tw_gemm_shape s = {.m = 100, .transpose_a = true, .alpha = -1, .beta = 1};
    for (EACH_LEVEL(level)) {
        for (size_t i = 0; i < 8; i++) { /* of dtypes: float and double */
            s.n = widths[i / 2 % 2];
            s.k = i / 4 ? 400 : 18;
            s.transpose_b = i / 2 % 2;
            check_pages(dtypes[i % 2], s);
        }
    }
}

static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    float x[4] = {0};
    tw_gemm_shape s = {.m = 2, .n = 2, .k = 2, .lda = 1, .alpha = 1};
    assert_refused(tw_gemm(TW_FLOAT32, &s, x, x, x, NULL, NULL), TW_INVALID_ARGUMENT, "rows of a");
    s = (tw_gemm_shape){.m = SIZE_MAX / 2, .n = 1, .k = 3, .alpha = 1};
    assert_refused(tw_gemm(TW_FLOAT32, &s, x, x, x, NULL, NULL), TW_INVALID_ARGUMENT, "too large");
    s = (tw_gemm_shape){.m = 1, .n = 1, .k = 1, .alpha = 1};
    assert_refused(tw_gemm(TW_STRING, &s, x, x, x, NULL, NULL), TW_UNIMPLEMENTED, "string");
    assert_refused(tw_gemm(TW_INT32, &s, x, x, x, &(tw_gemm_epilogue){x, TW_ACTIVATION_NONE}, NULL),
                   TW_UNIMPLEMENTED, "bias");
    const size_t dims[1] = {SIZE_MAX}, strides[1] = {0};
    assert_refused(
        tw_gemm_batch(TW_FLOAT32, &s, &(tw_gemm_batches){1, dims, strides, strides}, x, x, x, NULL),
        TW_INVALID_ARGUMENT, "too large");
    s.m = 0;
    assert_ok(tw_gemm(TW_FLOAT32, &s, x, x, NULL, NULL, NULL));
}

/* Of a large matrix the first columns alone are kept packed; nobody reads where they stood. */
static void a_large_matrix_is_packed_in_part(void **state)
{
    (void)state;
    enum { M = 53, N = 1013, K = 1107, FIRST = 64 };
    for (EACH_LEVEL(level)) {
        for (int i = 0; i < 2; i++) {
            tw_dtype dtype = i ? TW_FLOAT64 : TW_FLOAT32;
            size_t size = tw_dtype_size(dtype), panels;
            char *a = random_numbers(dtype, M * K, 1), *b = random_numbers(dtype, N * K, 2);
            char *c = malloc(M * N * size), *d = malloc(M * N * size);
            tw_gemm_shape s = {.m = M, .n = N, .k = K, .alpha = 1};
            size_t bytes = tw_gemm_keep_bytes(dtype, &s, &panels);
            assert_true(panels > 0 && bytes < tw_gemm_packed_bytes(dtype, K, N));
            void *packed = tw_alloc_aligned(bytes);
            assert_ok(tw_gemm(dtype, &s, a, b, c, NULL, &(tw_par){.threads = 1}));
            tw_gemm_pack(dtype, &s, b, packed, &(tw_par){.threads = 3});
            for (size_t k = 0; k < K; k++)
                memset(b + k * N * size, 0xff, FIRST * size); /* NaN */
            s.packed = packed;
            for (int threads = 1; threads <= 3; threads += 2) {
                memset(d, 0, M * N * size);
                assert_ok(tw_gemm(dtype, &s, a, b, d, NULL, &(tw_par){.threads = threads}));
                assert_memory_equal(c, d, M * N * size);
            }
            tw_free_aligned(packed);
            free(a);
            free(b);
            free(c);
            free(d);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_product_is_what_plain_loops_give),
        cmocka_unit_test(columns_of_half_a_vector_are_what_plain_loops_give),
        cmocka_unit_test(narrow_products_are_what_plain_loops_give),
        cmocka_unit_test(long_columns_of_b_are_what_plain_loops_give),
        cmocka_unit_test(many_columns_by_a_transposed_a_are_what_plain_loops_give),
        cmocka_unit_test(few_rows_by_columns_pages_apart_are_what_plain_loops_give),
        cmocka_unit_test(rows_from_afar_are_what_plain_loops_give),
        cmocka_unit_test(bias_and_activation_follow_the_product),
        cmocka_unit_test(tiles_below_each_other_are_what_plain_loops_give),
        cmocka_unit_test(large_products_have_the_same_bits_at_any_number_of_threads),
        cmocka_unit_test(integers_wrap),
        cmocka_unit_test(activations_keep_nan),
        cmocka_unit_test(batches_broadcast_by_strides),
        cmocka_unit_test(a_packed_matrix_serves_as_well),
        cmocka_unit_test(a_large_matrix_is_packed_in_part),
        cmocka_unit_test(panels_together_give_the_bits_of_panels_one_by_one),
        cmocka_unit_test(columns_pages_apart_give_the_bits_of_columns_side_by_side),
        cmocka_unit_test(impossible_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, enter_float_mode, NULL);
}
