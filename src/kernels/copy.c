/* SPDX-License-Identifier: Apache-2.0
 * Copying and adding strided regions, and filling: a plane of rows and columns at a time. */
#include "kernels/copy.h"

#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "kernels/copy_lines.h"
#include "kernels/copy_region.h"
#include "kernels/half.h"
#include "tensor/array.h"

/* An element of 16 bytes, complex128 or a string's record, copied as one value by the same loops
 * that copy the smaller ones. */
typedef struct pair {
    uint64_t low, high;
} pair;

/* LOG: of the size, or none where there are no loops for it. */
#define T uint8_t
#define LOG 0
#define NAME(f) f##_1
#include "kernels/copy_plane_body.h"

#define T uint16_t
#define LOG 1
#define NAME(f) f##_2
#include "kernels/copy_plane_body.h"

#define T uint32_t
#define LOG 2
#define NAME(f) f##_4
#include "kernels/copy_plane_body.h"

#define T uint64_t
#define LOG 3
#define NAME(f) f##_8
#include "kernels/copy_plane_body.h"

#define T pair
#define NAME(f) f##_16
#include "kernels/copy_plane_body.h"

/* Only the size matters: numbers are moved as bits. */
static tw_status *copy_plane(tw_dtype dtype, const tw_plane *p, void *to, const void *from)
{
    switch (tw_dtype_size(dtype)) {
    case 1: plane_1(p, to, from); break;
    case 2: plane_2(p, to, from); break;
    case 4: plane_4(p, to, from); break;
    case 8: plane_8(p, to, from); break;
    default: plane_16(p, to, from); break;
    }
    return TW_OK;
}

/* Strings and handles. */
static tw_status *copy_owned_plane(tw_dtype dtype, const tw_plane *p, void *to, const void *from)
{
    ptrdiff_t size = (ptrdiff_t)tw_dtype_size(dtype);
    size_t run = p->to_col == 1 && p->from_col == 1 ? p->cols : 1;
    for (size_t i = 0; i < p->rows; i++) {
        char *t = (char *)to + (ptrdiff_t)i * p->to_row * size;
        const char *f = (const char *)from + (ptrdiff_t)i * p->from_row * size;
        for (size_t j = 0; j < p->cols; j += run)
            TW_TRY(tw_elements_copy(dtype, t + (ptrdiff_t)j * p->to_col * size,
                                    f + (ptrdiff_t)j * p->from_col * size, run));
    }
    return TW_OK;
}

/* Strings and handles own memory: they are copied on one thread, and the first failure ends it.
 * What was copied by then is whole, so that the destination can be dropped as usual. */
tw_status *tw_copy_region(tw_dtype dtype, const tw_region *region, void *to, const void *from,
                          const tw_par *par)
{
    bool plain = tw_dtype_is_plain(dtype);
    return tw_walk_region(dtype, region, to, from, plain ? copy_plane : copy_owned_plane, plain,
                          par);
}

#define PLUS(a, b) ((a) + (b))
#define HALF_PLUS(a, b) tw_narrow_half(tw_widen_half(a) + tw_widen_half(b))
#define BFLOAT16_PLUS(a, b) tw_narrow_bfloat16(tw_widen_bfloat16(a) + tw_widen_bfloat16(b))

/* Integers are added as unsigned ones, which have the same bits and may wrap. */
#define T float
#define REALS 1
#define SUM PLUS
#define NAME(f) f##_f32
#include "kernels/copy_add_body.h"

#define T double
#define REALS 1
#define SUM PLUS
#define NAME(f) f##_f64
#include "kernels/copy_add_body.h"

#define T float
#define REALS 2
#define SUM PLUS
#define NAME(f) f##_c64
#include "kernels/copy_add_body.h"

#define T double
#define REALS 2
#define SUM PLUS
#define NAME(f) f##_c128
#include "kernels/copy_add_body.h"

#define T uint16_t
#define REALS 1
#define SUM HALF_PLUS
#define NAME(f) f##_f16
#include "kernels/copy_add_body.h"

#define T uint16_t
#define REALS 1
#define SUM BFLOAT16_PLUS
#define NAME(f) f##_bf16
#include "kernels/copy_add_body.h"

#define T uint8_t
#define REALS 1
#define SUM PLUS
#define NAME(f) f##_u8
#include "kernels/copy_add_body.h"

#define T uint16_t
#define REALS 1
#define SUM PLUS
#define NAME(f) f##_u16
#include "kernels/copy_add_body.h"

#define T uint32_t
#define REALS 1
#define SUM PLUS
#define NAME(f) f##_u32
#include "kernels/copy_add_body.h"

#define T uint64_t
#define REALS 1
#define SUM PLUS
#define NAME(f) f##_u64
#include "kernels/copy_add_body.h"

static const tw_plane_fn adders[TW_DTYPE_COUNT] = {
    [TW_FLOAT32] = add_f32,     [TW_FLOAT64] = add_f64, [TW_COMPLEX64] = add_c64,
    [TW_COMPLEX128] = add_c128, [TW_FLOAT16] = add_f16, [TW_BFLOAT16] = add_bf16,
    [TW_INT8] = add_u8,         [TW_UINT8] = add_u8,    [TW_INT16] = add_u16,
    [TW_UINT16] = add_u16,      [TW_INT32] = add_u32,   [TW_UINT32] = add_u32,
    [TW_INT64] = add_u64,       [TW_UINT64] = add_u64,
};

/* A repeated destination would be a race between threads, and its order of sums would change with
 * them. */
tw_status *tw_add_region(tw_dtype dtype, const tw_region *region, void *to, const void *from,
                         const tw_par *par)
{
    tw_plane_fn add = (unsigned)dtype < TW_DTYPE_COUNT ? adders[dtype] : NULL;
    if (!add)
        return tw_status_new(TW_UNIMPLEMENTED, "%s elements cannot be added", tw_dtype_name(dtype));
    bool repeats = false;
    for (size_t i = 0; i < region->rank && i < TW_REGION_RANK; i++)
        repeats |= region->to[i] == 0 && region->dims[i] > 1;
    return tw_walk_region(dtype, region, to, from, add, !repeats, par);
}

/* A copy of one element that repeats. */
tw_status *tw_fill(tw_dtype dtype, const void *value, size_t count, void *out, const tw_par *par)
{
    tw_region region = {1, &count, (const ptrdiff_t[]){1}, (const ptrdiff_t[]){0}};
    return tw_copy_region(dtype, &region, out, value, par);
}
