/* SPDX-License-Identifier: Apache-2.0
 * Instruction set levels by feature bits, never by model. The level is found once; finding it twice
 * at the same time gives the same value. */
#include "kernels/isa.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { UNKNOWN = -1, NO_LIMIT = 99 };
static atomic_int detected = UNKNOWN;
static atomic_int limit = UNKNOWN;

#ifdef TW_ISA_LEVELS_X86
static int detect(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("popcnt"))
        return 0;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
        !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2"))
        return 2;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl"))
        return 3;
    return 4;
}
#else
static int detect(void)
{
    return 0;
}
#endif

static int first_limit(void)
{
    const char *text = getenv("THALWEG_ISA");
    return text && *text >= '0' && *text <= '9' ? atoi(text) : NO_LIMIT;
}

int tw_isa_level(void)
{
    int level = atomic_load_explicit(&detected, memory_order_relaxed);
    if (level == UNKNOWN) {
        level = detect();
        atomic_store_explicit(&detected, level, memory_order_relaxed);
    }
    int most = atomic_load_explicit(&limit, memory_order_relaxed);
    if (most == UNKNOWN) {
        most = first_limit();
        atomic_store_explicit(&limit, most, memory_order_relaxed);
    }
    level = level < most ? level : most;
    return level == 1 ? 0 : level; /* there is no level 1 */
}

int tw_isa_index(void)
{
    int level = tw_isa_level();
    return level ? level - 1 : 0;
}

void tw_isa_limit(int level)
{
    atomic_store_explicit(&limit, level < 0 ? NO_LIMIT : level, memory_order_relaxed);
}
