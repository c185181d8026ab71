/* SPDX-License-Identifier: Apache-2.0
 * Parameter updates for one instruction set level: one body for each dtype. */
#include <math.h>

#include "kernels/isa/fma.h"
#include "kernels/optimizer_loops.h"

typedef float vec_f32 __attribute__((vector_size(TW_VECTOR_BYTES)));
typedef double vec_f64 __attribute__((vector_size(TW_VECTOR_BYTES)));

#define FMA(a, b, c) FMA_F32(a, b, c)
#define SPREAD(...) ((vec_f32){SPREAD_F32(__VA_ARGS__)})

#if TW_ISA_LEVEL >= 4

#define SQRT(x) ((vec_f32)_mm512_sqrt_ps(x))

/* The divider needs eight cycles for the root and the quotient of eight floats, more than the rest
 * of an update takes. Guesses of fourteen bits, and a step of Newton's to 1.5 ULP, go beside it.
 *
 * c + n / d, d as large as a root of a number, and epsilon. Of 0, infinity and NaN the step makes
 * NaN, and the guess is right as it is. */
static ALWAYS_INLINE vec_f32 add_quotient_f32(vec_f32 n, vec_f32 d, vec_f32 c)
{
    __m512 guess = _mm512_rcp14_ps(d), step = _mm512_fnmadd_ps(d, guess, SPREAD(2));
    __mmask16 none = _mm512_cmp_ps_mask(step, step, _CMP_UNORD_Q);
    return _mm512_fmadd_ps(n * guess, _mm512_mask_mov_ps(step, none, SPREAD(1)), c);
}

/* c + n / sqrt(x), of n / 2, as the step is twice what it should be. */
static ALWAYS_INLINE vec_f32 add_over_root_f32(vec_f32 half, vec_f32 x, vec_f32 c)
{
    __m512 guess = _mm512_rsqrt14_ps(x);
    __m512 step = _mm512_fnmadd_ps(x * guess, guess, SPREAD(3));
    __mmask16 none = _mm512_cmp_ps_mask(step, step, _CMP_UNORD_Q);
    return _mm512_fmadd_ps(half * guess, _mm512_mask_mov_ps(step, none, SPREAD(2)), c);
}

#else

#if TW_ISA_LEVEL == 3
#define SQRT(x) ((vec_f32)_mm256_sqrt_ps(x))
#else
/* Compilers put the lanes together again where there is an instruction for all of them. */
static ALWAYS_INLINE vec_f32 root_f32(vec_f32 x)
{
    return (vec_f32){sqrtf(x[0]), sqrtf(x[1]), sqrtf(x[2]), sqrtf(x[3])};
}
#define SQRT(x) root_f32(x)
#endif

#define add_quotient_f32(n, d, c) ((c) + (n) / (d))
#define add_over_root_f32(half, x, c) ((c) + ((half) + (half)) / SQRT(x))

#endif

#define T float
#define NAME(f) f##_f32
#include "kernels/isa/optimizer_body.h"

/* v4 has those of float that divide. Others wait for memory, with wide vectors longer, and those of
 * double for the divider in any: v3's are taken. */
#if TW_ISA_LEVEL >= 4

const tw_update_table TW_ISA_NAME(tw_update_table) = {
    .f32 = {.adagrad = adagrad_f32,
            .rmsprop = rmsprop_f32,
            .centered_rmsprop = centered_rmsprop_f32,
            .adam = adam_f32}};

#else

#undef FMA
#undef SPREAD
#undef SQRT
#define FMA(a, b, c) FMA_F64(a, b, c)
#define SPREAD(...) ((vec_f64){SPREAD_F64(__VA_ARGS__)})

#if TW_ISA_LEVEL == 3
#define SQRT(x) ((vec_f64)_mm256_sqrt_pd(x))
#else
static ALWAYS_INLINE vec_f64 root_f64(vec_f64 x)
{
    return (vec_f64){sqrt(x[0]), sqrt(x[1])};
}
#define SQRT(x) root_f64(x)
#endif

#define add_quotient_f64(n, d, c) ((c) + (n) / (d))
#define add_over_root_f64(half, x, c) ((c) + ((half) + (half)) / SQRT(x))

#define T double
#define NAME(f) f##_f64
#include "kernels/isa/optimizer_body.h"

#define LOOPS(s)                                                                                  \
    {                                                                                             \
        .gradient_descent = gradient_descent_##s, .momentum = momentum_##s,                       \
        .adagrad = adagrad_##s, .rmsprop = rmsprop_##s, .centered_rmsprop = centered_rmsprop_##s, \
        .adam = adam_##s,                                                                         \
    }
const tw_update_table TW_ISA_NAME(tw_update_table) = {.f32 = LOOPS(f32), .f64 = LOOPS(f64)};

#endif
