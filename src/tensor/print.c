/* SPDX-License-Identifier: Apache-2.0
 * NumPy's str() of an array. As there, all elements that will be seen are looked at first, to
 * settle one notation and one width for the columns; then the text is written, breaking lines at
 * 75 columns, with "..." for the middle of each axis where there are more than 1000 elements. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "tensor/array.h"
#include "tensor/print_float.h"

enum { LINE_WIDTH = 75, THRESHOLD = 1000, EDGE = 3 };

/* The element at hand is made in `word` first, for its length decides whether the line breaks
 * before it. */
typedef struct printer {
    const tw_array *array;
    bool summarise;
    tw_buffer out, word; /* the whole text; the element at hand */
    size_t line_start;   /* in out */
    size_t int_width;
    tw_float_format real, imag;
} printer;

/* Handles have no value that could be shown and print as a mark of their kind; they take no part
 * in the widths. */
static bool is_handle(tw_dtype dtype)
{
    return dtype == TW_RESOURCE || dtype == TW_VARIANT;
}

/* Whether the parts of an element are floating point numbers. */
static bool has_floats(tw_dtype dtype)
{
    return tw_dtype_is_floating(dtype) || tw_dtype_is_complex(dtype);
}

/* The dtype of a complex number's parts, or the dtype itself. */
static tw_dtype part_dtype(tw_dtype dtype)
{
    return dtype == TW_COMPLEX64 ? TW_FLOAT32 : dtype == TW_COMPLEX128 ? TW_FLOAT64 : dtype;
}

/* Part 0 is the real one. */
static double part_of(const tw_array *array, size_t index, size_t part)
{
    tw_dtype dtype = part_dtype(array->dtype);
    size_t parts = tw_dtype_is_complex(array->dtype) ? 2 : 1;
    const char *data = array->data;
    return tw_element_get(dtype, data + (index * parts + part) * tw_dtype_size(dtype));
}

/* As Python's repr() of bytes. */
static void add_bytes(tw_buffer *out, const char *bytes, size_t length)
{
    bool single = length > 0 && memchr(bytes, '\'', length) != NULL;
    char quote = single && !memchr(bytes, '"', length) ? '"' : '\'';
    tw_buffer_add_char(out, 'b');
    tw_buffer_add_char(out, quote);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '\n')
            tw_buffer_add_text(out, "\\n");
        else if (c == '\r')
            tw_buffer_add_text(out, "\\r");
        else if (c == '\t')
            tw_buffer_add_text(out, "\\t");
        else if (c == '\\' || c == (unsigned char)quote)
            tw_buffer_printf(out, "\\%c", c);
        else if (c < 0x20 || c > 0x7e)
            tw_buffer_printf(out, "\\x%02x", c);
        else
            tw_buffer_add_char(out, (char)c);
    }
    tw_buffer_add_char(out, quote);
}

/* Integers, bool, strings and handles, without padding. */
static void add_plain(tw_buffer *out, const tw_array *array, size_t index)
{
    const char *element = (const char *)array->data + index * tw_dtype_size(array->dtype);
    if (array->dtype == TW_STRING) {
        size_t length;
        const char *bytes = tw_string_get((const tw_string *)(const void *)element, &length);
        add_bytes(out, bytes, length);
    } else if (is_handle(array->dtype)) {
        const tw_handle *handle = (const tw_handle *)(const void *)element;
        tw_buffer_printf(out, "<%s>", handle->type ? handle->type->name : "empty");
    } else if (array->dtype == TW_BOOL) {
        tw_buffer_add_text(out, *element ? "True" : "False");
    } else if (array->dtype == TW_UINT64) {
        tw_buffer_printf(out, "%" PRIu64, *(const uint64_t *)(const void *)element);
    } else {
        tw_buffer_printf(out, "%" PRId64, tw_element_get_int(array->dtype, element));
    }
}

