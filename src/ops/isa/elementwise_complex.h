/* SPDX-License-Identifier: Apache-2.0
 * What gains most from vectors of complex numbers on x86-64-v3 and -v4: products, conjugates,
 * absolute values and parts. Products and conjugates have the bits of the plain level; absolute
 * values of complex64 may differ from the nearest number in their last digit. n is a multiple of
 * 16. */

typedef float c64_loose __attribute__((vector_size(32), aligned(4), may_alias));
typedef double c128_loose __attribute__((vector_size(32), aligned(8), may_alias));

/* (a + ib)(c + id) = (ac - bd) + i(ad + bc): every other term of one vector has its sign turned. */
static void Mul_loop_c64(size_t n, void *z, const void *x, const void *y, const void *w)
{
    float *to = z;
    const float *one = x, *two = y;
    (void)w;
    for (size_t i = 0; i < 2 * n; i += 8) {
        __m256 a = *(const c64_loose *)(one + i), b = *(const c64_loose *)(two + i);
        __m256 left = _mm256_mul_ps(_mm256_moveldup_ps(a), b);
        __m256 right = _mm256_mul_ps(_mm256_movehdup_ps(a), _mm256_permute_ps(b, 0xb1));
        *(c64_loose *)(to + i) = _mm256_addsub_ps(left, right);
    }
}

static void Mul_loop_c128(size_t n, void *z, const void *x, const void *y, const void *w)
{
    double *to = z;
    const double *one = x, *two = y;
    (void)w;
    for (size_t i = 0; i < 2 * n; i += 4) {
        __m256d a = *(const c128_loose *)(one + i), b = *(const c128_loose *)(two + i);
        __m256d left = _mm256_mul_pd(_mm256_movedup_pd(a), b);
        __m256d right = _mm256_mul_pd(_mm256_permute_pd(a, 0xf), _mm256_permute_pd(b, 0x5));
        *(c128_loose *)(to + i) = _mm256_addsub_pd(left, right);
    }
}

static void Conj_loop_c64(size_t n, void *z, const void *x, const void *y, const void *w)
{
    float *to = z;
    const float *from = x;
    const __m256 sign = _mm256_set_ps(-0.f, 0, -0.f, 0, -0.f, 0, -0.f, 0);
    (void)y, (void)w;
    for (size_t i = 0; i < 2 * n; i += 8)
        *(c64_loose *)(to + i) = _mm256_xor_ps(*(const c64_loose *)(from + i), sign);
}

static void Conj_loop_c128(size_t n, void *z, const void *x, const void *y, const void *w)
{
    double *to = z;
    const double *from = x;
    const __m256d sign = _mm256_set_pd(-0.0, 0, -0.0, 0);
    (void)y, (void)w;
    for (size_t i = 0; i < 2 * n; i += 4)
        *(c128_loose *)(to + i) = _mm256_xor_pd(*(const c128_loose *)(from + i), sign);
}

/* One of the parts of eight numbers, or of four. */
static TW_INLINE void parts_of_c64(size_t n, float *to, const float *from, bool imaginary)
{
    for (size_t i = 0; i < n; i += 8) {
        __m256 low = *(const c64_loose *)(from + 2 * i);
        __m256 high = *(const c64_loose *)(from + 2 * i + 8);
        __m256 part = imaginary ? _mm256_shuffle_ps(low, high, 0xdd)
                                : _mm256_shuffle_ps(low, high, 0x88);
        __m256d ordered = _mm256_permute4x64_pd(_mm256_castps_pd(part), 0xd8);
        *(c64_loose *)(to + i) = _mm256_castpd_ps(ordered);
    }
}
static TW_INLINE void parts_of_c128(size_t n, double *to, const double *from, bool imaginary)
{
    for (size_t i = 0; i < n; i += 4) {
        __m256d low = *(const c128_loose *)(from + 2 * i);
        __m256d high = *(const c128_loose *)(from + 2 * i + 4);
        __m256d part = imaginary ? _mm256_unpackhi_pd(low, high) : _mm256_unpacklo_pd(low, high);
        *(c128_loose *)(to + i) = _mm256_permute4x64_pd(part, 0xd8);
    }
}

#define PART_LOOPS(s)                                                                         \
    static void Real_loop_##s(size_t n, void *z, const void *x, const void *y, const void *w) \
    {                                                                                         \
        (void)y, (void)w, parts_of_##s(n, z, x, false);                                       \
    }                                                                                         \
    static void Imag_loop_##s(size_t n, void *z, const void *x, const void *y, const void *w) \
    {                                                                                         \
        (void)y, (void)w, parts_of_##s(n, z, x, true);                                        \
    }
