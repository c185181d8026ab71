/* SPDX-License-Identifier: Apache-2.0
 * The part of cmocka's interface that the tests use, for targets that have no cmocka (Windows,
 * 32 bits). Elsewhere the real one is used, so this one never decides what is right: it counts,
 * prints cmocka's lines and ends a test at its first failed assertion. */
#ifndef TW_TESTS_CMOCKA_H
#define TW_TESTS_CMOCKA_H

#include <stddef.h>
#include <stdint.h>

typedef void (*CMUnitTestFunction)(void **state);
typedef int (*CMFixtureFunction)(void **state);

struct CMUnitTest {
    const char *name;
    CMUnitTestFunction test_func;
    CMFixtureFunction setup_func, teardown_func;
    void *initial_state;
};

#define cmocka_unit_test(f)     \
    {                           \
#f, f, NULL, NULL, NULL \
    }
#define cmocka_unit_test_setup(f, setup) \
    {                                    \
#f, f, setup, NULL, NULL         \
    }
#define cmocka_unit_test_teardown(f, teardown) \
    {                                          \
#f, f, NULL, teardown, NULL            \
    }
#define cmocka_unit_test_setup_teardown(f, setup, teardown) \
    {                                                       \
#f, f, setup, teardown, NULL                        \
    }
#define cmocka_run_group_tests_name(name, tests, setup, teardown) \
    _cmocka_run_group_tests(name, tests, sizeof(tests) / sizeof *(tests), setup, teardown)
#define cmocka_run_group_tests(tests, setup, teardown) \
    cmocka_run_group_tests_name(#tests, tests, setup, teardown)

int _cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t count,
                            CMFixtureFunction setup, CMFixtureFunction teardown);
#ifdef __MINGW32__
#define TW_CMOCKA_PRINTF(at, first) __attribute__((format(gnu_printf, at, first)))
#else
#define TW_CMOCKA_PRINTF(at, first) __attribute__((format(printf, at, first)))
#endif
void print_message(const char *format, ...) TW_CMOCKA_PRINTF(1, 2);
void print_error(const char *format, ...) TW_CMOCKA_PRINTF(1, 2);
void tw_cmocka_fail(const char *file, int line, const char *format, ...) TW_CMOCKA_PRINTF(3, 4);
void tw_cmocka_skip(const char *file, int line);
void tw_cmocka_int(uint64_t a, uint64_t b, int equal, const char *file, int line);
void tw_cmocka_float(float a, float b, float epsilon, const char *file, int line);
void tw_cmocka_string(const char *a, const char *b, const char *file, int line);
void tw_cmocka_memory(const void *a, const void *b, size_t size, int equal, const char *file,
                      int line);

#define fail_msg(...) tw_cmocka_fail(__FILE__, __LINE__, __VA_ARGS__)
#define fail() fail_msg("fail()")
#define skip() tw_cmocka_skip(__FILE__, __LINE__)
#define assert_true(c) ((c) ? (void)0 : tw_cmocka_fail(__FILE__, __LINE__, "%s", #c))
#define assert_false(c) ((c) ? tw_cmocka_fail(__FILE__, __LINE__, "not: %s", #c) : (void)0)
#define assert_null(p) assert_true((p) == NULL)
#define assert_non_null(p) assert_true((p) != NULL)
#define assert_ptr_equal(a, b) tw_cmocka_int((uintptr_t)(a), (uintptr_t)(b), 1, __FILE__, __LINE__)
#define assert_ptr_not_equal(a, b) \
    tw_cmocka_int((uintptr_t)(a), (uintptr_t)(b), 0, __FILE__, __LINE__)
#define assert_int_equal(a, b) tw_cmocka_int((uint64_t)(a), (uint64_t)(b), 1, __FILE__, __LINE__)
#define assert_int_not_equal(a, b) \
    tw_cmocka_int((uint64_t)(a), (uint64_t)(b), 0, __FILE__, __LINE__)
#define assert_float_equal(a, b, epsilon) \
    tw_cmocka_float((float)(a), (float)(b), (float)(epsilon), __FILE__, __LINE__)
#define assert_string_equal(a, b) tw_cmocka_string(a, b, __FILE__, __LINE__)
#define assert_memory_equal(a, b, size) tw_cmocka_memory(a, b, size, 1, __FILE__, __LINE__)
#define assert_memory_not_equal(a, b, size) tw_cmocka_memory(a, b, size, 0, __FILE__, __LINE__)

#endif
