/* SPDX-License-Identifier: Apache-2.0
 * Parameter updates against their formulas in double, element by element. */
#include "kernel_test.h"

#include <math.h>

#include "kernels/optimizer.h"

static const tw_dtype dtypes[] = {TW_FLOAT32, TW_FLOAT64, TW_FLOAT16, TW_BFLOAT16};
static const size_t counts[] = {0, 1, 7, 100, 50000, 200001};

/* The variable, slots and gradient before and after; slots are positive. */
typedef struct arrays {
    tw_dtype dtype;
    size_t n;
    void *before[4], *after[4], *many[4], *grad;
} arrays;

static arrays arrays_new(tw_dtype dtype, size_t n)
{
    arrays x = {.dtype = dtype, .n = n, .grad = random_numbers(dtype, n, 50)};
    size_t size = tw_dtype_size(dtype);
    for (size_t i = 0; i < 4; i++) {
        x.before[i] = random_numbers(dtype, n, i + 1);
        for (size_t k = 0; k < n && i; k++) {
            char *at = (char *)x.before[i] + k * size;
            tw_element_set(dtype, at, fabs(tw_element_get(dtype, at)) + 4);
        }
        x.after[i] = malloc(n * size + 1);
        x.many[i] = malloc(n * size + 1);
        memcpy(x.after[i], x.before[i], n * size);
        memcpy(x.many[i], x.before[i], n * size);
    }
    return x;
}

static void arrays_done(arrays *x)
{
    for (size_t i = 0; i < 4; i++) {
        assert_memory_equal(x->after[i], x->many[i], x->n * tw_dtype_size(x->dtype));
        free(x->before[i]);
        free(x->after[i]);
        free(x->many[i]);
    }
    free(x->grad);
}

/* One formula: from the old values of var and slots, and the gradient, to the new ones. */
typedef void (*formula)(double *x, double g);

static void compare(const arrays *x, formula f)
{
    double precision = x->dtype == TW_FLOAT64   ? 1e-14
                       : x->dtype == TW_FLOAT32 ? 1e-6
                       : x->dtype == TW_FLOAT16 ? 2e-3
                                                : 2e-2;
    for (size_t k = 0; k < x->n; k++) {
        double now[4], old[4];
        for (size_t i = 0; i < 4; i++)
            now[i] = old[i] = number_at(x->dtype, x->before[i], k);
        f(now, number_at(x->dtype, x->grad, k));
        for (size_t i = 0; i < 4; i++)
            assert_near(number_at(x->dtype, x->after[i], k), now[i],
                        precision * (fabs(old[i]) + fabs(now[i]) + 1), tw_dtype_name(x->dtype));
    }
}

static const tw_par three = {.threads = 3};

static void gradient_descent(double *x, double g)
{
    x[0] -= 0.5 * g;
}

static void momentum(double *x, double g)
{
    x[1] = x[1] * 0.75 + g;
    x[0] -= 0.5 * x[1];
}

static void nesterov(double *x, double g)
{
    x[1] = x[1] * 0.75 + g;
    x[0] -= 0.5 * (g + 0.75 * x[1]);
}

static void adagrad(double *x, double g)
{
    x[1] += g * g;
    x[0] -= 0.5 * g / (sqrt(x[1]) + 0.25);
}

static void adagrad_without_slots(double *x, double g)
{
    x[0] -= 0.5 * g / (sqrt(x[1]) + 0.25);
}

static void rmsprop(double *x, double g)
{
    x[1] += (g * g - x[1]) * 0.125;
    x[2] = 0.25 * x[2] + 0.5 * g / sqrt(x[1] + 0.0625);
    x[0] -= x[2];
}

/* The mean gradient begins where its square stays below the mean square. */
static void centered_rmsprop(double *x, double g)
{
    x[1] += (g * g - x[1]) * 0.125;
    x[3] += (g - x[3]) * 0.125;
    x[2] = 0.25 * x[2] + 0.5 * g / sqrt(x[1] - x[3] * x[3] + 64);
    x[0] -= x[2];
}

static double adam_rate(void)
{
    return 0.5 * sqrt(1 - 0.875) / (1 - 0.75);
}

static void adam(double *x, double g)
{
    x[1] += (g - x[1]) * 0.25;
    x[2] += (g * g - x[2]) * 0.125;
    x[0] -= adam_rate() * x[1] / (sqrt(x[2]) + 0.0625);
}

static void nesterov_adam(double *x, double g)
{
    x[1] += (g - x[1]) * 0.25;
    x[2] += (g * g - x[2]) * 0.125;
    x[0] -= adam_rate() * (0.75 * x[1] + 0.25 * g) / (sqrt(x[2]) + 0.0625);
}

