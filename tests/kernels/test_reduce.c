/* SPDX-License-Identifier: Apache-2.0
 * Reductions against plain loops in double, over shapes that take every path. */
#include "kernel_test.h"

#include "kernels/reduce.h"

typedef struct example {
    size_t rank;
    int64_t dims[5];
    unsigned reduced; /* bit i: axis i */
} example;

static const example examples[] = {
    {0, {0}, 0},
    {1, {1}, 1},
    {1, {5}, 1},
    {1, {64}, 1},
    {1, {100}, 1},
    {1, {1000}, 1},
    {1, {1500}, 1},
    {1, {70001}, 1},
    {1, {300000}, 1},
    {1, {7}, 0},
    {2, {3, 4}, 1},
    {2, {3, 4}, 2},
    {2, {3, 4}, 3},
    {2, {100, 10}, 2},
    {2, {1000, 10}, 1},
    {2, {700, 300}, 1},
    {2, {300, 700}, 2},
    {2, {9, 40}, 2},
    {2, {5000, 3}, 1},
    {2, {70000, 2}, 1},
    {2, {2, 70000}, 2},
    {3, {4, 5, 6}, 5},
    {3, {4, 5, 6}, 2},
    {3, {33, 5, 70}, 5},
    {3, {3, 50, 7}, 2},
    {3, {40, 3, 31}, 5},
    {3, {1, 50, 1}, 2},
    {4, {2, 3, 4, 5}, 10},
    {4, {2, 3, 4, 5}, 5},
    {5, {3, 2, 5, 2, 3}, 21},
    {5, {3, 2, 5, 2, 3}, 10},
    {2, {0, 3}, 1},
    {2, {3, 0}, 2},
    {2, {0, 3}, 2},
    {3, {2, 0, 600}, 2},
};

/* Those from ONCE_FROM on have no loops of levels. */
enum { ONCE_FROM = 8 };
static const tw_dtype dtypes[] = {
    TW_FLOAT32, TW_FLOAT64,   TW_FLOAT16,    TW_BFLOAT16, TW_INT32,  TW_INT64,
    TW_UINT8,   TW_BOOL,      TW_INT8,       TW_INT16,    TW_UINT16, TW_UINT32,
    TW_UINT64,  TW_COMPLEX64, TW_COMPLEX128, TW_QINT32,
};

static size_t split_index(const example *e, size_t index)
{
    size_t out = 0, place = 1;
    for (size_t i = e->rank; i-- > 0; index /= (size_t)e->dims[i]) {
        if (!(e->reduced >> i & 1)) {
            out += index % (size_t)e->dims[i] * place;
            place *= (size_t)e->dims[i];
        }
    }
    return out;
}

typedef struct expected {
    double re, im, sum_of_sizes;
    size_t count;
} expected;

static void begin(tw_reduction reduction, tw_dtype dtype, expected *x)
{
    bool is_float = tw_dtype_is_floating(dtype);
    *x = (expected){0};
    if (reduction == TW_REDUCE_PROD || reduction == TW_REDUCE_ALL)
        x->re = 1;
    unsigned bits = (unsigned)tw_dtype_size(dtype) * 8;
    bool plain = dtype >= TW_UINT8 && tw_dtype_name(dtype)[0] == 'u';
    double high = plain ? ldexp(1, (int)bits) - 1 : ldexp(1, (int)bits - 1) - 1;
    if (reduction == TW_REDUCE_MAX)
        x->re = is_float ? -INFINITY : plain ? 0 : -ldexp(1, (int)bits - 1);
    if (reduction == TW_REDUCE_MIN)
        x->re = is_float ? INFINITY : high;
}

static void add(tw_reduction reduction, expected *x, double re, double im)
{
    double old = x->re;
    x->count++;
    x->sum_of_sizes += fabs(re) + fabs(im);
    switch (reduction) {
    case TW_REDUCE_PROD:
        x->re = old * re - x->im * im;
        x->im = old * im + x->im * re;
        break;
    case TW_REDUCE_MAX: x->re = re > old ? re : old; break;
    case TW_REDUCE_MIN: x->re = re < old ? re : old; break;
    case TW_REDUCE_ALL: x->re = old != 0 && re != 0; break;
    case TW_REDUCE_ANY: x->re = old != 0 || re != 0; break;
    case TW_REDUCE_EUCLIDEAN:
    case TW_REDUCE_L2_LOSS: x->re += re * re + im * im; break;
    default: x->re += re; x->im += im;
    }
}

