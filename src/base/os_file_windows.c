/* SPDX-License-Identifier: Apache-2.0
 * Whole files on Windows. Paths are UTF-8. A file is written under a name of its own in the same
 * directory, flushed, and then moved over the path in one step. */
#define WIN32_LEAN_AND_MEAN
#include <stdio.h>
#include <string.h>
#include <windows.h>

#include "base/alloc.h"
#include "base/os.h"
#include "base/status.h"

enum { MOST_AT_ONCE = 1 << 30, NAME_TRIES = 16 };

/* The codes follow those that os_file_posix.c gives for the same trouble, so that programs can
 * tell them apart alike on every system. */
static tw_code code_of(DWORD error)
{
    switch (error) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND: return TW_NOT_FOUND;
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION:
    case ERROR_WRITE_PROTECT: return TW_PERMISSION_DENIED;
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS: return TW_ALREADY_EXISTS;
    case ERROR_DIRECTORY: return TW_FAILED_PRECONDITION;
    case ERROR_INVALID_NAME:
    case ERROR_FILENAME_EXCED_RANGE:
    case ERROR_NO_UNICODE_TRANSLATION: return TW_INVALID_ARGUMENT;
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
    case ERROR_TOO_MANY_OPEN_FILES: return TW_RESOURCE_EXHAUSTED;
    default: return TW_UNKNOWN;
    }
}

/* The system's text ends in a full stop and a line break, which would stand in the middle of
 * ours, so both are cut. */
static tw_status *file_error(const char *doing, const char *path, DWORD error)
{
    if (error == ERROR_NOT_ENOUGH_MEMORY || error == ERROR_OUTOFMEMORY)
        return tw_no_memory();
    char text[256];
    DWORD flags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS;
    DWORD length = FormatMessageA(flags, NULL, error, 0, text, sizeof text, NULL);
    while (length && strchr("\r\n. ", text[length - 1]))
        length--;
    if (!length)
        length = (DWORD)snprintf(text, sizeof text, "error %lu", (unsigned long)error);
    return tw_status_new(code_of(error), "cannot %s '%s': %.*s", doing, path, (int)length, text);
}

/* NULL: *error says why. The caller's to tw_free; `more` characters of room follow the text. */
static wchar_t *wide_path(const char *path, size_t more, DWORD *error)
{
    int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, NULL, 0);
    *error = length > 0 ? ERROR_NOT_ENOUGH_MEMORY : GetLastError();
    wchar_t *wide = length > 0 ? tw_alloc_array((size_t)length + more, sizeof *wide) : NULL;
    if (wide)
        MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, length);
    return wide;
}

/* Reads until the end into *bytes, which is the caller's to free whatever happens. */
static DWORD read_all(HANDLE file, size_t room, size_t limit, char **bytes, size_t *size)
{
    for (;;) {
        if (!*bytes || *size == room) {
            if (*bytes && !tw_size_mul(room, 2, &room))
                return ERROR_NOT_ENOUGH_MEMORY;
            char *grown = tw_realloc_array(*bytes, room, 1);
            if (!grown)
                return ERROR_NOT_ENOUGH_MEMORY;
            *bytes = grown;
        }
        size_t part = room - *size < MOST_AT_ONCE ? room - *size : MOST_AT_ONCE;
        DWORD got = 0;
        if (!ReadFile(file, *bytes + *size, (DWORD)part, &got, NULL)) {
            DWORD error = GetLastError();
            /* A pipe whose writer has gone has ended. */
            if (error != ERROR_BROKEN_PIPE)
                return error;
        }
        *size += got;
        if (got == 0 || (limit && *size > limit))
            break;
    }
    if (*size < room)
        (*bytes)[*size] = '\0';
    return ERROR_SUCCESS;
}

