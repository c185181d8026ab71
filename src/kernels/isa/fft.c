/* SPDX-License-Identifier: Apache-2.0
 * The passes of Fourier transforms for one instruction set level. */
#include "kernels/fft_loops.h"
#include "kernels/isa/fma.h"

enum { LANES = TW_VECTOR_BYTES / 8, MOST = 5 };
typedef double vec __attribute__((vector_size(TW_VECTOR_BYTES)));
typedef double loose __attribute__((vector_size(TW_VECTOR_BYTES), aligned(8), may_alias));

/* A vector of complex numbers. */
typedef struct number {
    vec re, im;
} number;

static ALWAYS_INLINE vec spread(double x)
{
    return (vec){SPREAD_F64(x)};
}

static ALWAYS_INLINE number load(const double *x, size_t plane)
{
    return (number){*(const loose *)x, *(const loose *)(x + plane)};
}

static ALWAYS_INLINE void store(double *y, size_t plane, number v)
{
    *(loose *)y = v.re;
    *(loose *)(y + plane) = v.im;
}

static ALWAYS_INLINE number plus(number a, number b)
{
    return (number){a.re + b.re, a.im + b.im};
}
static ALWAYS_INLINE number minus(number a, number b)
{
    return (number){a.re - b.re, a.im - b.im};
}

/* -i a: a quarter turn costs no arithmetic. */
static ALWAYS_INLINE number turned(number a)
{
    return (number){a.im, -a.re};
}

static ALWAYS_INLINE number root_at(const double *roots, size_t index)
{
    return (number){spread(roots[2 * index]), spread(roots[2 * index + 1])};
}

static ALWAYS_INLINE number times(number a, number w)
{
    return (number){FMA_F64(a.re, w.re, -(a.im * w.im)), FMA_F64(a.re, w.im, a.im * w.re)};
}

/* a + factor b */
static ALWAYS_INLINE number with(number a, double factor, number b)
{
    vec f = spread(factor);
    return (number){FMA_F64(f, b.re, a.re), FMA_F64(f, b.im, a.im)};
}

static ALWAYS_INLINE number scaled(number a, double factor)
{
    vec f = spread(factor);
    return (number){a.re * f, a.im * f};
}

/* The transforms of the first few lengths, in place. */
static ALWAYS_INLINE void combine(number *x, size_t p)
{
    if (p == 2) {
        number a = x[0], b = x[1];
        x[0] = plus(a, b);
        x[1] = minus(a, b);
    } else if (p == 3) {
        const double sine = 0.86602540378443864676;
        number both = plus(x[1], x[2]), apart = turned(scaled(minus(x[1], x[2]), sine));
        number middle = with(x[0], -0.5, both);
        x[0] = plus(x[0], both);
        x[1] = plus(middle, apart);
        x[2] = minus(middle, apart);
    } else if (p == 4) {
        number a = plus(x[0], x[2]), b = minus(x[0], x[2]), c = plus(x[1], x[3]);
        number d = turned(minus(x[1], x[3]));
        x[0] = plus(a, c);
        x[1] = plus(b, d);
        x[2] = minus(a, c);
        x[3] = minus(b, d);
    } else {
        const double c1 = 0.30901699437494742410, s1 = 0.95105651629515357212;
        const double c2 = -0.80901699437494742410, s2 = 0.58778525229247312917;
        number a = plus(x[1], x[4]), b = plus(x[2], x[3]);
        number c = minus(x[1], x[4]), d = minus(x[2], x[3]);
        number one = with(with(x[0], c1, a), c2, b), two = with(with(x[0], c2, a), c1, b);
        number of_one = turned(with(scaled(c, s1), s2, d));
        number of_two = turned(with(scaled(c, s2), -s1, d));
        x[0] = plus(x[0], plus(a, b));
        x[1] = plus(one, of_one);
        x[4] = minus(one, of_one);
        x[2] = plus(two, of_two);
        x[3] = minus(two, of_two);
    }
}

static ALWAYS_INLINE void pass_of(const tw_fft_pass *t, size_t p)
{
    size_t s = t->s, plane = t->plane;
    for (size_t j = 0; j < t->m; j++) {
        const double *x = t->x + s * j;
        double *y = t->y + s * p * j;
        number w[MOST];
        for (size_t k = 1; k < p; k++)
            w[k] = root_at(t->roots, j * k * t->step);
        for (size_t q = 0; q < s; q += LANES) {
            number v[MOST];
            for (size_t r = 0; r < p; r++)
                v[r] = load(x + q + s * t->m * r, plane);
            combine(v, p);
            store(y + q, plane, v[0]);
            for (size_t k = 1; k < p; k++)
                store(y + q + s * k, plane, times(v[k], w[k]));
        }
    }
}

/* Any factor, by its definition. */
static void pass_of_any(const tw_fft_pass *t)
{
    size_t s = t->s, p = t->p, plane = t->plane;
    for (size_t j = 0; j < t->m; j++) {
        for (size_t k = 0; k < p; k++) {
            number w = root_at(t->roots, j * k * t->step);
            for (size_t q = 0; q < s; q += LANES) {
                const double *x = t->x + s * j + q;
                number sum = load(x, plane);
                for (size_t r = 1, at = k; r < p; r++) {
                    number v = load(x + s * t->m * r, plane),
                           root = root_at(t->roots, at * t->turn);
                    sum.re = FMA_F64(v.re, root.re, FMA_F64(-v.im, root.im, sum.re));
                    sum.im = FMA_F64(v.re, root.im, FMA_F64(v.im, root.re, sum.im));
                    at += k;
                    at -= at >= p ? p : 0;
                }
                store(t->y + s * (p * j + k) + q, plane, times(sum, w));
            }
        }
    }
}

static void pass(const tw_fft_pass *t)
{
    switch (t->p) {
    case 2: pass_of(t, 2); break;
    case 3: pass_of(t, 3); break;
    case 4: pass_of(t, 4); break;
    case 5: pass_of(t, 5); break;
    default: pass_of_any(t);
    }
}

const tw_fft_loops TW_ISA_NAME(tw_fft_loops) = {.pass = pass};
