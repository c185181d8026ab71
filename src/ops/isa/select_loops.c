/* SPDX-License-Identifier: Apache-2.0
 * Select on the bits of elements of 1, 2, 4, 8 or 16 bytes: z = condition ? x : y. */
#include "ops/select_loops.h"
#include "kernels/isa.h"

#if defined(__clang__)
#define TW_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#else
#define TW_IVDEP _Pragma("GCC ivdep")
#endif

/* A complex128. */
typedef struct bits128 {
    uint64_t low, high;
} bits128;

#define NAME select_8
#define T uint8_t
#include "ops/isa/select_body.h"
#define NAME select_16
#define T uint16_t
#include "ops/isa/select_body.h"
#define NAME select_32
#define T uint32_t
#include "ops/isa/select_body.h"
#define NAME select_64
#define T uint64_t
#include "ops/isa/select_body.h"

/* Pairs of words: no compiler here makes vectors of them. */
static void select_128(size_t n, void *z, const void *c, const void *x, const void *y)
{
    const bool *condition = c;
    const bits128 *yes = x, *no = y;
    bits128 *out = z;
    for (size_t i = 0; i < n; i++)
        out[i] = condition[i] ? yes[i] : no[i];
}

const tw_select_loops TW_ISA_NAME(tw_select_loops) = {
    {select_8, select_16, select_32, select_64, select_128}};
