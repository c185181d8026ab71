/* SPDX-License-Identifier: Apache-2.0
 * The tile engine against loops over single elements: shapes that broadcast, odd lengths, chains,
 * several outputs, reductions, 16-bit floats, memory shared by input and output, threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "kernels/isa.h"
#include "kernels/tile.h"
#include "thalweg/thalweg.h"

#define F(name) static void name(size_t n, void *z, const void *x, const void *y, const void *w)

F(add_floats)
{
    (void)w;
    for (size_t i = 0; i < n; i++)
        ((float *)z)[i] = ((const float *)x)[i] + ((const float *)y)[i];
}
F(mul_floats)
{
    (void)w;
    for (size_t i = 0; i < n; i++)
        ((float *)z)[i] = ((const float *)x)[i] * ((const float *)y)[i];
}
F(less_floats)
{
    (void)w;
    for (size_t i = 0; i < n; i++)
        ((bool *)z)[i] = ((const float *)x)[i] < ((const float *)y)[i];
}
F(choose_floats)
{
    for (size_t i = 0; i < n; i++)
        ((float *)z)[i] = ((const bool *)x)[i] ? ((const float *)y)[i] : ((const float *)w)[i];
}
F(widen_floats)
{
    (void)y, (void)w;
    for (size_t i = 0; i < n; i++)
        ((double *)z)[i] = (double)((const float *)x)[i];
}
static bool all_positive(size_t n, const void *x, const void *y)
{
    (void)x;
    for (size_t i = 0; i < n; i++)
        if (!(((const float *)y)[i] > 0))
            return false;
    return true;
}

static uint32_t state = 1;
static float random_float(void)
{
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / (float)(1 << 24) * 4 - 2;
}

static float *random_floats(size_t n)
{
    float *x = malloc((n + 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = random_float();
    return x;
}

/* The element of an operand that stands at element `index` of the output. */
static size_t index_in(tw_shape operand, tw_shape shape, size_t index)
{
    size_t at = 0, stride = 1;
    for (size_t d = shape.rank; d-- > 0;) {
        size_t position = index % (size_t)shape.dims[d];
        index /= (size_t)shape.dims[d];
        if (d + operand.rank < shape.rank)
            continue;
        size_t size = (size_t)operand.dims[d + operand.rank - shape.rank];
        at += size == 1 ? 0 : position * stride;
        stride *= size;
    }
    return at;
}

static tw_tile_bound *bind(const tw_tile_program *program, const tw_shape *shapes, tw_shape shape,
                           void **workspace)
{
    tw_tile_bound *bound = tw_alloc_aligned(tw_tile_bound_size(program));
    assert_non_null(bound);
    assert_null(tw_tile_bind(program, shapes, shape, bound));
    *workspace = tw_alloc_aligned(tw_tile_workspace(bound) + 1);
    assert_non_null(*workspace);
    return bound;
}

static const tw_tile_instruction multiply = {
    .loop = mul_floats, .dtype = TW_FLOAT32, .cost = 60, .source_count = 2, .sources = {0, 1}};

/* ---- broadcasting ---- */

