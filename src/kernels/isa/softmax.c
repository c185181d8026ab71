/* SPDX-License-Identifier: Apache-2.0
 * Softmax over rows of float and double for one instruction set level. */
#include "kernels/isa/extremes.h"
#include "kernels/isa/fma.h"
#include "kernels/softmax_loops.h"
#include "kernels/tile_inside.h"
#include "kernels/vmath_double.h"

/* What is taken at once: it stays in the first cache between the passes. */
enum { ELEMENTS = 512 };
enum { AT_ONCE = 4 };         /* long rows of a derivative whose rows are summed */
enum { PAST_ROW = 16 << 10 }; /* bytes of a row that is made before it is stored */

typedef float vec __attribute__((vector_size(TW_VECTOR_BYTES)));
typedef uint32_t bits __attribute__((vector_size(TW_VECTOR_BYTES)));
#define SPREAD(x) ((x) - (vec){0})

/* The operations of tw_exp_below_zerof, and so its bits. */
static ALWAYS_INLINE vec exp_below_zero(vec x)
{
    const vec shift = SPREAD(0x1.8p23f + 127);
    x = MAX_F32(SPREAD(-88.0f), x);
    vec shifted = FMA_F32(x, SPREAD(0x1.715476p0f), shift), whole = shifted - shift;
    vec r = FMA_F32(whole, SPREAD(2.12194440e-4f), FMA_F32(whole, SPREAD(-0.693359375f), x));
    vec s = r * r, high = FMA_F32(SPREAD(TW_EXP_6), r, SPREAD(TW_EXP_5));
    vec middle = FMA_F32(SPREAD(TW_EXP_4), r, SPREAD(TW_EXP_3)),
        low = FMA_F32(SPREAD(TW_EXP_2), r, SPREAD(TW_EXP_1));
    vec p = FMA_F32(s, FMA_F32(s, FMA_F32(s, high, middle), low), r);
    return (SPREAD(1.0f) + p) * (vec)((bits)shifted << 23);
}

#define T float
#define EXP tw_exp_below_zerof
#define EXP_VECTOR exp_below_zero
#define LARGER MAX_F32
#define LOG tw_logf
#define NAME(f) f##_f32
#include "kernels/isa/softmax_body.h"

#if TW_ISA_LEVEL < 4 /* see TW_ISA_TABLE_OF_NARROW: rows of double are rare */
#define T double
#define EXP tw_exp
#define LARGER MAX_F64
#define LOG tw_log
#define NAME(f) f##_f64
#include "kernels/isa/softmax_body.h"
#endif

#define LOOPS(s)                                                \
    {                                                           \
        softmax_##s, log_softmax_##s, xent_##s, sparse_xent_##s \
    }
const tw_softmax_table TW_ISA_NAME(tw_softmax_table) = {
    .f32 = LOOPS(f32),
#if TW_ISA_LEVEL < 4
    .f64 = LOOPS(f64),
#endif
};
