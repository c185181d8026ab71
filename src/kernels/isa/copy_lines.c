/* SPDX-License-Identifier: Apache-2.0
 * Lines and squares for copies (kernels/copy_lines.h). A square is turned in registers: rows are
 * interleaved with rows a half apart, as often as it takes. */
#include "kernels/copy_lines.h"

#include "kernels/isa/vectors.h"

#if TW_ISA_LEVEL < 4 /* see TW_ISA_TABLE_OF_NARROW */

typedef uint8_t bytes __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint16_t shorts __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint32_t words __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t longs __attribute__((vector_size(16), aligned(1), may_alias));

#define T uint8_t
#define NAME(f) f##_1
#define MIRRORED(x) \
    __builtin_shufflevector(x, x, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#include "kernels/isa/copy_lines_body.h"
#define T uint16_t
#define NAME(f) f##_2
#define MIRRORED(x) \
    __builtin_shufflevector(x, x, 14, 15, 12, 13, 10, 11, 8, 9, 6, 7, 4, 5, 2, 3, 0, 1)
#include "kernels/isa/copy_lines_body.h"
#define T uint32_t
#define NAME(f) f##_4
#define MIRRORED(x) \
    __builtin_shufflevector(x, x, 12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3)
#include "kernels/isa/copy_lines_body.h"
#define T uint64_t
#define NAME(f) f##_8
#define MIRRORED(x) \
    __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)
#include "kernels/isa/copy_lines_body.h"

static void turned_1(void *to, ptrdiff_t to_row, const void *from, ptrdiff_t from_row)
{
    enum { SIDE = TW_COPY_SIDE };
    bytes a[SIDE], b[SIDE];
    for (ptrdiff_t r = 0; r < SIDE; r++)
        a[r] = *(const bytes *)((const uint8_t *)from + r * from_row);
    for (int round = 0; round < 4; round++) {
        for (int r = 0; r < SIDE / 2; r++) {
            b[2 * r] = __builtin_shufflevector(a[r], a[r + SIDE / 2], 0, 16, 1, 17, 2, 18, 3, 19, 4,
                                               20, 5, 21, 6, 22, 7, 23);
            b[2 * r + 1] = __builtin_shufflevector(a[r], a[r + SIDE / 2], 8, 24, 9, 25, 10, 26, 11,
                                                   27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
        for (int r = 0; r < SIDE; r++)
            a[r] = b[r];
    }
    for (ptrdiff_t r = 0; r < SIDE; r++)
        *(bytes *)((uint8_t *)to + r * to_row) = a[r];
}

/* Eight by eight, four times. */
static void turned_2(void *to, ptrdiff_t to_row, const void *from, ptrdiff_t from_row)
{
    enum { SIDE = 8 };
    for (ptrdiff_t k = 0; k < 4; k++) {
        ptrdiff_t row = k / 2 * SIDE, column = k % 2 * SIDE;
        const uint16_t *f = (const uint16_t *)from + column * from_row + row;
        uint16_t *t = (uint16_t *)to + row * to_row + column;
        shorts a[SIDE], b[SIDE];
        for (ptrdiff_t r = 0; r < SIDE; r++)
            a[r] = *(const shorts *)(f + r * from_row);
        for (int round = 0; round < 3; round++) {
            for (int r = 0; r < SIDE / 2; r++) {
                b[2 * r] = __builtin_shufflevector(a[r], a[r + SIDE / 2], 0, 8, 1, 9, 2, 10, 3, 11);
                b[2 * r + 1] = __builtin_shufflevector(a[r], a[r + SIDE / 2], 4, 12, 5, 13, 6, 14,
                                                       7, 15);
            }
            for (int r = 0; r < SIDE; r++)
                a[r] = b[r];
        }
        for (ptrdiff_t r = 0; r < SIDE; r++)
            *(shorts *)(t + r * to_row) = a[r];
    }
}

/* Sixteen transposes of four by four. */
static void turned_4(void *to, ptrdiff_t to_row, const void *from, ptrdiff_t from_row)
{
    for (ptrdiff_t k = 0; k < 16; k++) {
        ptrdiff_t row = k % 4 * 4, column = k / 4 * 4;
        const uint32_t *f = (const uint32_t *)from + row + column * from_row;
        uint32_t *t = (uint32_t *)to + row * to_row + column;
        words a = *(const words *)f, b = *(const words *)(f + from_row);
        words c = *(const words *)(f + 2 * from_row), d = *(const words *)(f + 3 * from_row);
        words ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
        words ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
        words cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
        words cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
        *(words *)t = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
        *(words *)(t + to_row) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
        *(words *)(t + 2 * to_row) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
        *(words *)(t + 3 * to_row) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
    }
}

#if TW_ISA_LEVEL >= 3
typedef uint64_t quads __attribute__((vector_size(32), aligned(1), may_alias));

static void turned_8(void *to, ptrdiff_t to_row, const void *from, ptrdiff_t from_row)
{
    for (ptrdiff_t k = 0; k < 16; k++) {
        ptrdiff_t row = k / 4 * 4, column = k % 4 * 4;
        const uint64_t *f = (const uint64_t *)from + row + column * from_row;
        uint64_t *t = (uint64_t *)to + row * to_row + column;
        quads a = *(const quads *)f, b = *(const quads *)(f + from_row);
        quads c = *(const quads *)(f + 2 * from_row), d = *(const quads *)(f + 3 * from_row);
        quads ab = __builtin_shufflevector(a, b, 0, 4, 2, 6);
        quads ab_odd = __builtin_shufflevector(a, b, 1, 5, 3, 7);
        quads cd = __builtin_shufflevector(c, d, 0, 4, 2, 6);
        quads cd_odd = __builtin_shufflevector(c, d, 1, 5, 3, 7);
        *(quads *)t = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
        *(quads *)(t + to_row) = __builtin_shufflevector(ab_odd, cd_odd, 0, 1, 4, 5);
        *(quads *)(t + 2 * to_row) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
        *(quads *)(t + 3 * to_row) = __builtin_shufflevector(ab_odd, cd_odd, 2, 3, 6, 7);
    }
}
#else
/* Two by two. */
static void turned_8(void *to, ptrdiff_t to_row, const void *from, ptrdiff_t from_row)
{
    for (ptrdiff_t k = 0; k < 64; k++) {
        ptrdiff_t row = k / 8 * 2, column = k % 8 * 2;
        const uint64_t *f = (const uint64_t *)from + row + column * from_row;
        uint64_t *t = (uint64_t *)to + row * to_row + column;
        longs a = *(const longs *)f, b = *(const longs *)(f + from_row);
        *(longs *)t = __builtin_shufflevector(a, b, 0, 2);
        *(longs *)(t + to_row) = __builtin_shufflevector(a, b, 1, 3);
    }
}
#endif

const tw_copy_lines TW_ISA_NAME(tw_copy_lines) = {
    .reversed = {reversed_1, reversed_2, reversed_4, reversed_8},
    .evens = {evens_1, evens_2, evens_4, evens_8},
    .filled = {filled_1, filled_2, filled_4, filled_8},
    .woven = {woven_1, woven_2, woven_4, woven_8},
    .turned = {turned_1, turned_2, turned_4, turned_8},
};

#endif
