/* SPDX-License-Identifier: Apache-2.0
 * Special functions that are seldom asked for: Igamma, Igammac, IgammaGradA, RandomGammaGrad,
 * Betainc, BesselI0e, BesselI1e. All are computed in double and rounded once. Operands broadcast.
 *
 * The incomplete gamma functions are the power series or the continued fraction (Abramowitz and
 * Stegun 6.5), each where it converges fast; the derivative for a is carried along with both, term
 * by term. The incomplete beta function is the continued fraction 26.5.8 there. Bessel functions
 * are their power series 9.6.10 and the asymptotic series 9.7.1. What is outside of a domain is
 * NaN. */
#include <float.h>
#include <math.h>

#include "ops/arrays.h"
#include "ops/elementwise_rows.h"

enum { MOST_TERMS = 100000, OPERANDS = 3 };

/* ---- the incomplete gamma function ---- */

/* A value and its derivative for a. */
typedef struct dual {
    double value, slope;
} dual;

/* The power series, whose terms are all of one sign; the part from 0 to x. */
static dual lower_gamma(double a, double x)
{
    dual term = {1, 0}, sum = {1, 0};
    for (int n = 1; n < MOST_TERMS && (term.value > sum.value * DBL_EPSILON / 4 ||
                                       -term.slope > -sum.slope * DBL_EPSILON / 4);
         n++) {
        double factor = x / (a + n);
        term.slope = term.slope * factor - term.value * factor / (a + n);
        term.value *= factor;
        sum.value += term.value;
        sum.slope += term.slope;
    }
    /* Both factors by their logarithms, since neither fits into a double for large a. */
    double outer = exp(a * log(x) - x - tw_special_lgamma(a + 1));
    double slope = log(x) - tw_special_digamma(a + 1);
    return (dual){outer * sum.value, outer * (sum.slope + sum.value * slope)};
}

/* The continued fraction by its convergents p / q; the part from x on. */
static dual upper_gamma(double a, double x)
{
    dual p[2] = {{1, 0}, {x + 1, 0}}, q[2] = {{x, 0}, {(x + 2 - a) * x, -x}}, ratio = {0, 0};
    for (int n = 1; n < MOST_TERMS; n++) {
        double z = x + 2 - a + 2 * n, y = (n + 1 - a) * n;
        dual before = ratio;
        for (int k = 0; k < 2; k++) {
            dual *r = k ? q : p, next;
            next.value = r[1].value * z - r[0].value * y;
            next.slope = r[1].slope * z - r[1].value - r[0].slope * y + r[0].value * n;
            r[0] = r[1];
            r[1] = next;
        }
        double scale = 1 / q[1].value; /* keeps all of them in range */
        for (int k = 0; k < 2; k++) {
            p[k] = (dual){p[k].value * scale, p[k].slope * scale};
            q[k] = (dual){q[k].value * scale, q[k].slope * scale};
        }
        ratio = (dual){p[1].value, p[1].slope - p[1].value * q[1].slope};
        if (fabs(ratio.value - before.value) <= fabs(ratio.value) * DBL_EPSILON / 4 &&
            fabs(ratio.slope - before.slope) <= fabs(ratio.slope) * DBL_EPSILON)
            break;
    }
    double outer = exp(a * log(x) - x - tw_special_lgamma(a));
    double slope = log(x) - tw_special_digamma(a);
    return (dual){outer * ratio.value, outer * (ratio.slope + ratio.value * slope)};
}

/* The part up to x, or the rest; each is computed where it is small or both are not. */
static dual part_of_gamma(double a, double x, bool rest)
{
    if (!(x >= 0 && a > 0))
        return (dual){NAN, NAN};
    /* At the ends the function is 0 or 1 and flat. */
    if (x == 0 || isinf(x) || isinf(a))
        return (dual){(x == 0 || (isinf(a) && !isinf(x))) == rest, 0};
    /* Where the fraction would converge slowly the series converges fast, and the other way
     * round. */
    bool upper = x > 1 && x > a;
    dual part = upper ? upper_gamma(a, x) : lower_gamma(a, x);
    return upper == rest ? part : (dual){1 - part.value, -part.slope};
}

