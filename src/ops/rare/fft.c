/* SPDX-License-Identifier: Apache-2.0
 * FFT, FFT2D, FFT3D, RFFT ... and their inverses: the discrete Fourier transform over the last one,
 * two or three dims, by Cooley and Tukey's method for any factors of the length (1965). A prime
 * length costs its square.
 *
 * Lines are transformed one after the other in complex double, and rounded once for each dimension.
 *
 * The gradient is the transform itself between two conjugations, so that it has one in turn.
 * Nothing depends on the number of threads. */
#include <math.h>
#include <string.h>

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

/* The complex transform over so many of the last dims. */
static tw_tensor complex_transform(tw_tensor x, size_t rank, bool inverse)
{
    if (rank == 1)
        return inverse ? tw_ifft(x) : tw_fft(x);
    if (rank == 2)
        return inverse ? tw_ifft2d(x) : tw_fft2d(x);
    return inverse ? tw_ifft3d(x) : tw_fft3d(x);
}

/* The adjoint of the transform: it has the conjugated roots and the same factor. */
static tw_status *gradient(tw_gradient *g)
{
    const char *type = tw_operation_type(g->op);
    tw_tensor dy = tw_gradient_conj(g, tw_gradient_dy(g, 0));
    tw_tensor dx = complex_transform(dy, ranks(type), type[0] == 'I');
    g->dx[0] = tw_grad_of(tw_gradient_conj(g, dx));
    return TW_OK;
}

/* ---- of real numbers ---- */

/* fft_length says how many numbers of each of the last dims count. The spectrum of real numbers is
 * its own mirror image, so half of its last dimension is enough. */
static void infer_real(tw_infer *in, size_t rank)
{
    bool inverse = tw_infer_dtype(in, 0) != TW_FLOAT32;
    int64_t entries = tw_infer_dim(tw_infer_vector(in, 1), 0);
    tw_shape x = tw_infer_input(in, 0), lengths = tw_infer_size_value(in, 1);
    if (x.dims && x.rank < rank)
        tw_infer_fail(in, "Shape must be at least rank %zu but is rank %zu", rank, x.rank);
    if (!tw_dims_agree(entries, (int64_t)rank))
        tw_infer_fail(in, "Dimension must be %zu but is %" PRId64, rank, entries);
    if (!x.dims || tw_infer_failed(in))
        return;
    int64_t *dims = tw_infer_dims(in, x.rank);
    /* Dims before the last ones are of the batch. */
    for (size_t k = 0; k < x.rank; k++) {
        size_t left = x.rank - k;
        int64_t n = left <= rank ? tw_infer_dim(lengths, (int64_t)(rank - left)) : x.dims[k];
        dims[k] = left == 1 && !inverse && n > 0 ? n / 2 + 1 : n;
    }
    tw_infer_output(in, 0, (tw_shape){dims, x.rank});
}
/* A shape rule is not told which op it is for, so each rank has its own. */
static void infer_real_1d(tw_infer *in)
{
    infer_real(in, 1);
}
static void infer_real_2d(tw_infer *in)
{
    infer_real(in, 2);
}
static void infer_real_3d(tw_infer *in)
{
    infer_real(in, 3);
}

/* Where element i of the numbers that count is in one item of x, whose dims may be larger; with
 * `mirror` the place in half a spectrum of what is at i or, conjugated, opposite of it. */
static size_t place(const tw_array *part, const tw_array *x, size_t i, bool mirror, bool *opposite)
{
    size_t at = 0, stride = 1, half = (size_t)part->dims[part->rank - 1] / 2;
    *opposite = mirror && i % (size_t)part->dims[part->rank - 1] > half;
    for (size_t k = part->rank; k-- > 0;) {
        size_t n = (size_t)part->dims[k], here = i % n;
        at += (*opposite ? (n - here) % n : here) * stride;
        stride *= (size_t)x->dims[x->rank - part->rank + k];
        i /= n;
    }
    return at;
}

/* How many numbers an item has in the last dims. */
/* Of an item nothing is skipped: what is not counted lies between. */
static size_t item_size(const tw_array *x, size_t rank)
{
    size_t size = 1;
    for (size_t k = x->rank - rank; k < x->rank; k++)
        size *= (size_t)x->dims[k];
    return size;
}

/* Item by item: what counts is copied out, transformed whole, and the half or the real part of it
 * copied back. */
static void transform_items(const tw_array *x, tw_array *y, tw_array *part, transform *t)
{
    bool inverse = x->dtype != TW_FLOAT32, opposite;
    size_t from = item_size(x, part->rank), to = item_size(y, part->rank);
    double complex *numbers = part->data;
    for (size_t item = 0; item < y->count / to; item++) {
        for (size_t i = 0; i < part->count; i++) {
            size_t at = item * from + place(part, x, i, inverse, &opposite);
            if (inverse)
                tw_read_complex(x, at, 1, &numbers[i]);
            else
                numbers[i] = (double)((const float *)x->data)[at];
            numbers[i] = opposite ? conj(numbers[i]) : numbers[i];
        }
        /* The order of dims does not matter but for rounding. */
        for (size_t k = 0; k < part->rank; k++)
            along(part, part, t, k, inverse);
        for (size_t i = 0; i < to; i++) {
            size_t at = item * to + i, row = (size_t)y->dims[y->rank - 1];
            size_t full = (size_t)part->dims[part->rank - 1];
            if (inverse)
                ((float *)y->data)[at] = (float)creal(numbers[i]);
            else
                tw_write_complex(y, at, 1, &numbers[i / row * full + i % row]);
        }
    }
}