/* A scalar stands alone: every digit that counts, no padding. */
static void add_scalar(tw_buffer *out, const tw_array *array)
{
    tw_dtype dtype = array->dtype, part = part_dtype(dtype);
    if (!has_floats(dtype)) {
        add_plain(out, array, 0);
    } else if (!tw_dtype_is_complex(dtype)) {
        tw_float_scalar(out, part, part_of(array, 0, 0), false, true);
    } else {
        double real = part_of(array, 0, 0);
        bool alone = !(real < 0 || real > 0 || isnan(real)) && !signbit(real);
        if (!alone) {
            tw_buffer_add_char(out, '(');
            tw_float_scalar(out, part, real, false, false);
        }
        tw_float_scalar(out, part, part_of(array, 0, 1), !alone, false);
        tw_buffer_add_text(out, alone ? "j" : "j)");
    }
}

/* The element's text in p->word, as wide as its column. */
static void format_element(printer *p, size_t index)
{
    const tw_array *array = p->array;
    p->word.length = 0;
    if (tw_dtype_is_complex(array->dtype)) {
        tw_float_add(&p->real, &p->word, part_of(array, index, 0));
        tw_float_add(&p->imag, &p->word, part_of(array, index, 1));
        /* The j goes before the padding: swap it with the first space of the run at the end. */
        size_t end = p->word.length;
        tw_buffer_add_char(&p->word, 'j');
        if (p->word.failed)
            return;
        size_t first = end;
        while (first > 0 && p->word.data[first - 1] == ' ')
            first--;
        p->word.data[end] = ' ';
        p->word.data[first] = 'j';
    } else if (has_floats(array->dtype)) {
        tw_float_add(&p->real, &p->word, part_of(array, index, 0));
    } else {
        add_plain(&p->word, array, index);
        size_t width = array->dtype == TW_BOOL ? 5 : p->int_width; /* 5: "False" */
        size_t length = p->word.length;
        if (length < width) {
            p->word.length = 0;
            tw_buffer_printf(&p->word, "%*s", (int)(width - length), "");
            add_plain(&p->word, array, index);
        }
    }
}

/* First pass over floats: what decides between positional and exponents. */
static void measure_range(printer *p, size_t index)
{
    tw_float_range(&p->real, part_of(p->array, index, 0));
    if (tw_dtype_is_complex(p->array->dtype))
        tw_float_range(&p->imag, part_of(p->array, index, 1));
}

/* Second pass: how wide the columns are in the notation settled by then. */
static void measure_width(printer *p, size_t index)
{
    if (has_floats(p->array->dtype)) {
        tw_float_measure(&p->real, part_of(p->array, index, 0));
        if (tw_dtype_is_complex(p->array->dtype))
            tw_float_measure(&p->imag, part_of(p->array, index, 1));
        return;
    }
    p->word.length = 0;
    add_plain(&p->word, p->array, index);
    if (p->word.length > p->int_width)
        p->int_width = p->word.length;
}

/* The steps of `axis` that are seen: all, or the first and last three with a gap between. */
static size_t next_step(const printer *p, size_t axis, size_t step)
{
    size_t n = (size_t)p->array->dims[axis];
    return p->summarise && n > 2 * EDGE && step + 1 == EDGE ? n - EDGE : step + 1;
}

/* Calls `see` for every element that will be seen below `index` (of the array's axes before). */
static void walk(printer *p, size_t axis, size_t index, void (*see)(printer *p, size_t index))
{
    if (axis == p->array->rank) {
        see(p, index);
        return;
    }
    size_t n = (size_t)p->array->dims[axis];
    for (size_t i = 0; i < n; i = next_step(p, axis, i))
        walk(p, axis + 1, index * n + i, see);
}

/* Runs of blanks and line ends. */
static void add_repeated(tw_buffer *out, char c, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tw_buffer_add_char(out, c);
}

