/* SPDX-License-Identifier: Apache-2.0
 * Images and labels of handwritten digits in MNIST's IDX files (unpacked). */
#ifndef MNIST_H
#define MNIST_H

#include <stdbool.h>
#include <stddef.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 10 };

typedef struct digits {
    size_t count;
    float *images; /* (count, 784), 0 to 1 */
    int *labels;   /* (count,) */
} digits;

/* Reads DIR/NAME-images-idx3-ubyte and DIR/NAME-labels-idx1-ubyte; false: said why on stderr. */
bool digits_read(const char *dir, const char *name, digits *out);
void digits_free(digits *d);

#endif
