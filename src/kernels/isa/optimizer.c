/* SPDX-License-Identifier: Apache-2.0
 * Parameter updates for one instruction set level: one body for each dtype. */
#include <math.h>

#include "kernels/optimizer_loops.h"

/* Updates wait for memory or for divisions: with vectors of 64 bytes they take as long, or longer.
 * See TW_ISA_TABLE_OF_NARROW. */
#if TW_ISA_LEVEL < 4

#define AS_IS(x) (x)

#define T float
#define W float
#define GET AS_IS
#define PUT AS_IS
#define SQRT sqrtf
#define NAME(f) f##_f32
#include "kernels/isa/optimizer_body.h"

#define T double
#define W double
#define GET AS_IS
#define PUT AS_IS
#define SQRT sqrt
#define NAME(f) f##_f64
#include "kernels/isa/optimizer_body.h"

#define LOOPS(s)                                                                                  \
    {                                                                                             \
        .gradient_descent = gradient_descent_##s, .momentum = momentum_##s,                       \
        .adagrad = adagrad_##s, .rmsprop = rmsprop_##s, .centered_rmsprop = centered_rmsprop_##s, \
        .adam = adam_##s,                                                                         \
    }
const tw_update_table TW_ISA_NAME(tw_update_table) = {
    .f32 = LOOPS(f32),
    .f64 = LOOPS(f64),
};

#endif
