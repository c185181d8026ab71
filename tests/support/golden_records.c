/* SPDX-License-Identifier: Apache-2.0
 * Reads the records of tests/golden/train. */
#include "support/golden_records.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/golden_cases.h"
#include "support/golden_files.h"

const char *golden_after(const golden_record *record, size_t i, const char *key)
{
    size_t length = strlen(key);
    const char *line = i < record->count ? record->lines[i] : "";
    if (strncmp(line, key, length) != 0 || (line[length] != ' ' && line[length] != '\0'))
        return NULL;
    return line + length + (line[length] == ' ');
}

const char *golden_find(const golden_record *record, const char *key)
{
    for (size_t i = 0; i < record->count; i++) {
        const char *rest = golden_after(record, i, key);
        if (rest)
            return rest;
    }
    return NULL;
}

static bool is_new(const golden_record *record)
{
    const char *versions = golden_find(record, "tf");
    return versions && strstr(versions, "1.15.5");
}

size_t golden_records_each(const char *path, void (*use)(const golden_record *record, void *user),
                           void *user)
{
    size_t size, used = 0;
    char *text = golden_read(path, &size), *lines[4096];
    golden_record record = {lines, 0};
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (line[0] == '#')
            continue;
        if (strcmp(line, "end") != 0) {
            assert_true(record.count < sizeof lines / sizeof *lines);
            lines[record.count++] = line;
            continue;
        }
        if (is_new(&record)) {
            use(&record, user);
            used++;
        }
        record.count = 0;
    }
    free(text);
    return used;
}

static size_t read_dims(const char *text, int64_t *dims)
{
    size_t rank = 0;
    const char *at = strchr(text, '[');
    assert_non_null(at);
    for (at++; *at != ']'; at += *at == ',')
        dims[rank++] = strtoll(at, (char **)&at, 10);
    return rank;
}

tw_array *golden_array(const char *text)
{
    char name[32] = "";
    int64_t dims[TW_MAX_RANK];
    const char *space = strchr(text, ' '), *at = strchr(text, ']');
    assert_non_null(space);
    assert_non_null(at);
    memcpy(name, text, (size_t)(space - text));
    tw_dtype dtype = tw_dtype_from_name(name);
    tw_array *array = tw_array_new(dtype, (tw_shape){dims, read_dims(text, dims)});
    assert_non_null(array);
    at++;
    for (size_t i = 0; i < tw_array_count(array); i++) {
        if (dtype == TW_FLOAT32)
            ((float *)tw_array_data(array))[i] = strtof(at, (char **)&at);
        else if (dtype == TW_FLOAT64)
            ((double *)tw_array_data(array))[i] = strtod(at, (char **)&at);
        else if (dtype == TW_INT32)
            ((int32_t *)tw_array_data(array))[i] = (int32_t)strtoll(at, (char **)&at, 10);
        else
            fail_msg("no reader for %s", name);
    }
    return array;
}

void golden_check(const char *what, const tw_array *got, const tw_array *want, double relative)
{
    tw_text why;
    golden_tolerance tolerance = {.relative = relative, .scale = golden_largest(want)};
    if (!golden_same(got, want, tolerance, &why))
        fail_msg("%s: %s", what, why.s);
}
