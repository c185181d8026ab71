/* SPDX-License-Identifier: Apache-2.0
 * A test that fails or is skipped leaves by longjmp to the loop that runs the group; an assertion
 * outside of a test (in a thread that a test started) ends the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka.h"

enum verdict { OK = 0, FAILED = 1, SKIPPED = 2 };

static jmp_buf leave;
static int inside;

_Noreturn static void end_test(enum verdict verdict)
{
    if (!inside)
        exit(1);
    longjmp(leave, (int)verdict);
}

void print_message(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
}

void print_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
}

void tw_cmocka_fail(const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n%s:%d: error: Failure!\n", file, line);
    end_test(FAILED);
}

void tw_cmocka_skip(const char *file, int line)
{
    (void)file, (void)line;
    end_test(SKIPPED);
}

void tw_cmocka_int(uint64_t a, uint64_t b, int equal, const char *file, int line)
{
    if ((a == b) != equal)
        tw_cmocka_fail(file, line, "%#llx %s %#llx", (unsigned long long)a,
                       equal ? "!=" : "==", (unsigned long long)b);
}

void tw_cmocka_float(float a, float b, float epsilon, const char *file, int line)
{
    float apart = a > b ? a - b : b - a;
    if (!(apart <= epsilon))
        tw_cmocka_fail(file, line, "%f != %f", (double)a, (double)b);
}

void tw_cmocka_string(const char *a, const char *b, const char *file, int line)
{
    if (!a || !b || strcmp(a, b) != 0)
        tw_cmocka_fail(file, line, "\"%s\" != \"%s\"", a ? a : "(null)", b ? b : "(null)");
}

void tw_cmocka_memory(const void *a, const void *b, size_t size, int equal, const char *file,
                      int line)
{
    if ((memcmp(a, b, size) == 0) != equal)
        tw_cmocka_fail(file, line, "%zu bytes %s", size, equal ? "differ" : "are the same");
}

/* What a function of a fixture or a test does, up to the point where it leaves. */
static enum verdict run_one(const struct CMUnitTest *test, void **state)
{
    volatile enum verdict verdict = OK;
    inside = 1;
    switch (setjmp(leave)) {
    case OK:
        if (test->setup_func && test->setup_func(state))
            tw_cmocka_fail(test->name, 0, "its setup failed");
        test->test_func(state);
        break;
    case SKIPPED: verdict = SKIPPED; break;
    default: verdict = FAILED;
    }
    inside = 0;
    if (test->teardown_func && test->teardown_func(state))
        verdict = FAILED;
    return verdict;
}

int _cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t count,
                            CMFixtureFunction setup, CMFixtureFunction teardown)
{
    static const char *const verdicts[] = {"      OK", " FAILED ", " SKIPPED"};
    size_t passed = 0;
    int failed = 0;
    void *group_state = NULL;
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("[==========] %s: Running %zu test(s).\n", name, count);
    if (setup && setup(&group_state)) {
        printf("[  FAILED  ] GROUP SETUP\n");
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        void *state = tests[i].initial_state ? tests[i].initial_state : group_state;
        printf("[ RUN      ] %s\n", tests[i].name);
        enum verdict verdict = run_one(&tests[i], &state);
        printf("[ %s ] %s\n", verdicts[verdict], tests[i].name);
        passed += verdict == OK;
        failed += verdict == FAILED;
    }
    if (teardown && teardown(&group_state)) {
        printf("[  FAILED  ] GROUP TEARDOWN\n");
        failed++;
    }
    printf("[==========] %zu test(s) run.\n[  PASSED  ] %zu test(s).\n", count, passed);
    return failed;
}
