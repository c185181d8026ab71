/* SPDX-License-Identifier: Apache-2.0
 * Numbers go by blocks: a block's bits are read in one loop for each size, and the places of a
 * large table are asked for before any of them is looked at. */
#include "ops/number_set.h"

#include <string.h>

enum { FIRST_BITS = 8, RANGE_FACTOR = 4, LEAST_RANGE = 4096, CACHED_BITS = 14, SPARSE = 8 };
static const uint64_t NOT_A_NUMBER = UINT64_MAX;

/* Complex numbers have two parts, of which each may be NaN or -0. */
bool tw_number_set_serves(tw_dtype dtype)
{
    return tw_dtype_is_plain(dtype) && !tw_dtype_is_complex(dtype) && tw_dtype_size(dtype) <= 8;
}

/* Integers keep their order as bits of 64, signed ones modulo 2^64. */
static void read_integers(const tw_array *x, size_t first, size_t n, uint64_t *bits)
{
    const char *data = x->data;
    const int8_t *i8 = (const int8_t *)data + first;
    const int16_t *i16 = (const int16_t *)(const void *)data + first;
    const int32_t *i32 = (const int32_t *)(const void *)data + first;
    const int64_t *i64 = (const int64_t *)(const void *)data + first;
    switch (tw_dtype_size(x->dtype)) {
    case 1:
        for (size_t i = 0; i < n; i++)
            bits[i] = (uint64_t)i8[i];
        break;
    case 2:
        for (size_t i = 0; i < n; i++)
            bits[i] = (uint64_t)i16[i];
        break;
    case 4:
        for (size_t i = 0; i < n; i++)
            bits[i] = (uint64_t)i32[i];
        break;
    default: memcpy(bits, i64, n * sizeof *bits);
    }
}

/* Of the commonest dtype in one pass: both choices by masks. */
static void read_floats(const uint32_t *x, size_t n, uint64_t *bits)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t magnitude = x[i] & 0x7fffffffu;
        uint64_t is_nan = (uint64_t)0 - (magnitude > 0x7f800000u);
        uint32_t not_zero = 0u - (magnitude != 0);
        bits[i] = (x[i] & not_zero) | is_nan;
    }
}

/* All NaN become the same bits, which are no other number's. */
static void read_numbers(const tw_array *x, size_t first, size_t n, uint64_t *bits)
{
    if (x->dtype == TW_FLOAT32) {
        read_floats((const uint32_t *)x->data + first, n, bits);
        return;
    }
    read_integers(x, first, n, bits);
    if (!tw_dtype_is_floating(x->dtype))
        return;
    size_t size = tw_dtype_size(x->dtype);
    uint64_t sign = UINT64_C(1) << (8 * size - 1), all = sign | (sign - 1);
    uint64_t infinity = size == 8                ? UINT64_C(0x7ff0000000000000)
                        : size == 4              ? UINT64_C(0x7f800000)
                        : x->dtype == TW_FLOAT16 ? UINT64_C(0x7c00)
                                                 : UINT64_C(0x7f80);
    for (size_t i = 0; i < n; i++) {
        uint64_t b = bits[i] & all, magnitude = b & ~sign;
        bits[i] = magnitude > infinity ? NOT_A_NUMBER : magnitude ? b : 0;
    }
}

/* The range of signed and unsigned integers alike, by their bits as signed ones: a range that is
 * small is so either way, unless it crosses the middle of unsigned ones. */
static void find_range(tw_number_set *set, const tw_array *x)
{
    uint64_t bits[TW_NUMBER_BLOCK];
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (size_t first = 0; first < x->count; first += TW_NUMBER_BLOCK) {
        size_t n = x->count - first < TW_NUMBER_BLOCK ? x->count - first : TW_NUMBER_BLOCK;
        read_integers(x, first, n, bits);
        for (size_t i = 0; i < n; i++) {
            int64_t number = (int64_t)bits[i];
            low = number < low ? number : low;
            high = number > high ? number : high;
        }
    }
    set->low = (uint64_t)low;
    set->range = x->count ? (uint64_t)high - (uint64_t)low : 0;
}

