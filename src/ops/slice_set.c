/* SPDX-License-Identifier: Apache-2.0
 * A hash table with open addressing over slices. Numbers are compared by their bits, after -0
 * became 0; that tells all values apart but NaN, which is looked at first. */
#include "ops/slice_set.h"

#include <string.h>

static const uint64_t MIX = UINT64_C(0x9e3779b97f4a7c15);

/* How the components of a dtype are told apart; infinity 0: they are no floating-point numbers. */
typedef struct form {
    size_t size; /* of a component */
    uint64_t sign, infinity;
} form;

/* What is no floating-point number is compared byte for byte, in words of up to 8. */
static form form_of(tw_dtype dtype)
{
    switch (dtype) {
    case TW_FLOAT16: return (form){2, UINT64_C(1) << 15, UINT64_C(0x7c00)};
    case TW_BFLOAT16: return (form){2, UINT64_C(1) << 15, UINT64_C(0x7f80)};
    case TW_FLOAT32:
    case TW_COMPLEX64: return (form){4, UINT64_C(1) << 31, UINT64_C(0x7f800000)};
    case TW_FLOAT64:
    case TW_COMPLEX128: return (form){8, UINT64_C(1) << 63, UINT64_C(0x7ff0000000000000)};
    default: break;
    }
    size_t size = tw_dtype_size(dtype);
    return (form){size < 8 ? size : 8, 0, 0};
}

/* One component as an integer; -0 as 0. */
static uint64_t read_bits(const form *f, const char *component)
{
    uint64_t bits = 0;
    switch (f->size) {
    case 1: bits = *(const uint8_t *)component; break;
    case 2: bits = *(const uint16_t *)component; break;
    case 4: bits = *(const uint32_t *)component; break;
    default: memcpy(&bits, component, sizeof bits);
    }
    return bits == f->sign ? 0 : bits; /* sign 0: no difference */
}

/* Exponents all set and a mantissa that is not zero; dtypes without infinity have no NaN. */
static bool is_nan(const form *f, uint64_t bits)
{
    return f->infinity && (bits & ~f->sign) > f->infinity;
}

/* Runs of elements that lie side by side. */
static bool same_run(tw_dtype dtype, const char *a, const char *b, size_t count)
{
    const form f = form_of(dtype);
    size_t bytes = count * tw_dtype_size(dtype);
    for (size_t i = 0; dtype == TW_STRING && i < count; i++)
        if (!tw_string_equal((const tw_string *)a + i, (const tw_string *)b + i))
            return false;
    for (size_t at = 0; dtype != TW_STRING && at < bytes; at += f.size) {
        uint64_t bits = read_bits(&f, a + at);
        if (bits != read_bits(&f, b + at) || is_nan(&f, bits))
            return false;
    }
    return true;
}

/* Multiplication spreads low bits upwards, the shift brings high ones down to where the mask
 * looks. */
static uint64_t mixed(uint64_t hash, uint64_t bits)
{
    hash = (hash ^ bits) * MIX;
    return hash ^ hash >> 32;
}

/* Equal runs hash alike: it reads the same bits that are compared. */
static uint64_t hash_run(tw_dtype dtype, uint64_t hash, const char *a, size_t count)
{
    const form f = form_of(dtype);
    size_t bytes = count * tw_dtype_size(dtype), length;
    for (size_t i = 0; dtype == TW_STRING && i < count; i++) {
        const char *text = tw_string_get((const tw_string *)a + i, &length);
        for (size_t k = 0; k < length; k++)
            hash = (hash ^ (unsigned char)text[k]) * UINT64_C(0x100000001b3);
        hash = mixed(hash, length);
    }
    for (size_t at = 0; dtype != TW_STRING && at < bytes; at += f.size)
        hash = mixed(hash, read_bits(&f, a + at));
    return hash;
}

/* ---- slices ---- */

/* Run `o` of slice `i`. */
static const char *run_at(const tw_slice_set *set, size_t o, size_t i)
{
    return tw_element_at(set->array, (o * set->dim + i) * set->inner);
}

/* A slice is `outer` runs of `inner` elements; their order is part of the hash. */
static uint64_t hash_slice(const tw_slice_set *set, size_t i)
{
    uint64_t hash = MIX;
    for (size_t o = 0; o < set->outer; o++)
        hash = hash_run(set->array->dtype, hash, run_at(set, o, i), set->inner);
    return hash;
}

static bool same_slice(const tw_slice_set *set, size_t i, size_t j)
{
    for (size_t o = 0; o < set->outer; o++)
        if (!same_run(set->array->dtype, run_at(set, o, i), run_at(set, o, j), set->inner))
            return false;
    return true;
}

/* ---- the set ---- */

