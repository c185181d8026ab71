/* SPDX-License-Identifier: Apache-2.0
 * The records of tests/golden/train: lines of words from the first one to `end`. */
#ifndef TW_TESTS_GOLDEN_RECORDS_H
#define TW_TESTS_GOLDEN_RECORDS_H

#include "thalweg/array.h"

typedef struct golden_record {
    char **lines; /* the first is "KIND NAME" */
    size_t count;
} golden_record;

/* Calls `use` for every record of a file under tests/golden that TensorFlow 1.15.5 answered so;
 * gives their number. */
size_t golden_records_each(const char *path, void (*use)(const golden_record *record, void *user),
                           void *user);
/* What stands behind `key` in line `i`; NULL: the line begins otherwise. */
const char *golden_after(const golden_record *record, size_t i, const char *key);
/* The first such line; NULL: none. */
const char *golden_find(const golden_record *record, const char *key);
/* "float [2,3] 1 2 3 4 5 6" as an array, the caller's to unref. Fails the test if it is none. */
tw_array *golden_array(const char *text);
/* Fails the test unless the arrays agree: relative to each value or, for the greatest of them, to
 * `scale` of it. */
void golden_check(const char *what, const tw_array *got, const tw_array *want, double relative);

#endif
