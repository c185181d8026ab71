/* SPDX-License-Identifier: Apache-2.0
 * Which instruction set level runs. Levels are told by feature bits; a model's name says little. */
#include "kernels/isa.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

_Atomic int tw_isa_current = -1;

static const char *const names[] = {"plain", NULL, "neon", "v3", "v4"};
enum { LEVELS = sizeof names / sizeof *names };

/* The bits that tell the levels apart on machines that exist; whoever has them has the rest of the
 * level. */
static int machine_level(void)
{
#ifdef TW_ISA_LEVELS_X86
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
        !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2"))
        return TW_ISA_PLAIN;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl"))
        return TW_ISA_V3;
    return TW_ISA_V4;
#elif defined(TW_ISA_LEVELS_ARM)
    return TW_ISA_NEON; /* all such machines have it */
#else
    return TW_ISA_PLAIN;
#endif
}

/* Of the levels up to the machine's own, those of another kind of machine are not here. */
static bool is_here(int level)
{
    int highest = machine_level();
    return level == TW_ISA_PLAIN || level == highest || (level == TW_ISA_V3 && highest > level);
}

/* -1: no such level. What a machine of x86-64-v2 runs is the plain level. */
static int level_named(const char *name)
{
#ifdef TW_ISA_LEVELS_X86
    if (strcmp(name, "v2") == 0)
        return TW_ISA_PLAIN;
#endif
    for (int level = 0; level < LEVELS; level++) {
        if (names[level] && strcmp(names[level], name) == 0)
            return level;
    }
    return -1;
}

/* A wish that cannot be met is logged, and the machine's own level serves. */
static int standard_level(void)
{
    int level = machine_level();
    const char *variable = "TW_ISA", *text = getenv(variable);
    if (!text || !*text)
        text = getenv(variable = "THALWEG_ISA");
    if (!text || !*text)
        return level;
    int wanted = level_named(text);
    if (wanted >= 0 && is_here(wanted))
        return wanted;
    tw_log(TW_LOG_WARNING, "%s='%s' is no level of this machine, whose highest is %s", variable,
           text, names[level]);
    return level;
}

/* Threads may find it at the same time; they find the same. */
int tw_isa_find(void)
{
    int level = standard_level();
    atomic_store_explicit(&tw_isa_current, level, memory_order_relaxed);
    return level;
}

/* Kernels that run meanwhile keep the level they began with. */
bool tw_isa_force(int level)
{
    if (!is_here(level))
        return false;
    atomic_store_explicit(&tw_isa_current, level, memory_order_relaxed);
    return true;
}

/* A name serves logs and tests that ask for one level; for a number that is no level the answer
 * is NULL, so a caller can count them. */
const char *tw_isa_level_name(int level)
{
    return level >= 0 && level < LEVELS ? names[level] : NULL;
}
