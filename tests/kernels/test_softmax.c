/* SPDX-License-Identifier: Apache-2.0
 * Softmax and cross entropy against double arithmetic, for short and long rows of every dtype. */
#include "kernel_test.h"

#include "kernels/softmax.h"
#include "support/failing_allocator.h"

static const tw_dtype dtypes[] = {TW_FLOAT32, TW_FLOAT64, TW_FLOAT16, TW_BFLOAT16};
static const size_t shapes[][2] = {{1, 1},    {3, 2},     {100, 10}, {7, 33},  {5, 600},
                                   {2, 5000}, {400, 101}, {3, 513},  {2, 527}, {3, 1000}};
static const tw_par three = {.threads = 3};

static double precision(tw_dtype dtype)
{
    return dtype == TW_FLOAT64   ? 1e-14
           : dtype == TW_FLOAT32 ? 1e-6
           : dtype == TW_FLOAT16 ? 2e-3
                                 : 2e-2;
}

/* The largest element and the logarithm of the sum of exponentials over it. */
static void row_of(tw_dtype dtype, const void *x, size_t start, size_t cols, double *most,
                   double *log_sum)
{
    double sum = 0;
    *most = -INFINITY;
    for (size_t j = 0; j < cols; j++)
        *most = fmax(*most, number_at(dtype, x, start + j));
    for (size_t j = 0; j < cols; j++)
        sum += exp(number_at(dtype, x, start + j) - *most);
    *log_sum = log(sum);
}

static void check_softmax(tw_dtype dtype, size_t rows, size_t cols, bool in_log)
{
    size_t bytes = rows * cols * tw_dtype_size(dtype);
    void *x = random_numbers(dtype, rows * cols, rows), *one = malloc(bytes), *many = malloc(bytes);
    assert_ok(tw_softmax(dtype, in_log, rows, cols, x, one, NULL));
    memcpy(many, x, bytes);
    assert_ok(tw_softmax(dtype, in_log, rows, cols, many, many, &three));
    assert_memory_equal(one, many, bytes);
    for (size_t i = 0; i < rows; i++) {
        double most, log_sum;
        row_of(dtype, x, i * cols, cols, &most, &log_sum);
        for (size_t j = 0; j < cols; j++) {
            double d = number_at(dtype, x, i * cols + j) - most - log_sum;
            double want = in_log ? d : exp(d);
            assert_near(number_at(dtype, one, i * cols + j), want,
                        precision(dtype) * (2 + fabs(want)), tw_dtype_name(dtype));
        }
    }
    free(x);
    free(one);
    free(many);
}

static void every_row_is_normalised(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
            for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
                check_softmax(dtypes[d], shapes[s][0], shapes[s][1], false);
                check_softmax(dtypes[d], shapes[s][0], shapes[s][1], true);
            }
        }
    }
}

static void rows_without_a_finite_maximum_are_nan(void **state)
{
    (void)state;
    const float x[8] = {INFINITY, 1, -INFINITY, 1, NAN, 1, -INFINITY, -INFINITY};
    const float want[8] = {NAN, NAN, 0, 1, NAN, NAN, NAN, NAN};
    const float want_log[8] = {NAN, NAN, -INFINITY, 0, NAN, NAN, NAN, NAN};
    float y[8];
    for (EACH_LEVEL(level)) {
        assert_ok(tw_softmax(TW_FLOAT32, false, 4, 2, x, y, NULL));
        for (size_t i = 0; i < 8; i++)
            assert_near(y[i], want[i], 0, "softmax");
        assert_ok(tw_softmax(TW_FLOAT32, true, 4, 2, x, y, NULL));
        for (size_t i = 0; i < 8; i++)
            assert_near(y[i], want_log[i], 0, "log-softmax");
    }
}

/* The same inside of a row that is long enough for vectors. */
static void a_long_row_with_nan_or_infinity_is_nan(void **state)
{
    (void)state;
    enum { N = 100 };
    for (EACH_LEVEL(level)) {
        for (size_t place = 0; place < N; place += 9) {
            float x[N], y[N];
            for (size_t i = 0; i < N; i++)
                x[i] = (float)(i % 5);
            x[place] = place % 2 ? NAN : INFINITY;
            assert_ok(tw_softmax(TW_FLOAT32, false, 1, N, x, y, NULL));
            assert_near(y[place], (double)NAN, 0, "the place");
            x[place] = -INFINITY;
            assert_ok(tw_softmax(TW_FLOAT32, false, 1, N, x, y, NULL));
            assert_near(y[place], 0, 0, "nothing");
            assert_true(y[(place + 1) % N] > 0);
        }
    }
}