static void check_product(tw_shape x_shape, tw_shape y_shape, tw_shape shape)
{
    size_t x_count = (size_t)tw_shape_elements(x_shape), count = (size_t)tw_shape_elements(shape);
    size_t y_count = (size_t)tw_shape_elements(y_shape);
    float *x = random_floats(x_count), *y = random_floats(y_count);
    float *z = malloc((count + 16) * sizeof *z);
    tw_tile_operand operands[] = {{.dtype = TW_FLOAT32}, {.dtype = TW_FLOAT32}};
    const uint16_t output = 2;
    tw_tile_program program = {.operands = operands,
                               .instructions = &multiply,
                               .outputs = &output,
                               .operand_count = 2,
                               .instruction_count = 1,
                               .output_count = 1};
    assert_true(tw_tile_bound_size(&program) <= TW_TILE_SINGLE_SIZE);
    void *workspace;
    tw_tile_bound *bound = bind(&program, (tw_shape[]){x_shape, y_shape}, shape, &workspace);
    for (size_t i = 0; i < 16; i++)
        z[count + i] = 77;
    assert_null(tw_tile_run(bound, (const void *[]){x, y}, (void *[]){z}, workspace, 1));
    for (size_t i = 0; i < count; i++) {
        float want = x[index_in(x_shape, shape, i)] * y[index_in(y_shape, shape, i)];
        if (z[i] != want)
            fail_msg("%s * %s: element %zu is %g, not %g", tw_shape_text(x_shape).s,
                     tw_shape_text(y_shape).s, i, (double)z[i], (double)want);
    }
    for (size_t i = 0; i < 16; i++)
        assert_true(z[count + i] == 77);
    tw_free_aligned(bound), tw_free_aligned(workspace), free(x), free(y), free(z);
}

static void operands_of_every_length_give_every_element_and_no_more(void **s)
{
    (void)s;
    for (int64_t n = 0; n < 70; n++)
        check_product(TW_SHAPE(n), TW_SHAPE(n), TW_SHAPE(n));
    const int64_t lengths[] = {255, 256, 257, 511, 512, 513, 1023, 1025, 5000, 70001};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        int64_t n = lengths[i];
        check_product(TW_SHAPE(n), TW_SHAPE(n), TW_SHAPE(n));
        check_product(TW_SHAPE(n), TW_SHAPE(), TW_SHAPE(n));
        check_product(TW_SHAPE(1), TW_SHAPE(n), TW_SHAPE(n));
    }
}

static void rows_columns_and_inner_dimensions_are_repeated(void **s)
{
    (void)s;
    const int64_t sizes[] = {1, 2, 3, 10, 16, 17, 100, 511, 512, 513, 1300};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            int64_t a = sizes[i], b = sizes[k];
            check_product(TW_SHAPE(a, b), TW_SHAPE(b), TW_SHAPE(a, b));
            check_product(TW_SHAPE(a, b), TW_SHAPE(a, 1), TW_SHAPE(a, b));
            check_product(TW_SHAPE(a, 1), TW_SHAPE(1, b), TW_SHAPE(a, b));
            if (a * b < 20000) {
                check_product(TW_SHAPE(3, a, b), TW_SHAPE(a, 1), TW_SHAPE(3, a, b));
                check_product(TW_SHAPE(a, 3, b), TW_SHAPE(a, 1, b), TW_SHAPE(a, 3, b));
                check_product(TW_SHAPE(1, b, 2), TW_SHAPE(a, 1, 1), TW_SHAPE(a, b, 2));
            }
        }
    }
    check_product(TW_SHAPE(2, 1, 2, 1, 2), TW_SHAPE(1, 3, 1, 3, 1), TW_SHAPE(2, 3, 2, 3, 2));
    check_product(TW_SHAPE(0, 3), TW_SHAPE(3), TW_SHAPE(0, 3));
    check_product(TW_SHAPE(3, 0), TW_SHAPE(3, 1), TW_SHAPE(3, 0));
}

static void shapes_that_do_not_broadcast_are_refused(void **s)
{
    (void)s;
    tw_tile_operand operands[] = {{.dtype = TW_FLOAT32}, {.dtype = TW_FLOAT32}};
    const uint16_t output = 2;
    tw_tile_program program = {.operands = operands,
                               .instructions = &multiply,
                               .outputs = &output,
                               .operand_count = 2,
                               .instruction_count = 1,
                               .output_count = 1};
    _Alignas(64) char bound[TW_TILE_SINGLE_SIZE];
    tw_shape shapes[] = {TW_SHAPE(2, 3), TW_SHAPE(2)};
    tw_status *status = tw_tile_bind(&program, shapes, TW_SHAPE(2, 3), (tw_tile_bound *)bound);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    tw_status_free(status);
    shapes[1] = TW_SHAPE(1, 2, 3);
    status = tw_tile_bind(&program, shapes, TW_SHAPE(2, 3), (tw_tile_bound *)bound);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    tw_status_free(status);
}

