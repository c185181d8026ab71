/* SPDX-License-Identifier: Apache-2.0
 * Seeded random operations against TensorFlow 1.15.5's draws (tests/golden/random): uniform
 * numbers, integers, shuffles and classes to the bit, normal numbers within one unit in the last
 * place; three runs in one session, on one thread and on several, at every instruction set
 * level. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "base/pool.h"
#include "kernels/isa.h"
#include "tensor/array.h"
#include "thalweg/thalweg.h"

enum { MANY = 8, DRAWS = 3, OUTPUTS = 3 };

typedef struct draw {
    const char *values; /* the text after the shape */
    tw_array *shape_of; /* an array of the right dtype and shape */
} draw;

typedef struct record {
    char op[64];
    bool is_new; /* 1.15.5 answered so */
    tw_attr attrs[MANY];
    tw_array *inputs[MANY];
    draw draws[DRAWS * OUTPUTS]; /* those of one run side by side */
    const char *error;
    float floats[MANY]; /* of attributes */
    size_t float_count, attr_count, input_count, draw_count;
} record;

static size_t compared;

/* The next word, up to a space; the text goes on after it. */
static const char *word(char **text)
{
    char *start = *text, *end = start + strcspn(start, " ");
    *text = *end ? end + 1 : end;
    *end = '\0';
    return start;
}

/* One number, or a list of them, which the record keeps. */
static void read_floats(record *r, tw_attr *attr, bool list, const char *text)
{
    float *items = r->floats + r->float_count;
    attr->kind = TW_ATTR_FLOAT;
    attr->list = list;
    for (char *end; *text; text = end, attr->count++, r->float_count++) {
        assert_true(r->float_count < MANY);
        r->floats[r->float_count] = strtof(text, &end);
        assert_ptr_not_equal(end, text);
    }
    if (list)
        attr->value.items = items;
    else
        attr->value.f = *items;
}

static void read_attr(record *r, char *text)
{
    tw_attr *attr = &r->attrs[r->attr_count++];
    attr->name = word(&text);
    const char *kind = word(&text);
    if (strcmp(kind, "type") == 0) {
        attr->kind = TW_ATTR_TYPE;
        attr->value.type = tw_dtype_from_name(text);
    } else if (strcmp(kind, "int") == 0) {
        attr->kind = TW_ATTR_INT;
        attr->value.i = strtoll(text, NULL, 10);
    } else if (strcmp(kind, "bool") == 0) {
        attr->kind = TW_ATTR_BOOL;
        attr->value.b = strcmp(text, "true") == 0;
    } else {
        read_floats(r, attr, strcmp(kind, "floats") == 0, text);
    }
}

/* DTYPE [d0,d1] and what follows, which is left in *text. */
static tw_array *read_shape(char **text)
{
    int64_t dims[TW_MAX_RANK];
    size_t rank = 0;
    tw_dtype dtype = tw_dtype_from_name(word(text));
    for (char *at = (char *)(uintptr_t)word(text) + 1; *at && *at != ']'; at += *at == ',')
        dims[rank++] = strtoll(at, &at, 10);
    tw_array *array = tw_array_new(dtype, (tw_shape){dims, rank});
    assert_non_null(array);
    return array;
}

static void read_element(tw_array *array, size_t i, const char **text)
{
    char *end = (char *)(uintptr_t)*text;
    if (array->dtype == TW_STRING) {
        const char *start = *text + 1;
        size_t length = strcspn(start, "\"");
        assert_null(tw_array_set_string(array, i, start, length));
        end += length + 2;
    } else if (tw_dtype_is_integer(array->dtype)) {
        int64_t value = strtoll(*text, &end, 10);
        memcpy((char *)array->data + i * tw_dtype_size(array->dtype), &value,
               tw_dtype_size(array->dtype)); /* little-endian, as the files' sums are */
    } else {
        double value = array->dtype == TW_FLOAT32 ? (double)strtof(*text, &end)
                                                  : strtod(*text, &end);
        tw_element_set(array->dtype, (char *)array->data + i * tw_dtype_size(array->dtype), value);
    }
    *text = end + (*end == ' ');
}

static void read_values(tw_array *array, const char *text)
{
    for (size_t i = 0; i < array->count; i++)
        read_element(array, i, &text);
}

/* ---- comparing ---- */

static bool is_near(const tw_array *got, size_t i, const tw_array *want, size_t k, bool exact)
{
    size_t size = tw_dtype_size(got->dtype);
    const char *a = (const char *)got->data + i * size, *b = (const char *)want->data + k * size;
    if (got->dtype == TW_STRING)
        return tw_string_equal((const tw_string *)(const void *)a,
                               (const tw_string *)(const void *)b);
    if (exact || tw_dtype_is_integer(got->dtype))
        return memcmp(a, b, size) == 0;
    double x = tw_element_get(got->dtype, a), y = tw_element_get(got->dtype, b);
    double unit = got->dtype == TW_FLOAT32 ? 0x1p-23 : got->dtype == TW_FLOAT64 ? 0x1p-51 : 0x1p-10;
    return fabs(x - y) <= unit * fabs(y) * 1.01;
}

