/* SPDX-License-Identifier: Apache-2.0
 * DecodeCSV: lines of fields, each of a dtype of its own (RFC 4180).
 *
 * A field that is empty, or the text that stands for nothing, is the default of its column; without
 * one it is an error, which names the column and the record. */
#include <string.h>

#include "ops/rare/text_numbers.h"

/* Records give their shape to each column; a default is one value or none. */
static void infer(tw_infer *in)
{
    for (size_t k = 0; k < tw_infer_output_count(in); k++) {
        tw_shape one = tw_infer_input(in, k + 1);
        if (one.dims && (one.rank > 1 || (one.rank == 1 && one.dims[0] > 1)))
            tw_infer_fail(in, "Shape of a default must be a length-0 or length-1 vector, or a "
                              "scalar.");
        tw_infer_output(in, k, tw_infer_input(in, 0));
    }
}

/* How lines are cut. */
typedef struct format {
    char delimiter;
    bool quotes;
    tw_ints columns; /* that are asked for, ascending; count 0: all */
} format;

/* A record on its way; field is the room for the one that is read. */
typedef struct record {
    const char *text;
    size_t length, at, index;
    int64_t column;
    char *field;
    size_t count;
} record;

static bool ends_line(char c)
{
    return c == '\n' || c == '\r';
}

/* What is in no quotes goes to the next delimiter; what nobody asks for is not looked at. */
static tw_status *take_plain(const tw_compute *c, const format *f, record *r, bool wanted)
{
    for (; r->at < r->length && r->text[r->at] != f->delimiter; r->at++) {
        char next = r->text[r->at];
        if (wanted && ((f->quotes && next == '"') || ends_line(next)))
            return tw_compute_fail(c, "Unquoted fields cannot have quotes/CRLFs inside");
        r->field[r->count++] = next;
    }
    r->at++;
    return TW_OK;
}

/* The first quote is taken; the last one stands before a delimiter or the end. */
static tw_status *take_quoted(const tw_compute *c, const format *f, record *r)
{
    const char *t = r->text;
    while (r->at + 1 < r->length && (t[r->at] != '"' || t[r->at + 1] != f->delimiter)) {
        bool quote = t[r->at] == '"';
        if (quote && t[r->at + 1] != '"')
            return tw_compute_fail(c, "Quote inside a string has to be escaped by another quote");
        r->field[r->count++] = t[r->at];
        r->at += quote ? 2 : 1;
    }
    if (r->at >= r->length || t[r->at] != '"')
        return tw_compute_fail(c, "Quoted field has to end with quote followed by delim or end");
    r->at += 2;
    return TW_OK;
}

/* The field into its column's output. */
static tw_status *store(const tw_compute *c, record *r, size_t output)
{
    const tw_array *without = tw_input(c, output + 1);
    tw_array *out = tw_output(c, output);
    const char *nothing = tw_compute_attr(c, "na_value") ? tw_compute_string(c, "na_value") : "";
    bool empty = !r->count ||
                 (r->count == strlen(nothing) && memcmp(r->field, nothing, r->count) == 0);
    if (empty && !without->count)
        return tw_compute_fail(c, "Field %zu is required but missing in record %zu!", output,
                               r->index);
    if (empty)
        return tw_elements_copy(out->dtype, tw_element_to(out, r->index), without->data, 1);
    if (out->dtype == TW_STRING)
        return tw_string_set((tw_string *)out->data + r->index, r->field, r->count);
    if (tw_text_to_number(r->field, r->count, out, r->index))
        return TW_OK;
    return tw_compute_fail(c, "Field %zu in record %zu is not a valid %s: %.*s", output, r->index,
                           tw_dtype_name(out->dtype), r->count < 80 ? (int)r->count : 80, r->field);
}