/* ---- chains ---- */

enum { A, B, C, LIMIT, SUM, PRODUCT, TEST, CHOICE }; /* values of the program below */

/* sum = a + b; product = sum * c; test = product < limit; choice = test ? product : a. b is a row
 * of the length of the last dimension, c is full, the limit a constant. */
static const tw_tile_instruction chain[] = {
    {.loop = add_floats, .dtype = TW_FLOAT32, .cost = 60, .source_count = 2, .sources = {A, B}},
    {.loop = mul_floats, .dtype = TW_FLOAT32, .cost = 60, .source_count = 2, .sources = {SUM, C}},
    {.loop = less_floats,
     .dtype = TW_BOOL,
     .cost = 60,
     .source_count = 2,
     .sources = {PRODUCT, LIMIT}},
    {.loop = choose_floats,
     .dtype = TW_FLOAT32,
     .cost = 60,
     .source_count = 3,
     .sources = {TEST, PRODUCT, A}}};

static tw_tile_operand chain_operands[4] = {{.dtype = TW_FLOAT32},
                                            {.dtype = TW_FLOAT32},
                                            {.dtype = TW_FLOAT32},
                                            {.dtype = TW_FLOAT32, .constant = true}};

static float chain_value(float a, float b, float c)
{
    float product = (a + b) * c;
    return product < 0.5f ? product : a;
}

static void set_limit(void)
{
    float limit = 0.5f;
    memcpy(chain_operands[LIMIT].value, &limit, sizeof limit);
}

static void a_chain_stores_all_its_outputs_even_over_its_operands(void **s)
{
    (void)s;
    set_limit();
    const int64_t cases[][2] = {{1, 1}, {7, 10}, {3, 700}, {100, 784}, {2000, 5}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        int64_t rows = cases[k][0], columns = cases[k][1];
        size_t count = (size_t)(rows * columns);
        float *a = random_floats(count), *b = random_floats((size_t)columns);
        float *c = random_floats(count), *choice = malloc(count * sizeof *choice);
        float *want = malloc(count * sizeof *want), *sums = malloc(count * sizeof *sums);
        bool *test = malloc(count);
        for (size_t i = 0; i < count; i++) {
            want[i] = chain_value(a[i], b[i % (size_t)columns], c[i]);
            sums[i] = a[i] + b[i % (size_t)columns];
        }
        const uint16_t outputs[] = {CHOICE, TEST, SUM};
        tw_tile_program program = {.operands = chain_operands,
                                   .instructions = chain,
                                   .outputs = outputs,
                                   .operand_count = 4,
                                   .instruction_count = 4,
                                   .output_count = 3};
        tw_shape full = TW_SHAPE(rows, columns), shapes[] = {full, TW_SHAPE(columns), full, {0}};
        void *workspace;
        tw_tile_bound *bound = bind(&program, shapes, full, &workspace);
        /* sum goes over a, which the last instruction reads again */
        assert_null(tw_tile_run(bound, (const void *[]){a, b, c, NULL}, (void *[]){choice, test, a},
                                workspace, 1));
        assert_memory_equal(choice, want, count * sizeof *want);
        assert_memory_equal(a, sums, count * sizeof *sums);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(test[i], sums[i] * c[i] < 0.5f);
        tw_free_aligned(bound), tw_free_aligned(workspace), free(a), free(b), free(c), free(choice),
            free(want);
        free(sums), free(test);
    }
}

