/* SPDX-License-Identifier: Apache-2.0
 * Reading IDX files: a big-endian head (magic, sizes) and bytes. */
#include "mnist.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned long big_endian(const unsigned char *bytes)
{
    return (unsigned long)bytes[0] << 24 | (unsigned long)bytes[1] << 16 |
           (unsigned long)bytes[2] << 8 | bytes[3];
}

/* The file's bytes after a head of `dims` sizes; *count: the first of them. Each item has `item`
 * bytes. */
static unsigned char *read_idx(const char *dir, const char *name, const char *kind, int dims,
                               size_t item, size_t *count)
{
    char path[4096];
    unsigned char head[16];
    snprintf(path, sizeof path, "%s/%s-%s-idx%d-ubyte", dir, name, kind, dims);
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return NULL;
    }
    size_t head_size = 4 + 4 * (size_t)dims;
    unsigned char *bytes = NULL;
    if (fread(head, 1, head_size, file) == head_size &&
        big_endian(head) == 0x0800u + (unsigned)dims) {
        *count = big_endian(head + 4);
        if (*count < 10000000)
            bytes = malloc(*count * item + 1);
        if (bytes && fread(bytes, item, *count, file) != *count) {
            free(bytes);
            bytes = NULL;
        }
    }
    if (!bytes)
        fprintf(stderr, "%s: not an IDX file of digits\n", path);
    fclose(file);
    return bytes;
}

bool digits_read(const char *dir, const char *name, digits *out)
{
    size_t images = 0, labels = 0;
    unsigned char *pixels = read_idx(dir, name, "images", 3, PIXELS, &images);
    unsigned char *classes = pixels ? read_idx(dir, name, "labels", 1, 1, &labels) : NULL;
    *out = (digits){.count = images < labels ? images : labels};
    out->images = malloc(out->count * PIXELS * sizeof *out->images + 1);
    out->labels = malloc(out->count * sizeof *out->labels + 1);
    bool ok = pixels && classes && out->images && out->labels && out->count > 0;
    for (size_t i = 0; ok && i < out->count * PIXELS; i++)
        out->images[i] = (float)pixels[i] / 255;
    for (size_t i = 0; ok && i < out->count; i++)
        out->labels[i] = classes[i] % CLASSES;
    free(pixels);
    free(classes);
    if (!ok)
        digits_free(out);
    return ok;
}

void digits_free(digits *d)
{
    free(d->images);
    free(d->labels);
    *d = (digits){0};
}
