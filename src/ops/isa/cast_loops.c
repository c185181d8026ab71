/* SPDX-License-Identifier: Apache-2.0
 * Cast between every two C types. Out of range, floats become what x86's conversions give: the
 * least integer for 32 and 64 bits (unsigned 32 bits: the low bits of 64), and the low bits of the
 * 32-bit result for narrower types. Any number but 0, NaN too, is true. */
#include <complex.h>
#include <math.h>
#if TW_ISA_LEVEL >= 3
#include <immintrin.h>
#endif

#include "kernels/vmath_double.h"
#include "ops/select_loops.h"

#undef I /* complex.h's */

#if defined(__clang__)
#define TW_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#pragma clang diagnostic ignored "-Wpass-failed"
#else
#define TW_IVDEP _Pragma("GCC ivdep")
#endif

#define TW_INLINE inline __attribute__((always_inline))

typedef float _Complex c64;
typedef double _Complex c128;

/* The least integer stands for all that does not fit, NaN too. */
static inline int32_t whole_32(double x)
{
    bool fits = x > -2147483649.0 && x < 2147483648.0;
    return fits ? (int32_t)x : INT32_MIN;
}
/* The bounds are exact floats; the upper one is excluded, since 2^31 does not fit. NaN fails
 * both comparisons. */
static inline int32_t whole_32f(float x)
{
    bool fits = x >= -0x1p31F && x < 0x1p31F;
    return fits ? (int32_t)x : INT32_MIN;
}
/* As the conversion of x86: everything that does not fit, NaN too, becomes the least integer. */
static inline int64_t whole_64(double x)
{
    bool fits = x >= -0x1p63 && x < 0x1p63;
    return fits ? (int64_t)x : INT64_MIN;
}
#if TW_ISA_LEVEL == 0
/* Numbers of 2^63 and more go through the signed conversion less 2^63. */
static inline uint64_t natural_64(double x)
{
    return x >= 0x1p63 ? (uint64_t)whole_64(x - 0x1p63) ^ UINT64_C(1) << 63 : (uint64_t)whole_64(x);
}
#endif

/* How a value x of one kind becomes one of another: TO_type_FROM_kind(x), the kinds being whole
 * numbers (W), float (F), double (D) and complex (C). */
#define TO_WHOLE_FROM_W(T, x) ((T)(x))
#define TO_WHOLE_FROM_F(T, x) ((T)whole_32f(x))
#define TO_WHOLE_FROM_D(T, x) ((T)whole_32(x))
#define TO_WHOLE_FROM_C(T, x) ((T)whole_32((double)creal(x)))
#define TO_LONG_FROM_W(T, x) ((T)(x))
#define TO_LONG_FROM_F(T, x) ((T)whole_64((double)(x)))
#define TO_LONG_FROM_D(T, x) ((T)whole_64(x))
#define TO_LONG_FROM_C(T, x) ((T)whole_64((double)creal(x)))
#define TO_NATURAL_FROM_W(T, x) ((T)(x))
#define TO_NATURAL_FROM_F(T, x) natural_64((double)(x))
#define TO_NATURAL_FROM_D(T, x) natural_64(x)
#define TO_NATURAL_FROM_C(T, x) natural_64((double)creal(x))
#define TO_TRUTH_FROM_W(T, x) ((x) != 0)
#define TO_TRUTH_FROM_F(T, x) ((x) != 0)
#define TO_TRUTH_FROM_D(T, x) ((x) != 0)
#define TO_TRUTH_FROM_C(T, x) (creal(x) != 0)
#define TO_REAL_FROM_W(T, x) ((T)(x))
#define TO_REAL_FROM_F(T, x) ((T)(x))
#define TO_REAL_FROM_D(T, x) ((T)(x))
#define TO_REAL_FROM_C(T, x) ((T)creal(x))