/* Short of a whole block, such a chain is copied to registers as a whole, outputs and all. */
static void every_element_of_many_outputs_is_computed(void **s)
{
    (void)s;
    set_limit();
    const uint16_t outputs[] = {CHOICE, TEST, SUM, PRODUCT};
    tw_tile_program program = {.operands = chain_operands,
                               .instructions = chain,
                               .outputs = outputs,
                               .operand_count = 4,
                               .instruction_count = 4,
                               .output_count = 4};
    for (size_t n = 1; n <= 512; n += 7) {
        tw_shape full = TW_SHAPE((int64_t)n), shapes[] = {full, full, full, {0}};
        float *a = random_floats(n), *b = random_floats(n), *c = random_floats(n);
        float *made[3] = {random_floats(n), random_floats(n), random_floats(n)};
        bool *test = malloc(n);
        void *workspace;
        tw_tile_bound *bound = bind(&program, shapes, full, &workspace);
        assert_null(tw_tile_run(bound, (const void *[]){a, b, c, NULL},
                                (void *[]){made[0], test, made[1], made[2]}, workspace, 1));
        for (size_t i = 0; i < n; i++) {
            assert_float_equal(made[0][i], chain_value(a[i], b[i], c[i]), 1e-6);
            assert_float_equal(made[1][i], a[i] + b[i], 1e-6);
            assert_float_equal(made[2][i], (a[i] + b[i]) * c[i], 1e-6);
            assert_int_equal(test[i], made[2][i] < 0.5f);
        }
        tw_free_aligned(workspace);
        tw_free_aligned(bound);
        for (size_t k = 0; k < 3; k++)
            free(made[k]);
        free(a), free(b), free(c), free(test);
    }
}

static void a_value_may_be_wider_than_its_source(void **s)
{
    (void)s;
    enum { N = 1000 };
    float *x = random_floats(N);
    double z[N];
    tw_tile_operand operand = {.dtype = TW_FLOAT32};
    const tw_tile_instruction steps[] = {
        {.loop = add_floats, .dtype = TW_FLOAT32, .cost = 9, .source_count = 2, .sources = {0, 0}},
        {.loop = widen_floats, .dtype = TW_FLOAT64, .cost = 9, .source_count = 1, .sources = {1}}};
    const uint16_t output = 2;
    tw_tile_program program = {.operands = &operand,
                               .instructions = steps,
                               .outputs = &output,
                               .operand_count = 1,
                               .instruction_count = 2,
                               .output_count = 1};
    void *workspace;
    tw_tile_bound *bound = bind(&program, (tw_shape[]){TW_SHAPE(N)}, TW_SHAPE(N), &workspace);
    assert_null(tw_tile_run(bound, (const void *[]){x}, (void *[]){z}, workspace, 1));
    for (size_t i = 0; i < N; i++)
        assert_true(z[i] == (double)(x[i] + x[i]));
    tw_free_aligned(bound), tw_free_aligned(workspace), free(x);
}

static void sixteen_bit_floats_are_rounded_after_each_instruction(void **s)
{
    (void)s;
    enum { N = 300 };
    const tw_dtype dtypes[] = {TW_FLOAT16, TW_BFLOAT16};
    for (size_t k = 0; k < 2; k++) {
        tw_dtype dtype = dtypes[k];
        uint16_t x[N], y[N], z[N];
        for (size_t i = 0; i < N; i++) {
            tw_element_set(dtype, &x[i], (double)random_float());
            tw_element_set(dtype, &y[i], (double)random_float());
        }
        tw_tile_operand operands[] = {{.dtype = dtype}, {.dtype = dtype}};
        const tw_tile_instruction steps[] = {{.loop = mul_floats,
                                              .dtype = dtype,
                                              .in_float = true,
                                              .source_count = 2,
                                              .sources = {0, 1}},
                                             {.loop = add_floats,
                                              .dtype = dtype,
                                              .in_float = true,
                                              .source_count = 2,
                                              .sources = {2, 0}}};
        const uint16_t output = 3;
        tw_tile_program program = {.operands = operands,
                                   .instructions = steps,
                                   .outputs = &output,
                                   .operand_count = 2,
                                   .instruction_count = 2,
                                   .output_count = 1};
        tw_shape shapes[] = {TW_SHAPE(N), TW_SHAPE(N)};
        void *workspace;
        tw_tile_bound *bound = bind(&program, shapes, TW_SHAPE(N), &workspace);
        assert_null(tw_tile_run(bound, (const void *[]){x, y}, (void *[]){z}, workspace, 1));
        for (size_t i = 0; i < N; i++) {
            uint16_t product, sum;
            double a = tw_element_get(dtype, &x[i]), b = tw_element_get(dtype, &y[i]);
            tw_element_set(dtype, &product, a * b);
            tw_element_set(dtype, &sum, tw_element_get(dtype, &product) + a);
            assert_int_equal(z[i], sum);
        }
        tw_free_aligned(bound), tw_free_aligned(workspace);
    }
}

