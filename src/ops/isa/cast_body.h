/* SPDX-License-Identifier: Apache-2.0
 * Loops from S to every type, named FROM(type); KIND(to) is the conversion. n is a multiple of 16;
 * z may be x where the sizes agree. OWN_U8 and OWN_REALS say that there are
 * loops to bytes, to float and double already. */
#define HEAD(to) \
    static void FROM(to)(size_t n, void *z, const void *x, const void *y, const void *w)
#define EACH TW_IVDEP for (size_t i = 0, m = n & ~(size_t)15; i < m; i++)
#define CAST(to, T, value)        \
    HEAD(to)                      \
    {                             \
        T *out = z;               \
        const S *in = x;          \
        (void)y, (void)w;         \
        EACH out[i] = (T)(value); \
    }

/* The types that every level has, then the rest. */
CAST(flag, bool, KIND(TRUTH)(bool, in[i]))
#ifndef OWN_U8
CAST(u8, uint8_t, KIND(WHOLE)(uint8_t, in[i]))
#endif
CAST(i32, int32_t, KIND(WHOLE)(int32_t, in[i]))
CAST(i64, int64_t, KIND(LONG)(int64_t, in[i]))
#ifndef OWN_REALS
CAST(f32, float, KIND(REAL)(float, in[i]))
CAST(f64, double, KIND(REAL)(double, in[i]))
#endif
#if TW_ISA_LEVEL == 0
CAST(i8, int8_t, KIND(WHOLE)(int8_t, in[i]))
CAST(i16, int16_t, KIND(WHOLE)(int16_t, in[i]))
CAST(u16, uint16_t, KIND(WHOLE)(uint16_t, in[i]))
CAST(u32, uint32_t, KIND(LONG)(uint32_t, in[i]))
CAST(u64, uint64_t, KIND(NATURAL)(uint64_t, in[i]))
#ifdef COMPLEX_SOURCE
CAST(c64, c64, in[i])
CAST(c128, c128, in[i])
#else
CAST(c64, c64, KIND(REAL)(float, in[i]))
CAST(c128, c128, KIND(REAL)(double, in[i]))
#endif
#endif

#undef HEAD
#undef EACH
#undef CAST
#undef S
#undef FROM
#undef KIND
#undef COMPLEX_SOURCE
#undef OWN_U8
#undef OWN_REALS