/* Integers wrap: kept to what the dtype holds. */
static double wrapped(tw_dtype dtype, double x)
{
    int64_t v = fabs(x) < 9e18 ? (int64_t)x : 0; /* the wider dtypes come back as they are */
    switch (dtype) {
    case TW_INT8: return (int8_t)v;
    case TW_UINT8: return (uint8_t)v;
    case TW_INT16: return (int16_t)v;
    case TW_UINT16: return (uint16_t)v;
    default: return x;
    }
}

static void end(tw_reduction reduction, tw_dtype dtype, expected *x)
{
    bool exact = !tw_dtype_is_floating(dtype) && !tw_dtype_is_complex(dtype);
    if (exact)
        x->re = wrapped(dtype, x->re);
    if (reduction == TW_REDUCE_MEAN) {
        x->re = exact ? (x->count ? trunc(x->re / (double)x->count) : 0) : x->re / (double)x->count;
        x->im /= (double)x->count;
    }
    if (reduction == TW_REDUCE_EUCLIDEAN)
        x->re = exact ? trunc(sqrt(x->re)) : sqrt(x->re);
    if (reduction == TW_REDUCE_L2_LOSS)
        x->re /= 2;
}

static double precision(tw_dtype dtype)
{
    return dtype == TW_FLOAT64 || dtype == TW_COMPLEX128  ? 1e-14
           : dtype == TW_FLOAT16                          ? 1e-3
           : dtype == TW_BFLOAT16                         ? 1e-2
           : dtype == TW_FLOAT32 || dtype == TW_COMPLEX64 ? 1e-6
                                                          : 0;
}

/* Products and integers' squares of long arrays overflow: those are left to short ones. */
static bool too_long(tw_reduction reduction, tw_dtype dtype, size_t count)
{
    bool exact = !tw_dtype_is_floating(dtype) && !tw_dtype_is_complex(dtype);
    if (reduction == TW_REDUCE_PROD)
        return count > 8;
    return (reduction == TW_REDUCE_EUCLIDEAN && exact && count > 2) ||
           (dtype == TW_FLOAT16 && count > 30000);
}

static void check(tw_reduction reduction, tw_dtype dtype, const example *e)
{
    size_t count = 1, outputs = 1;
    bool reduced[5];
    for (size_t i = 0; i < e->rank; i++) {
        reduced[i] = e->reduced >> i & 1;
        count *= (size_t)e->dims[i];
        outputs *= reduced[i] ? 1 : (size_t)e->dims[i];
    }
    if (count > 20000 && dtype != TW_FLOAT32 && (dtype != TW_INT32 || reduction != TW_REDUCE_SUM))
        return;
    if (outputs == 0 || too_long(reduction, dtype, count / outputs))
        return;
    tw_dtype real = real_of(dtype);
    bool is_complex = real != dtype;
    void *in = random_numbers(dtype, count, 5 + count);
    expected *want = malloc(outputs * sizeof *want);
    for (size_t i = 0; i < outputs; i++)
        begin(reduction, dtype, &want[i]);
    for (size_t i = 0; i < count; i++)
        add(reduction, &want[split_index(e, i)], number_at(real, in, is_complex ? 2 * i : i),
            is_complex ? number_at(real, in, 2 * i + 1) : 0);
    size_t bytes = outputs * tw_dtype_size(dtype);
    void *one = malloc(bytes), *many = malloc(bytes);
    tw_shape shape = {e->dims, e->rank};
    assert_ok(tw_reduce(reduction, dtype, shape, reduced, in, one, NULL));
    assert_ok(tw_reduce(reduction, dtype, shape, reduced, in, many, &(tw_par){.threads = 3}));
    assert_memory_equal(one, many, bytes);
    for (size_t i = 0; i < outputs; i++) {
        end(reduction, dtype, &want[i]);
        double bound = precision(dtype) * (fabs(want[i].re) + fabs(want[i].im) +
                                           want[i].sum_of_sizes / (double)(want[i].count + 1));
        assert_near(number_at(real, one, is_complex ? 2 * i : i), want[i].re, bound,
                    tw_dtype_name(dtype));
        if (is_complex)
            assert_near(number_at(real, one, 2 * i + 1), want[i].im, bound, "imaginary part");
    }
    free(in);
    free(want);
    free(one);
    free(many);
}

