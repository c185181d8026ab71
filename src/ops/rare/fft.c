/* SPDX-License-Identifier: Apache-2.0
 * FFT, FFT2D, FFT3D and their inverses: the discrete Fourier transform over the last one, two or
 * three dims, by Cooley and Tukey's method for any factors of the length (1965). A prime length
 * costs its square.
 *
 * Lines are transformed one after the other in complex double, and rounded once for each
 * dimension.
 *
 * The gradient is the transform itself between two conjugations, so that it has one in turn.
 * Nothing depends on the number of threads. */
#include <math.h>

#include "ops/matrices.h"

/* The number in the op's name: how many of the last dims are transformed. Names without one are of
 * the transform of lines. */
static size_t ranks(const char *type)
{
    for (; *type; type++) {
        if (*type >= '1' && *type <= '9')
            return (size_t)(*type - '0');
    }
    return 1;
}

/* Nothing but the rank is asked: a dimension of any size can be transformed, and the result has the
 * same. */
static void infer(tw_infer *in, size_t least)
{
    tw_shape x = tw_infer_input(in, 0);
    if (x.dims && x.rank < least)
        tw_infer_fail(in, "Shape must be at least rank %zu but is rank %zu", least, x.rank);
    tw_infer_output(in, 0, x);
}
/* A shape rule is not told which op it is for, so each rank has its own. */
static void infer_1d(tw_infer *in)
{
    infer(in, 1);
}
static void infer_2d(tw_infer *in)
{
    infer(in, 2);
}
static void infer_3d(tw_infer *in)
{
    infer(in, 3);
}

/* A line of n numbers, its transform, room for a factor's sums, and the n-th roots of one. */
typedef struct transform {
    size_t n;
    double complex *in, *out, *sums, *roots;
} transform;

/* Each by its own angle rather than as powers of the first, whose errors would add up. */
static void find_roots(const transform *t, bool inverse)
{
    const double whole = 6.283185307179586476925286766559;
    for (size_t k = 0; k < t->n; k++) {
        double angle = whole * (double)k / (double)t->n;
        double parts[2] = {cos(angle), inverse ? sin(angle) : -sin(angle)};
        t->roots[k] = *(double complex *)(void *)parts;
    }
}

/* The compiler's own product looks for infinities at every step, which takes most of the time. */
static double complex product(double complex a, double complex b)
{
    double re = creal(a) * creal(b) - cimag(a) * cimag(b);
    double im = creal(a) * cimag(b) + cimag(a) * creal(b);
    double parts[2] = {re, im};
    return *(double complex *)(void *)parts;
}

/* The transform of every `stride`-th number of the line from `at` on, `n` of them, into `out`: of p
 * parts by themselves first, which are put together then. n * stride is the line's length. */
static void solve(const transform *t, size_t n, size_t at, size_t stride, double complex *out)
{
    size_t p = 2;
    if (n == 1) {
        *out = t->in[at];
        return;
    }
    while (n % p && p * p <= n)
        p++;
    p = n % p ? n : p;
    size_t m = n / p;
    for (size_t r = 0; r < p; r++)
        solve(t, m, at + r * stride, stride * p, out + r * m);
    /* Element k of the parts becomes elements k, k + m, ... of the whole, in place: the sums are
     * kept apart until all p of them are there. */
    for (size_t k = 0; k < m; k++) {
        for (size_t q = 0; q < p; q++) {
            size_t turn = (k + q * m) * stride % t->n, root = 0;
            double complex sum = 0;
            for (size_t r = 0; r < p; r++) {
                sum += product(out[r * m + k], t->roots[root]);
                root += turn;
                root -= root >= t->n ? t->n : 0;
            }
            t->sums[q] = sum;
        }
        for (size_t q = 0; q < p; q++)
            out[k + q * m] = t->sums[q];
    }
}

/* Room for the longest of the dims. */
static size_t workspace(const tw_compute *c)
{
    const tw_array *x = c->inputs[0];
    size_t longest = 0;
    for (size_t k = 0; k < x->rank; k++)
        longest = (size_t)x->dims[k] > longest ? (size_t)x->dims[k] : longest;
    return tw_complex_bytes(1, (const size_t[][2]){{longest, 4}});
}

/* All lines along one axis. Reading and writing go number by number, since those of a line lie
 * `stride` apart; a line is read whole before any of it is written, so that x may be y. */
