/* SPDX-License-Identifier: Apache-2.0
 * CRC-32C (Castagnoli), and the masked form that TensorFlow's files store. */
#ifndef TW_BASE_CRC32C_H
#define TW_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* `crc` is 0, or that of the bytes before. */
uint32_t tw_crc32c(uint32_t crc, const void *data, size_t size);
/* Rotated and offset, so that a sum of data that contains sums stays strong. */
uint32_t tw_crc32c_mask(uint32_t crc);

#endif
