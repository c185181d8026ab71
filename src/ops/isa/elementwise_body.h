/* SPDX-License-Identifier: Apache-2.0
 * The loops of one dtype, and their table. The includer defines T (the C type), P (its parts, or
 * what tolerances are given in), C (the complex type whose parts T is), SUFFIX, CLASS (of
 * elementwise_sets.h) and COST_CHEAP, COST_MEDIUM, COST_DEAR (1: compiled at this level). n is
 * always a multiple of 16, and saying so spares the loops their remainders. */
#define LOOP(name) TW_ISA_PASTE_(name##_loop_, SUFFIX)
#define VALUE(name) TW_ISA_PASTE_(name##_value_, SUFFIX)
#define MAP(name) TW_ISA_PASTE_(map_##name##_, SUFFIX)

/* The loops proper: one for each number of operands and type of result. They are always inlined
 * with a known `f`, which is so inlined in its turn. */
#define EACH TW_IVDEP for (size_t i = 0, m = n & ~(size_t)15; i < m; i++)

static TW_INLINE void MAP(1)(size_t n, T *z, const T *x, T (*f)(T))
{
    EACH z[i] = f(x[i]);
}
static TW_INLINE void MAP(1_test)(size_t n, bool *z, const T *x, bool (*f)(T))
{
    EACH z[i] = f(x[i]);
}
static TW_INLINE void MAP(1_part)(size_t n, P *z, const T *x, P (*f)(T))
{
    EACH z[i] = f(x[i]);
}
static TW_INLINE void MAP(1_with)(size_t n, T *z, const T *x, const P *a, T (*f)(T, P))
{
    EACH z[i] = f(x[i], a[i]);
}
static TW_INLINE void MAP(2)(size_t n, T *z, const T *x, const T *y, T (*f)(T, T))
{
    EACH z[i] = f(x[i], y[i]);
}
static TW_INLINE void MAP(2_test)(size_t n, bool *z, const T *x, const T *y, bool (*f)(T, T))
{
    EACH z[i] = f(x[i], y[i]);
}
static TW_INLINE void MAP(2_complex)(size_t n, C *z, const T *x, const T *y, C (*f)(T, T))
{
    EACH z[i] = f(x[i], y[i]);
}
static TW_INLINE void MAP(2_with)(size_t n, T *z, const T *x, const T *y, const P *a,
                                  T (*f)(T, T, P))
{
    EACH z[i] = f(x[i], y[i], a[i]);
}
static TW_INLINE void MAP(2_test_with)(size_t n, bool *z, const T *x, const T *y, const P *a,
                                       bool (*f)(T, T, P))
{
    EACH z[i] = f(x[i], y[i], a[i]);
}

static TW_INLINE void MAP(3)(size_t n, T *z, const T *x, const T *y, const T *w, T (*f)(T, T, T))
{
    EACH z[i] = f(x[i], y[i], w[i]);
}

/* What a row becomes: its value as a function, and the loop over it. */
#define HEAD(name) \
    static void LOOP(name)(size_t n, void *z, const void *x, const void *y, const void *w)
#define GIVES(Z, name, value, ...)           \
    static inline Z VALUE(name)(__VA_ARGS__) \
    {                                        \
        return (Z)(value);                   \
    }
#define LOOP1(name, Z, map, value)                        \
    GIVES(Z, name, value, T x) HEAD(name)                 \
    {                                                     \
        (void)y, (void)w, MAP(map)(n, z, x, VALUE(name)); \
    }
#define LOOP1A(name, Z, map, value)                 \
    GIVES(Z, name, value, T x, P a) HEAD(name)      \
    {                                               \
        (void)w, MAP(map)(n, z, x, y, VALUE(name)); \
    }
#define LOOP2(name, Z, map, value)                  \
    GIVES(Z, name, value, T x, T y) HEAD(name)      \
    {                                               \
        (void)w, MAP(map)(n, z, x, y, VALUE(name)); \
    }
#define LOOP2A(name, Z, map, value)                 \
    GIVES(Z, name, value, T x, T y, P a) HEAD(name) \
    {                                               \
        MAP(map)(n, z, x, y, w, VALUE(name));       \
    }
#define LOOP3(name, Z, map, value)                  \
    GIVES(Z, name, value, T x, T y, T w) HEAD(name) \
    {                                               \
        MAP(map)(n, z, x, y, w, VALUE(name));       \
    }

/* A row's expression and loop, where the dtype has it. */
#define UNARY(name, args, set, cost, value, ...) KEEP(set, cost, LOOP1(name, T, 1, value))
#define BINARY(name, args, set, cost, value, ...) KEEP(set, cost, LOOP2(name, T, 2, value))
#define CHECKED(name, args, set, cost, check, ...) BINARY(name, args, set, cost, __VA_ARGS__)
#define PAIR BINARY
#define TERNARY(name, args, set, cost, value, ...) KEEP(set, cost, LOOP3(name, T, 3, value))
#define TEST(name, args, set, cost, value, ...) KEEP(set, cost, LOOP1(name, bool, 1_test, value))
#define COMPARE(name, args, set, cost, value, ...) KEEP(set, cost, LOOP2(name, bool, 2_test, value))
#define TO_REAL(name, args, set, cost, value, ...) KEEP(set, cost, LOOP1(name, P, 1_part, value))
#define TO_COMPLEX(name, args, set, cost, value, ...) \
    KEEP(set, cost, LOOP2(name, C, 2_complex, value))
#define UNARY_WITH(name, args, set, cost, attr, value, ...) \
    KEEP(set, cost, LOOP1A(name, T, 1_with, value))
#define PAIR_WITH(name, args, set, cost, attr, value, ...) \
    KEEP(set, cost, LOOP2A(name, T, 2_with, value))
#define COMPARE_WITH(name, args, set, cost, attr, value, ...) \
    KEEP(set, cost, LOOP2A(name, bool, 2_test_with, value))
#include "ops/elementwise.def"
#include "ops/elementwise_undef.h"

/* The table; rows without a loop stay NULL. */
#define ROW(name, args, set, cost, ...) KEEP(set, cost, [TW_ROW_##name] = LOOP(name), )
#define UNARY ROW
#define BINARY ROW
#define CHECKED ROW
#define PAIR ROW
#define TERNARY ROW
#define TEST ROW
#define COMPARE ROW
#define TO_REAL ROW
#define TO_COMPLEX ROW
#define UNARY_WITH ROW
#define PAIR_WITH ROW
#define COMPARE_WITH ROW
static const tw_tile_loop TW_ISA_PASTE_(loops_, SUFFIX)[TW_ROW_COUNT] = {
#include "ops/elementwise.def"
};
#include "ops/elementwise_undef.h"

/* The next dtype starts afresh. */
#undef LOOP
#undef VALUE
#undef MAP
#undef HEAD
#undef GIVES
#undef EACH
#undef LOOP1
#undef LOOP2
#undef LOOP1A
#undef LOOP2A
#undef LOOP3
#undef ROW
#undef T
#undef P
#undef C
#undef SUFFIX
#undef CLASS