/* What the kernels' loop calls: one function of an element's operands for each op. */
static double igamma(const double *x)
{
    return part_of_gamma(x[0], x[1], false).value;
}
static double igammac(const double *x)
{
    return part_of_gamma(x[0], x[1], true).value;
}
static double igamma_grad_a(const double *x)
{
    return part_of_gamma(x[0], x[1], false).slope;
}

/* A number of the gamma distribution moves with a so that the part below it stays the same: by the
 * part's derivative for a over the density there. */
static double random_gamma_grad(const double *x)
{
    double density = exp((x[0] - 1) * log(x[1]) - x[1] - tw_special_lgamma(x[0]));
    return -part_of_gamma(x[0], x[1], false).slope / density;
}

/* ---- the incomplete beta function ---- */

/* Lentz's form of the continued fraction, which converges fast for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    double c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), product = d, factor = 0;
    for (int n = 1; n < MOST_TERMS && fabs(factor - 1) > DBL_EPSILON / 2; n++) {
        /* Two steps of the fraction, which differ in their numerators. */
        double even = n * (b - n) * x / ((a + 2 * n - 1) * (a + 2 * n));
        double odd = -(a + n) * (a + b + n) * x / ((a + 2 * n) * (a + 2 * n + 1));
        d = 1 / (1 + even * d);
        c = 1 + even / c;
        product *= d * c;
        d = 1 / (1 + odd * d);
        c = 1 + odd / c;
        factor = d * c;
        product *= factor;
    }
    return product;
}

/* On the other side of the fraction's good range the function is that of the mirrored arguments,
 * taken from 1. */
static double betainc(const double *p)
{
    double a = p[0], b = p[1], x = p[2];
    if (!(a > 0 && b > 0 && x >= 0 && x <= 1))
        return NAN;
    if (x == 0 || x == 1)
        return x;
    double outer = exp(a * log(x) + b * log1p(-x) + tw_special_lgamma(a + b) -
                       tw_special_lgamma(a) - tw_special_lgamma(b));
    if (x < (a + 1) / (a + b + 2))
        return outer * beta_fraction(a, b, x) / a;
    return 1 - outer * beta_fraction(b, a, 1 - x) / b;
}

/* ---- Bessel functions ---- */

/* exp(-|x|) I(x): the power series, whose terms are positive, or for large |x| the asymptotic one,
 * whose terms become small enough there. */
static double bessel(double x, int order)
{
    double at = fabs(x), term = 1, sum = 0;
    if (at > 25) {
        /* Terms fall until k is about 2 at, where they are far below what a double holds. */
        for (int k = 1; fabs(term) > DBL_EPSILON / 4; k++) {
            sum += term;
            term *= ((2 * k - 1) * (2 * k - 1) - 4 * order) / (8 * at * k);
        }
        sum /= sqrt(6.283185307179586477 * at);
    } else {
        term = order ? at / 2 : 1;
        for (int k = 1; term > sum * DBL_EPSILON / 4; k++) {
            sum += term;
            term *= at * at / 4 / k / (k + order);
        }
        sum *= exp(-at);
    }
    return x != x ? x : order && x < 0 ? -sum : sum;
}

/* The order is no input: TensorFlow has an op for each. */
static double bessel_0(const double *x)
{
    return bessel(*x, 0);
}
static double bessel_1(const double *x)
{
    return bessel(*x, 1);
}

/* ---- kernels ---- */

/* Where element i of the output is in an operand that is broadcast to it. */
static size_t place(const tw_array *x, const tw_array *out, size_t i)
{
    size_t at = 0, stride = 1;
    for (size_t k = 0; k < out->rank; k++) {
        size_t size = (size_t)out->dims[out->rank - 1 - k];
        /* A dimension that an operand lacks counts as 1. */
        size_t own = k < x->rank ? (size_t)x->dims[x->rank - 1 - k] : 1;
        at += own > 1 ? i % size * stride : 0;
        stride *= own;
        i /= size;
    }
    return at;
}

