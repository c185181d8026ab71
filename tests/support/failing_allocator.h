/* SPDX-License-Identifier: Apache-2.0
 * An allocator that counts what is alive and fails on demand. A test installs it first thing in
 * main(), then runs a body with the 1st, 2nd, ... allocation failing until none is left to fail:
 *     size_t live = failing_allocator_live();
 *     for (size_t n = 1; failing_allocator_next(n); n++) {
 *         ... a body that frees all it got ...
 *         assert_int_equal(failing_allocator_live(), live);
 *     } */
#ifndef TW_TESTS_FAILING_ALLOCATOR_H
#define TW_TESTS_FAILING_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>

void failing_allocator_install(void);
/* The nth allocation from now on fails, once. False: the body before this call got through without
 * a failure, so that all was tried (n == 1 always begins). Nothing fails then. */
bool failing_allocator_next(size_t n);
/* The next allocation of that many bytes or more fails, until called with 0. */
void failing_allocator_limit(size_t size);
bool failing_allocator_failed(void); /* since the last failing_allocator_next */
size_t failing_allocator_live(void); /* blocks that were not released */

#endif