tw_status *tw_number_set_init(tw_number_set *set, const tw_array *vector)
{
    *set = (tw_number_set){.dtype = vector->dtype};
    if (!tw_dtype_is_floating(vector->dtype) && vector->count < UINT32_MAX / 2) {
        find_range(set, vector);
        if (set->range < RANGE_FACTOR * (uint64_t)vector->count + LEAST_RANGE)
            set->marks = tw_alloc_zero((size_t)set->range + 2, sizeof *set->marks);
        if (set->marks)
            return TW_OK;
    }
    set->bits = FIRST_BITS;
    set->places = tw_alloc_zero((size_t)1 << FIRST_BITS, sizeof *set->places);
    return set->places ? TW_OK : tw_no_memory();
}

void tw_number_set_clear(tw_number_set *set)
{
    tw_free(set->marks);
    tw_free(set->places);
    *set = (tw_number_set){.dtype = set->dtype};
}

/* The high bits of a product depend on all bits; and a table that has doubled has its members in
 * the same order, so that they are moved along both. */
static size_t place_of(unsigned table_bits, uint64_t bits)
{
    return (size_t)((bits ^ bits >> 32) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - table_bits));
}

/* The place of a number, or the free one where it would stand. */
static tw_number_place *look_for(tw_number_place *places, unsigned table_bits, uint64_t bits)
{
    size_t at = place_of(table_bits, bits), mask = ((size_t)1 << table_bits) - 1;
    while (places[at].bits != bits && places[at].member)
        at = (at + 1) & mask;
    return &places[at];
}

/* Before a block, so that nothing moves while it is gone through. A small table stays almost empty:
 * what is looked for is where it should be then. */
static tw_status *make_room(tw_number_set *set, size_t more)
{
    size_t old = (size_t)1 << set->bits;
    unsigned bits = set->bits;
    while (((size_t)1 << bits) / (bits < CACHED_BITS ? SPARSE : 2) < set->count + more)
        bits++;
    if (bits == set->bits)
        return TW_OK;
    tw_number_place *before = set->places, *now = tw_alloc_zero((size_t)1 << bits, sizeof *now);
    if (!now)
        return tw_no_memory();
    set->places = now;
    set->bits = bits;
    for (size_t i = 0; i < old; i++) {
        if (before[i].member)
            *look_for(now, bits, before[i].bits) = before[i];
    }
    tw_free(before);
    return TW_OK;
}

/* What is outside of the range is at the mark behind it, which nobody sets. Without branches, since
 * what comes next cannot be foreseen. */
static void find_marks(tw_number_set *set, const uint64_t *bits, size_t n, bool adds,
                       size_t *members)
{
    uint32_t *marks = set->marks, count = (uint32_t)set->count;
    for (size_t i = 0; i < n && !adds; i++) {
        uint64_t at = bits[i] - set->low, last = set->range + 1;
        members[i] = (size_t)marks[at < last ? at : last] - 1;
    }
    for (size_t i = 0; i < n && adds; i++) {
        uint32_t *mark = marks + (bits[i] - set->low);
        count += *mark == 0;
        *mark = *mark ? *mark : count;
        members[i] = *mark - 1;
    }
    set->count = count;
}

/* The places of a large table are asked for ahead. NaN is numbered, but has no place
 * where it would be found. */
static void find_places(tw_number_set *set, const uint64_t *bits, size_t n, bool adds,
                        size_t *members)
{
    const bool floating = tw_dtype_is_floating(set->dtype);
    tw_number_place *const places = set->places;
    const unsigned table_bits = set->bits;
    size_t count = set->count;
    for (size_t i = 0; i < n && table_bits > CACHED_BITS; i++)
        __builtin_prefetch(&places[place_of(table_bits, bits[i])]);
    for (size_t i = 0; i < n; i++) {
        if (floating && bits[i] == NOT_A_NUMBER) {
            members[i] = adds ? count++ : SIZE_MAX;
            continue;
        }
        tw_number_place *place = look_for(places, table_bits, bits[i]);
        if (!place->member && adds)
            *place = (tw_number_place){bits[i], ++count};
        members[i] = place->member - 1; /* of none SIZE_MAX */
    }
    set->count = count;
}

tw_status *tw_number_set_find(tw_number_set *set, const tw_array *vector, size_t first, size_t n,
                              bool adds, size_t *members)
{
    uint64_t bits[TW_NUMBER_BLOCK];
    read_numbers(vector, first, n, bits);
    if (set->marks) {
        find_marks(set, bits, n, adds, members);
        return TW_OK;
    }
    if (adds)
        TW_TRY(make_room(set, n));
    find_places(set, bits, n, adds, members);
    return TW_OK;
}