/* The file's size and one byte, to see its end and to hold the NUL. */
static size_t expected_size(HANDLE file, size_t limit)
{
    LARGE_INTEGER about;
    size_t room = 4096;
    if (GetFileSizeEx(file, &about) && about.QuadPart > 0 &&
        (uint64_t)about.QuadPart < SIZE_MAX / 2)
        room = (size_t)about.QuadPart + 1;
    return limit && room - 1 > limit ? limit + 1 : room;
}

/* On failure both results are empty, even where a part of the file was read: nobody can take
 * half a file for a whole one. */
tw_status *tw_os_read_file(const char *path, size_t limit, char **bytes, size_t *size)
{
    *bytes = NULL;
    *size = 0;
    DWORD error;
    wchar_t *wide = wide_path(path, 0, &error);
    if (!wide)
        return file_error("read", path, error);
    HANDLE file = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                              OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    error = file == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
    tw_free(wide);
    if (!error) {
        error = read_all(file, expected_size(file, limit), limit, bytes, size);
        CloseHandle(file);
    }
    tw_status *status = TW_OK;
    if (error)
        status = file_error("read", path, error);
    else if (limit && *size > limit)
        status = tw_status_new(TW_RESOURCE_EXHAUSTED, "cannot read '%s': larger than %zu bytes",
                               path, limit);
    if (status) {
        tw_free(*bytes);
        *bytes = NULL;
        *size = 0;
    }
    return status;
}

/* What failed, or ERROR_SUCCESS. */
static DWORD write_all(HANDLE file, const char *bytes, size_t size)
{
    while (size) {
        DWORD part = (DWORD)(size < MOST_AT_ONCE ? size : MOST_AT_ONCE), put = 0;
        if (!WriteFile(file, bytes, part, &put, NULL))
            return GetLastError();
        bytes += put;
        size -= put;
    }
    return FlushFileBuffers(file) ? ERROR_SUCCESS : GetLastError();
}

/* Opens a new file beside `path`; `name` has room for the length of `path` and 32 characters. */
static HANDLE open_beside(const wchar_t *path, wchar_t *name)
{
    size_t directory = 0;
    for (size_t i = 0; path[i]; i++) {
        if (path[i] == L'/' || path[i] == L'\\' || path[i] == L':')
            directory = i + 1;
    }
    HANDLE file = INVALID_HANDLE_VALUE;
    for (int i = 0; file == INVALID_HANDLE_VALUE && i < NAME_TRIES; i++) {
        unsigned long long unique;
        char tail[32];
        tw_os_entropy(&unique, sizeof unique);
        int length = snprintf(tail, sizeof tail, ".%016llx.tmp", unique);
        memcpy(name, path, directory * sizeof *name);
        for (int k = 0; k <= length; k++)
            name[directory + (size_t)k] = (wchar_t)tail[k];
        file = CreateFileW(name, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
        if (file == INVALID_HANDLE_VALUE && GetLastError() != ERROR_FILE_EXISTS)
            break;
    }
    return file;
}

/* The temporary file is gone afterwards, whether moved or deleted. */
static DWORD write_beside(const wchar_t *path, wchar_t *name, const void *bytes, size_t size)
{
    HANDLE file = open_beside(path, name);
    if (file == INVALID_HANDLE_VALUE)
        return GetLastError();
    DWORD error = write_all(file, bytes, size);
    if (!CloseHandle(file) && !error)
        error = GetLastError();
    DWORD how = MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH;
    if (!error && !MoveFileExW(name, path, how))
        error = GetLastError();
    if (error)
        DeleteFileW(name);
    return error;
}

/* The second copy of the path has room for a suffix, so that the temporary name lies in the same
 * directory and the move stays on one volume. */
tw_status *tw_os_write_file(const char *path, const void *bytes, size_t size)
{
    DWORD error;
    wchar_t *wide = wide_path(path, 0, &error), *name = wide ? wide_path(path, 32, &error) : NULL;
    if (name)
        error = write_beside(wide, name, bytes, size);
    tw_free(name);
    tw_free(wide);
    return error ? file_error("write", path, error) : TW_OK;
}
