/* SPDX-License-Identifier: Apache-2.0
 * FFT, FFT2D, FFT3D, RFFT ... and their inverses: the discrete Fourier transform over the last one,
 * two or three dims, one dimension after the other (kernels/fft.h).
 *
 * All of it is computed in double. Complex numbers are rounded once for each dimension, real ones
 * once at the end.
 *
 * The gradient is the transform itself between two conjugations, so that it has one in turn.
 * Nothing depends on the number of threads. */
#include <string.h>

#include "base/alloc.h"
#include "kernels/fft.h"
#include "op/define.h"

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

/* An array as numbers (outer, n, inner) around one of its dims. */
typedef struct around {
    size_t outer, n, inner;
} around;

static around see(const int64_t *dims, size_t rank, size_t axis)
{
    around a = {1, (size_t)dims[axis], 1};
    for (size_t k = 0; k < rank; k++) {
        a.outer *= k < axis ? (size_t)dims[k] : 1;
        a.inner *= k > axis ? (size_t)dims[k] : 1;
    }
    return a;
}

/* Lines that go side by side: the neighbours of a number, or in the last dimension its rows. */
static size_t lines_of(const around *a)
{
    return a->inner > 1 ? a->inner : a->outer;
}

/* All lines of n numbers around one dimension; of x and y those have as many as their sides say,
 * which may be half a spectrum. x and y may be the same. */
static void along(const around *x, tw_dtype from, const void *in, const around *y, tw_dtype to,
                  void *out, size_t n, bool inverse, double *work)
{
    tw_fft fft;
    bool rows = x->inner == 1;
    tw_fft_side source = {from, NULL, x->inner, rows ? x->n : 1, x->n};
    tw_fft_side target = {to, NULL, y->inner, rows ? y->n : 1, y->n};
    tw_fft_init(&fft, n, lines_of(x), work);
    for (size_t o = 0; o < (rows ? 1 : x->outer); o++) {
        source.data = (char *)in + o * x->n * x->inner * tw_dtype_size(from);
        target.data = (char *)out + o * y->n * y->inner * tw_dtype_size(to);
        tw_fft_run(&fft, &source, &target, lines_of(x), inverse);
    }
}

/* Doubles for the dimension that wants most; the lengths of the last `rank` dims are given. */
static size_t work_of(const int64_t *dims, size_t all, size_t rank)
{
    size_t most = 0;
    for (size_t k = all - rank; k < all; k++) {
        around a = see(dims, all, k);
        size_t work = tw_fft_work(a.n, lines_of(&a));
        most = work > most ? work : most;
    }
    return most;
}

static size_t workspace(const tw_compute *c)
{
    const tw_array *x = c->inputs[0];
    size_t bytes, work = x->count ? work_of(x->dims, x->rank, ranks(c->spec->op->name)) : 0;
    return tw_size_mul(work, sizeof(double), &bytes) ? bytes : SIZE_MAX;
}

/* The last axis is read from the input, those before it from the output. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    tw_array *y = tw_output(c, 0);
    size_t count = ranks(c->spec->op->name);
    bool inverse = c->spec->op->name[0] == 'I';
    for (size_t k = 0; k < count && x->count; k++) {
        around a = see(x->dims, x->rank, x->rank - 1 - k);
        along(&a, x->dtype, k ? y->data : x->data, &a, y->dtype, y->data, a.n, inverse,
              tw_compute_workspace(c));
    }
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

/* One transform of real numbers: the dims of what counts of the input, and of the whole result
 * before the last dimension; `half`: numbers of the last dimension in the spectrum. */
typedef struct real_parts {
    size_t rank, axes, half;
    bool inverse;
    int64_t counted[TW_MAX_RANK]; /* of the input */
    int64_t n;                    /* length of the last dimension as real numbers */
} real_parts;

/* What counts of x, densely: row by row, since its last dimension is the longest run. */
static void crop(const tw_array *x, const int64_t *dims, char *out)
{
    size_t size = tw_dtype_size(x->dtype), last = x->rank - 1, rows = 1;
    for (size_t k = 0; k < last; k++)
        rows *= (size_t)dims[k];
    for (size_t row = 0; row < rows; row++) {
        size_t at = 0, stride = (size_t)x->dims[last], rest = row;
        for (size_t k = last; k-- > 0; rest /= (size_t)dims[k]) {
            at += rest % (size_t)dims[k] * stride;
            stride *= (size_t)x->dims[k];
        }
        memcpy(out + row * (size_t)dims[last] * size, (const char *)x->data + at * size,
               (size_t)dims[last] * size);
    }
}