/* What counts must be there: TensorFlow's Python pads it before. */
static tw_status *compute_real(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0), *lengths = tw_input(c, 1);
    tw_array part = {.dtype = TW_COMPLEX128, .rank = ranks(c->spec->op->name), .count = 1};
    size_t longest = 1;
    for (size_t k = 0; k < part.rank; k++) {
        int64_t n = tw_index_at(lengths, k), have = x->dims[x->rank - part.rank + k];
        bool half = k == part.rank - 1 && x->dtype != TW_FLOAT32;
        int64_t need = half ? n / 2 + 1 : n;
        if (n < 0 || (have < need && x->count))
            return tw_compute_fail(
                c, "Input dimension %zu must have length of at least %" PRId64 " but got: %" PRId64,
                x->rank - part.rank + k, need, have);
        part.dims[k] = n;
        part.count *= (size_t)n;
        longest = (size_t)n > longest ? (size_t)n : longest;
    }
    /* A length of 0 gives nothing; an input of nothing gives zeros. */
    if (!tw_output(c, 0)->count)
        return TW_OK;
    memset(tw_output_data(c, 0), 0, tw_output(c, 0)->count * tw_dtype_size(tw_output(c, 0)->dtype));
    if (!x->count)
        return TW_OK;
    /* One item whole, and the room that a line's transform wants. */
    double complex *numbers = tw_alloc_array(part.count + 4 * longest, sizeof *numbers);
    if (!numbers)
        return tw_no_memory();
    part.data = numbers;
    transform t = {.in = numbers + part.count};
    transform_items(x, tw_output(c, 0), &part, &t);
    tw_free(numbers);
    return TW_OK;
}

/* Zeros behind the numbers of x, up to `shape`. */
static tw_tensor pad_to(tw_tensor x, tw_tensor shape)
{
    tw_tensor missing = tw_sub(shape, tw_shape(x));
    return tw_pad(x, tw_stack(TW_LIST(tw_zeros_like(missing), missing), 1));
}

/* Of half a spectrum: the other half gets nothing, and dx = n Re(ifft(dy)). The way back counts the
 * numbers twice that stand for their mirror images too: dx = weights rfft(dy) / n. */
static tw_status *gradient_real(tw_gradient *g)
{
    tw_tensor x = g->inputs[0], n = g->inputs[1], dy = tw_gradient_dy(g, 0);
    bool inverse = tw_dtype_base(tw_tensor_dtype(x)) != TW_FLOAT32;
    size_t rank = ranks(tw_operation_type(g->op));
    /* Lengths may be known only when run, so all of this is operations. */
    tw_tensor count = tw_cast(tw_reduce_prod(n), TW_FLOAT32);
    if (inverse) {
        tw_tensor last = tw_reshape(tw_slice(n, TW_INTS((int64_t)rank - 1), TW_INTS(1)),
                                    TW_SHAPE());
        tw_tensor k = tw_range(0, tw_add(tw_floor_div(last, 2), 1), 1);
        /* The first number, and the middle one of an even length, are their own mirror images. */
        tw_tensor once = tw_equal(tw_floor_mod(tw_mul(k, 2), last), 0);
        tw_tensor weights = tw_div(tw_sub(2, tw_cast(once, TW_FLOAT32)), count);
        tw_tensor spectrum = rank == 1   ? tw_rfft(dy, n)
                             : rank == 2 ? tw_rfft2d(dy, n)
                                         : tw_rfft3d(dy, n);
        tw_tensor dx = tw_mul(spectrum, tw_complex(weights, tw_zeros_like(weights)));
        g->dx[0] = tw_grad_of(pad_to(dx, tw_shape(x)));
        return TW_OK;
    }
    tw_tensor outer = tw_slice(tw_shape(dy), TW_INTS(0),
                               tw_reshape(tw_sub(tw_rank(dy), (int)rank), TW_INTS(1)));
    tw_tensor whole = complex_transform(pad_to(dy, tw_concat(TW_LIST(outer, n), 0)), rank, true);
    g->dx[0] = tw_grad_of(pad_to(tw_mul(tw_real(whole), count), tw_shape(x)));
    return TW_OK;
}

/* ---- the table: one signature for the complex ones, one for each way of the real ones ---- */

