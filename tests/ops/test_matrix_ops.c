/* SPDX-License-Identifier: Apache-2.0
 * Ops of linear algebra where golden files have no case: many matrices at once against one at a
 * time, NaN and infinity, numbers whose squares overflow, matrices close to singular, wide and tall
 * ones, and real numbers against the same as complex ones, which other loops compute. */
#include "ops_test.h"
#include "tensor/array.h"

enum { COUNT = 3, SIDE = 37 };

static const char *const factors[] = {"Cholesky", "MatrixInverse", "Qr", "SelfAdjointEigV2", "Svd"};
enum { FACTORS = sizeof factors / sizeof *factors };

static double next_number(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*seed >> 40) / 0x1p23 - 1;
}

static void set(tw_array *a, size_t index, double value)
{
    tw_element_set(tw_array_dtype(a),
                   (char *)tw_array_data(a) + index * tw_dtype_size(tw_array_dtype(a)), value);
}

/* Symmetric and positive definite, so that every op takes them. */
static tw_array *definite(tw_dtype dtype, size_t count, size_t n, double scale)
{
    tw_array *a = tw_array_new(dtype, TW_SHAPE((int64_t)count, (int64_t)n, (int64_t)n));
    uint64_t seed = 7;
    assert_non_null(a);
    for (size_t k = 0; k < count; k++) {
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j <= i; j++) {
                double x = (next_number(&seed) + (i == j ? (double)n : 0)) * scale;
                set(a, (k * n + i) * n + j, x);
                set(a, (k * n + j) * n + i, x);
            }
        }
    }
    return a;
}

static op_call call_of(const char *type, tw_array *x)
{
    return (op_call){.type = type, .inputs = {x}, .input_count = 1};
}

/* Matrix k of an array of some. */
static tw_array *one_of(const tw_array *all, size_t k)
{
    tw_shape shape = tw_array_shape(all);
    size_t bytes = tw_dtype_size(tw_array_dtype(all));
    for (size_t i = 1; i < shape.rank; i++)
        bytes *= (size_t)shape.dims[i];
    return tw_array_copy_of(tw_array_dtype(all), (tw_shape){shape.dims + 1, shape.rank - 1},
                            (const char *)tw_array_const_data(all) + k * bytes);
}

static void many_matrices_give_what_each_gives(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2 * FACTORS; f++) {
        op_call all = call_of(factors[f / 2],
                              definite(f % 2 ? TW_FLOAT32 : TW_FLOAT64, COUNT, SIDE, 1));
        call_good(&all);
        for (size_t k = 0; k < COUNT; k++) {
            op_call alone = call_of(factors[f / 2], one_of(all.inputs[0], k));
            call_good(&alone);
            for (size_t i = 0; i < alone.output_count; i++) {
                tw_array *part = one_of(all.outputs[i], k);
                size_t bytes = tw_array_count(part) * tw_dtype_size(tw_array_dtype(part));
                assert_memory_equal(tw_array_data(part), tw_array_data(alone.outputs[i]), bytes);
                tw_array_unref(part);
            }
            call_end(&alone);
        }
        call_end(&all);
    }
}

/* What does not depend on a choice of vectors: the first output, of Qr the absolute values. */
static void complex_loops_give_the_same(void **state)
{
    (void)state;
    for (size_t f = 0; f < FACTORS; f++) {
        op_call real = call_of(factors[f], definite(TW_FLOAT64, COUNT, SIDE, 1));
        tw_array *wide = tw_array_new(TW_COMPLEX128, tw_array_shape(real.inputs[0]));
        double *to = tw_array_data(wide);
        for (size_t i = 0; i < tw_array_count(wide); i++)
            to[2 * i] = tw_array_get(real.inputs[0], i), to[2 * i + 1] = 0;
        op_call complex = call_of(factors[f], wide);
        call_good(&real);
        call_good(&complex);
        const double *got = tw_array_data(real.outputs[0]),
                     *want = tw_array_data(complex.outputs[0]);
        bool parts = tw_array_dtype(complex.outputs[0]) == TW_COMPLEX128;
        for (size_t i = 0; i < tw_array_count(real.outputs[0]); i++)
            assert_true(fabs(fabs(got[i]) - fabs(want[parts ? 2 * i : i])) < 1e-11);
        call_end(&real);
        call_end(&complex);
    }
}

/* A number that is none, in the lower triangle: no crash, no endless loop, nothing that looks like
 * a result. */
static void numbers_that_are_not_finite_give_nan(void **state)
{
    (void)state;
    for (size_t f = 2; f < 2 * FACTORS; f++) {
        if (!strcmp(factors[f / 2], "MatrixInverse") && f % 2)
            continue; /* the inverse of infinity is 0 */
        op_call k = call_of(factors[f / 2], definite(TW_FLOAT64, 1, 10, 1));
        set(k.inputs[0], 93, f % 2 ? INFINITY : NAN);
        call_good(&k);
        for (size_t i = 0; i < k.output_count; i++) {
            bool any = false;
            for (size_t j = 0; j < tw_array_count(k.outputs[i]); j++)
                any |= isnan(tw_array_get(k.outputs[i], j));
            assert_true(any);
        }
        call_end(&k);
    }
    op_call k = call_of("Cholesky", definite(TW_FLOAT64, 1, 10, 1));
    set(k.inputs[0], 93, NAN);
    call_refused(&k, TW_INVALID_ARGUMENT, "not positive definite");
}