/* Lengths that are asked for must be there: TensorFlow's Python pads the input before. */
static tw_status *read_parts(tw_compute *c, real_parts *p)
{
    const tw_array *x = tw_input(c, 0), *lengths = tw_input(c, 1);
    *p = (real_parts){
        .rank = x->rank, .axes = ranks(c->spec->op->name), .inverse = x->dtype != TW_FLOAT32};
    for (size_t k = 0; k < p->rank; k++)
        p->counted[k] = x->dims[k];
    for (size_t k = 0; k < p->axes; k++) {
        size_t axis = p->rank - p->axes + k;
        int64_t n = tw_index_at(lengths, k), have = x->dims[axis];
        int64_t need = k == p->axes - 1 && p->inverse ? n / 2 + 1 : n;
        if (n < 0 || (have < need && x->count))
            return tw_compute_fail(
                c, "Input dimension %zu must have length of at least %" PRId64 " but got: %" PRId64,
                axis, need, have);
        p->counted[axis] = need;
        p->n = n;
    }
    p->half = (size_t)p->n / 2 + 1;
    return TW_OK;
}

/* Forwards the last dimension comes first, from real numbers to half of a spectrum, on which the
 * others go on; backwards it comes last. */
static void transform_real(const real_parts *p, tw_dtype from, const void *x, tw_array *y,
                           double *spectrum, double *work)
{
    int64_t dims[TW_MAX_RANK];
    memcpy(dims, p->counted, sizeof dims);
    size_t last = p->rank - 1;
    dims[last] = (int64_t)p->half;
    around half = see(dims, p->rank, last), whole = half;
    whole.n = (size_t)p->n;
    const void *source = x;
    if (!p->inverse) {
        bool only = p->axes == 1;
        along(&whole, from, x, &half, only ? y->dtype : TW_COMPLEX128, only ? y->data : spectrum,
              whole.n, false, work);
        source = spectrum;
        from = TW_COMPLEX128;
    }
    for (size_t k = 1; k < p->axes; k++) {
        around a = see(dims, p->rank, last - k);
        bool ends = !p->inverse && k == p->axes - 1;
        along(&a, from, source, &a, ends ? y->dtype : TW_COMPLEX128, ends ? y->data : spectrum, a.n,
              p->inverse, work);
        source = spectrum;
        from = TW_COMPLEX128;
    }
    if (p->inverse)
        along(&half, from, source, &whole, y->dtype, y->data, whole.n, true, work);
}

/* Doubles for the spectrum between two dimensions, and bytes for what counts of the input. */
static bool sizes_of(const real_parts *p, const tw_array *x, bool crops, size_t *spectrum,
                     size_t *work, size_t *bytes)
{
    int64_t dims[TW_MAX_RANK];
    size_t count = 1, all;
    memcpy(dims, p->counted, sizeof dims);
    for (size_t k = 0; k < p->rank; k++)
        count *= (size_t)dims[k];
    dims[p->rank - 1] = p->n;
    *work = work_of(dims, p->rank, p->axes);
    dims[p->rank - 1] = (int64_t)p->half;
    *spectrum = p->axes > 1 ? 2 : 0;
    for (size_t k = 0; k < p->rank && *spectrum; k++)
        *spectrum *= (size_t)dims[k];
    size_t cropped = crops ? count * tw_dtype_size(x->dtype) : 0;
    return tw_size_add(*work, *spectrum, &all) && tw_size_mul(all, sizeof(double), &all) &&
           tw_size_add(all, cropped, bytes);
}

/* A length of 0 gives nothing; an input of nothing gives zeros. */
static tw_status *compute_real(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    tw_array *y = tw_output(c, 0);
    real_parts p;
    size_t spectrum, work, bytes;
    TW_TRY(read_parts(c, &p));
    if (!y->count)
        return TW_OK;
    if (!x->count) {
        memset(y->data, 0, y->count * tw_dtype_size(y->dtype));
        return TW_OK;
    }
    bool crops = memcmp(p.counted, x->dims, p.rank * sizeof *p.counted) != 0;
    double *space = sizes_of(&p, x, crops, &spectrum, &work, &bytes) ? tw_alloc(bytes) : NULL;
    if (!space)
        return tw_no_memory();
    char *cropped = (char *)(space + spectrum + work);
    if (crops)
        crop(x, p.counted, cropped);
    transform_real(&p, x->dtype, crops ? cropped : x->data, y, space, space + spectrum);
    tw_free(space);
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