/* TensorFlow's first two complex transforms took complex64 alone, and called their input `in`. */
#define COMPLEX "input: Tcomplex -> output: Tcomplex; Tcomplex: {complex64, complex128} = complex64"
#define HALF "input: float, fft_length: int32 -> output: complex64"
#define WHOLE "input: complex64, fft_length: int32 -> output: float"
#define OVER "The discrete Fourier transform over the last "
#define BACK "The inverse of the discrete Fourier transform over the last "
#define HALF_OVER "Half of the spectrum of real numbers, `fft_length` of them, over the last "
#define HALF_BACK "The real numbers, `fft_length` of them, of half a spectrum over the last "
#define TRANSFORM(rule) \
    .infer = rule, .gradient = gradient, .compute = compute, .workspace = workspace
#define REAL(rule) \
    .infer = rule, .gradient = gradient_real, .compute = compute_real, .shape_inputs = 1 << 1

const tw_op_definition tw_op_FFT = {
    .signature = COMPLEX,
    .doc = OVER "dimension.",
    .builder = "fft",
    .since = "FFT: 0.8; complex128: 1.4",
    .examples = {"fft([1+0j, 2+0j]) -> [3+0j, -1+0j]"},
    TRANSFORM(infer_1d),
};

const tw_op_definition tw_op_IFFT = {
    .signature = COMPLEX,
    .doc = BACK "dimension.",
    .builder = "ifft",
    .since = "IFFT: 0.8; complex128: 1.4",
    .examples = {"ifft([3+0j, -1+0j]) -> [1+0j, 2+0j]"},
    TRANSFORM(infer_1d),
};

const tw_op_definition tw_op_FFT2D = {
    .signature = COMPLEX,
    .doc = OVER "two dims.",
    .builder = "fft2d",
    .since = "batches: 0.12; complex128: 1.4",
    .examples = {"fft2d([[1+0j, 2+0j]]) -> [[3+0j, -1+0j]]"},
    TRANSFORM(infer_2d),
};

const tw_op_definition tw_op_IFFT2D = {
    .signature = COMPLEX,
    .doc = BACK "two dims.",
    .builder = "ifft2d",
    .since = "batches: 0.12; complex128: 1.4",
    .examples = {"ifft2d([[3+0j, -1+0j]]) -> [[1+0j, 2+0j]]"},
    TRANSFORM(infer_2d),
};

const tw_op_definition tw_op_FFT3D = {
    .signature = COMPLEX,
    .doc = OVER "three dims.",
    .builder = "fft3d",
    .since = "FFT3D: 0.8; complex128: 1.4",
    .examples = {"fft3d([[[1+0j, 2+0j]]]) -> [[[3+0j, -1+0j]]]"},
    TRANSFORM(infer_3d),
};

const tw_op_definition tw_op_IFFT3D = {
    .signature = COMPLEX,
    .doc = BACK "three dims.",
    .builder = "ifft3d",
    .since = "IFFT3D: 0.8; complex128: 1.4",
    .examples = {"ifft3d([[[3+0j, -1+0j]]]) -> [[[1+0j, 2+0j]]]"},
    TRANSFORM(infer_3d),
};

const tw_op_definition tw_op_RFFT = {
    .signature = HALF,
    .doc = HALF_OVER "dimension.",
    .builder = "rfft",
    .since = "RFFT: 1.0",
    .examples = {"rfft([1., 2., 4.], [2]) -> [3+0j, -1+0j]"},
    REAL(infer_real_1d),
};

const tw_op_definition tw_op_IRFFT = {
    .signature = WHOLE,
    .doc = HALF_BACK "dimension.",
    .builder = "irfft",
    .since = "IRFFT: 1.0",
    .examples = {"irfft([3+0j, -1+0j], [2]) -> [1., 2.]"},
    REAL(infer_real_1d),
};

const tw_op_definition tw_op_RFFT2D = {
    .signature = HALF,
    .doc = HALF_OVER "two dims.",
    .builder = "rfft2d",
    .since = "RFFT2D: 1.0",
    .examples = {"rfft2d([[1., 2.]], [1, 2]) -> [[3+0j, -1+0j]]"},
    REAL(infer_real_2d),
};

const tw_op_definition tw_op_IRFFT2D = {
    .signature = WHOLE,
    .doc = HALF_BACK "two dims.",
    .builder = "irfft2d",
    .since = "IRFFT2D: 1.0",
    .examples = {"irfft2d([[3+0j, -1+0j]], [1, 2]) -> [[1., 2.]]"},
    REAL(infer_real_2d),
};

const tw_op_definition tw_op_RFFT3D = {
    .signature = HALF,
    .doc = HALF_OVER "three dims.",
    .builder = "rfft3d",
    .since = "RFFT3D: 1.0",
    .examples = {"rfft3d([[[1., 2.]]], [1, 1, 2]) -> [[[3+0j, -1+0j]]]"},
    REAL(infer_real_3d),
};

const tw_op_definition tw_op_IRFFT3D = {
    .signature = WHOLE,
    .doc = HALF_BACK "three dims.",
    .builder = "irfft3d",
    .since = "IRFFT3D: 1.0",
    .examples = {"irfft3d([[[3+0j, -1+0j]]], [1, 1, 2]) -> [[[1., 2.]]]"},
    REAL(infer_real_3d),
};
