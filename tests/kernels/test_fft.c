/* SPDX-License-Identifier: Apache-2.0
 * Fourier transforms against their definition: lengths of every kind of factor, lines one at a time
 * and side by side, along both strides, both ways, halves of spectra. */
#include "kernel_test.h"

#include "kernels/fft.h"

static const size_t lengths[] = {1,   2,   3,   4,   5,   6,   7,   8,   9,   12,  15,
                                 16,  25,  31,  60,  61,  64,  67,  70,  97,  100, 121,
                                 128, 134, 144, 169, 243, 251, 256, 360, 509, 512, 961};
static const size_t many[] = {1, 3, 4, 5, 8, 13, 40};

/* Numbers of `count` lines, complex, as pairs of double. */
static double *pairs(size_t count)
{
    return random_numbers(TW_COMPLEX128, count, count);
}

/* Element k of the transform of one line, by its definition. */
static void define(const double *x, size_t step, size_t n, size_t k, bool inverse, double out[2])
{
    long double re = 0, im = 0;
    for (size_t i = 0; i < n; i++) {
        double angle = 6.283185307179586476925 * (double)(i * k % n) / (double)n;
        double c = cos(angle), s = inverse ? sin(angle) : -sin(angle);
        const double *v = x + 2 * i * step;
        re += v[0] * c - v[1] * s;
        im += v[0] * s + v[1] * c;
    }
    out[0] = (double)re / (inverse ? (double)n : 1);
    out[1] = (double)im / (inverse ? (double)n : 1);
}

/* By rows or by columns of a (lines, n) or (n, lines) matrix. */
static void check(size_t n, size_t lines, bool columns, bool inverse)
{
    tw_fft fft;
    double *x = pairs(n * lines), *y = malloc(2 * n * lines * sizeof *y), want[2];
    double *work = malloc(tw_fft_work(n, lines) * sizeof *work);
    assert_true(x && y && work);
    size_t step = columns ? lines : 1, line = columns ? 1 : n;
    tw_fft_init(&fft, n, lines, work);
    tw_fft_run(&fft, &(tw_fft_side){TW_COMPLEX128, x, step, line, n},
               &(tw_fft_side){TW_COMPLEX128, y, step, line, n}, lines, inverse);
    for (size_t l = 0; l < lines; l += 1 + lines / 3) {
        for (size_t k = 0; k < n; k += 1 + n / 20) {
            const double *got = y + 2 * (k * step + l * line);
            define(x + 2 * l * line, step, n, k, inverse, want);
            assert_near(got[0], want[0], 2e-14 * sqrt((double)n), "real part");
            assert_near(got[1], want[1], 2e-14 * sqrt((double)n), "imaginary part");
        }
    }
    free(work);
    free(y);
    free(x);
}

static void transforms_are_what_their_definition_says(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            size_t lines = many[i % (sizeof many / sizeof *many)];
            check(lengths[i], 1, false, i % 2);
            check(lengths[i], lines, i % 3 == 0, i % 2 == 0);
            check(lengths[i], 9, i % 3 != 0, i % 2);
        }
    }
}

enum { BEHIND = 30000 }; /* doubles behind the workspace that stay what they are */

/* The last line's spectrum by the definition, and all numbers again from what is half of it; the
 * imaginary parts of the numbers that are real do not count. */
static void check_real(size_t n, size_t lines)
{
    size_t half = n / 2 + 1;
    float *x = random_numbers(TW_FLOAT32, n * lines, n), *y = malloc(n * lines * sizeof *y);
    float *spectrum = malloc(2 * half * lines * sizeof *spectrum);
    size_t used = tw_fft_work(n, lines);
    double *work = calloc(used + BEHIND, sizeof *work), want[2], none[BEHIND] = {0};
    double *whole = calloc(2 * n, sizeof *whole);
    assert_true(x && y && spectrum && work && whole);
    tw_fft fft;
    tw_fft_init(&fft, n, lines, work);
    tw_fft_side real = {TW_FLOAT32, x, 1, n, n};
    tw_fft_side complex = {TW_COMPLEX64, spectrum, 1, half, half};
    tw_fft_run(&fft, &real, &complex, lines, false);
    for (size_t k = 0; k < n; k++)
        whole[2 * k] = x[(lines - 1) * n + k];
    for (size_t k = 0; k < half; k += 1 + n / 2000) {
        define(whole, 1, n, k, false, want);
        const float *got = spectrum + 2 * ((lines - 1) * half + k);
        assert_near(got[0], want[0], 2e-6 * sqrt((double)n), "real part");
        assert_near(got[1], want[1], 2e-6 * sqrt((double)n), "imaginary part");
    }
    for (size_t l = 0; l < lines; l++) {
        spectrum[2 * l * half + 1] = 3;
        if (n % 2 == 0)
            spectrum[2 * (l * half + half - 1) + 1] = -5;
    }
    real.data = y;
    tw_fft_run(&fft, &complex, &real, lines, true);
    for (size_t k = 0; k < n * lines; k++)
        assert_near(y[k], x[k], 2e-6, "the numbers again");
    assert_memory_equal(work + used, none, sizeof none);
    free(whole);
    free(work);
    free(spectrum);
    free(y);
    free(x);
}

static void real_numbers_go_to_half_a_spectrum_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (size_t k = 0; k < sizeof many / sizeof *many; k++)
            check_real(lengths[i], many[k]);
    }
    check_real(16384, 1);
    check_real(4 * 1021, 2);
}

/* A line that holds NaN is all NaN; its neighbours are not touched. */
static void lines_do_not_touch_each_other(void **state)
{
    (void)state;
    enum { N = 24, LINES = 6 };
    tw_fft fft;
    double *x = pairs(N * LINES), *work = malloc(tw_fft_work(N, LINES) * sizeof *work);
    tw_fft_side side = {TW_COMPLEX128, x, LINES, 1, N};
    x[2 * (5 * LINES + 2)] = NAN;
    tw_fft_init(&fft, N, LINES, work);
    tw_fft_run(&fft, &side, &side, LINES, false);
    for (size_t i = 0; i < N * LINES; i++)
        assert_true(isnan(x[2 * i]) == (i % LINES == 2));
    free(work);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transforms_are_what_their_definition_says),
        cmocka_unit_test(real_numbers_go_to_half_a_spectrum_and_back),
        cmocka_unit_test(lines_do_not_touch_each_other),
    };
    return cmocka_run_group_tests_name("fft", tests, enter_float_mode, NULL);
}
