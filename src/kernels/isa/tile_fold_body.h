/* SPDX-License-Identifier: Apache-2.0
 * Reductions of one kind: the includer defines OP(a, b), START and NAME. fold_f32 is only called
 * for the elements of one tile, so that it may add up in float: at most 32 numbers in each of 16
 * places. */
static void NAME(fold_f32)(size_t n, double lanes[TW_TILE_BLOCK], const float *x)
{
    size_t whole = WHOLE(n);
    if (whole) {
        float part[TW_TILE_BLOCK];
        for (size_t j = 0; j < TW_TILE_BLOCK; j++)
            part[j] = START;
        for (size_t i = 0; i < whole; i += TW_TILE_BLOCK)
            for (size_t j = 0; j < TW_TILE_BLOCK; j++)
                part[j] = OP(part[j], x[i + j]);
        for (size_t j = 0; j < TW_TILE_BLOCK; j++)
            lanes[j] = OP(lanes[j], (double)part[j]);
    }
    for (size_t j = 0; j < n - whole; j++)
        lanes[j] = OP(lanes[j], (double)x[whole + j]);
}

/* Doubles are added straight into the places; there is nothing wider to go through. */
static void NAME(fold_f64)(size_t n, double lanes[TW_TILE_BLOCK], const double *x)
{
    size_t whole = WHOLE(n);
    for (size_t i = 0; i < whole; i += TW_TILE_BLOCK)
        for (size_t j = 0; j < TW_TILE_BLOCK; j++)
            lanes[j] = OP(lanes[j], x[i + j]);
    for (size_t j = 0; j < n - whole; j++)
        lanes[j] = OP(lanes[j], x[whole + j]);
}

/* Sums of columns are kept in double, so that many rows may be added one by one without losing
 * digits. */
static void NAME(column_f32)(size_t n, double *sums, const float *x)
{
    TW_IVDEP
    for (size_t i = 0; i < n; i++)
        sums[i] = OP(sums[i], (double)x[i]);
}

static void NAME(column_f64)(size_t n, double *sums, const double *x)
{
    TW_IVDEP
    for (size_t i = 0; i < n; i++)
        sums[i] = OP(sums[i], x[i]);
}

#undef OP
#undef START
#undef NAME
