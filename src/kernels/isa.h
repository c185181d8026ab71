/* SPDX-License-Identifier: Apache-2.0
 * Instruction set levels. A file in an isa/ folder is compiled once for each level, with
 * TW_ISA_LEVEL and TW_ISA_SUFFIX given by the build, and ends in one constant table of its
 * functions, named by TW_ISA_NAME. A file outside declares the tables with TW_ISA_TABLES and takes
 * the one of tw_isa_level(). */
#ifndef TW_KERNELS_ISA_H
#define TW_KERNELS_ISA_H

#include <stdatomic.h>
#include <stdbool.h>

/* 0: plain C (on x86-64: SSE2, which every such machine has); 2: 64-bit Arm's NEON; 3, 4:
 * x86-64-v3, -v4. A level for v2 would serve machines of before 2013 only, at a tenth of the
 * library's size. */
enum { TW_ISA_PLAIN = 0, TW_ISA_NEON = 2, TW_ISA_V3 = 3, TW_ISA_V4 = 4 };

extern _Atomic int tw_isa_current; /* -1: not yet known */
int tw_isa_find(void);             /* makes it known */

/* The highest level of this machine that the build holds, by its feature bits; found once. The
 * environment's TW_ISA (or THALWEG_ISA) = plain, neon, v3 or v4 lowers it; v2 is plain. Small
 * kernels ask several times in a step, so asking is no call. */
static inline int tw_isa_level(void)
{
    int level = atomic_load_explicit(&tw_isa_current, memory_order_relaxed);
    return level >= 0 ? level : tw_isa_find();
}
/* For tests: from now on that level. False: this machine or build lacks it. */
bool tw_isa_force(int level);
const char *tw_isa_level_name(int level); /* "v3"; NULL: there is none */

#define TW_ISA_PASTE2_(name, suffix) name##suffix
#define TW_ISA_PASTE_(name, suffix) TW_ISA_PASTE2_(name, suffix)
#define TW_ISA_NAME(name) TW_ISA_PASTE_(name, TW_ISA_SUFFIX)

#ifdef TW_ISA_LEVELS_X86
#define TW_ISA_TABLES(type, name) extern const type name##_plain, name##_v3, name##_v4
/* A pointer to the table of the current level. */
#define TW_ISA_TABLE(name)                      \
    (tw_isa_level() == TW_ISA_V4   ? &name##_v4 \
     : tw_isa_level() == TW_ISA_V3 ? &name##_v3 \
                                   : &name##_plain)
#elif defined(TW_ISA_LEVELS_ARM)
#define TW_ISA_TABLES(type, name) extern const type name##_plain, name##_neon
#define TW_ISA_TABLE(name) (tw_isa_level() == TW_ISA_NEON ? &name##_neon : &name##_plain)
#else
#define TW_ISA_TABLES(type, name) extern const type name##_plain
#define TW_ISA_TABLE(name) (&name##_plain)
#endif

/* Of a table's loops over narrow dtypes, of rare ones and of those that wait for memory v4 has none
 * of its own and takes v3's: twice the vector's width is not worth their size. */
#ifdef TW_ISA_LEVELS_X86
#define TW_ISA_TABLE_OF_NARROW(name) (tw_isa_level() >= TW_ISA_V3 ? &name##_v3 : &name##_plain)
#else
#define TW_ISA_TABLE_OF_NARROW(name) TW_ISA_TABLE(name)
#endif

#endif
