/* SPDX-License-Identifier: Apache-2.0
 * Whole files. A file is written under a name of its own in the same directory, synced, and only
 * then renamed over the path; what is at the path and is no regular file (a device, a pipe) is
 * written to in place, since to rename over it would put a file where the device was. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/os.h"
#include "base/status.h"

enum { MOST_AT_ONCE = 1 << 30, FIRST_ROOM = 4096, NAME_TRIES = 16 };

/* As TensorFlow sorts them, as far as files go. */
static tw_code code_of(int error)
{
    switch (error) {
    case ENOENT: return TW_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS: return TW_PERMISSION_DENIED;
    case EEXIST: return TW_ALREADY_EXISTS;
    case EISDIR:
    case ENOTDIR: return TW_FAILED_PRECONDITION;
    case EINVAL:
    case ENAMETOOLONG: return TW_INVALID_ARGUMENT;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM: return TW_RESOURCE_EXHAUSTED;
    default: return TW_UNKNOWN;
    }
}

/* strerror_r has two forms, GNU's and POSIX's; the plain strerror is not safe with threads. */
static tw_status *file_error(const char *doing, const char *path, int error)
{
    char room[128];
#if defined(__GLIBC__)
    const char *text = strerror_r(error, room, sizeof room);
#else
    const char *text = strerror_r(error, room, sizeof room) == 0 ? room : "unknown error";
#endif
    return tw_status_new(code_of(error), "cannot %s '%s': %s", doing, path, text);
}

/* Its own status and not errno's EFBIG, for the limit is the caller's and the file is in order:
 * the text says which limit. */
static tw_status *too_large(const char *path, size_t limit)
{
    return tw_status_new(TW_RESOURCE_EXHAUSTED, "cannot read '%s': larger than %zu bytes", path,
                         limit);
}

/* How much to make room for at first: a regular file's size and one, to see its end. */
static size_t expected_size(int fd)
{
    struct stat about;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size <= 0)
        return FIRST_ROOM;
    return (uint64_t)about.st_size < SIZE_MAX / 2 ? (size_t)about.st_size + 1 : FIRST_ROOM;
}

/* Reads until the end into *bytes, which is the caller's to free whatever happens. */
static tw_status *read_all(int fd, const char *path, size_t limit, char **bytes, size_t *size)
{
    size_t room = expected_size(fd);
    if (limit && room - 1 > limit)
        room = limit + 1;
    for (;;) {
        if (!*bytes || *size == room) {
            if (*bytes && !tw_size_mul(room, 2, &room))
                return tw_no_memory();
            char *grown = tw_realloc_array(*bytes, room, 1);
            if (!grown)
                return tw_no_memory();
            *bytes = grown;
        }
        size_t part = room - *size < MOST_AT_ONCE ? room - *size : MOST_AT_ONCE;
        ssize_t got = read(fd, *bytes + *size, part);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return file_error("read", path, errno);
        if (got == 0)
            break;
        *size += (size_t)got;
        if (limit && *size > limit)
            return too_large(path, limit);
    }
    (*bytes)[*size] = '\0'; /* there is room: the last read was asked for at least one byte */
    return TW_OK;
}

/* After a failure neither bytes nor a size are left, whatever had been read by then. */
tw_status *tw_os_read_file(const char *path, size_t limit, char **bytes, size_t *size)
{
    *bytes = NULL;
    *size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return file_error("read", path, errno);
    tw_status *status = read_all(fd, path, limit, bytes, size);
    close(fd);
    if (status) {
        tw_free(*bytes);
        *bytes = NULL;
        *size = 0;
    }
    return status;
}

/* The errno of what failed, or 0. */
static int write_all(int fd, const char *bytes, size_t size)
{
    while (size) {
        ssize_t put = write(fd, bytes, size < MOST_AT_ONCE ? size : MOST_AT_ONCE);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return errno;
        bytes += put;
        size -= (size_t)put;
    }
    return 0;
}

/* Some file systems cannot sync and say so; that is not the file's fault. */
static int sync_file(int fd)
{
    if (fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP)
        return 0;
    return errno;
}

/* The first error counts: what close says after a failed write is no news. */
static int close_file(int fd, int error)
{
    int rc = close(fd);
    return error || rc == 0 || errno == EINTR ? error : errno;
}

/* Without O_CREAT or O_TRUNC: the path was seen to exist, and a device or pipe has no length to
 * cut. */
static int write_in_place(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? errno : close_file(fd, write_all(fd, bytes, size));
}

/* Opens a new file beside `path`; its name is written to `name`, which has room for the length of
 * `path` and 32 bytes. Below 0: errno says why. */
static int open_beside(const char *path, char *name, size_t room)
{
    const char *slash = strrchr(path, '/');
    int directory = slash ? (int)(slash - path) + 1 : 0;
    int fd = -1;
    for (int i = 0; fd < 0 && i < NAME_TRIES; i++) {
        unsigned long long unique;
        tw_os_entropy(&unique, sizeof unique);
        snprintf(name, room, "%.*s.%016llx.tmp", directory, path, unique);
        fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    return fd;
}

/* Makes the rename last; a directory that cannot be opened or synced is let be. */
static void sync_directory(const char *path, char *name)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    memcpy(name, length ? path : "./", length ? length : 2);
    name[length ? length : 2] = '\0';
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

/* `old` is what is at the path, whose permissions the new file takes on; NULL: nothing. */
static int write_beside(const char *path, const struct stat *old, const void *bytes, size_t size,
                        char *name, size_t room)
{
    int fd = open_beside(path, name, room);
    if (fd < 0)
        return errno;
    int error = write_all(fd, bytes, size);
    if (!error && old && fchmod(fd, old->st_mode & 0777) != 0 && errno != EPERM)
        error = errno;
    if (!error)
        error = sync_file(fd);
    error = close_file(fd, error);
    if (!error && rename(name, path) != 0)
        error = errno;
    if (error)
        unlink(name);
    else
        sync_directory(path, name);
    return error;
}

/* After a failure a regular file holds its old bytes in full; only what is no regular file may
 * have taken a part of the new. */
tw_status *tw_os_write_file(const char *path, const void *bytes, size_t size)
{
    struct stat about;
    /* A path that cannot be looked at is treated as new: opening will say what is wrong. */
    bool there = stat(path, &about) == 0;
    int error;
    if (there && S_ISDIR(about.st_mode)) {
        error = EISDIR;
    } else if (there && !S_ISREG(about.st_mode)) {
        error = write_in_place(path, bytes, size);
    } else {
        size_t room = strlen(path) + 32;
        char *name = tw_alloc(room);
        if (!name)
            return tw_no_memory();
        error = write_beside(path, there ? &about : NULL, bytes, size, name, room);
        tw_free(name);
    }
    return error ? file_error("write", path, error) : TW_OK;
}
