/* SPDX-License-Identifier: Apache-2.0
 * NumPy's text for slices, "::-2, ..., newaxis, 1:3", as StridedSlice's inputs and masks: declared
 * in the public header. */
#ifndef TW_TENSOR_SLICES_H
#define TW_TENSOR_SLICES_H

#include "thalweg/shape.h"

#endif