/* One record: its fields one after the other, of which some may be asked for. */
static tw_status *decode(const tw_compute *c, const format *f, record *r)
{
    size_t done = 0, outputs = c->output_count;
    bool all = f->columns.count == 0, open = r->length > 0;
    while (open && (all || done < outputs)) {
        while (r->at < r->length && ends_line(r->text[r->at]))
            r->at++;
        /* behind a delimiter at the end there is one field more, which is empty */
        if (r->at >= r->length && r->text[r->length - 1] != f->delimiter)
            break;
        open = r->at < r->length;
        bool wanted = all || f->columns.items[done] == r->column;
        r->count = 0;
        r->column++;
        if (open && f->quotes && r->text[r->at] == '"') {
            r->at++;
            TW_TRY(take_quoted(c, f, r));
        } else if (open) {
            TW_TRY(take_plain(c, f, r, wanted));
        }
        if (wanted && done < outputs)
            TW_TRY(store(c, r, done));
        done += wanted;
    }
    if (done == outputs)
        return TW_OK;
    return tw_compute_fail(c, "Expect %zu fields but have %zu in record %zu", outputs, done,
                           r->index);
}

static tw_status *read_format(const tw_compute *c, format *f)
{
    const char *delimiter = tw_compute_string(c, "field_delim");
    *f = (format){.delimiter = *delimiter, .quotes = true};
    if (tw_compute_attr(c, "use_quote_delim"))
        f->quotes = tw_compute_bool(c, "use_quote_delim");
    if (tw_compute_attr(c, "select_cols"))
        f->columns = tw_compute_ints(c, "select_cols");
    if (strlen(delimiter) != 1)
        return tw_compute_fail(c, "field_delim should be only 1 char");
    if (f->columns.count && f->columns.count != c->output_count)
        return tw_compute_fail(c, "select_cols should match output size");
    for (size_t k = 0; k < f->columns.count; k++) {
        if (f->columns.items[k] < 0 || (k && f->columns.items[k] <= f->columns.items[k - 1]))
            return tw_compute_fail(c, "select_cols should be strictly increasing indices");
    }
    for (size_t k = 0; k < c->output_count; k++) {
        if (tw_input(c, k + 1)->count > 1)
            return tw_compute_fail(c,
                                   "There should only be 1 default per field but field %zu has "
                                   "%zu",
                                   k, tw_input(c, k + 1)->count);
    }
    return TW_OK;
}

static tw_status *compute(tw_compute *c)
{
    const tw_array *records = tw_input(c, 0);
    format f;
    size_t most = 0;
    tw_status *status = TW_OK;
    TW_TRY(read_format(c, &f));
    for (size_t i = 0; i < records->count; i++) {
        size_t length;
        tw_string_get((const tw_string *)records->data + i, &length);
        most = length > most ? length : most;
    }
    char *field = tw_alloc(most + 1); /* no field is longer than its record */
    if (!field)
        return tw_no_memory();
    for (size_t i = 0; i < records->count && !status; i++) {
        record r = {.index = i, .field = field};
        r.text = tw_string_get((const tw_string *)records->data + i, &r.length);
        status = decode(c, &f, &r);
    }
    tw_free(field);
    return status;
}

const tw_op_definition tw_op_DecodeCSV = {
    .signature = "records: string, record_defaults: OUT_TYPE -> output: OUT_TYPE; "
                 "OUT_TYPE: list({float, double, int32, int64, string}) >= 1; "
                 "field_delim: string = \",\"; use_quote_delim: bool = true; "
                 "na_value: string = \"\"; select_cols: list(int) = []",
    .doc = "The columns of records, which are lines of fields between delimiters. A field that is "
           "empty or `na_value` becomes the default of its column, which has one or no element. "
           "`select_cols` are the columns that are wanted, all if there are none.",
    .builder = "decode_csv",
    .since = "use_quote_delim: 1.2; na_value: 1.4; double: 1.5; select_cols: 1.6",
    .examples = {"decode_csv([\"1\", \"2\"], [0.]) -> [1., 2.]"},
    .infer = infer,
    .gradient = tw_gradient_undefined,
    .compute = compute,
};