static void along(const tw_array *x, tw_array *y, transform *t, size_t axis, bool inverse)
{
    size_t stride = 1;
    t->n = (size_t)x->dims[axis];
    t->out = t->in + t->n;
    t->sums = t->out + t->n;
    t->roots = t->sums + t->n;
    for (size_t k = axis + 1; k < x->rank; k++)
        stride *= (size_t)x->dims[k];
    find_roots(t, inverse);
    for (size_t line = 0; line < x->count / t->n; line++) {
        size_t first = line / stride * stride * t->n + line % stride;
        for (size_t i = 0; i < t->n; i++)
            tw_read_complex(x, first + i * stride, 1, t->in + i);
        solve(t, t->n, 0, 1, t->out);
        for (size_t i = 0; i < t->n; i++) {
            t->out[i] = inverse ? t->out[i] / (double)t->n : t->out[i];
            tw_write_complex(y, first + i * stride, 1, t->out + i);
        }
    }
}

/* The first axis is read from the input, those that follow from the output. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    tw_array *y = tw_output(c, 0);
    size_t count = ranks(c->spec->op->name);
    bool inverse = c->spec->op->name[0] == 'I';
    transform t = {.in = tw_matrix_workspace(c)};
    for (size_t k = 0; k < count && x->count; k++)
        along(k ? y : x, y, &t, x->rank - 1 - k, inverse);
    return TW_OK;
}

/* The adjoint of the transform: it has the conjugated roots and the same factor. */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor dy = tw_gradient_conj(g, tw_gradient_dy(g, 0)), x = dy;
    const char *type = tw_operation_type(g->op);
    bool inverse = type[0] == 'I';
    switch (ranks(type)) {
    case 1: x = inverse ? tw_ifft(dy) : tw_fft(dy); break;
    case 2: x = inverse ? tw_ifft2d(dy) : tw_fft2d(dy); break;
    default: x = inverse ? tw_ifft3d(dy) : tw_fft3d(dy);
    }
    g->dx[0] = tw_grad_of(tw_gradient_conj(g, x));
    return TW_OK;
}

/* The six have one signature; TensorFlow's first two took complex64 alone, and called it `in`. */
#define SIGNATURE \
    "input: Tcomplex -> output: Tcomplex; Tcomplex: {complex64, complex128} = complex64"

const tw_op_definition tw_op_FFT = {
    .signature = SIGNATURE,
    .doc = "The discrete Fourier transform over the last dimension.",
    .builder = "fft",
    .since = "FFT: 0.8; complex128: 1.4",
    .examples = {"fft([1+0j, 2+0j]) -> [3+0j, -1+0j]"},
    .infer = infer_1d,
    .gradient = gradient,
    .compute = compute,
    .workspace = workspace,
};

const tw_op_definition tw_op_IFFT = {
    .signature = SIGNATURE,
    .doc = "The inverse of the discrete Fourier transform over the last dimension.",
    .builder = "ifft",
    .since = "IFFT: 0.8; complex128: 1.4",
    .examples = {"ifft([3+0j, -1+0j]) -> [1+0j, 2+0j]"},
    .infer = infer_1d,
    .gradient = gradient,
    .compute = compute,
    .workspace = workspace,
};

const tw_op_definition tw_op_FFT2D = {
    .signature = SIGNATURE,
    .doc = "The discrete Fourier transform over the last two dims.",
    .builder = "fft2d",
    .since = "batches: 0.12; complex128: 1.4",
    .examples = {"fft2d([[1+0j, 2+0j]]) -> [[3+0j, -1+0j]]"},
    .infer = infer_2d,
    .gradient = gradient,
    .compute = compute,
    .workspace = workspace,
};

const tw_op_definition tw_op_IFFT2D = {
    .signature = SIGNATURE,
    .doc = "The inverse of the discrete Fourier transform over the last two dims.",
    .builder = "ifft2d",
    .since = "batches: 0.12; complex128: 1.4",
    .examples = {"ifft2d([[3+0j, -1+0j]]) -> [[1+0j, 2+0j]]"},
    .infer = infer_2d,
    .gradient = gradient,
    .compute = compute,
    .workspace = workspace,
};

const tw_op_definition tw_op_FFT3D = {
    .signature = SIGNATURE,
    .doc = "The discrete Fourier transform over the last three dims.",
    .builder = "fft3d",
    .since = "FFT3D: 0.8; complex128: 1.4",
    .examples = {"fft3d([[[1+0j, 2+0j]]]) -> [[[3+0j, -1+0j]]]"},
    .infer = infer_3d,
    .gradient = gradient,
    .compute = compute,
    .workspace = workspace,
};

const tw_op_definition tw_op_IFFT3D = {
    .signature = SIGNATURE,
    .doc = "The inverse of the discrete Fourier transform over the last three dims.",
    .builder = "ifft3d",
    .since = "IFFT3D: 0.8; complex128: 1.4",
    .examples = {"ifft3d([[[3+0j, -1+0j]]]) -> [[[1+0j, 2+0j]]]"},
    .infer = infer_3d,
    .gradient = gradient,
    .compute = compute,
    .workspace = workspace,
};
