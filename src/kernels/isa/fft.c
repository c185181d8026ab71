/* SPDX-License-Identifier: Apache-2.0
 * The passes of Fourier transforms for one instruction set level. */
#include <stdbool.h>

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

/* ---- complex64 into planes and back ---- */

typedef float quad __attribute__((vector_size(16)));
typedef float loose_quad __attribute__((vector_size(16), aligned(4), may_alias));
typedef double wide __attribute__((vector_size(32)));
typedef double loose_wide __attribute__((vector_size(32), aligned(8), may_alias));

/* Four rows become four columns. */
static ALWAYS_INLINE void transpose(quad x[4])
{
    quad a = __builtin_shufflevector(x[0], x[1], 0, 4, 1, 5);
    quad b = __builtin_shufflevector(x[0], x[1], 2, 6, 3, 7);
    quad c = __builtin_shufflevector(x[2], x[3], 0, 4, 1, 5);
    quad d = __builtin_shufflevector(x[2], x[3], 2, 6, 3, 7);
    x[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    x[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    x[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    x[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

static ALWAYS_INLINE void widen(quad x, double *to)
{
    *(loose_wide *)to = __builtin_convertvector(x, wide);
}
static ALWAYS_INLINE quad narrow(const double *from, double scale)
{
    wide x = *(const loose_wide *)from * scale;
    return __builtin_convertvector(x, quad);
}

/* Numbers (i, l) to (i, l + 3): those of a line are not neighbours. */
static ALWAYS_INLINE void take_row(const tw_fft_move *m, size_t i, size_t l)
{
    const float *x = m->x + 2 * (i * m->step + l);
    quad a = *(const loose_quad *)x, b = *(const loose_quad *)(x + 4);
    widen(__builtin_shufflevector(a, b, 0, 2, 4, 6), m->re + i * m->width + l);
    widen(__builtin_shufflevector(a, b, 1, 3, 5, 7), m->im + i * m->width + l);
}
static ALWAYS_INLINE void give_row(const tw_fft_move *m, size_t i, size_t l)
{
    float *x = m->x + 2 * (i * m->step + l);
    quad re = narrow(m->re + i * m->width + l, m->scale);
    quad im = narrow(m->im + i * m->width + l, m->scale);
    *(loose_quad *)x = __builtin_shufflevector(re, im, 0, 4, 1, 5);
    *(loose_quad *)(x + 4) = __builtin_shufflevector(re, im, 2, 6, 3, 7);
}

/* Numbers (i, l) to (i + 1, l + 3): those of a line are neighbours. */
static ALWAYS_INLINE void take_block(const tw_fft_move *m, size_t i, size_t l)
{
    quad x[4];
    for (size_t k = 0; k < 4; k++)
        x[k] = *(const loose_quad *)(m->x + 2 * (i + (l + k) * m->line));
    transpose(x);
    for (size_t k = 0; k < 2; k++) {
        widen(x[2 * k], m->re + (i + k) * m->width + l);
        widen(x[2 * k + 1], m->im + (i + k) * m->width + l);
    }
}
static ALWAYS_INLINE void give_block(const tw_fft_move *m, size_t i, size_t l)
{
    quad x[4];
    for (size_t k = 0; k < 2; k++) {
        x[2 * k] = narrow(m->re + (i + k) * m->width + l, m->scale);
        x[2 * k + 1] = narrow(m->im + (i + k) * m->width + l, m->scale);
    }
    transpose(x);
    for (size_t k = 0; k < 4; k++)
        *(loose_quad *)(m->x + 2 * (i + (l + k) * m->line)) = x[k];
}

/* Four lines at a time, so that lines a power of two apart do not drive each other out of the
 * cache. */
static ALWAYS_INLINE void move(const tw_fft_move *m, bool takes)
{
    for (size_t l = 0; l < m->lines && m->line == 1; l += 4) {
        for (size_t i = 0; i < m->n; i++)
            takes ? take_row(m, i, l) : give_row(m, i, l);
    }
    for (size_t l = 0; l < m->lines && m->line != 1; l += 4) {
        for (size_t i = 0; i < m->n; i += 2)
            takes ? take_block(m, i, l) : give_block(m, i, l);
    }
}

static void take(const tw_fft_move *m)
{
    move(m, true);
}
static void give(const tw_fft_move *m)
{
    move(m, false);
}

/* ---- spectra of real numbers ---- */

static ALWAYS_INLINE number conjugate(number a)
{
    return (number){a.re, -a.im};
}

static ALWAYS_INLINE number row_at(const tw_fft_half *h, size_t at)
{
    return (number){*(const loose *)(h->re + at), *(const loose *)(h->im + at)};
}

static ALWAYS_INLINE void put_row(const tw_fft_half *h, size_t at, number v)
{
    *(loose *)(h->re + at) = v.re;
    *(loose *)(h->im + at) = v.im;
}

/* Even and odd numbers are the parts of the pairs, so that a row and its mirror image hold the
 * spectra of both: even + root odd is the row of all numbers, even - root odd that of the mirror
 * image's conjugate (Press et al., Numerical Recipes, 12.3). */
static ALWAYS_INLINE void change_half(const tw_fft_half *h, bool joins)
{
    size_t rows = h->n / 2;
    for (size_t k = 0; k <= rows / 2; k++) {
        size_t low = k * h->width, high = (rows - k) * h->width;
        size_t other = !joins && k == 0 ? low : high; /* row n / 2 is row 0 */
        number w = root_at(h->roots, k);
        for (size_t q = 0; q < h->width; q += LANES) {
            number a = row_at(h, low + q), b = conjugate(row_at(h, other + q));
            number even = plus(a, b), odd = minus(a, b);
            if (joins) { /* odd / root, times i */
                odd = times(odd, conjugate(w));
                odd = (number){-odd.im, odd.re};
            } else {
                even = scaled(even, 0.5);
                odd = turned(scaled(times(odd, w), 0.5));
            }
            put_row(h, low + q, plus(even, odd));
            put_row(h, high + q, conjugate(minus(even, odd)));
        }
    }
}

static void split(const tw_fft_half *h)
{
    change_half(h, false);
}

/* The first and the last number of a real spectrum are real, whatever is said. */
static void join(const tw_fft_half *h)
{
    for (size_t q = 0; q < h->width; q++)
        h->im[q] = h->im[h->n / 2 * h->width + q] = 0;
    change_half(h, true);
}

const tw_fft_loops TW_ISA_NAME(tw_fft_loops) = {
    .pass = pass, .take = take, .give = give, .split = split, .join = join};