/* Large results are stored past the caches: each row has the bits that it has alone, wherever its
 * lines begin, and nothing beside it is touched. */
static void a_large_result_has_the_rows_of_small_ones(void **state)
{
    (void)state;
    enum { COLS = 1003, ROWS = (16 << 20) / 4 / COLS + 1 };
    const tw_dtype floats[] = {TW_FLOAT32, TW_FLOAT64};
    const tw_par two = {.threads = 2};
    for (size_t d = 0; d < 2; d++) {
        size_t size = tw_dtype_size(floats[d]), rows = ROWS * 4 / size;
        char *x = random_numbers(floats[d], rows * COLS, 5), *y = calloc(rows * COLS + 16, size);
        char alone[COLS * sizeof(double)];
        assert_non_null(y);
        assert_ok(tw_softmax(floats[d], false, rows, COLS, x, y + size, &two));
        for (size_t r = 0; r < rows; r++) {
            assert_ok(tw_softmax(floats[d], false, 1, COLS, x + r * COLS * size, alone, NULL));
            assert_memory_equal(y + (1 + r * COLS) * size, alone, COLS * size);
        }
        assert_near(number_at(floats[d], y, 0), 0, 0, "before");
        assert_near(number_at(floats[d], y, rows * COLS + 1), 0, 0, "behind");
        free(x), free(y);
    }
}

static void compare_xent(tw_dtype dtype, size_t rows, size_t cols, const void *x, size_t xs,
                         const void *labels, size_t ls, const void *loss, const void *backprop)
{
    for (size_t i = 0; i < rows; i++) {
        double most, log_sum, want = 0;
        row_of(dtype, x, i * xs, cols, &most, &log_sum);
        for (size_t j = 0; j < cols; j++) {
            double d = number_at(dtype, x, i * xs + j) - most - log_sum;
            double label = number_at(dtype, labels, i * ls + j);
            want -= label * d;
            assert_near(number_at(dtype, backprop, i * cols + j), exp(d) - label,
                        precision(dtype) * (1 + fabs(label)), "backprop");
        }
        assert_near(number_at(dtype, loss, i), want, precision(dtype) * 10 * (double)(cols + 10),
                    "loss");
    }
}

static void check_xent(tw_dtype dtype, size_t rows, size_t cols, bool one_logits, bool one_labels)
{
    size_t size = tw_dtype_size(dtype), bytes = rows * cols * size;
    size_t xs = one_logits ? 0 : cols, ls = one_labels ? 0 : cols;
    void *x = random_numbers(dtype, rows * cols, 3),
         *labels = random_numbers(dtype, rows * cols, 4);
    void *loss = malloc(rows * size), *only = malloc(rows * size);
    void *back = malloc(bytes), *many = malloc(bytes);
    assert_ok(tw_softmax_xent(dtype, rows, cols, x, xs, labels, ls, 1, loss, back, NULL));
    assert_ok(tw_softmax_xent(dtype, rows, cols, x, xs, labels, ls, 1, only, NULL, &three));
    assert_memory_equal(loss, only, rows * size);
    if (!one_logits) {
        memcpy(many, x, bytes);
        assert_ok(tw_softmax_xent(dtype, rows, cols, many, xs, labels, ls, 1, NULL, many, &three));
        assert_memory_equal(back, many, bytes);
    }
    compare_xent(dtype, rows, cols, x, xs, labels, ls, loss, back);
    free(x);
    free(labels);
    free(loss);
    free(only);
    free(back);
    free(many);
}

static void cross_entropy_gives_loss_and_gradient(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
            for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
                for (unsigned flags = 0; flags < 3; flags++)
                    check_xent(dtypes[d], shapes[s][0], shapes[s][1], flags & 1, flags >> 1 & 1);
            }
        }
    }
}

