/* SPDX-License-Identifier: Apache-2.0
 * Comparing doubles: cmocka's own comparison is of floats. */
#ifndef TW_TESTS_NEAR_H
#define TW_TESTS_NEAR_H

#include <math.h>

/* Within `by` of `want`; the test fails with both numbers otherwise. */
#define assert_near(got, want, by)                               \
    do {                                                         \
        double got_ = (double)(got), want_ = (double)(want);     \
        if (!(fabs(got_ - want_) <= (double)(by)))               \
            fail_msg("%s is %.9g, not %.9g", #got, got_, want_); \
    } while (0)

#endif
