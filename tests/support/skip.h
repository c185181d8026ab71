/* SPDX-License-Identifier: Apache-2.0
 * A test that cannot be run where it stands says so, and why: tools/run_tests.py shows the line.
 * Include after cmocka.h. */
#ifndef TW_TESTS_SUPPORT_SKIP_H
#define TW_TESTS_SUPPORT_SKIP_H

#include <stdbool.h>
#include <stdio.h>

#define skip_because(why)                                   \
    do {                                                    \
        printf("note: skipped: %s: %s\n", __func__, (why)); \
        skip();                                             \
    } while (0)

/* May the child of a process that has threads start some of its own? By trying: programs for other
 * processors are run by emulators that may not manage it. False on Windows, which has no fork. */
bool forked_children_start_threads(void);

#endif