static void check_sparse(tw_dtype dtype, size_t rows, size_t cols, bool wide)
{
    size_t size = tw_dtype_size(dtype), bytes = rows * cols * size;
    void *x = random_numbers(dtype, rows * cols, 3), *labels = calloc(rows * cols, size);
    void *loss = malloc(rows * size), *only = malloc(rows * size);
    void *back = malloc(bytes), *many = malloc(bytes);
    int64_t *classes = malloc(rows * sizeof *classes);
    for (size_t i = 0; i < rows; i++) {
        int64_t c = (int64_t)(i * 7 % cols);
        if (wide)
            classes[i] = c;
        else
            ((int32_t *)classes)[i] = (int32_t)c;
        tw_element_set(dtype, (char *)labels + (i * cols + (size_t)c) * size, 1);
    }
    tw_dtype as = wide ? TW_INT64 : TW_INT32;
    assert_ok(tw_sparse_softmax_xent(dtype, rows, cols, x, as, classes, 1, loss, back, NULL, NULL));
    assert_ok(
        tw_sparse_softmax_xent(dtype, rows, cols, x, as, classes, 1, only, NULL, NULL, &three));
    assert_ok(
        tw_sparse_softmax_xent(dtype, rows, cols, x, as, classes, 1, NULL, many, NULL, &three));
    assert_memory_equal(loss, only, rows * size);
    assert_memory_equal(back, many, bytes);
    compare_xent(dtype, rows, cols, x, cols, labels, cols, loss, back);
    free(x);
    free(labels);
    free(loss);
    free(only);
    free(back);
    free(many);
    free(classes);
}

/* A derivative with a factor is one without, multiplied; the loss stays. */
static void check_factor(size_t rows, size_t cols, float factor)
{
    size_t bytes = rows * cols * sizeof(float);
    float *x = random_numbers(TW_FLOAT32, rows * cols, 3);
    float *labels = random_numbers(TW_FLOAT32, rows * cols, 4), *loss = malloc(rows * sizeof *loss);
    float *only = malloc(rows * sizeof *loss), *back = malloc(bytes), *scaled = malloc(bytes);
    int32_t *classes = malloc(rows * sizeof *classes);
    for (size_t i = 0; i < rows; i++)
        classes[i] = (int32_t)(i * 5 % cols);
    for (int sparse = 0; sparse < 2; sparse++) {
        if (sparse) {
            assert_ok(tw_sparse_softmax_xent(TW_FLOAT32, rows, cols, x, TW_INT32, classes, 1, loss,
                                             back, NULL, NULL));
            assert_ok(tw_sparse_softmax_xent(TW_FLOAT32, rows, cols, x, TW_INT32, classes, factor,
                                             only, scaled, NULL, &three));
        } else {
            assert_ok(tw_softmax_xent(TW_FLOAT32, rows, cols, x, cols, labels, cols, 1, loss, back,
                                      NULL));
            assert_ok(tw_softmax_xent(TW_FLOAT32, rows, cols, x, cols, labels, cols, factor, only,
                                      scaled, &three));
        }
        assert_memory_equal(loss, only, rows * sizeof *loss);
        for (size_t i = 0; i < rows * cols; i++)
            assert_near(scaled[i], factor * back[i], 1e-6 * fabsf(factor), "scaled");
    }
    free(x);
    free(labels);
    free(loss);
    free(only);
    free(back);
    free(scaled);
    free(classes);
}

static void a_factor_goes_into_the_derivative(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            check_factor(shapes[s][0], shapes[s][1], s % 2 ? 0.125f : -3.0f);
    }
}

static void cross_entropy_takes_classes_too(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
            for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
                check_sparse(dtypes[d], shapes[s][0], shapes[s][1], s % 2);
        }
    }
}

/* Nothing else changes where the rows of the derivative are summed. */
static void check_sums(tw_dtype dtype, size_t rows, size_t cols)
{
    size_t size = tw_dtype_size(dtype), bytes = rows * cols * size;
    size_t room = tw_sparse_softmax_xent_room(dtype, rows, cols);
    char *x = random_numbers(dtype, rows * cols, 3), *loss = malloc(2 * rows * size);
    char *back = malloc(bytes), *many = malloc(bytes), *sums = malloc(2 * cols * size);
    char *only = loss + rows * size, *again = sums + cols * size, *lent = malloc(room + 1);
    int32_t *classes = malloc(rows * sizeof *classes);
    tw_par with = {.threads = 2, .workspace = lent, .workspace_bytes = room};
    for (size_t i = 0; i < rows; i++)
        classes[i] = (int32_t)(i * 5 % cols);
    assert_ok(tw_sparse_softmax_xent(dtype, rows, cols, x, TW_INT32, classes, 0.25, loss, many,
                                     NULL, NULL));
    assert_ok(tw_sparse_softmax_xent(dtype, rows, cols, x, TW_INT32, classes, 0.25, only, back,
                                     sums, NULL));
    assert_memory_equal(loss, only, rows * size);
    assert_memory_equal(back, many, bytes);
    for (size_t j = 0; j < cols; j++) {
        double sum = 0, sizes = 0;
        for (size_t i = 0; i < rows; i++) {
            sum += number_at(dtype, back, i * cols + j);
            sizes += fabs(number_at(dtype, back, i * cols + j));
        }
        assert_near(number_at(dtype, sums, j), sum, precision(dtype) * (sizes + 0.25), "sums");
    }
    for (int i = 0; i < 2; i++) { /* in place, too */
        memcpy(many, x, bytes);
        assert_ok(tw_sparse_softmax_xent(dtype, rows, cols, many, TW_INT32, classes, 0.25, only,
                                         many, again, i ? &with : &three));
        assert_memory_equal(back, many, bytes);
        assert_memory_equal(sums, again, cols * size);
    }
    free(x), free(loss), free(back), free(many), free(sums), free(lent), free(classes);
}

