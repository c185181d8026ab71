/* SPDX-License-Identifier: Apache-2.0
 * Pooling of float and double for one instruction set level. */
#include <float.h>

#include "kernels/pool2d_loops.h"

enum { RUN = 256 }; /* channels at a time */

#define AS_IS(x) (x)
#define PLUS(a, b) ((a) + (b))
#define GET AS_IS
#define PUT AS_IS
#define SUM PLUS

#define T float
#define W float
#define LOWEST -FLT_MAX
#define NAME(f) f##_f32
#include "kernels/isa/pool2d_avg_body.h"
#include "kernels/isa/pool2d_max_body.h"
#undef T
#undef W
#undef LOWEST
#undef NAME

#if TW_ISA_LEVEL < 4 /* see TW_ISA_TABLE_OF_NARROW: pooling of double waits for memory */
#define T double
#define W double
#define LOWEST -DBL_MAX
#define NAME(f) f##_f64
#include "kernels/isa/pool2d_avg_body.h"
#include "kernels/isa/pool2d_max_body.h"
#endif

#define LOOPS(s)                                                                       \
    {                                                                                  \
        max_##s, argmax_##s, max_gradient_##s, max_pick_##s, avg_##s, avg_gradient_##s \
    }
const tw_pool_table TW_ISA_NAME(tw_pool_table) = {
    .f32 = LOOPS(f32),
#if TW_ISA_LEVEL < 4
    .f64 = LOOPS(f64),
#endif
};