/* Values follow the scale of the matrix, at both ends of what numbers hold. */
static void values_of_huge_and_tiny_matrices_are_found(void **state)
{
    (void)state;
    for (size_t f = 3; f < FACTORS; f++) {
        op_call plain = call_of(factors[f], definite(TW_FLOAT64, 1, 20, 1));
        call_good(&plain);
        for (int way = 0; way < 2; way++) {
            double scale = way ? 0x1p-1000 : 0x1p1000;
            op_call k = call_of(factors[f], definite(TW_FLOAT64, 1, 20, scale));
            call_good(&k);
            for (size_t i = 0; i < 20; i++) {
                double want = tw_array_get(plain.outputs[0], i);
                assert_true(fabs(tw_array_get(k.outputs[0], i) / scale / want - 1) < 1e-13);
            }
            call_end(&k);
        }
        call_end(&plain);
    }
}

/* Hilbert's matrix: condition 1e13. Its solution is wrong in many digits, but gives the right side
 * again. */
static void solutions_of_ill_conditioned_matrices_give_the_right_side(void **state)
{
    (void)state;
    enum { N = 10 };
    for (int adjoint = 0; adjoint < 2; adjoint++) {
        op_call k = {.type = "MatrixSolve",
                     .inputs = {tw_array_new(TW_FLOAT64, TW_SHAPE(N, N)),
                                tw_array_new(TW_FLOAT64, TW_SHAPE(N, 1))},
                     .attrs = {bool_attr("adjoint", adjoint)},
                     .attr_count = 1,
                     .input_count = 2};
        for (size_t i = 0; i < N * N; i++)
            set(k.inputs[0], i, 1 / ((double)(i / N + i % N) + 1));
        for (size_t i = 0; i < N; i++)
            set(k.inputs[1], i, (double)i - 4);
        call_good(&k);
        double most = 0;
        for (size_t i = 0; i < N; i++)
            most = fmax(most, fabs(tw_array_get(k.outputs[0], i)));
        for (size_t i = 0; i < N; i++) {
            double sum = 0;
            for (size_t j = 0; j < N; j++)
                sum += tw_array_get(k.inputs[0], i * N + j) * tw_array_get(k.outputs[0], j);
            assert_true(fabs(sum - ((double)i - 4)) < 1e-15 * N * most);
        }
        call_end(&k);
    }
}

/* u diag(s) v^T of a matrix, whole or not, tall and wide, is the matrix; s descends. */
static void check_shape_of_svd(size_t m, size_t n, bool full)
{
    tw_array *x = tw_array_new(TW_FLOAT64, TW_SHAPE((int64_t)m, (int64_t)n));
    uint64_t seed = m + n;
    for (size_t i = 0; i < m * n; i++)
        set(x, i, next_number(&seed));
    op_call k = call_of("Svd", x);
    k.attrs[k.attr_count++] = bool_attr("full_matrices", full);
    call_good(&k);
    size_t least = m < n ? m : n, wide_u = full ? m : least, wide_v = full ? n : least;
    assert_shape(k.outputs[1], TW_SHAPE((int64_t)m, (int64_t)wide_u));
    assert_shape(k.outputs[2], TW_SHAPE((int64_t)n, (int64_t)wide_v));
    for (size_t i = 0; i < m * n; i++) {
        double sum = 0;
        for (size_t r = 0; r < least; r++)
            sum += tw_array_get(k.outputs[0], r) * tw_array_get(k.outputs[1], i / n * wide_u + r) *
                   tw_array_get(k.outputs[2], i % n * wide_v + r);
        assert_true(fabs(sum - tw_array_get(x, i)) < 1e-13);
    }
    for (size_t r = 1; r < least; r++)
        assert_true(tw_array_get(k.outputs[0], r) <= tw_array_get(k.outputs[0], r - 1));
    call_end(&k);
}

static void singular_vectors_of_every_shape_give_the_matrix(void **state)
{
    (void)state;
    for (int full = 0; full < 2; full++) {
        check_shape_of_svd(23, 9, full);
        check_shape_of_svd(9, 23, full);
        check_shape_of_svd(17, 17, full);
        check_shape_of_svd(1, 5, full);
        check_shape_of_svd(0, 5, full);
    }
}

/* Two columns that are the same: of all solutions the shortest, whichever side is the longer. */
static void least_squares_of_any_rank_are_shortest(void **state)
{
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        static const double tall_a[] = {1, 1, 2, 2, 3, 3}, wide_a[] = {1, 2, 3, 1, 2, 3};
        op_call k = {
            .type = "MatrixSolveLs",
            .inputs = {tw_array_copy_of(TW_FLOAT64, wide ? TW_SHAPE(2, 3) : TW_SHAPE(3, 2),
                                        wide ? wide_a : tall_a),
                       wide ? tw_array_copy_of(TW_FLOAT64, TW_SHAPE(2, 1), (const double[]){14, 14})
                            : tw_array_copy_of(TW_FLOAT64, TW_SHAPE(3, 1),
                                               (const double[]){2, 4, 6}),
                       tw_array_copy_of(TW_FLOAT64, TW_SHAPE(), (const double[]){0})},
            .attrs = {bool_attr("fast", false)},
            .attr_count = 1,
            .input_count = 3};
        call_good(&k);
        if (wide)
            assert_holds(k.outputs[0], 1, 2, 3);
        else
            assert_holds(k.outputs[0], 1, 1);
        call_end(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_matrices_give_what_each_gives),
        cmocka_unit_test(complex_loops_give_the_same),
        cmocka_unit_test(numbers_that_are_not_finite_give_nan),
        cmocka_unit_test(values_of_huge_and_tiny_matrices_are_found),
        cmocka_unit_test(solutions_of_ill_conditioned_matrices_give_the_right_side),
        cmocka_unit_test(singular_vectors_of_every_shape_give_the_matrix),
        cmocka_unit_test(least_squares_of_any_rank_are_shortest),
    };
    return cmocka_run_group_tests_name("matrix ops", tests, NULL, NULL);
}
