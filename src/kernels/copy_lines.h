/* SPDX-License-Identifier: Apache-2.0
 * The part of copying that exists once for each instruction set level: lines that are no plain
 * runs, and small blocks that are turned. By the logarithm of the element's size, 1 to 8 bytes.
 * Nothing but the elements that are named is read or written. */
#ifndef TW_KERNELS_COPY_LINES_H
#define TW_KERNELS_COPY_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/isa.h"

enum { TW_COPY_SIZES = 4, TW_COPY_SIDE = 16 };

typedef void (*tw_copy_line)(size_t n, void *to, const void *from);
/* Row r of `to` is column r of `from`. Steps in elements. */
typedef void (*tw_copy_square)(void *to, ptrdiff_t to_row, const void *from, ptrdiff_t from_row);

typedef struct tw_copy_lines {
    tw_copy_line reversed[TW_COPY_SIZES]; /* to[j] = from[-j] */
    tw_copy_line evens[TW_COPY_SIZES];    /* to[j] = from[2 j] */
    tw_copy_line filled[TW_COPY_SIZES];   /* to[j] = *from */
    /* to[2 j] = a[j], to[2 j + 1] = b[j] */
    void (*woven[TW_COPY_SIZES])(size_t n, void *to, const void *a, const void *b);
    tw_copy_square turned[TW_COPY_SIZES]; /* of 16 rows */
} tw_copy_lines;
TW_ISA_TABLES(tw_copy_lines, tw_copy_lines);

#endif