/* Adds a word to the line, on a new one if it would reach into the columns of the brackets. */
static void add_word(printer *p, const char *word, size_t length, size_t axis)
{
    /* NumPy takes one column off for each bracket that may have to follow. */
    size_t indent = axis + 1, width = LINE_WIDTH - axis - 1;
    size_t line = p->out.length - p->line_start;
    if (line + length > width && line > indent) {
        while (p->out.length > 0 && p->out.data[p->out.length - 1] == ' ')
            p->out.length--;
        tw_buffer_add_char(&p->out, '\n');
        p->line_start = p->out.length;
        add_repeated(&p->out, ' ', indent);
    }
    tw_buffer_add(&p->out, word, length);
}

/* The last axis: elements side by side. */
static void write_row(printer *p, size_t index)
{
    size_t axis = p->array->rank - 1, n = (size_t)p->array->dims[axis];
    for (size_t i = 0; i < n && !p->out.failed;) {
        size_t next = next_step(p, axis, i);
        format_element(p, index * n + i);
        add_word(p, p->word.data, p->word.length, axis);
        if (next < n)
            tw_buffer_add_char(&p->out, ' ');
        if (next < n && next > i + 1) {
            add_word(p, "...", 3, axis);
            tw_buffer_add_char(&p->out, ' ');
        }
        i = next;
    }
}

/* Between the parts of an axis: as many line ends as axes remain, so that blocks stand apart. */
static void new_lines(printer *p, size_t axis)
{
    add_repeated(&p->out, '\n', p->array->rank - axis - 1);
    p->line_start = p->out.length;
    add_repeated(&p->out, ' ', axis + 1);
}

/* The brackets of one axis and all within; recursion is as deep as the rank, 16 at most. */
static void write_axis(printer *p, size_t axis, size_t index)
{
    tw_buffer_add_char(&p->out, '[');
    size_t n = (size_t)p->array->dims[axis];
    if (axis + 1 == p->array->rank)
        write_row(p, index);
    else
        for (size_t i = 0; i < n && !p->out.failed;) {
            size_t next = next_step(p, axis, i);
            write_axis(p, axis + 1, index * n + i);
            if (next < n)
                new_lines(p, axis);
            if (next < n && next > i + 1) {
                tw_buffer_add_text(&p->out, "...");
                new_lines(p, axis);
            }
            i = next;
        }
    tw_buffer_add_char(&p->out, ']');
}

/* Settles the columns, then writes. Strings and handles stand as they are, bool is 5 wide. */
static void write_array(printer *p)
{
    tw_dtype dtype = p->array->dtype;
    if (has_floats(dtype)) {
        tw_float_format_init(&p->real, part_dtype(dtype), false);
        tw_float_format_init(&p->imag, part_dtype(dtype), true);
        walk(p, 0, 0, measure_range);
        tw_float_settle(&p->real);
        tw_float_settle(&p->imag);
        walk(p, 0, 0, measure_width);
        tw_float_finish(&p->real);
        tw_float_finish(&p->imag);
    } else if (dtype != TW_STRING && dtype != TW_BOOL && !is_handle(dtype)) {
        walk(p, 0, 0, measure_width);
    }
    write_axis(p, 0, 0);
}

/* Never partial: after any failed allocation, of the word or of the text, the answer is NULL and
 * nothing is kept. */
char *tw_array_text(const tw_array *array)
{
    if (!array)
        return NULL;
    printer p = {.array = array, .summarise = array->count > THRESHOLD};
    if (array->count == 0)
        tw_buffer_add_text(&p.out, "[]");
    else if (array->rank == 0)
        add_scalar(&p.out, array);
    else
        write_array(&p);
    p.out.failed = p.out.failed || p.word.failed;
    tw_buffer_clear(&p.word);
    return tw_buffer_take(&p.out);
}

/* A NULL array is printed as such: a program that prints a result sees that there is none. */
void tw_array_print(const tw_array *array, FILE *file)
{
    if (!file)
        return;
    char *text = tw_array_text(array);
    fputs(text ? text : array ? "out of memory" : "NULL", file);
    fputc('\n', file);
    tw_free(text);
}