/* From every type. */
#define S bool
#define FROM(name) flag_to_##name
#define KIND(to) TO_##to##_FROM_W
#include "ops/isa/cast_body.h"
#define S uint8_t
#define FROM(name) u8_to_##name
#define KIND(to) TO_##to##_FROM_W
#include "ops/isa/cast_body.h"
#define S int32_t
#define FROM(name) i32_to_##name
#define KIND(to) TO_##to##_FROM_W
#include "ops/isa/cast_body.h"
#if TW_ISA_LEVEL >= 3
/* Are 16 numbers of at most 50 bits? Then they are doubles, by way of their bits. */
static TW_INLINE bool are_short(const int64_t *in)
{
    uint64_t beyond = 0;
    for (size_t i = 0; i < 16; i++)
        beyond |= (uint64_t)in[i] + (UINT64_C(1) << 50);
    return beyond >> 51 == 0;
}
static void i64_to_f32(size_t n, void *z, const void *x, const void *y, const void *w)
{
    const int64_t *in = x;
    float *out = z;
    (void)y, (void)w;
    for (; n >= 16; n -= 16, in += 16, out += 16) {
        bool is_short = are_short(in);
        for (size_t i = 0; i < 16 && is_short; i++)
            out[i] = (float)tw_whole_double_(in[i]);
        for (size_t i = 0; i < 16 && !is_short; i++)
            out[i] = (float)in[i];
    }
}
/* z may be x. */
static void i64_to_f64(size_t n, void *z, const void *x, const void *y, const void *w)
{
    const int64_t *in = x;
    double *out = z;
    (void)y, (void)w;
    for (; n >= 16; n -= 16, in += 16, out += 16) {
        bool is_short = are_short(in);
        double part[16];
        for (size_t i = 0; i < 16 && is_short; i++)
            part[i] = tw_whole_double_(in[i]);
        for (size_t i = 0; i < 16 && !is_short; i++)
            part[i] = (double)in[i];
        memcpy(out, part, sizeof part);
    }
}
#define OWN_REALS
#endif
#define S int64_t
#define FROM(name) i64_to_##name
#define KIND(to) TO_##to##_FROM_W
#include "ops/isa/cast_body.h"
#if TW_ISA_LEVEL >= 3
/* The instruction gives the least integer where a number does not fit; compilers narrow four times
 * as many vectors as there must be. */
static void f32_to_u8(size_t n, void *z, const void *x, const void *y, const void *w)
{
    const __m256i low = _mm256_set1_epi32(0xff);
    const float *in = x;
    uint8_t *out = z;
    (void)y, (void)w;
    for (size_t i = 0; i + 16 <= n; i += 16) {
        __m256i a = _mm256_cvttps_epi32(_mm256_loadu_ps(in + i));
        __m256i b = _mm256_cvttps_epi32(_mm256_loadu_ps(in + i + 8));
        __m256i pairs = _mm256_packus_epi32(_mm256_and_si256(a, low), _mm256_and_si256(b, low));
        pairs = _mm256_permute4x64_epi64(pairs, 0xd8);
        __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(pairs),
                                         _mm256_extracti128_si256(pairs, 1));
        _mm_storeu_si128((__m128i *)(void *)(out + i), bytes);
    }
}
#define OWN_U8
#endif
#define S float
#define FROM(name) f32_to_##name
#define KIND(to) TO_##to##_FROM_F
#include "ops/isa/cast_body.h"
#define S double
#define FROM(name) f64_to_##name
#define KIND(to) TO_##to##_FROM_D
#include "ops/isa/cast_body.h"
#if TW_ISA_LEVEL == 0
#define S int8_t
#define FROM(name) i8_to_##name
#define KIND(to) TO_##to##_FROM_W
#include "ops/isa/cast_body.h"
#define S int16_t
#define FROM(name) i16_to_##name
#define KIND(to) TO_##to##_FROM_W
#include "ops/isa/cast_body.h"
#define S uint16_t
#define FROM(name) u16_to_##name
#define KIND(to) TO_##to##_FROM_W
#include "ops/isa/cast_body.h"
#define S uint32_t
#define FROM(name) u32_to_##name
#define KIND(to) TO_##to##_FROM_W
#include "ops/isa/cast_body.h"
#define S uint64_t
#define FROM(name) u64_to_##name
#define KIND(to) TO_##to##_FROM_W
#include "ops/isa/cast_body.h"
#define S c64
#define FROM(name) c64_to_##name
#define KIND(to) TO_##to##_FROM_C
#define COMPLEX_SOURCE 1
#include "ops/isa/cast_body.h"
#define S c128
#define FROM(name) c128_to_##name
#define KIND(to) TO_##to##_FROM_C
#define COMPLEX_SOURCE 1
#include "ops/isa/cast_body.h"
/* In the order of enum tw_cast_slot. */
#define ROW(from)                                                                                 \
    {                                                                                             \
        from##_to_flag, from##_to_u8, from##_to_i32, from##_to_i64, from##_to_f32, from##_to_f64, \
            from##_to_i8, from##_to_i16, from##_to_u16, from##_to_u32, from##_to_u64,             \
            from##_to_c64, from##_to_c128                                                         \
    }
#else
#define ROW(from)                                                                                \
    {                                                                                            \
        from##_to_flag, from##_to_u8, from##_to_i32, from##_to_i64, from##_to_f32, from##_to_f64 \
    }
#endif

const tw_cast_loops TW_ISA_NAME(tw_cast_loops) = {{
    ROW(flag),
    ROW(u8),
    ROW(i32),
    ROW(i64),
    ROW(f32),
    ROW(f64),
#if TW_ISA_LEVEL == 0
    ROW(i8),
    ROW(i16),
    ROW(u16),
    ROW(u32),
    ROW(u64),
    ROW(c64),
    ROW(c128),
#endif
}};
