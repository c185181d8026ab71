/* SPDX-License-Identifier: Apache-2.0
 * The body of a chain's loop over BLOCKS blocks; included by tile_chain.c alone. No include guard:
 * it is there to be included again. */
#if BLOCKS * 64 / TW_VECTOR_BYTES == 16
#define EACH EACH_16
#elif BLOCKS * 64 / TW_VECTOR_BYTES == 8
#define EACH EACH_8
#elif BLOCKS * 64 / TW_VECTOR_BYTES == 4
#define EACH EACH_4
#else
#define EACH EACH_2
#endif

static void NAME(char *z, const tile_link *l, const tile_link *end, char *const *slots, size_t at)
{
    static const int labels[] = {TILE_LINKS(PLACE)};
    vec a[BLOCKS * PARTS];
    tile_link link;
    EACH(CLEAR, 0, , )
    l--;
    NEXT;
    TILE_LINKS(LINK)
done:
    EACH(STORE, 0, , )
}
#undef EACH
#undef NAME
#undef BLOCKS