static void a_failed_check_says_why(void **s)
{
    (void)s;
    float x[40], y[40], z[40];
    for (size_t i = 0; i < 40; i++)
        x[i] = y[i] = 1;
    tw_tile_operand operands[] = {{.dtype = TW_FLOAT32}, {.dtype = TW_FLOAT32}};
    tw_tile_instruction step = multiply;
    step.check = all_positive;
    step.failure = (tw_tile_failure){TW_INVALID_ARGUMENT, "not positive"};
    const uint16_t output = 2;
    tw_tile_program program = {.operands = operands,
                               .instructions = &step,
                               .outputs = &output,
                               .operand_count = 2,
                               .instruction_count = 1,
                               .output_count = 1};
    tw_shape shapes[] = {TW_SHAPE(40), TW_SHAPE(40)};
    void *workspace;
    tw_tile_bound *bound = bind(&program, shapes, TW_SHAPE(40), &workspace);
    assert_null(tw_tile_run(bound, (const void *[]){x, y}, (void *[]){z}, workspace, 1));
    y[39] = 0;
    tw_status *status = tw_tile_run(bound, (const void *[]){x, y}, (void *[]){z}, workspace, 1);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    assert_string_equal(tw_status_message(status), "not positive");
    tw_status_free(status);
    /* in place: the check sees the operand, not the result */
    y[39] = 1;
    x[0] = -1;
    assert_null(tw_tile_run(bound, (const void *[]){x, y}, (void *[]){y}, workspace, 1));
    tw_free_aligned(bound), tw_free_aligned(workspace);
}

/* ---- reductions ---- */

static double start_of(tw_tile_reduce kind)
{
    return kind == TW_TILE_PROD  ? 1
           : kind == TW_TILE_MAX ? -INFINITY
           : kind == TW_TILE_MIN ? INFINITY
                                 : 0;
}

static double join(tw_tile_reduce kind, double a, double b)
{
    return kind == TW_TILE_PROD  ? a * b
           : kind == TW_TILE_MAX ? (b > a ? b : a)
           : kind == TW_TILE_MIN ? (b < a ? b : a)
                                 : a + b;
}

