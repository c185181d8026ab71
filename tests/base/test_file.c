/* SPDX-License-Identifier: Apache-2.0
 * Whole files: what was written is read, what fails says which path and why and leaves nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/os.h"
#include "support/skip.h"

#if defined(_WIN32)
#include <direct.h>
#define make_directory(path) _mkdir(path)
#define remove_directory(path) _rmdir(path)
#else
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>
#define make_directory(path) mkdir(path, 0777)
#define remove_directory(path) rmdir(path)
#endif

static char folder[64], path[128]; /* path is in the folder */

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "base_file_test_%llu", (unsigned long long)tw_process_id());
    snprintf(path, sizeof path, "%s/data.bin", folder);
    return make_directory(folder);
}

/* Fails if anything was left behind. */
static int remove_folder(void **state)
{
    (void)state;
    remove(path);
    return remove_directory(folder);
}

static void expect(tw_status *status, tw_code code, const char *text, const char *name)
{
    assert_non_null(status);
    assert_int_equal(tw_status_code(status), code);
    if (!strstr(tw_status_message(status), text) || !strstr(tw_status_message(status), name))
        fail_msg("%s", tw_status_message(status));
    tw_status_free(status);
}

static void bytes_come_back_as_written_with_a_nul_after(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 100000};
    static char data[100000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 31 >> 3);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *bytes;
        size_t size;
        assert_null(tw_os_write_file(path, data, sizes[i]));
        assert_null(tw_os_read_file(path, 0, &bytes, &size));
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(bytes, data, size);
        assert_int_equal(bytes[size], 0);
        tw_free(bytes);
    }
}

static void a_file_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    char *bytes;
    size_t size;
    assert_null(tw_os_write_file(path, "12345", 5));
    assert_null(tw_os_read_file(path, 5, &bytes, &size));
    assert_string_equal(bytes, "12345");
    tw_free(bytes);
    expect(tw_os_read_file(path, 4, &bytes, &size), TW_RESOURCE_EXHAUSTED, "larger than 4 bytes",
           path);
    assert_null(bytes);
    assert_int_equal(size, 0);
}

static void a_path_that_is_not_there_is_not_found(void **state)
{
    (void)state;
    char *bytes, missing[160];
    size_t size;
    snprintf(missing, sizeof missing, "%s/no/such", folder);
    expect(tw_os_read_file(missing, 0, &bytes, &size), TW_NOT_FOUND, "cannot read", missing);
    assert_null(bytes);
    expect(tw_os_write_file(missing, "x", 1), TW_NOT_FOUND, "cannot write", missing);
}

static void a_directory_is_no_file(void **state)
{
    (void)state;
    char *bytes;
    size_t size;
    tw_status *status = tw_os_read_file(folder, 0, &bytes, &size);
    assert_non_null(status);
    assert_non_null(strstr(tw_status_message(status), folder));
    tw_status_free(status);
    status = tw_os_write_file(folder, "x", 1);
    assert_non_null(status);
    assert_non_null(strstr(tw_status_message(status), folder));
    tw_status_free(status);
}

/* The temporary file can be made but not renamed, and remove_folder sees whether it stayed. */
static void a_name_that_is_too_long_leaves_no_temporary_file(void **state)
{
    (void)state;
    char name[400];
    int length = snprintf(name, sizeof name, "%s/", folder);
    memset(name + length, 'n', 300);
    name[length + 300] = '\0';
    tw_status *status = tw_os_write_file(name, "x", 1);
    assert_non_null(status);
    assert_non_null(strstr(tw_status_message(status), "cannot write"));
    tw_status_free(status);
}

static void the_old_file_stays_until_the_new_one_is_whole(void **state)
{
    (void)state;
    char *bytes;
    size_t size;
    assert_null(tw_os_write_file(path, "old", 3));
    FILE *reader = fopen(path, "rb");
    assert_non_null(reader);
    tw_status *status = tw_os_write_file(path, "newer", 5);
#if defined(_WIN32)
    tw_status_free(status); /* an open file may not be replaceable there, and then stays */
    fclose(reader);
#else
    char seen[8] = {0};
    assert_null(status);
    assert_int_equal(fread(seen, 1, 8, reader), 3);
    fclose(reader);
    assert_string_equal(seen, "old");
    assert_null(tw_os_read_file(path, 0, &bytes, &size));
    assert_string_equal(bytes, "newer");
    tw_free(bytes);
    return;
#endif
    assert_null(tw_os_read_file(path, 0, &bytes, &size));
    assert_true(size == 3 || size == 5);
    tw_free(bytes);
}

#if !defined(_WIN32)

static void a_file_keeps_its_permissions(void **state)
{
    (void)state;
    struct stat about;
    assert_null(tw_os_write_file(path, "a", 1));
    assert_int_equal(chmod(path, 0640), 0);
    assert_null(tw_os_write_file(path, "b", 1));
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0640);
}

static void a_device_is_written_to_and_not_replaced(void **state)
{
    (void)state;
    struct stat about;
    assert_null(tw_os_write_file("/dev/null", "x", 1));
    assert_int_equal(stat("/dev/null", &about), 0);
    assert_true(S_ISCHR(about.st_mode));
    if (stat("/dev/full", &about) != 0)
        skip_because("no /dev/full here");
    expect(tw_os_write_file("/dev/full", "x", 1), TW_RESOURCE_EXHAUSTED, "No space left",
           "/dev/full");
}

static void a_pipe_is_read_to_its_end_within_the_limit(void **state)
{
    (void)state;
    int ends[2];
    char name[64], *bytes;
    size_t size;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "through", 7), 7);
    close(ends[1]);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[0]);
    assert_null(tw_os_read_file(name, 10, &bytes, &size));
    assert_string_equal(bytes, "through");
    tw_free(bytes);
    close(ends[0]);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back_as_written_with_a_nul_after),
        cmocka_unit_test(a_file_beyond_the_limit_is_refused),
        cmocka_unit_test(a_path_that_is_not_there_is_not_found),
        cmocka_unit_test(a_directory_is_no_file),
        cmocka_unit_test(a_name_that_is_too_long_leaves_no_temporary_file),
        cmocka_unit_test(the_old_file_stays_until_the_new_one_is_whole),
#if !defined(_WIN32)
        cmocka_unit_test(a_file_keeps_its_permissions),
        cmocka_unit_test(a_device_is_written_to_and_not_replaced),
        cmocka_unit_test(a_pipe_is_read_to_its_end_within_the_limit),
#endif
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
