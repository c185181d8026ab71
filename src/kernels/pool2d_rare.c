/* SPDX-License-Identifier: Apache-2.0
 * Pooling of the dtypes that are seldom pooled, compiled once: the 16-bit floats, which compute in
 * float, and the maximum of integers, whose gradients wrap. */
#include <float.h>

#include "kernels/half.h"
#include "kernels/pool2d_loops.h"

enum { RUN = 256 }; /* channels at a time */

#define AS_IS(x) (x)
#define PLUS(a, b) ((a) + (b))

#define T uint16_t
#define W float
#define GET tw_widen_half
#define PUT tw_narrow_half
#define SUM PLUS
#define LOWEST -65504.0f
#define NAME(f) f##_f16
#include "kernels/isa/pool2d_avg_body.h"
#include "kernels/isa/pool2d_max_body.h"
#undef T
#undef W
#undef GET
#undef PUT
#undef SUM
#undef LOWEST
#undef NAME

#define T uint16_t
#define W float
#define GET tw_widen_bfloat16
#define PUT tw_narrow_bfloat16
#define SUM PLUS
#define LOWEST -0x1.fep127f
#define NAME(f) f##_bf16
#include "kernels/isa/pool2d_avg_body.h"
#include "kernels/isa/pool2d_max_body.h"
#undef T
#undef W
#undef GET
#undef PUT
#undef SUM
#undef LOWEST
#undef NAME

#define T int8_t
#define W int8_t
#define GET AS_IS
#define PUT AS_IS
#define SUM(a, b) ((T)((uint32_t)(a) + (uint32_t)(b)))
#define LOWEST INT8_MIN
#define NAME(f) f##_i8
#include "kernels/isa/pool2d_max_body.h"
#undef T
#undef W
#undef GET
#undef PUT
#undef SUM
#undef LOWEST
#undef NAME

#define T uint8_t
#define W uint8_t
#define GET AS_IS
#define PUT AS_IS
#define SUM(a, b) ((T)((uint32_t)(a) + (uint32_t)(b)))
#define LOWEST 0
#define NAME(f) f##_u8
#include "kernels/isa/pool2d_max_body.h"
#undef T
#undef W
#undef GET
#undef PUT
#undef SUM
#undef LOWEST
#undef NAME

#define T int16_t
#define W int16_t
#define GET AS_IS
#define PUT AS_IS
#define SUM(a, b) ((T)((uint32_t)(a) + (uint32_t)(b)))
#define LOWEST INT16_MIN
#define NAME(f) f##_i16
#include "kernels/isa/pool2d_max_body.h"
#undef T
#undef W
#undef GET
#undef PUT
#undef SUM
#undef LOWEST
#undef NAME

#define T uint16_t
#define W uint16_t
#define GET AS_IS
#define PUT AS_IS
#define SUM(a, b) ((T)((uint32_t)(a) + (uint32_t)(b)))
#define LOWEST 0
#define NAME(f) f##_u16
#include "kernels/isa/pool2d_max_body.h"
#undef T
#undef W
#undef GET
#undef PUT
#undef SUM
#undef LOWEST
#undef NAME

#define T int32_t
#define W int32_t
#define GET AS_IS
#define PUT AS_IS
#define SUM(a, b) ((T)((uint32_t)(a) + (uint32_t)(b)))
#define LOWEST INT32_MIN
#define NAME(f) f##_i32
#include "kernels/isa/pool2d_max_body.h"
#undef T
#undef W
#undef GET
#undef PUT
#undef SUM
#undef LOWEST
#undef NAME

#define T int64_t
#define W int64_t
#define GET AS_IS
#define PUT AS_IS
#define SUM(a, b) ((T)((uint64_t)(a) + (uint64_t)(b)))
#define LOWEST INT64_MIN
#define NAME(f) f##_i64
#include "kernels/isa/pool2d_max_body.h"
#undef T
#undef W
#undef GET
#undef PUT
#undef SUM
#undef LOWEST
#undef NAME

#define MAXIMA(s) \
    .max = max_##s, .argmax = argmax_##s, .max_gradient = max_gradient_##s, .max_pick = max_pick_##s
#define AVERAGES(s) .avg = avg_##s, .avg_gradient = avg_gradient_##s

/* Quantized dtypes compare by their stored integers, as their scale is monotonic; a dtype
 * without a row gives NULL. */
const tw_pool_loops *tw_pool_rare(tw_dtype dtype)
{
    static const tw_pool_loops loops[TW_DTYPE_COUNT] = {
        [TW_FLOAT16] = {MAXIMA(f16), AVERAGES(f16)},
        [TW_BFLOAT16] = {MAXIMA(bf16), AVERAGES(bf16)},
        [TW_INT8] = {MAXIMA(i8)},
        [TW_UINT8] = {MAXIMA(u8)},
        [TW_INT16] = {MAXIMA(i16)},
        [TW_UINT16] = {MAXIMA(u16)},
        [TW_INT32] = {MAXIMA(i32)},
        [TW_INT64] = {MAXIMA(i64)},
        [TW_QINT8] = {MAXIMA(i8)},
        [TW_QUINT8] = {MAXIMA(u8)},
    };
    return (unsigned)dtype < TW_DTYPE_COUNT && loops[dtype].max ? &loops[dtype] : NULL;
}