static void compare(const record *r, size_t number, const tw_array *got)
{
    const draw *d = &r->draws[number];
    bool exact = strstr(r->op, "Normal") == NULL && strstr(r->op, "Gamma") == NULL;
    const char *text = d->values;
    tw_array *want = tw_array_new(d->shape_of->dtype, tw_array_shape(d->shape_of));
    assert_int_equal(got->dtype, want->dtype);
    assert_true(tw_shape_equal(tw_array_shape(got), tw_array_shape(want)));
    compared++;
    if (strncmp(text, "crc32c ", 7) != 0) {
        read_values(want, text);
        for (size_t i = 0; i < want->count; i++) {
            if (!is_near(got, i, want, i, exact))
                fail_msg("%s, draw %zu: element %zu is %.9g, not %.9g", r->op, number + 1, i,
                         tw_array_get(got, i), tw_array_get(want, i));
        }
    } else {
        uint32_t sum = (uint32_t)strtoul(text + 7, NULL, 16);
        if (exact)
            assert_int_equal(tw_crc32c(0, got->data, tw_array_bytes(got)), sum);
        text = strstr(text, "first ") + 6;
        for (size_t i = 0; i < 16; i++) {
            size_t at = i < 8 ? i : want->count - 16 + i;
            if (i == 8)
                text += strlen("last ");
            read_element(want, i, &text);
            assert_true(is_near(got, at, want, i, exact));
        }
    }
    tw_array_unref(want);
}

static tw_operation *add(tw_graph *graph, const tw_graph_add_args *args)
{
    tw_operation *op = NULL;
    tw_status *status = tw_graph_add(graph, args, &op);
    if (status)
        print_error("%s\n", tw_status_message(status));
    assert_null(status);
    return op;
}

/* Three runs; `threads`: at most. */
static void run_record(const record *r, int threads)
{
    tw_graph *graph = tw_graph_new();
    tw_tensor in[MANY];
    tw_feed feeds[MANY];
    for (size_t i = 0; i < r->input_count; i++) {
        tw_attr dtype = {.name = "dtype", .kind = TW_ATTR_TYPE, .value.type = r->inputs[i]->dtype};
        tw_graph_add_args args = {
            .size = sizeof args, .type = "Placeholder", .attrs = &dtype, .attr_count = 1};
        in[i] = tw_operation_output(add(graph, &args), 0);
        feeds[i] = (tw_feed){in[i], r->inputs[i]};
    }
    tw_graph_add_args args = {.size = sizeof args,
                              .type = r->op,
                              .inputs = in,
                              .input_count = r->input_count,
                              .attrs = r->attrs,
                              .attr_count = r->attr_count};
    tw_operation *op = add(graph, &args);
    size_t outputs = r->error ? 1 : r->draw_count / DRAWS;
    tw_tensor fetch[OUTPUTS];
    for (size_t i = 0; i < outputs; i++)
        fetch[i] = tw_operation_output(op, i);
    struct tw_session_options options = {
        .size = sizeof options, .graph = graph, .threads = threads};
    tw_session *session = tw_session_new(&options);
    for (size_t k = 0; k < (r->error ? 1 : DRAWS); k++) {
        tw_array *out[OUTPUTS] = {NULL};
        tw_status *status = tw_run(session, .fetch = {fetch, outputs},
                                   .feed = {feeds, r->input_count}, .out = out);
        if (r->error) {
            bool earlier = strstr(r->error, "FAILED_PRECONDITION");
            assert_int_equal(tw_status_code(status),
                             earlier ? TW_FAILED_PRECONDITION : TW_INVALID_ARGUMENT);
            compared++;
        } else if (status) {
            fail_msg("%s: %s", r->op, tw_status_message(status));
        }
        for (size_t i = 0; i < outputs && !status; i++)
            compare(r, k * outputs + i, out[i]);
        tw_status_free(status);
        for (size_t i = 0; i < outputs; i++)
            tw_array_unref(out[i]);
    }
    tw_session_free(session);
    tw_graph_unref(graph);
}

/* ---- files ---- */

static void read_line(record *r, char *line)
{
    char *text = line;
    const char *key = word(&text);
    if (strcmp(key, "random") == 0) {
        snprintf(r->op, sizeof r->op, "%s", text);
    } else if (strcmp(key, "tf") == 0) {
        r->is_new = strstr(text, "1.15.5") != NULL;
    } else if (strcmp(key, "attr") == 0) {
        read_attr(r, text);
    } else if (strcmp(key, "in") == 0) {
        word(&text);
        tw_array *array = read_shape(&text);
        read_values(array, text);
        r->inputs[r->input_count++] = array;
    } else if (strcmp(key, "draw") == 0) {
        word(&text), word(&text);
        assert_true(r->draw_count < DRAWS * OUTPUTS);
        draw *d = &r->draws[r->draw_count++];
        d->shape_of = read_shape(&text);
        d->values = text;
    } else if (strcmp(key, "error") == 0) {
        r->error = text;
    }
}

