/* SPDX-License-Identifier: Apache-2.0
 * Denormals to zero, results and operands, where the processor can; all else as processors begin:
 * to nearest, and nothing traps. The mode is a register of the thread, so entering costs a few
 * cycles and restoring puts back whatever the program had. */
#include "base/os.h"

#if defined(__SSE__)

enum {
    FLUSH_TO_ZERO = 0x8000,
    DENORMALS_ARE_ZERO = 0x0040,
    NOTHING_TRAPS = 0x1f80, /* to nearest */
    RUNS = NOTHING_TRAPS | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO,
    RAISED = 0x003f /* what has happened */
};

/* The register is written only when it would change, as that write is far slower than the read; and
 * with a constant, so that it does not wait for the read. */
uint64_t tw_os_float_enter(void)
{
    unsigned mode = __builtin_ia32_stmxcsr();
    if ((mode & ~(unsigned)RAISED) != RUNS)
        __builtin_ia32_ldmxcsr(RUNS);
    return mode;
}

/* Takes what tw_os_float_enter gave on the same thread; a mode taken from another thread would
 * hand that one's rounding to this one. */
void tw_os_float_restore(uint64_t mode)
{
    unsigned flushing = FLUSH_TO_ZERO | DENORMALS_ARE_ZERO;
    /* Mostly the program's mode is another one than a run's, and no look is needed to know it. */
    if ((mode & flushing) != flushing || __builtin_ia32_stmxcsr() != (unsigned)mode)
        __builtin_ia32_ldmxcsr((unsigned)mode);
}

#elif defined(__aarch64__)

enum { FLUSH_TO_ZERO = 1 << 24 };

uint64_t tw_os_float_enter(void)
{
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)FLUSH_TO_ZERO));
    return mode;
}

void tw_os_float_restore(uint64_t mode)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
}

#else

uint64_t tw_os_float_enter(void)
{
    return 0;
}

void tw_os_float_restore(uint64_t mode)
{
    (void)mode;
}

#endif
