/* SPDX-License-Identifier: Apache-2.0
 * Softmax over rows of float and double for one instruction set level. */
#include "kernels/isa/vectors.h"
#include "kernels/softmax_loops.h"
#include "kernels/tile_inside.h"
#include "kernels/vmath_double.h"

#if defined(__AVX__)
#include <immintrin.h>
#endif

/* What is taken at once: it stays in the first cache between the passes. */
enum { ELEMENTS = 512 };
enum { AT_ONCE = 4 };         /* long rows of a derivative whose rows are summed */
enum { PAST_ROW = 16 << 10 }; /* bytes of a row that is made before it is stored */

#define T float
#define BITS int32_t
#define EXP tw_exp_below_zerof
#define LOG tw_logf
#define NAME(f) f##_f32
#include "kernels/isa/softmax_body.h"

#if TW_ISA_LEVEL < 4 /* see TW_ISA_TABLE_OF_NARROW: rows of double are rare */
#define T double
#define BITS int64_t
#define EXP tw_exp
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
