/* SPDX-License-Identifier: Apache-2.0
 * Element types, numbered as in TensorFlow's DataType enum. A reference type is its base type +
 * 100 and is a property of an operation's output, never of an array. */
#ifndef THALWEG_DTYPE_H
#define THALWEG_DTYPE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tw_dtype {
    TW_INVALID_DTYPE = 0,
    TW_FLOAT32 = 1,
    TW_FLOAT64 = 2,
    TW_INT32 = 3,
    TW_UINT8 = 4,
    TW_INT16 = 5,
    TW_INT8 = 6,
    TW_STRING = 7,
    TW_COMPLEX64 = 8,
    TW_INT64 = 9,
    TW_BOOL = 10,
    TW_QINT8 = 11,
    TW_QUINT8 = 12,
    TW_QINT32 = 13,
    TW_BFLOAT16 = 14,
    TW_QINT16 = 15,
    TW_QUINT16 = 16,
    TW_UINT16 = 17,
    TW_COMPLEX128 = 18,
    TW_FLOAT16 = 19,
    TW_RESOURCE = 20,
    TW_VARIANT = 21,
    TW_UINT32 = 22,
    TW_UINT64 = 23,
    TW_DTYPE_COUNT = 24,
    TW_REF = 100
} tw_dtype;

/* One element of a TW_STRING array: 16 bytes, owned by the array. Up to 12 bytes stand inline, from
 * `head` on; of a longer one `head` has the first four. */
typedef struct tw_string {
    uint32_t length;
    char head[4];
    union {
        char tail[8];
        char *bytes; /* where length > 12 */
        uint64_t pad_;
    } rest;
} tw_string;

/* NumPy's: "float32"; "float32_ref" for a reference; "unknown". */
TW_API const char *tw_dtype_name(tw_dtype dtype);
/* OpDef's: "float", "double", "half"; "float_ref"; "unknown". */
TW_API const char *tw_dtype_tf_name(tw_dtype dtype);
/* Reads either name; TW_INVALID_DTYPE if it is none. */
TW_API tw_dtype tw_dtype_from_name(const char *name);
/* Bytes of an element; string and handles 16; 0 if it is no dtype. */
TW_API size_t tw_dtype_size(tw_dtype dtype);
TW_API bool tw_dtype_is_floating(tw_dtype dtype); /* half, bfloat16, float, double */
TW_API bool tw_dtype_is_integer(tw_dtype dtype);
TW_API bool tw_dtype_is_complex(tw_dtype dtype);
/* Numbers, bool, quantized: bytes may be copied as they are. */
TW_API bool tw_dtype_is_plain(tw_dtype dtype);
TW_API bool tw_dtype_is_ref(tw_dtype dtype);
TW_API tw_dtype tw_dtype_base(tw_dtype dtype); /* without the reference */
TW_API tw_dtype tw_dtype_ref(tw_dtype dtype);

#ifdef __cplusplus
}
#endif
#endif
