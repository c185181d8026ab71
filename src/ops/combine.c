/* SPDX-License-Identifier: Apache-2.0
 * Choosing a loop, and how many threads share it. The dtypes that are rare have theirs here,
 * compiled once; isa/combine_loops.c has the others. */
#include "ops/combine.h"

#include <complex.h>
#include <string.h>

#include "kernels/half.h"
#include "kernels/isa.h"
#include "kernels/par.h"

/* Elements of a cell's share start at multiples of this, so that no cache line is shared. */
enum { GRAIN = 64 };

TW_ISA_TABLES(tw_combine_table, tw_combine_table);

#define NAME(x) f16_##x
#define STORED uint16_t
#define WIDEN(x) tw_widen_half(x)
#define NARROW(x) tw_narrow_half(x)
#define DIVIDE(a, b) tw_narrow_half(tw_widen_half(a) / tw_widen_half(b))
#define ORDERED(x) tw_widen_half(x)
#include "ops/isa/combine_body.h"

#define NAME(x) b16_##x
#define STORED uint16_t
#define WIDEN(x) tw_widen_bfloat16(x)
#define NARROW(x) tw_narrow_bfloat16(x)
#define DIVIDE(a, b) tw_narrow_bfloat16(tw_widen_bfloat16(a) / tw_widen_bfloat16(b))
#define ORDERED(x) tw_widen_bfloat16(x)
#include "ops/isa/combine_body.h"

#define NAME(x) c64_##x
#define STORED float complex
#define WIDEN(x) (x)
#define NARROW(x) (x)
#define DIVIDE(a, b) ((a) / (b))
#include "ops/isa/combine_body.h"

#define NAME(x) c128_##x
#define STORED double complex
#define WIDEN(x) (x)
#define NARROW(x) (x)
#define DIVIDE(a, b) ((a) / (b))
#include "ops/isa/combine_body.h"

/* The narrow ones go through unsigned, which no promotion to a signed int can overflow. */
#define NAME(x) i8_##x
#define STORED int8_t
#define WIDEN(x) ((unsigned)(x))
#define NARROW(x) ((int8_t)(x))
#define DIVIDE(a, b) ((int8_t)((a) / (b)))
#define ORDERED(x) (x)
#include "ops/isa/combine_body.h"

#define NAME(x) i16_##x
#define STORED int16_t
#define WIDEN(x) ((unsigned)(x))
#define NARROW(x) ((int16_t)(x))
#define DIVIDE(a, b) ((int16_t)((a) / (b)))
#define ORDERED(x) (x)
#include "ops/isa/combine_body.h"

#define NAME(x) u8_##x
#define STORED uint8_t
#define WIDEN(x) ((unsigned)(x))
#define NARROW(x) ((uint8_t)(x))
#define DIVIDE(a, b) ((uint8_t)((a) / (b)))
#define ORDERED(x) (x)
#include "ops/isa/combine_body.h"

#define NAME(x) u16_##x
#define STORED uint16_t
#define WIDEN(x) ((unsigned)(x))
#define NARROW(x) ((uint16_t)(x))
#define DIVIDE(a, b) ((uint16_t)((a) / (b)))
#define ORDERED(x) (x)
#include "ops/isa/combine_body.h"

#define NAME(x) u32_##x
#define STORED uint32_t
#define WIDEN(x) (x)
#define NARROW(x) (x)
#define DIVIDE(a, b) ((a) / (b))
#define ORDERED(x) (x)
#include "ops/isa/combine_body.h"

#define NAME(x) u64_##x
#define STORED uint64_t
#define WIDEN(x) (x)
#define NARROW(x) (x)
#define DIVIDE(a, b) ((a) / (b))
#define ORDERED(x) (x)
#include "ops/isa/combine_body.h"

static const tw_combine_table rare = {.loops = {
                                          [TW_FLOAT16] = f16_loops,
                                          [TW_BFLOAT16] = b16_loops,
                                          [TW_INT8] = i8_loops,
                                          [TW_INT16] = i16_loops,
                                          [TW_UINT8] = u8_loops,
                                          [TW_UINT16] = u16_loops,
                                          [TW_UINT32] = u32_loops,
                                          [TW_UINT64] = u64_loops,
                                          [TW_COMPLEX64] = c64_loops,
                                          [TW_COMPLEX128] = c128_loops,
                                      }};

tw_sum_loop tw_sum_loop_of(tw_dtype dtype)
{
    if ((unsigned)dtype >= TW_DTYPE_COUNT)
        return NULL;
    return TW_ISA_TABLE_OF_NARROW(tw_combine_table)->sums[dtype];
}

/* NULL where the dtype has no such combination: callers whose definition allows more dtypes must
 * look. The loops of the processor's level come before the general ones. */
tw_combine tw_combine_loop(tw_combination combination, tw_dtype dtype)
{
    if ((size_t)dtype >= TW_DTYPE_COUNT)
        return NULL;
    const tw_combine *loops = TW_ISA_TABLE_OF_NARROW(tw_combine_table)->loops[dtype];
    loops = loops ? loops : rare.loops[dtype];
    return loops ? loops[combination] : NULL;
}

/* What the cells of tw_combine_all share; `size` is that of an element, since bounds are counted
 * in elements. */
typedef struct share {
    tw_combine loop;
    char *to;
    const char *from;
    size_t count, size, cells;
} share;

/* Bounds are multiples of GRAIN except at the end, so that cells do not write to one cache line. */
static void combine_cell(size_t cell, void *arg)
{
    const share *s = arg;
    size_t first = tw_par_bound(s->count, GRAIN, s->cells, cell);
    size_t last = tw_par_bound(s->count, GRAIN, s->cells, cell + 1);
    s->loop(last - first, s->to + first * s->size, s->from + first * s->size, 1);
}

/* to = to (op) from, element by element, of arrays with the same dtype and count; threads only
 * where the array is worth them. */
void tw_combine_all(const tw_compute *c, tw_combine loop, tw_array *to, const tw_array *from)
{
    share s = {loop, to->data, from->data, to->count, tw_dtype_size(to->dtype), 1};
    s.cells = tw_par_cells(s.count, GRAIN, 0.4);
    tw_par par = tw_compute_par(c);
    tw_par_run(&par, s.cells, combine_cell, &s);
}

/* Division by an integer zero must be refused before anything is written, since the processor
 * would trap. Floats divide by zero as IEEE says. */
bool tw_has_integer_zero(const tw_array *array)
{
    static const char zero[16];
    size_t size = tw_dtype_size(array->dtype);
    const char *data = array->data;
    if (!tw_dtype_is_integer(array->dtype))
        return false;
    for (size_t i = 0; i < array->count; i++)
        if (memcmp(data + i * size, zero, size) == 0)
            return true;
    return false;
}
