/* SPDX-License-Identifier: Apache-2.0
 * The files that TensorFlow wrote, under tests/golden (or the folder that TW_TEST_DATA names).
 * Paths are relative to it. Every function fails the running test rather than return an error. */
#ifndef TW_TESTS_GOLDEN_FILES_H
#define TW_TESTS_GOLDEN_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* The whole file with a NUL after its end, to be freed with free. */
char *golden_read(const char *path, size_t *size);
bool golden_exists(const char *path);
/* Calls `use` with the path of each file of `folder` whose name ends in `suffix`, in order of name;
 * gives their number. */
size_t golden_each(const char *folder, const char *suffix, void (*use)(const char *path, void *arg),
                   void *arg);

#endif