/* Number by number: these functions cost far more than finding operands does. */
static tw_status *map(tw_compute *c, double (*function)(const double *x))
{
    tw_array *out = tw_output(c, 0);
    for (size_t i = 0; i < out->count; i++) {
        double x[OPERANDS];
        for (size_t k = 0; k < c->input_count; k++)
            x[k] = tw_number_at(tw_input(c, k), place(tw_input(c, k), out, i));
        tw_number_put(out, i, function(x));
    }
    return TW_OK;
}

/* One kernel for each op, since a kernel is not told which op it is for. */
static tw_status *compute_igamma(tw_compute *c)
{
    return map(c, igamma);
}
static tw_status *compute_igammac(tw_compute *c)
{
    return map(c, igammac);
}
static tw_status *compute_igamma_grad_a(tw_compute *c)
{
    return map(c, igamma_grad_a);
}
static tw_status *compute_random_gamma_grad(tw_compute *c)
{
    return map(c, random_gamma_grad);
}
static tw_status *compute_betainc(tw_compute *c)
{
    return map(c, betainc);
}
static tw_status *compute_bessel_0(tw_compute *c)
{
    return map(c, bessel_0);
}
static tw_status *compute_bessel_1(tw_compute *c)
{
    return map(c, bessel_1);
}

/* ---- gradients ---- */

/* d/dx of the part up to x is x^(a - 1) exp(-x) / gamma(a). */
static tw_status *gradient_gamma(tw_gradient *g, bool rest)
{
    tw_tensor a = g->inputs[0], x = g->inputs[1], dz = tw_gradient_dy(g, 0);
    dz = rest ? tw_neg(dz) : dz;
    /* By logarithms too, as in TensorFlow: an x below 0 gives NaN. */
    tw_tensor power = tw_mul(tw_sub(a, 1), tw_log(x));
    tw_tensor by_x = tw_exp(tw_sub(tw_sub(power, x), tw_lgamma(a)));
    tw_tensor by_a = tw_igamma_grad_a(a, x);
    g->dx[0] = tw_grad_of(tw_gradient_unbroadcast(g, tw_mul(dz, by_a), a, x));
    g->dx[1] = tw_grad_of(tw_gradient_unbroadcast(g, tw_mul(dz, by_x), x, a));
    return TW_OK;
}

/* The two parts add up to 1, so their derivatives differ in the sign alone. */
static tw_status *gradient_igamma(tw_gradient *g)
{
    return gradient_gamma(g, false);
}
static tw_status *gradient_igammac(tw_gradient *g)
{
    return gradient_gamma(g, true);
}

/* For x alone, as in TensorFlow: x^(a - 1) (1 - x)^(b - 1) / beta(a, b). */
static tw_status *gradient_betainc(tw_gradient *g)
{
    tw_tensor a = g->inputs[0], b = g->inputs[1], x = g->inputs[2];
    tw_tensor powers = tw_add(tw_mul(tw_sub(b, 1), tw_log1p(tw_neg(x))),
                              tw_mul(tw_sub(a, 1), tw_log(x)));
    tw_tensor beta = tw_sub(tw_add(tw_lgamma(a), tw_lgamma(b)), tw_lgamma(tw_add(a, b)));
    tw_tensor by_x = tw_exp(tw_sub(powers, beta));
    g->dx[2] = tw_grad_of(
        tw_gradient_unbroadcast(g, tw_mul(tw_gradient_dy(g, 0), by_x), x, g->outputs[0]));
    return TW_OK;
}

/* By the one of order 1; the factor exp(-|x|) adds the second part. */
static tw_status *gradient_bessel_0(tw_gradient *g)
{
    tw_tensor x = g->inputs[0], y = g->outputs[0];
    tw_tensor slope = tw_sub(tw_bessel_i1e(x), tw_mul(tw_sign(x), y));
    g->dx[0] = tw_grad_of(tw_mul(tw_gradient_dy(g, 0), slope));
    return TW_OK;
}