static bool has(tw_reduction reduction, tw_dtype dtype)
{
    if (reduction == TW_REDUCE_ALL || reduction == TW_REDUCE_ANY || dtype == TW_BOOL)
        return (reduction == TW_REDUCE_ALL || reduction == TW_REDUCE_ANY) && dtype == TW_BOOL;
    if (reduction == TW_REDUCE_L2_LOSS)
        return tw_dtype_is_floating(dtype);
    return (reduction != TW_REDUCE_MAX && reduction != TW_REDUCE_MIN) ||
           !tw_dtype_is_complex(dtype);
}

static void every_reduction_of_every_dtype_is_what_plain_loops_give(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (int r = TW_REDUCE_SUM; r <= TW_REDUCE_L2_LOSS; r++) {
            for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
                if (d >= ONCE_FROM && level != TW_ISA_PLAIN)
                    continue;
                if (!has((tw_reduction)r, dtypes[d])) {
                    char out[16];
                    bool reduced = true;
                    assert_refused(tw_reduce((tw_reduction)r, dtypes[d], TW_SHAPE(1), &reduced, out,
                                             out, NULL),
                                   TW_UNIMPLEMENTED, tw_dtype_name(dtypes[d]));
                    continue;
                }
                for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
                    check((tw_reduction)r, dtypes[d], &examples[i]);
            }
        }
    }
}

static void a_long_float_sum_stays_exact_to_a_few_ulp(void **state)
{
    (void)state;
    size_t n = 3000000;
    float *x = malloc(n * sizeof *x), sum;
    for (size_t i = 0; i < n; i++)
        x[i] = 0.1f;
    bool reduced[2] = {true, true};
    for (EACH_LEVEL(level)) {
        assert_ok(
            tw_reduce(TW_REDUCE_SUM, TW_FLOAT32, TW_SHAPE((int64_t)n), reduced, x, &sum, NULL));
        assert_near(sum, (double)0.1f * (double)n, 0.1, "a sum of one run");
        float columns[3];
        assert_ok(tw_reduce(TW_REDUCE_SUM, TW_FLOAT32, TW_SHAPE((int64_t)n / 3, 3),
                            (bool[]){true, false}, x, columns, NULL));
        assert_near(columns[1], (double)0.1f * (double)n / 3, 0.05, "a sum of columns");
    }
    free(x);
}

/* Lines around the lengths at which another loop takes over, at odd places; NaN and inf go
 * through. A line among others has the bits that it has alone. */
static void a_sum_of_lines_is_that_of_each_line(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 7, 31, 32, 33, 65, 100, 1000, 1023, 1024, 1025, 1500};
    enum { ROWS = 9 };
    const bool reduced[2] = {false, true};
    const tw_par two = {.threads = 2};
    for (EACH_LEVEL(level)) {
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            size_t n = lengths[i];
            float *x = random_numbers(TW_FLOAT32, ROWS * n + 1, n), *from = x + 1, sums[ROWS];
            float again[ROWS];
            from[3 * n + n / 2] = NAN;
            from[5 * n + n - 1] = -INFINITY;
            tw_shape shape = TW_SHAPE(ROWS, (int64_t)n);
            assert_ok(tw_reduce(TW_REDUCE_SUM, TW_FLOAT32, shape, reduced, from, sums, NULL));
            assert_ok(tw_reduce(TW_REDUCE_SUM, TW_FLOAT32, shape, reduced, from, again, &two));
            assert_memory_equal(sums, again, sizeof sums);
            for (size_t r = 0; r < ROWS; r++) {
                double want = 0;
                for (size_t j = 0; j < n; j++)
                    want += from[r * n + j];
                assert_near(sums[r], want, 1e-4, "a line");
                float alone;
                assert_ok(tw_reduce(TW_REDUCE_SUM, TW_FLOAT32, TW_SHAPE(1, (int64_t)n), reduced,
                                    from + r * n, &alone, NULL));
                assert_true(n > 1024 || sums[r] == alone || (isnan(alone) && isnan(sums[r])));
            }
            free(x);
        }
    }
}

