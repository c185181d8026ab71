/* SPDX-License-Identifier: Apache-2.0
 * What the tests of kernels share: numbers from a fixed sequence, every instruction set level that
 * this machine has, and the comparison of one thread with several. */
#ifndef TW_TESTS_KERNEL_TEST_H
#define TW_TESTS_KERNEL_TEST_H

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/os.h"
#include "kernels/isa.h"
#include "kernels/par.h"
#include "tensor/array.h"

/* Workers flush denormals to zero; a test that compares bits must do so too. A group's setup. */
static inline int enter_float_mode(void **state)
{
    (void)state;
    tw_os_float_enter();
    return 0;
}

/* The next of a sequence that is the same in every run. */
static inline uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

/* A small integer or, for floating dtypes, a number in (-2, 2) that float holds. */
static inline double random_value(tw_dtype dtype, uint64_t *seed)
{
    uint64_t bits = next_random(seed);
    if (tw_dtype_is_floating(dtype) || tw_dtype_is_complex(dtype))
        return ((double)(bits % 65536) - 32768) / 16384;
    return dtype == TW_BOOL ? (double)(bits & 1) : (double)(bits % 7) + 1;
}

static inline tw_dtype real_of(tw_dtype dtype)
{
    return dtype == TW_COMPLEX64 ? TW_FLOAT32 : dtype == TW_COMPLEX128 ? TW_FLOAT64 : dtype;
}

/* `count` elements of the dtype; the caller's to free. */
static inline void *random_numbers(tw_dtype dtype, size_t count, uint64_t seed)
{
    size_t size = tw_dtype_size(real_of(dtype)), reals = tw_dtype_size(dtype) / size;
    char *numbers = malloc(count * reals * size + 1);
    assert_non_null(numbers);
    for (size_t i = 0; i < count * reals; i++)
        tw_element_set(real_of(dtype), numbers + i * size, random_value(dtype, &seed));
    return numbers;
}

static inline double number_at(tw_dtype dtype, const void *numbers, size_t index)
{
    return tw_element_get(dtype, (const char *)numbers + index * tw_dtype_size(dtype));
}

static inline void assert_ok(tw_status *status)
{
    if (status)
        fail_msg("%s", tw_status_message(status));
}

static inline void assert_refused(tw_status *status, tw_code code, const char *part)
{
    assert_non_null(status);
    assert_int_equal(tw_status_code(status), code);
    if (!strstr(tw_status_message(status), part))
        fail_msg("'%s' does not hold '%s'", tw_status_message(status), part);
    tw_status_free(status);
}

/* Fails unless |got - want| <= bound; NaN equals NaN and infinities themselves. */
static inline void assert_near(double got, double want, double bound, const char *what)
{
    if (isnan(want) ? isnan(got) : got == want || fabs(got - want) <= bound)
        return;
    fail_msg("%s: %.17g instead of %.17g (bound %g, level %s)", what, got, want, bound,
             tw_isa_level_name(tw_isa_level()));
}

/* for (EACH_LEVEL(level)) runs with every level that there is, and leaves the highest. */
static inline int next_level(int level)
{
    do {
        level++;
    } while (level <= TW_ISA_V4 && !tw_isa_force(level));
    for (int highest = TW_ISA_V4; level > TW_ISA_V4 && !tw_isa_force(highest);)
        highest--;
    return level;
}
#define EACH_LEVEL(level)       \
    int level = next_level(-1); \
    level <= TW_ISA_V4;         \
    level = next_level(level)

#endif
