/* SPDX-License-Identifier: Apache-2.0
 * Finding and reading golden files with the C library alone, since what reads files in the library
 * is under test. */
#include "golden_files.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PATH_SIZE = 1024, MOST_FILES = 2000 };

static void full_path(const char *path, char out[PATH_SIZE])
{
    const char *root = getenv("TW_TEST_DATA");
    int length = root ? snprintf(out, PATH_SIZE, "%s/%s", root, path)
                      : snprintf(out, PATH_SIZE, "%s/tests/golden/%s", TW_SOURCE_ROOT, path);
    assert_true(length > 0 && length < PATH_SIZE);
}

char *golden_read(const char *path, size_t *size)
{
    char full[PATH_SIZE];
    full_path(path, full);
    FILE *file = fopen(full, "rb");
    if (!file)
        fail_msg("cannot open %s", full);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long length = ftell(file);
    assert_true(length >= 0);
    rewind(file);
    char *bytes = malloc((size_t)length + 1);
    assert_non_null(bytes);
    *size = fread(bytes, 1, (size_t)length, file);
    assert_int_equal(*size, length);
    bytes[length] = '\0';
    fclose(file);
    return bytes;
}

bool golden_exists(const char *path)
{
    char full[PATH_SIZE];
    full_path(path, full);
    FILE *file = fopen(full, "rb");
    if (file)
        fclose(file);
    return file != NULL;
}

static bool ends_in(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcmp(text + n - m, suffix) == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

size_t golden_each(const char *folder, const char *suffix, void (*use)(const char *path, void *arg),
                   void *arg)
{
    char full[PATH_SIZE];
    char(*names)[PATH_SIZE] = calloc(MOST_FILES, PATH_SIZE);
    size_t count = 0;
    assert_non_null(names);
    full_path(folder, full);
    DIR *dir = opendir(full);
    if (!dir)
        fail_msg("cannot open %s", full);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (!ends_in(entry->d_name, suffix))
            continue;
        assert_true(count < MOST_FILES);
        assert_true(snprintf(names[count++], PATH_SIZE, "%s/%s", folder, entry->d_name) <
                    PATH_SIZE);
    }
    closedir(dir);
    qsort(names, count, PATH_SIZE, by_name);
    for (size_t i = 0; i < count; i++)
        use(names[i], arg);
    free(names);
    return count;
}