/* Near 0, where y / x would not be a number, it is 1 / 2. */
static tw_status *gradient_bessel_1(tw_gradient *g)
{
    tw_tensor x = g->inputs[0], y = g->outputs[0], ones = tw_ones_like(x);
    bool wide = tw_dtype_base(tw_tensor_dtype(x)) == TW_FLOAT64;
    tw_tensor away = tw_greater(tw_abs(x), wide ? DBL_EPSILON : (double)FLT_EPSILON);
    /* A number to divide by, also where the result is not taken. */
    tw_tensor safe = tw_select(away, x, ones);
    tw_tensor slope = tw_sub(tw_bessel_i0e(safe),
                             tw_mul(y, tw_add(tw_sign(safe), tw_reciprocal(safe))));
    slope = tw_select(away, slope, tw_mul(ones, 0.5));
    g->dx[0] = tw_grad_of(tw_mul(tw_gradient_dy(g, 0), slope));
    return TW_OK;
}

const tw_op_definition tw_op_Igamma = {
    .signature = "a: T, x: T -> z: T; T: {float, double}",
    .doc = "The lower incomplete gamma function of order a at x, divided by gamma(a): P(a, x).",
    .since = "Igamma: 0.8",
    .examples = {"igamma([1., 2.], [1., 2.]) -> [0.63212056, 0.59399415]"},
    .infer = tw_infer_broadcast_all,
    .gradient = gradient_igamma,
    .compute = compute_igamma,
};

const tw_op_definition tw_op_Igammac = {
    .signature = "a: T, x: T -> z: T; T: {float, double}",
    .doc = "The upper incomplete gamma function of order a at x, divided by gamma(a): Q(a, x).",
    .since = "Igammac: 0.8",
    .examples = {"igammac([1., 2.], [1., 2.]) -> [0.36787944, 0.40600585]"},
    .infer = tw_infer_broadcast_all,
    .gradient = gradient_igammac,
    .compute = compute_igammac,
};

const tw_op_definition tw_op_IgammaGradA = {
    .signature = "a: T, x: T -> z: T; T: {float, double}",
    .doc = "The derivative of Igamma for a.",
    .since = "IgammaGradA: 1.9",
    .examples = {"igamma_grad_a([1.], [1.]) -> [-0.43172971]"},
    .infer = tw_infer_broadcast_all,
    .gradient = tw_gradient_undefined,
    .compute = compute_igamma_grad_a,
};

const tw_op_definition tw_op_RandomGammaGrad = {
    .signature = "alpha: T, sample: T -> output: T; T: {float, double}",
    .doc = "How a number of the gamma distribution that was drawn moves with the parameter "
           "`alpha`.",
    .since = "RandomGammaGrad: 1.11",
    .examples = {"random_gamma_grad([1.], [1.]) -> [1.17356259]"},
    .infer = tw_infer_broadcast_all,
    .gradient = tw_gradient_undefined,
    .compute = compute_random_gamma_grad,
};

const tw_op_definition tw_op_Betainc = {
    .signature = "a: T, b: T, x: T -> z: T; T: {float, double}",
    .doc = "The incomplete beta function at x, divided by beta(a, b).",
    .since = "Betainc: 0.11",
    .examples = {"betainc([2.], [3.], [0.5]) -> [0.6875]"},
    .infer = tw_infer_broadcast_all,
    .gradient = gradient_betainc,
    .compute = compute_betainc,
};

const tw_op_definition tw_op_BesselI0e = {
    .signature = "x: T -> y: T; T: {bfloat16, half, float, double}",
    .doc = "exp(-|x|) times the modified Bessel function of order 0.",
    .builder = "bessel_i0e",
    .since = "BesselI0e: 1.8",
    .examples = {"bessel_i0e([0., 1.]) -> [1., 0.46575961]"},
    .infer = tw_infer_same,
    .gradient = gradient_bessel_0,
    .compute = compute_bessel_0,
};

const tw_op_definition tw_op_BesselI1e = {
    .signature = "x: T -> y: T; T: {bfloat16, half, float, double}",
    .doc = "exp(-|x|) times the modified Bessel function of order 1.",
    .builder = "bessel_i1e",
    .since = "BesselI1e: 1.8",
    .examples = {"bessel_i1e([0., 1.]) -> [0., 0.20791042]"},
    .infer = tw_infer_same,
    .gradient = gradient_bessel_1,
    .compute = compute_bessel_1,
};