/* Reduces x * y, x of shape (rows, columns), y a row, over the rows or the columns. */
static void check_reduction(tw_tile_reduce kind, bool outer, int64_t rows, int64_t columns)
{
    size_t count = (size_t)(rows * columns), n = (size_t)(outer ? columns : rows);
    float *x = random_floats(count), *y = random_floats((size_t)columns);
    float *one = malloc((n + 1) * sizeof *one), *many = malloc((n + 1) * sizeof *many);
    if (kind == TW_TILE_PROD) {
        for (size_t i = 0; i < count; i++)
            x[i] = 1 + x[i] / 1000;
        for (size_t i = 0; i < (size_t)columns; i++)
            y[i] = 1 + y[i] / 1000;
    }
    tw_tile_operand operands[] = {{.dtype = TW_FLOAT32}, {.dtype = TW_FLOAT32}};
    tw_tile_program program = {.operands = operands,
                               .instructions = &multiply,
                               .operand_count = 2,
                               .instruction_count = 1,
                               .reduction = {.kind = kind, .outer = outer, .value = 2, .split = 1}};
    tw_shape shapes[] = {TW_SHAPE(rows, columns), TW_SHAPE(columns)};
    void *workspace;
    tw_tile_bound *bound = bind(&program, shapes, shapes[0], &workspace);
    assert_null(tw_tile_run(bound, (const void *[]){x, y}, (void *[]){one}, workspace, 1));
    assert_null(tw_tile_run(bound, (const void *[]){x, y}, (void *[]){many}, workspace, 0));
    assert_memory_equal(one, many, n * sizeof *one);
    for (size_t i = 0; i < n; i++) {
        double want = start_of(kind), size = 0;
        size_t length = (size_t)(outer ? rows : columns);
        for (size_t k = 0; k < length; k++) {
            size_t row = outer ? k : i, column = outer ? i : k;
            float value = x[row * (size_t)columns + column] * y[column];
            want = join(kind, want, (double)value);
            size += fabs((double)value);
        }
        if (kind == TW_TILE_MEAN)
            want /= (double)length, size /= (double)length;
        want = (double)(float)want;
        if (!(fabs((double)one[i] - want) <= 1e-6 * size + 1e-6 * fabs(want)) &&
            !(want != want && one[i] != one[i]) && !((double)one[i] == want))
            fail_msg("kind %d of (%d, %d): element %zu is %g, not %g", (int)kind, (int)rows,
                     (int)columns, i, (double)one[i], want);
    }
    tw_free_aligned(bound), tw_free_aligned(workspace), free(x), free(y), free(one), free(many);
}

static void rows_and_columns_are_reduced_alike_on_any_number_of_threads(void **s)
{
    (void)s;
    const int64_t cases[][2] = {{1, 1},      {5, 10},     {100, 10}, {3, 1000},
                                {1, 70000},  {2, 300000}, {1000, 3}, {784, 256},
                                {300000, 2}, {0, 4},      {4, 0}};
    tw_pool_set_threads(3);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        for (tw_tile_reduce kind = TW_TILE_SUM; kind <= TW_TILE_MIN; kind++) {
            check_reduction(kind, false, cases[k][0], cases[k][1]);
            check_reduction(kind, true, cases[k][0], cases[k][1]);
        }
    }
    tw_pool_set_threads(0);
}

static void everything_is_reduced_to_one_number(void **s)
{
    (void)s;
    enum { N = 1000003 };
    float *x = random_floats(N), sum;
    double want = 0;
    for (size_t i = 0; i < N; i++)
        want += (double)(x[i] + x[i]);
    tw_tile_operand operand = {.dtype = TW_FLOAT32};
    const tw_tile_instruction twice = {
        .loop = add_floats, .dtype = TW_FLOAT32, .cost = 60, .source_count = 2, .sources = {0, 0}};
    tw_tile_program program = {.operands = &operand,
                               .instructions = &twice,
                               .operand_count = 1,
                               .instruction_count = 1,
                               .reduction = {.kind = TW_TILE_SUM, .value = 1, .split = 0}};
    void *workspace;
    tw_tile_bound *bound = bind(&program, (tw_shape[]){TW_SHAPE(N)}, TW_SHAPE(N), &workspace);
    assert_null(tw_tile_run(bound, (const void *[]){x}, (void *[]){&sum}, workspace, 0));
    assert_true(fabs((double)sum - want) < 1e-4 * fabs(want) + 1e-3);
    tw_free_aligned(bound), tw_free_aligned(workspace), free(x);
}

