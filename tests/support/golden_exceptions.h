/* SPDX-License-Identifier: Apache-2.0
 * tests/golden/exceptions.txt: where we mean to differ from TensorFlow, by case and name. A line
 * that excuses nothing (but for NAME?, which differs on some systems) is stale, so whoever asks is
 * also told which lines were never used. */
#ifndef TW_TESTS_GOLDEN_EXCEPTIONS_H
#define TW_TESTS_GOLDEN_EXCEPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Is there a line "CASE NAME ..."? Reads the file when first called. */
bool golden_excused(const char *one, const char *name);
/* How many cases have lines, however many each. */
size_t golden_excused_cases(void);
/* Prints the lines that no question has met, but for those that `skip` says are asked elsewhere;
 * their number. */
size_t golden_unused_exceptions(bool (*skip)(const char *one, const char *name));
void golden_exceptions_clear(void);

#endif
