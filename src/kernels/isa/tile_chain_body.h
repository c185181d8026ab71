/* SPDX-License-Identifier: Apache-2.0
 * The body of a chain's loop over BLOCKS blocks, or over a single number if that is 0; included by
 * tile_chain.c alone. No include guard: it is there to be included again. */
#if BLOCKS * 64 / TW_VECTOR_BYTES == 16
#define EACH EACH_16
#elif BLOCKS * 64 / TW_VECTOR_BYTES == 8
#define EACH EACH_8
#elif BLOCKS * 64 / TW_VECTOR_BYTES == 4
#define EACH EACH_4
#elif BLOCKS * 64 / TW_VECTOR_BYTES == 2
#define EACH EACH_2
#else
#define EACH EACH_1
#endif

static ALWAYS_INLINE VECTOR NAME(load)(const char *x)
{
    return *(const ANYWHERE *)(const void *)x;
}

/* A link's own value. */
static ALWAYS_INLINE VECTOR NAME(value)(tw_tile_simple by, VECTOR x, const char *y)
{
    switch (by) {
    case TW_TILE_ADD: return x + NAME(load)(y);
    case TW_TILE_SUB: return x - NAME(load)(y);
    case TW_TILE_MUL: return x * NAME(load)(y);
    case TW_TILE_DIV: return x / NAME(load)(y);
    default: return x;
    }
}

static ALWAYS_INLINE VECTOR NAME(linked)(tile_link_op op, VECTOR a, VECTOR b)
{
    switch (op) {
    case TILE_LINK_ADD: return a + b;
    case TILE_LINK_SUB: return a - b;
    case TILE_LINK_TAKEN_FROM: return b - a;
    case TILE_LINK_MUL: return a * b;
    case TILE_LINK_DIV: return a / b;
    case TILE_LINK_DIVIDES: return b / a;
    case TILE_LINK_SQUARE: return a * a;
    default: return b;
    }
}

/* Jumps take as long as their places say: these are the same in every build. */
__attribute__((aligned(64))) static void NAME(loop)(char *z, const tile_link *l,
                                                    const tile_link *end, char *const *slots,
                                                    size_t bytes)
{
    static const int labels[] = {TILE_LINKS(PLACE)};
    const size_t at = BLOCKS ? bytes : 0;
    VECTOR a[BLOCKS ? BLOCKS * PARTS : 1];
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