/* The table is at most half full, so that chains stay short. */
tw_status *tw_slice_set_init(tw_slice_set *set, const tw_array *array, size_t axis)
{
    size_t dim = (size_t)array->dims[axis], places = 16;
    *set = (tw_slice_set){.array = array,
                          .outer = tw_span(array->dims, 0, axis),
                          .dim = dim,
                          .inner = tw_span(array->dims, axis + 1, array->rank)};
    if (array->count == 0)
        set->outer = 0; /* nothing to compare: all slices are equal */
    set->of_numbers = array->rank == 1 && tw_number_set_serves(array->dtype);
    set->members = tw_alloc_array(dim + 1, sizeof *set->members);
    if (set->of_numbers && set->members)
        return tw_number_set_init(&set->numbers, array);
    while (places / 2 < dim && places <= SIZE_MAX / 4)
        places *= 2;
    set->table = tw_alloc_zero(places, sizeof *set->table);
    set->mask = places - 1;
    if (set->table && set->members)
        return TW_OK;
    tw_slice_set_clear(set);
    return tw_no_memory();
}

/* May be called for a set whose making failed, and twice. */
void tw_slice_set_clear(tw_slice_set *set)
{
    tw_number_set_clear(&set->numbers);
    tw_free(set->table);
    tw_free(set->members);
    set->table = NULL;
    set->members = NULL;
}

/* Gives the number of the equal member, or of a new one. The table is never more than half full,
 * so the search always ends. */
static size_t add_slice(tw_slice_set *set, size_t i)
{
    size_t at = (size_t)hash_slice(set, i) & set->mask;
    for (; set->table[at]; at = (at + 1) & set->mask) {
        size_t member = set->table[at] - 1;
        if (same_slice(set, (size_t)set->members[member], i))
            return member;
    }
    set->members[set->count++] = (int64_t)i;
    set->table[at] = set->count;
    return set->count - 1;
}

/* For vectors: an element of another array of the same dtype. Its hash is made as hash_slice
 * would make it. */
static bool has_element(const tw_slice_set *set, const tw_array *vector, size_t i)
{
    tw_dtype dtype = vector->dtype;
    const char *element = tw_element_at(vector, i);
    size_t at = (size_t)hash_run(dtype, MIX, element, 1) & set->mask;
    for (; set->table[at]; at = (at + 1) & set->mask) {
        size_t member = (size_t)set->members[set->table[at] - 1];
        if (same_run(dtype, element, tw_element_at(set->array, member), 1))
            return true;
    }
    return false;
}

/* The next few of `count`, as many as a block of numbers holds. */
static size_t block_of(size_t count, size_t first)
{
    return count - first < TW_NUMBER_BLOCK ? count - first : TW_NUMBER_BLOCK;
}

static void put_numbers(tw_array *idx, size_t first, size_t n, const size_t *members)
{
    const bool is_wide = idx->dtype == TW_INT64;
    int32_t *narrow = (int32_t *)idx->data + (is_wide ? 0 : first);
    int64_t *wide = (int64_t *)idx->data + (is_wide ? first : 0);
    for (size_t i = 0; i < n && !is_wide; i++)
        narrow[i] = (int32_t)members[i];
    for (size_t i = 0; i < n && is_wide; i++)
        wide[i] = (int64_t)members[i];
}

/* Where each new one of a block stands is kept, without a branch. */
static size_t keep_new(int64_t *places, size_t count, size_t first, size_t n, const size_t *members)
{
    for (size_t i = 0; i < n; i++) {
        places[count] = (int64_t)(first + i);
        count += members[i] == count;
    }
    return count;
}

tw_status *tw_slice_set_fill(tw_slice_set *set, tw_array *idx)
{
    size_t members[TW_NUMBER_BLOCK];
    for (size_t first = 0; first < set->dim; first += TW_NUMBER_BLOCK) {
        size_t n = block_of(set->dim, first);
        if (set->of_numbers)
            TW_TRY(tw_number_set_find(&set->numbers, set->array, first, n, true, members));
        for (size_t i = 0; i < n && !set->of_numbers; i++)
            members[i] = add_slice(set, first + i);
        if (set->of_numbers && set->numbers.count > set->count)
            set->count = keep_new(set->members, set->count, first, n, members);
        if (idx)
            put_numbers(idx, first, n, members);
    }
    return TW_OK;
}

tw_status *tw_slice_set_look(tw_slice_set *set, const tw_array *vector, bool *there)
{
    size_t members[TW_NUMBER_BLOCK];
    for (size_t first = 0; first < vector->count; first += TW_NUMBER_BLOCK) {
        size_t n = block_of(vector->count, first);
        if (set->of_numbers)
            TW_TRY(tw_number_set_find(&set->numbers, vector, first, n, false, members));
        for (size_t i = 0; i < n; i++)
            there[first + i] = set->of_numbers ? members[i] != SIZE_MAX
                                               : has_element(set, vector, first + i);
    }
    return TW_OK;
}