static void largest_and_smallest_skip_nan(void **state)
{
    (void)state;
    float x[6] = {1, NAN, 2, NAN, -INFINITY, 3}, out[2], nothing[2] = {NAN, NAN};
    bool inner[2] = {false, true}, all = true;
    assert_ok(tw_reduce(TW_REDUCE_MAX, TW_FLOAT32, TW_SHAPE(2, 3), inner, x, out, NULL));
    assert_near(out[0], 2, 0, "max");
    assert_near(out[1], 3, 0, "max");
    assert_ok(tw_reduce(TW_REDUCE_MIN, TW_FLOAT32, TW_SHAPE(2, 3), inner, x, out, NULL));
    assert_near(out[0], 1, 0, "min");
    assert_near(out[1], -INFINITY, 0, "min");
    assert_ok(tw_reduce(TW_REDUCE_MAX, TW_FLOAT32, TW_SHAPE(2), &all, nothing, out, NULL));
    assert_near(out[0], -INFINITY, 0, "max of nothing but NaN");
}

/* NaN and -0 stay, as in TensorFlow; magnitudes are magnitudes. */
static void what_is_made_of_one_element_is_that_element(void **state)
{
    (void)state;
    float x[3] = {NAN, -0.0F, -2}, out[3];
    static const tw_reduction kept[] = {TW_REDUCE_SUM, TW_REDUCE_PROD, TW_REDUCE_MEAN,
                                        TW_REDUCE_MAX, TW_REDUCE_MIN};
    bool inner[2] = {false, true}, outer[2] = {true, false}, none[1] = {false};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        for (size_t k = 0; k < 3; k++) {
            tw_shape shape = k == 0 ? TW_SHAPE(3, 1) : k == 1 ? TW_SHAPE(1, 3) : TW_SHAPE(3);
            const bool *reduced = k == 0 ? inner : k == 1 ? outer : none;
            memset(out, 0, sizeof out);
            assert_ok(tw_reduce(kept[i], TW_FLOAT32, shape, reduced, x, out, NULL));
            assert_memory_equal(out, x, sizeof x);
        }
    }
    assert_ok(tw_reduce(TW_REDUCE_EUCLIDEAN, TW_FLOAT32, TW_SHAPE(3, 1), inner, x, out, NULL));
    assert_near(out[2], 2, 0, "magnitude");
}

/* The extremes stand at either end, NaN all over. */
static void the_extremes_of_a_long_run_are_found_wherever_they_stand(void **state)
{
    static const int64_t counts[] = {1000, 4099, 300001};
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            int64_t n = counts[c];
            double *x = malloc((size_t)n * sizeof *x), out;
            bool all = true;
            for (int64_t i = 0; i < n; i++)
                x[i] = i % 7 == 3 ? NAN : (double)(i * 37 % 1001);
            for (int64_t last = 0; last < 2; last++) {
                x[last ? n - 1 : 0] = 5000;
                x[last ? 0 : n - 1] = -5000;
                for (int threads = 1; threads < 4; threads += 2) {
                    tw_par par = {.threads = threads};
                    assert_ok(
                        tw_reduce(TW_REDUCE_MAX, TW_FLOAT64, TW_SHAPE(n), &all, x, &out, &par));
                    assert_near(out, 5000, 0, "max");
                    assert_ok(
                        tw_reduce(TW_REDUCE_MIN, TW_FLOAT64, TW_SHAPE(n), &all, x, &out, &par));
                    assert_near(out, -5000, 0, "min");
                }
            }
            free(x);
        }
    }
}

static void integers_wrap_in_their_own_type(void **state)
{
    (void)state;
    uint8_t x[4] = {200, 100, 255, 255}, mean[2];
    int32_t y[4] = {INT32_MAX, 1, 1 << 30, 1 << 30}, z[2];
    bool inner[2] = {false, true};
    assert_ok(tw_reduce(TW_REDUCE_MEAN, TW_UINT8, TW_SHAPE(2, 2), inner, x, mean, NULL));
    assert_int_equal(mean[0], 22);
    assert_int_equal(mean[1], 127);
    assert_ok(tw_reduce(TW_REDUCE_MEAN, TW_INT32, TW_SHAPE(2, 2), inner, y, z, NULL));
    assert_int_equal(z[0], -(1 << 30));
    assert_int_equal(z[1], -(1 << 30));
}