static void results_have_the_same_bits_on_any_number_of_threads(void **s)
{
    (void)s;
    set_limit();
    enum { ROWS = 3000, COLUMNS = 333, COUNT = ROWS * COLUMNS };
    float *a = random_floats(COUNT), *b = random_floats(COLUMNS), *c = random_floats(COUNT);
    float *one = malloc(COUNT * sizeof *one), *many = malloc(COUNT * sizeof *many);
    const uint16_t output = CHOICE;
    tw_tile_program program = {.operands = chain_operands,
                               .instructions = chain,
                               .outputs = &output,
                               .operand_count = 4,
                               .instruction_count = 4,
                               .output_count = 1};
    tw_shape full = TW_SHAPE(ROWS, COLUMNS), shapes[] = {full, TW_SHAPE(COLUMNS), full, {0}};
    void *workspace;
    tw_tile_bound *bound = bind(&program, shapes, full, &workspace);
    const void *in[] = {a, b, c, NULL};
    tw_pool_set_threads(4);
    assert_null(tw_tile_run(bound, in, (void *[]){one}, workspace, 1));
    assert_null(tw_tile_run(bound, in, (void *[]){many}, workspace, 4));
    assert_memory_equal(one, many, COUNT * sizeof *one);
    for (size_t i = 0; i < COUNT; i += 101)
        assert_true(one[i] == chain_value(a[i], b[i % COLUMNS], c[i]));
    tw_pool_set_threads(0);
    tw_free_aligned(bound), tw_free_aligned(workspace), free(a), free(b), free(c), free(one),
        free(many);
}

static void many_values_alive_at_once_take_shorter_tiles_or_are_refused(void **s)
{
    (void)s;
    enum { MANY = 200, N = 100 };
    float x[N], z[N];
    for (size_t i = 0; i < N; i++)
        x[i] = (float)i;
    /* `alive` sums x + x, all used only at the end. */
    for (size_t alive = 1; alive <= MANY; alive += alive < 40 ? 13 : 53) {
        tw_tile_operand operand = {.dtype = TW_FLOAT32};
        tw_tile_instruction steps[2 * MANY];
        for (size_t i = 0; i < alive; i++)
            steps[i] = (tw_tile_instruction){
                .loop = add_floats, .dtype = TW_FLOAT32, .source_count = 2, .sources = {0, 0}};
        for (size_t i = 0; i < alive; i++)
            steps[alive + i] = (tw_tile_instruction){
                .loop = add_floats,
                .dtype = TW_FLOAT32,
                .source_count = 2,
                .sources = {(uint16_t)(i ? alive + i : 0), (uint16_t)(1 + i)}};
        const uint16_t output = (uint16_t)(2 * alive);
        tw_tile_program program = {.operands = &operand,
                                   .instructions = steps,
                                   .outputs = &output,
                                   .operand_count = 1,
                                   .instruction_count = (uint16_t)(2 * alive),
                                   .output_count = 1};
        void *memory = tw_alloc_aligned(tw_tile_bound_size(&program));
        tw_shape shape = TW_SHAPE(N);
        tw_status *status = tw_tile_bind(&program, &shape, shape, memory);
        if (status) {
            assert_true(alive > 80);
            tw_status_free(status);
        } else {
            assert_null(tw_tile_run(memory, (const void *[]){x}, (void *[]){z}, NULL, 1));
            for (size_t i = 0; i < N; i++)
                assert_true(z[i] == (float)(1 + 2 * alive) * x[i]);
        }
        tw_free_aligned(memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operands_of_every_length_give_every_element_and_no_more),
        cmocka_unit_test(rows_columns_and_inner_dimensions_are_repeated),
        cmocka_unit_test(shapes_that_do_not_broadcast_are_refused),
        cmocka_unit_test(a_chain_stores_all_its_outputs_even_over_its_operands),
        cmocka_unit_test(every_element_of_many_outputs_is_computed),
        cmocka_unit_test(a_value_may_be_wider_than_its_source),
        cmocka_unit_test(sixteen_bit_floats_are_rounded_after_each_instruction),
        cmocka_unit_test(a_failed_check_says_why),
        cmocka_unit_test(rows_and_columns_are_reduced_alike_on_any_number_of_threads),
        cmocka_unit_test(everything_is_reduced_to_one_number),
        cmocka_unit_test(results_have_the_same_bits_on_any_number_of_threads),
        cmocka_unit_test(many_values_alive_at_once_take_shorter_tiles_or_are_refused),
    };
    return cmocka_run_group_tests_name("tile", tests, NULL, NULL);
}