PART_LOOPS(c64)
PART_LOOPS(c128)

/* |x| of numbers whose squares overflow or vanish, of infinities and NaN, one at a time. */
static void magnitudes(size_t n, double *to, const double *parts)
{
    for (size_t i = 0; i < n; i++)
        to[i] = hypot(parts[2 * i], parts[2 * i + 1]);
}

/* Sums of squares of neighbours, for four numbers in the order of the sums. */
static TW_INLINE __m256d squares_of(__m256d low, __m256d high)
{
    __m256d sums = _mm256_hadd_pd(_mm256_mul_pd(low, low), _mm256_mul_pd(high, high));
    return _mm256_permute4x64_pd(sums, 0xd8);
}

/* Whether all of them lie between the two; NaN does not. */
static TW_INLINE bool all_between(__m256d x, double low, double high)
{
    __m256d above = _mm256_cmp_pd(x, _mm256_set1_pd(low), _CMP_GT_OQ);
    __m256d below = _mm256_cmp_pd(x, _mm256_set1_pd(high), _CMP_LT_OQ);
    return _mm256_movemask_pd(_mm256_and_pd(above, below)) == 0xf;
}

static void ComplexAbs_loop_c128(size_t n, void *z, const void *x, const void *y, const void *w)
{
    double *to = z;
    const double *from = x;
    (void)y, (void)w;
    for (size_t i = 0; i < n; i += 4) {
        __m256d low = *(const c128_loose *)(from + 2 * i);
        __m256d sum = squares_of(low, *(const c128_loose *)(from + 2 * i + 4));
        if (all_between(sum, 1e-280, 1e300)) {
            *(c128_loose *)(to + i) = _mm256_sqrt_pd(sum);
            continue;
        }
        double kept[4], parts[8];
        memcpy(parts, from + 2 * i, sizeof parts); /* z may be x */
        magnitudes(4, kept, parts);
        memcpy(to + i, kept, sizeof kept);
    }
}

/* In double, where no square of a float overflows or vanishes. */
static void wide_magnitudes(size_t n, float *to, const float *from)
{
    for (size_t i = 0; i < n; i++) {
        double re = from[2 * i], im = from[2 * i + 1], sum = re * re + im * im;
        to[i] = (float)(sum < 1e300 ? sqrt(sum) : hypot(re, im));
    }
}

/* In float, where all sums are far from its ends. */
static void ComplexAbs_loop_c64(size_t n, void *z, const void *x, const void *y, const void *w)
{
    float *to = z;
    const float *from = x;
    (void)y, (void)w;
    for (size_t i = 0; i < n; i += 8) {
        __m256 low = *(const c64_loose *)(from + 2 * i);
        __m256 high = *(const c64_loose *)(from + 2 * i + 8);
        __m256 re = _mm256_shuffle_ps(low, high, 0x88), im = _mm256_shuffle_ps(low, high, 0xdd);
        __m256 sum = _mm256_fmadd_ps(re, re, _mm256_mul_ps(im, im));
        __m256 above = _mm256_cmp_ps(sum, _mm256_set1_ps(1e-30f), _CMP_GT_OQ);
        __m256 below = _mm256_cmp_ps(sum, _mm256_set1_ps(1e38f), _CMP_LT_OQ);
        if (_mm256_movemask_ps(_mm256_and_ps(above, below)) == 0xff) {
            __m256d root = _mm256_castps_pd(_mm256_sqrt_ps(sum));
            *(c64_loose *)(to + i) = _mm256_castpd_ps(_mm256_permute4x64_pd(root, 0xd8));
            continue;
        }
        float kept[8];
        wide_magnitudes(8, kept, from + 2 * i);
        memcpy(to + i, kept, sizeof kept);
    }
}

#define COMPLEX_ROWS(s)                                                           \
    {                                                                             \
        [TW_ROW_Mul] = Mul_loop_##s, [TW_ROW_Conj] = Conj_loop_##s,               \
        [TW_ROW_ComplexAbs] = ComplexAbs_loop_##s, [TW_ROW_Real] = Real_loop_##s, \
        [TW_ROW_Imag] = Imag_loop_##s,                                            \
    }
static const tw_tile_loop loops_c64[TW_ROW_COUNT] = COMPLEX_ROWS(c64);
static const tw_tile_loop loops_c128[TW_ROW_COUNT] = COMPLEX_ROWS(c128);