static tw_status *update(formula f, tw_dtype dtype, size_t n, void **x, const void *g,
                         const tw_par *par)
{
    const tw_adam plain = {0.75, 0.875, 0.5, 0.75, 0.875, 0.0625, false};
    const tw_adam with_nesterov = {0.75, 0.875, 0.5, 0.75, 0.875, 0.0625, true};
    if (f == gradient_descent)
        return tw_update_gradient_descent(dtype, n, x[0], 0.5, g, par);
    if (f == momentum || f == nesterov)
        return tw_update_momentum(dtype, n, x[0], x[1], 0.5, g, 0.75, f == nesterov, par);
    if (f == adagrad || f == adagrad_without_slots)
        return tw_update_adagrad(dtype, n, x[0], x[1], 0.5, 0.25, g, f == adagrad, par);
    if (f == rmsprop)
        return tw_update_rmsprop(dtype, n, x[0], NULL, x[1], x[2], 0.5, 0.875, 0.25, 0.0625, g,
                                 par);
    if (f == centered_rmsprop)
        return tw_update_rmsprop(dtype, n, x[0], x[3], x[1], x[2], 0.5, 0.875, 0.25, 64, g, par);
    return tw_update_adam(dtype, n, x[0], x[1], x[2], f == adam ? &plain : &with_nesterov, g, par);
}

static const formula formulas[] = {gradient_descent,      momentum, nesterov,         adagrad,
                                   adagrad_without_slots, rmsprop,  centered_rmsprop, adam,
                                   nesterov_adam};

static void every_update_follows_its_formula(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t f = 0; f < sizeof formulas / sizeof *formulas; f++) {
            for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
                for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
                    if (counts[i] > 1000 && (d || f % 2))
                        continue;
                    arrays x = arrays_new(dtypes[d], counts[i]);
                    assert_ok(update(formulas[f], dtypes[d], x.n, x.after, x.grad, NULL));
                    assert_ok(update(formulas[f], dtypes[d], x.n, x.many, x.grad, &three));
                    compare(&x, formulas[f]);
                    arrays_done(&x);
                }
            }
        }
    }
}

/* Without epsilon: quotients by 0, and of and by what is not finite. */
static tw_status *update_strange(size_t rule, size_t n, float **x, const float *g)
{
    const tw_adam rates = {0.75, 0.875, 0.5, 0.75, 0.875, 0, false};
    switch (rule) {
    case 0: return tw_update_adagrad(TW_FLOAT32, n, x[0], x[1], 0.5, 0, g, true, NULL);
    case 1: return tw_update_adagrad(TW_FLOAT32, n, x[0], x[1], 0.5, 0, g, false, NULL);
    case 2:
        return tw_update_rmsprop(TW_FLOAT32, n, x[0], NULL, x[1], x[2], 0.5, 0.875, 0.25, 0, g,
                                 NULL);
    case 3:
        return tw_update_rmsprop(TW_FLOAT32, n, x[0], x[3], x[1], x[2], 0.5, 0.875, 0.25, 0, g,
                                 NULL);
    default: return tw_update_adam(TW_FLOAT32, n, x[0], x[1], x[2], &rates, g, NULL);
    }
}

enum { STRANGE = 12, STRANGE_RULES = 5 };
static const float strange[STRANGE] = {0,     -0.0f,  1,        -2,        1e-20f,  -3e-19f,
                                       1e18f, -1e30f, INFINITY, -INFINITY, 3.4e38f, NAN};

/* Each with each, as the plain level has it. */
static void strange_numbers_are_those_of_plain_divisions(void **state)
{
    (void)state;
    enum { ALL = STRANGE * STRANGE };
    float plain[STRANGE_RULES][4][ALL], now[4][ALL], g[ALL];
    for (EACH_LEVEL(level)) {
        for (size_t rule = 0; rule < STRANGE_RULES; rule++) {
            float *x[4] = {now[0], now[1], now[2], now[3]};
            for (size_t k = 0; k < ALL; k++) {
                g[k] = strange[k % STRANGE];
                now[0][k] = 1;
                now[1][k] = now[2][k] = fabsf(strange[k / STRANGE]);
                now[3][k] = 0;
            }
            assert_ok(update_strange(rule, ALL, x, g));
            if (level == 0)
                memcpy(plain[rule], now, sizeof now);
            for (size_t i = 0; i < 4; i++) {
                for (size_t k = 0; k < ALL; k++) {
                    float a = plain[rule][i][k], b = now[i][k];
                    if (isfinite(a))
                        assert_near(b, a, 1e-6 * (fabs((double)a) + 1), "a strange number");
                    else
                        assert_true(isnan(a) ? isnan(b) : a == b);
                }
            }
        }
    }
}

static void other_dtypes_are_refused(void **state)
{
    (void)state;
    int32_t x[4] = {0};
    void *all[4] = {x, x + 1, x + 2, x + 3};
    for (size_t f = 0; f < sizeof formulas / sizeof *formulas; f++)
        assert_refused(update(formulas[f], TW_INT32, 1, all, x, NULL), TW_UNIMPLEMENTED, "int32");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_update_follows_its_formula),
        cmocka_unit_test(strange_numbers_are_those_of_plain_divisions),
        cmocka_unit_test(other_dtypes_are_refused),
    };
    return cmocka_run_group_tests(tests, enter_float_mode, NULL);
}