/* One row, some that are taken together and what is left of such, one cell and several; short rows
 * and long ones, which end inside of a vector. */
static void rows_of_the_derivative_are_summed_too(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            check_sums(TW_FLOAT32, shapes[s][0], shapes[s][1]);
            check_sums(TW_FLOAT64, shapes[s][0], shapes[s][1]);
        }
        check_sums(TW_FLOAT32, 107, 2051);
        check_sums(TW_FLOAT64, 43, 519);
    }
}

static void huge_logits_do_not_overflow(void **state)
{
    (void)state;
    const float x[3] = {1000, -1000, 0}, labels[3] = {0, 1, 0};
    float loss, back[3];
    assert_ok(tw_softmax_xent(TW_FLOAT32, 1, 3, x, 3, labels, 3, 1, &loss, back, NULL));
    assert_near(loss, 2000, 0, "loss");
    assert_near(back[0], 1, 0, "backprop");
    assert_near(back[1], -1, 0, "backprop");
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    float x[6] = {0}, loss[2], back[6];
    assert_refused(tw_sparse_softmax_xent(TW_FLOAT32, 2, 3, x, TW_INT64, (int64_t[]){3, 0}, 1, loss,
                                          back, NULL, NULL),
                   TW_INVALID_ARGUMENT,
                   "Received a label value of 3 which is outside the valid range of [0, 3).  Label "
                   "values: 3 0");
    assert_refused(tw_sparse_softmax_xent(TW_FLOAT32, 2, 3, x, TW_INT32, (int32_t[]){0, -1}, 1,
                                          loss, back, NULL, NULL),
                   TW_INVALID_ARGUMENT, "Label values: 0 -1");
    assert_refused(
        tw_sparse_softmax_xent(TW_FLOAT32, 2, 3, x, TW_INT8, x, 1, loss, back, NULL, NULL),
        TW_UNIMPLEMENTED, "int8");
    assert_refused(tw_softmax(TW_INT32, false, 2, 3, x, back, NULL), TW_UNIMPLEMENTED, "int32");
    assert_refused(tw_softmax_xent(TW_INT32, 2, 3, x, 3, x, 3, 1, loss, back, NULL),
                   TW_UNIMPLEMENTED, "int32");
    assert_refused(tw_softmax(TW_FLOAT32, false, SIZE_MAX, 3, x, back, NULL), TW_INVALID_ARGUMENT,
                   "too large");
    assert_ok(tw_softmax(TW_FLOAT32, false, 0, 3, NULL, NULL, NULL));
    assert_ok(tw_softmax(TW_FLOAT32, false, 3, 0, x, back, NULL));
}

static void no_memory_for_scratch_is_a_status(void **state)
{
    (void)state;
    size_t cols = 30000;
    float *x = calloc(cols, sizeof *x), loss;
    failing_allocator_limit(cols);
    tw_status *status = tw_softmax_xent(TW_FLOAT32, 1, cols, x, cols, x, cols, 1, &loss, NULL,
                                        NULL);
    failing_allocator_limit(0);
    assert_int_equal(tw_status_code(status), TW_RESOURCE_EXHAUSTED);
    tw_status_free(status);
    free(x);
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_normalised),
        cmocka_unit_test(rows_without_a_finite_maximum_are_nan),
        cmocka_unit_test(a_long_row_with_nan_or_infinity_is_nan),
        cmocka_unit_test(a_large_result_has_the_rows_of_small_ones),
        cmocka_unit_test(cross_entropy_gives_loss_and_gradient),
        cmocka_unit_test(cross_entropy_takes_classes_too),
        cmocka_unit_test(a_factor_goes_into_the_derivative),
        cmocka_unit_test(rows_of_the_derivative_are_summed_too),
        cmocka_unit_test(huge_logits_do_not_overflow),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(no_memory_for_scratch_is_a_status),
    };
    return cmocka_run_group_tests(tests, enter_float_mode, NULL);
}