static void check_index(bool largest, tw_dtype dtype, const int64_t *dims, size_t axis)
{
    size_t n = (size_t)dims[axis], outer = 1, inner = 1, size = tw_dtype_size(dtype);
    for (size_t i = 0; i < axis; i++)
        outer *= (size_t)dims[i];
    for (size_t i = axis + 1; i < 3; i++)
        inner *= (size_t)dims[i];
    char *in = random_numbers(dtype, outer * n * inner, n);
    int64_t *one = malloc(outer * inner * sizeof *one);
    int32_t *many = malloc(outer * inner * sizeof *many);
    tw_shape shape = {dims, 3};
    assert_ok(tw_reduce_index(largest, dtype, shape, axis, in, TW_INT64, one, NULL));
    assert_ok(
        tw_reduce_index(largest, dtype, shape, axis, in, TW_INT32, many, &(tw_par){.threads = 3}));
    for (size_t o = 0; o < outer * inner; o++) {
        const char *x = in + (o / inner * n * inner + o % inner) * size;
        size_t best = 0;
        for (size_t i = 1; i < n; i++) {
            double a = number_at(dtype, x, i * inner), b = number_at(dtype, x, best * inner);
            best = (largest ? a > b : a < b) ? i : best;
        }
        assert_int_equal(one[o], best);
        assert_int_equal(many[o], best);
    }
    free(in);
    free(one);
    free(many);
}

static void the_place_of_the_largest_is_the_first_along_any_axis(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {
        {2, 3, 4}, {1, 5, 1000}, {1, 3, 2500}, {3, 200, 300}, {1, 1, 1}};
    for (EACH_LEVEL(level)) {
        for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
            if (tw_dtype_is_complex(dtypes[d]))
                continue;
            for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
                for (size_t axis = 0; axis < 3; axis++) {
                    check_index(true, dtypes[d], shapes[s], axis);
                    check_index(false, dtypes[d], shapes[s], axis);
                }
            }
        }
    }
}

static void the_place_of_the_largest_skips_nan(void **state)
{
    (void)state;
    float x[2000];
    int64_t index;
    for (EACH_LEVEL(level)) {
        for (int64_t n = 5; n <= 2000; n += n < 200 ? 195 : 1800) {
            for (int64_t i = 0; i < n; i++)
                x[i] = NAN;
            assert_ok(tw_reduce_index(true, TW_FLOAT32, TW_SHAPE(n), 0, x, TW_INT64, &index, NULL));
            assert_int_equal(index, 0);
            x[1] = 1;
            x[3] = 2;
            assert_ok(tw_reduce_index(true, TW_FLOAT32, TW_SHAPE(n), 0, x, TW_INT64, &index, NULL));
            assert_int_equal(index, 3);
            assert_ok(
                tw_reduce_index(false, TW_FLOAT32, TW_SHAPE(n), 0, x, TW_INT64, &index, NULL));
            assert_int_equal(index, 1);
        }
    }
}

static void an_empty_axis_has_no_largest_element(void **state)
{
    (void)state;
    float x[1] = {0};
    int64_t out[2];
    assert_refused(tw_reduce_index(true, TW_FLOAT32, TW_SHAPE(2, 0), 1, x, TW_INT64, out, NULL),
                   TW_INVALID_ARGUMENT, "Reduction axis 1 is empty in shape");
    assert_ok(tw_reduce_index(true, TW_FLOAT32, TW_SHAPE(0, 0), 1, x, TW_INT64, out, NULL));
    assert_refused(tw_reduce_index(true, TW_FLOAT32, TW_SHAPE(2), 1, x, TW_INT64, out, NULL),
                   TW_INVALID_ARGUMENT, "axis 1");
    assert_refused(tw_reduce_index(true, TW_FLOAT32, TW_SHAPE(2), 0, x, TW_INT8, out, NULL),
                   TW_UNIMPLEMENTED, "int8");
    assert_refused(tw_reduce_index(true, TW_COMPLEX64, TW_SHAPE(2), 0, x, TW_INT64, out, NULL),
                   TW_UNIMPLEMENTED, "complex64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reduction_of_every_dtype_is_what_plain_loops_give),
        cmocka_unit_test(a_long_float_sum_stays_exact_to_a_few_ulp),
        cmocka_unit_test(a_sum_of_lines_is_that_of_each_line),
        cmocka_unit_test(largest_and_smallest_skip_nan),
        cmocka_unit_test(what_is_made_of_one_element_is_that_element),
        cmocka_unit_test(the_extremes_of_a_long_run_are_found_wherever_they_stand),
        cmocka_unit_test(integers_wrap_in_their_own_type),
        cmocka_unit_test(the_place_of_the_largest_is_the_first_along_any_axis),
        cmocka_unit_test(the_place_of_the_largest_skips_nan),
        cmocka_unit_test(an_empty_axis_has_no_largest_element),
    };
    return cmocka_run_group_tests(tests, enter_float_mode, NULL);
}
