/* SPDX-License-Identifier: Apache-2.0
 * What TensorFlow answered for whole programs (tests/golden/programs): some nodes, then runs of one
 * session with feeds, fetches, targets and errors. */
#ifndef TW_TESTS_GOLDEN_PROGRAMS_H
#define TW_TESTS_GOLDEN_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>

/* Instead of the number of a run: the whole program is left out, and `why` says what is missing. */
enum { GOLDEN_NOT_RUN = -2 };

/* A run (counted from 0; -1: the building) of a program in which we mean to differ. */
typedef struct golden_program_exception {
    const char *program; /* "control/loop@0.12.1"; "@..." only where the versions differ */
    int run;
    const char *why;
} golden_program_exception;

/* Runs every program of a file under tests/golden/programs and fails the test where an answer
 * differs, or where an exception does not. Gives the number of runs compared. */
size_t golden_programs_run(const char *file, const golden_program_exception *exceptions,
                           size_t exception_count);

/* Imports tests/golden/files/NAME.pb and does the runs that NAME.pb.txt lists. Their number. */
size_t golden_graph_run(const char *name);

#endif
