/* SPDX-License-Identifier: Apache-2.0
 * Elements as text: floats with six digits, or with as many as tell them apart from their
 * neighbours; bool as 0 and 1; bytes of strings that do not print are escaped as in C. */
#include "ops/summarize.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `few` digits if they read back as the same number, else `many`. Another locale's comma becomes a
 * point. */
static void add_float(tw_buffer *out, double value, bool narrow)
{
    char text[40];
    if (isnan(value)) {
        tw_buffer_add_text(out, "nan");
        return;
    }
    int few = narrow ? 6 : 15, many = narrow ? 9 : 17;
    snprintf(text, sizeof text, "%.*g", few, value);
    bool same = narrow ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value;
    if (!same)
        snprintf(text, sizeof text, "%.*g", many, value);
    char *comma = strchr(text, ',');
    if (comma)
        *comma = '.';
    tw_buffer_add_text(out, text);
}

/* As C writes them, in octal where there is no letter. */
static void add_escaped(tw_buffer *out, const char *bytes, size_t length)
{
    static const char plain[] = "\n\r\t\"'\\", letters[] = "nrt\"'\\";
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        const char *at = byte ? strchr(plain, byte) : NULL;
        if (at)
            tw_buffer_printf(out, "\\%c", letters[at - plain]);
        else if (byte < 32 || byte >= 127)
            tw_buffer_printf(out, "\\%03o", byte);
        else
            tw_buffer_add_char(out, (char)byte);
    }
}

static void add_complex(tw_buffer *out, double real, double imag, bool narrow)
{
    tw_buffer_add_char(out, '(');
    add_float(out, real, narrow);
    tw_buffer_add_char(out, ',');
    add_float(out, imag, narrow);
    tw_buffer_add_char(out, ')');
}

/* Quantized numbers look like integers; handles have no text. */
static void add_element(tw_buffer *out, const tw_array *array, size_t i)
{
    size_t length;
    const char *element = (const char *)array->data + i * tw_dtype_size(array->dtype);
    if (array->dtype == TW_STRING) {
        const char *bytes = tw_string_get((const tw_string *)array->data + i, &length);
        add_escaped(out, bytes, length);
    } else if (array->dtype == TW_COMPLEX64) {
        const float *z = (const float *)array->data + 2 * i;
        add_complex(out, (double)z[0], (double)z[1], true);
    } else if (array->dtype == TW_COMPLEX128) {
        const double *z = (const double *)array->data + 2 * i;
        add_complex(out, z[0], z[1], false);
    } else if (tw_dtype_is_floating(array->dtype)) {
        add_float(out, tw_element_get(array->dtype, element), array->dtype != TW_FLOAT64);
    } else if (array->dtype == TW_UINT64) {
        tw_buffer_printf(out, "%" PRIu64, ((const uint64_t *)array->data)[i]);
    } else if (tw_dtype_is_plain(array->dtype)) {
        tw_buffer_printf(out, "%" PRId64, tw_element_get_int(array->dtype, element));
    } else {
        tw_buffer_add_char(out, '?');
    }
}

/* The axes from `axis` on, from element *at; what lies behind the limit is left out. */
static void add_axis(tw_buffer *out, const tw_array *array, size_t axis, size_t limit, size_t *at)
{
    for (int64_t i = 0; i < array->dims[axis]; i++) {
        if (axis + 1 < array->rank) {
            if (*at >= limit)
                return;
            tw_buffer_add_char(out, '[');
            add_axis(out, array, axis + 1, limit, at);
            tw_buffer_add_char(out, ']');
            continue;
        }
        if (*at >= limit) {
            if (axis > 0)
                tw_buffer_add_text(out, "...");
            return;
        }
        if (i > 0)
            tw_buffer_add_char(out, ' ');
        add_element(out, array, (*at)++);
    }
}

/* Three points for what is left out, at the end too. */
void tw_summarize(tw_buffer *out, const tw_array *array, int64_t limit)
{
    size_t at = 0,
           most = limit < 0 || (uint64_t)limit > array->count ? array->count : (size_t)limit;
    if (array->rank > 0)
        add_axis(out, array, 0, most, &at);
    else if (most > 0)
        add_element(out, array, 0);
    if (array->count > most)
        tw_buffer_add_text(out, "...");
}