static void clear(record *r)
{
    for (size_t i = 0; i < r->input_count; i++)
        tw_array_unref(r->inputs[i]);
    for (size_t i = 0; i < r->draw_count; i++)
        tw_array_unref(r->draws[i].shape_of);
    *r = (record){.op = ""};
}

static void use_file(const char *op, int threads)
{
    char path[500];
    snprintf(path, sizeof path, TW_SOURCE_ROOT "/tests/golden/random/%s.txt", op);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    text[size] = '\0';
    fclose(file);
    record r = {.op = ""};
    for (char *line = text, *end; *line; line = end) {
        end = line + strcspn(line, "\n");
        if (*end)
            *end++ = '\0';
        if (strcmp(line, "end") != 0) {
            read_line(&r, line);
            continue;
        }
        if (r.is_new)
            run_record(&r, threads);
        clear(&r);
    }
    free(text);
}

static void use_files(int threads)
{
    const char *const ops[] = {"RandomUniform",
                               "RandomUniformInt",
                               "RandomStandardNormal",
                               "TruncatedNormal",
                               "RandomShuffle",
                               "Multinomial",
                               "StatelessRandomUniform",
                               "StatelessRandomUniformInt",
                               "StatelessRandomNormal",
                               "StatelessTruncatedNormal",
                               "RandomCrop",
                               "SampleDistortedBoundingBox",
                               "RandomGamma",
                               "RandomPoisson",
                               "ParameterizedTruncatedNormal"};
    compared = 0;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        use_file(ops[i], threads);
    print_message("%zu draws compared\n", compared);
    assert_true(compared > 500);
}

static void draws_are_those_of_tensorflow(void **s)
{
    (void)s;
    use_files(1);
}

static void several_threads_draw_the_same(void **s)
{
    (void)s;
    tw_pool_set_threads(4);
    use_files(4);
    tw_pool_set_threads(0);
}

static void every_instruction_set_draws_the_same(void **s)
{
    (void)s;
    int level = tw_isa_level();
    for (int other = 0; other <= level; other++) {
        if (tw_isa_force(other))
            use_files(1);
    }
    assert_true(tw_isa_force(level));
}

/* ---- without seeds ---- */

static tw_array *draw_unseeded(tw_session *session, tw_tensor tensor)
{
    tw_array *out = NULL;
    assert_null(tw_run(session, .fetch = {&tensor, 1}, .out = &out));
    return out;
}

static void without_seeds_every_session_draws_anew(void **s)
{
    (void)s;
    tw_graph *graph = tw_graph_new();
    tw_array *shape = tw_array_copy_of(TW_INT32, TW_SHAPE(1), (const int32_t[]){100});
    tw_attr attrs[] = {{.name = "dtype", .kind = TW_ATTR_TYPE, .value.type = TW_INT32},
                       {.name = "value", .kind = TW_ATTR_TENSOR, .value.tensor = shape}};
    tw_graph_add_args args = {
        .size = sizeof args, .type = "Const", .attrs = attrs, .attr_count = 2};
    tw_tensor in = tw_operation_output(add(graph, &args), 0);
    tw_attr dtype = {.name = "dtype", .kind = TW_ATTR_TYPE, .value.type = TW_FLOAT32};
    args = (tw_graph_add_args){.size = sizeof args,
                               .type = "RandomUniform",
                               .inputs = &in,
                               .input_count = 1,
                               .attrs = &dtype,
                               .attr_count = 1};
    tw_tensor uniform = tw_operation_output(add(graph, &args), 0);
    struct tw_session_options options = {.size = sizeof options, .graph = graph};
    tw_session *one = tw_session_new(&options), *other = tw_session_new(&options);
    tw_array *a = draw_unseeded(one, uniform), *b = draw_unseeded(one, uniform);
    tw_array *c = draw_unseeded(other, uniform);
    assert_memory_not_equal(a->data, b->data, 400);
    assert_memory_not_equal(a->data, c->data, 400);
    for (size_t i = 0; i < 100; i++)
        assert_true(tw_array_get(a, i) >= 0 && tw_array_get(a, i) < 1);
    tw_array_unref(a), tw_array_unref(b), tw_array_unref(c), tw_array_unref(shape);
    tw_session_free(one), tw_session_free(other);
    tw_graph_unref(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_are_those_of_tensorflow),
        cmocka_unit_test(several_threads_draw_the_same),
        cmocka_unit_test(every_instruction_set_draws_the_same),
        cmocka_unit_test(without_seeds_every_session_draws_anew),
    };
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
