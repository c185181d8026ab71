/* SPDX-License-Identifier: Apache-2.0
 * Moving a plane of elements of one size. Before it is included: T, NAME(f), and LOG where
 * copy_lines.h has loops for the size. */

/* The common steps have loops of their own, which the compiler turns into wide moves. */
static void NAME(row)(size_t n, T *restrict to, ptrdiff_t to_step, const T *restrict from,
                      ptrdiff_t from_step)
{
    if (to_step == 1 && from_step == 1) {
        tw_copy_bytes(to, from, n * sizeof(T));
#ifdef LOG
    } else if (to_step == 1 && from_step == 0) {
        TW_ISA_TABLE_OF_NARROW(tw_copy_lines)->filled[LOG](n, to, from);
    } else if (to_step == 1 && from_step == -1) {
        TW_ISA_TABLE_OF_NARROW(tw_copy_lines)->reversed[LOG](n, to, from);
    } else if (to_step == 1 && from_step == 2) {
        TW_ISA_TABLE_OF_NARROW(tw_copy_lines)->evens[LOG](n, to, from);
#endif
    } else {
        for (size_t j = 0; j < n; j++, to += to_step, from += from_step)
            *to = *from;
    }
}

/* Rows of `to` are columns of `from`: square blocks keep the lines of both in the cache. */
static void NAME(turned)(size_t rows, size_t cols, T *restrict to, ptrdiff_t to_row,
                         const T *restrict from, ptrdiff_t from_col)
{
    enum { SIDE = TW_COPY_SIDE };
#ifdef LOG
    tw_copy_square turn = TW_ISA_TABLE_OF_NARROW(tw_copy_lines)->turned[LOG];
#endif
    for (size_t i = 0; i < rows; i += SIDE) {
        size_t m = rows - i < SIDE ? rows - i : SIDE;
        for (size_t j = 0; j < cols; j += SIDE) {
            size_t n = cols - j < SIDE ? cols - j : SIDE;
            T *t = to + (ptrdiff_t)i * to_row + (ptrdiff_t)j;
            const T *f = from + (ptrdiff_t)i + (ptrdiff_t)j * from_col;
#ifdef LOG
            if (m == SIDE && n == SIDE) {
                turn(t, to_row, f, from_col);
                continue;
            }
#endif
            for (size_t r = 0; r < m; r++) {
                for (size_t c = 0; c < n; c++)
                    t[(ptrdiff_t)r * to_row + (ptrdiff_t)c] =
                        f[(ptrdiff_t)r + (ptrdiff_t)c * from_col];
            }
        }
    }
}

/* A row at a time, but for planes that are transposes. */
static void NAME(plane)(const tw_plane *p, void *to_base, const void *from_base)
{
    T *to = to_base;
    const T *from = from_base;
    if (p->to_col == 1 && p->from_row == 1 && p->from_col != 1 && p->rows > 1) {
        NAME(turned)(p->rows, p->cols, to, p->to_row, from, p->from_col);
        return;
    }
    for (size_t i = 0; i < p->rows; i++, to += p->to_row, from += p->from_row)
        NAME(row)(p->cols, to, p->to_col, from, p->from_col);
}

#undef T
#undef NAME
#undef LOG
