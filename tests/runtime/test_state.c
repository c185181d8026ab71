/* SPDX-License-Identifier: Apache-2.0
 * tw_save and tw_restore: all state of a session comes back to the bit, generators that ran and
 * generators that did not; a file that is damaged, hostile or another model's changes nothing. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "support/failing_allocator.h"
#include "tensor/array.h"
#include "thalweg/thalweg.h"

static const char path[] = TW_BUILD_ROOT "/test-state";

static tw_session *session;

static int setup(void **state)
{
    (void)state;
    tw_reset_default_graph();
    session = tw_session_new(NULL);
    return session ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    tw_session_free(session);
    tw_reset_default_graph();
    remove(path);
    return 0;
}

static void initialize(void)
{
    assert_null(tw_graph_status(tw_default_graph()));
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
}

static tw_array *run1(tw_tensor tensor)
{
    tw_array *out = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(tensor), .out = &out));
    return out;
}

static double number(tw_tensor tensor)
{
    tw_array *out = run1(tensor);
    double value = tw_array_item(out);
    tw_array_unref(out);
    return value;
}

static void refused(tw_status *status, tw_code code, const char *part)
{
    if (tw_status_code(status) != code || !strstr(tw_status_message(status), part))
        fail_msg("'%s' is not %d with '%s'", status ? tw_status_message(status) : "OK", (int)code,
                 part);
    tw_status_free(status);
}

static unsigned char *read_file(size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*size + 1);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void write_file(const unsigned char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* ---- what comes back ---- */

static const tw_dtype dtypes[] = {TW_FLOAT32, TW_FLOAT64,   TW_FLOAT16,    TW_BFLOAT16,
                                  TW_INT8,    TW_INT16,     TW_INT32,      TW_INT64,
                                  TW_UINT8,   TW_UINT16,    TW_UINT32,     TW_UINT64,
                                  TW_BOOL,    TW_COMPLEX64, TW_COMPLEX128, TW_STRING};
enum { DTYPES = sizeof dtypes / sizeof *dtypes, SHAPES = 3 };

static tw_array *array_of(tw_dtype dtype, tw_shape shape)
{
    tw_array *array = tw_array_new(dtype, shape);
    for (size_t i = 0; i < array->count; i++) {
        char text[40];
        snprintf(text, sizeof text, i % 2 ? "a text longer than fourteen bytes %d" : "%d", (int)i);
        if (dtype == TW_STRING)
            assert_null(tw_array_set_string(array, i, text, strlen(text)));
    }
    for (size_t i = 0; dtype != TW_STRING && i < tw_array_bytes(array); i++)
        ((unsigned char *)array->data)[i] = (unsigned char)(dtype == TW_BOOL ? i % 2 : 37 * i + 1);
    return array;
}

static bool same(const tw_array *a, const tw_array *b)
{
    if (a->dtype != b->dtype || !tw_shape_equal(tw_array_shape(a), tw_array_shape(b)))
        return false;
    for (size_t i = 0; a->dtype == TW_STRING && i < a->count; i++)
        if (!tw_string_equal((const tw_string *)a->data + i, (const tw_string *)b->data + i))
            return false;
    return a->dtype == TW_STRING || !a->count || !memcmp(a->data, b->data, tw_array_bytes(a));
}

static void variables_of_all_dtypes_and_sizes_come_back(void **state)
{
    (void)state;
    const tw_shape shapes[SHAPES] = {TW_SHAPE(), TW_SHAPE(2, 3), TW_SHAPE(3, 0)};
    tw_array *values[DTYPES][SHAPES];
    tw_tensor variables[DTYPES][SHAPES];
    for (size_t i = 0; i < DTYPES; i++) {
        for (size_t k = 0; k < SHAPES; k++) {
            char name[32];
            snprintf(name, sizeof name, "v%d_%d", (int)i, (int)k);
            values[i][k] = array_of(dtypes[i], shapes[k]);
            variables[i][k] = tw_variable_v2(shapes[k], dtypes[i], .name = name);
            TW_CHECK(tw_session_set(session, variables[i][k], values[i][k]));
        }
    }
    TW_CHECK(tw_save(session, path));
    tw_session_free(session);
    session = tw_session_new(NULL);
    TW_CHECK(tw_restore(session, path));
    for (size_t i = 0; i < DTYPES; i++) {
        for (size_t k = 0; k < SHAPES; k++) {
            tw_array *got = NULL;
            TW_CHECK(tw_session_get(session, variables[i][k], &got));
            assert_true(same(got, values[i][k]));
            tw_array_unref(got);
            tw_array_unref(values[i][k]);
        }
    }
}

enum { DRAWS = 6 };

/* One of each kind of generator, all seeded. */
static void make_draws(tw_tensor out[DRAWS])
{
    tw_graph_set_seed(tw_default_graph(), 5);
    out[0] = tw_random_uniform(TW_SHAPE(7));
    out[1] = tw_random_normal(TW_SHAPE(7));
    out[2] = tw_truncated_normal(TW_SHAPE(7));
    out[3] = tw_random_uniform_int(TW_INTS(7), 0, 1000);
    out[4] = tw_random_shuffle(tw_range(0, 20, 1));
    out[5] = tw_multinomial(tw_zeros(TW_SHAPE(2, 5)), 10);
}

static void draw(const tw_tensor draws[DRAWS], tw_array *out[DRAWS])
{
    TW_CHECK(tw_run(session, .fetch = {draws, DRAWS}, .out = out));
}

static void expect_draws(tw_array *want[DRAWS], const tw_tensor draws[DRAWS])
{
    tw_array *got[DRAWS] = {NULL};
    draw(draws, got);
    for (int i = 0; i < DRAWS; i++) {
        assert_true(same(got[i], want[i]));
        tw_array_unref(got[i]);
    }
}

static void generators_go_on_where_they_were_or_begin_again(void **state)
{
    (void)state;
    tw_tensor draws[DRAWS];
    tw_array *first[DRAWS] = {NULL}, *second[DRAWS] = {NULL};
    make_draws(draws);
    TW_CHECK(tw_save(session, path)); /* before any of them ran */
    draw(draws, first);
    draw(draws, second);
    TW_CHECK(tw_restore(session, path));
    expect_draws(first, draws);
    TW_CHECK(tw_save(session, path)); /* after the first draw */
    expect_draws(second, draws);
    for (int i = 0; i < 2; i++) {
        TW_CHECK(tw_restore(session, path));
        expect_draws(second, draws);
    }
    tw_session_free(session);
    session = tw_session_new(NULL);
    TW_CHECK(tw_restore(session, path));
    TW_CHECK(tw_save(session, path)); /* restored, and not asked for yet: still there */
    TW_CHECK(tw_restore(session, path));
    expect_draws(second, draws);
    for (int i = 0; i < DRAWS; i++) {
        tw_array_unref(first[i]);
        tw_array_unref(second[i]);
    }
}

/* ---- what is refused ---- */

static void every_flipped_bit_and_every_cut_is_noticed(void **state)
{
    (void)state;
    tw_tensor v = tw_variable(tw_constant(1.5), .name = "v"),
              r = tw_random_uniform(TW_SHAPE(), .seed = TW_SEED(7));
    size_t size;
    initialize();
    tw_array_unref(run1(r));
    TW_CHECK(tw_save(session, path));
    unsigned char *bytes = read_file(&size);
    tw_array *two = tw_array_scalar(TW_FLOAT32, 2);
    TW_CHECK(tw_session_set(session, v, two));
    tw_array_unref(two);
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= (unsigned char)(1 << i % 8);
        write_file(bytes, size);
        refused(tw_restore(session, path), TW_DATA_LOSS, "test-state");
        bytes[i] ^= (unsigned char)(1 << i % 8);
        write_file(bytes, i);
        refused(tw_restore(session, path), TW_DATA_LOSS, "test-state");
    }
    bytes[size] = 0;
    write_file(bytes, size + 1);
    refused(tw_restore(session, path), TW_DATA_LOSS, "test-state");
    assert_true(number(v) == 2);
    write_file(bytes, size);
    TW_CHECK(tw_restore(session, path));
    assert_true(number(v) == 1.5);
    free(bytes);
}

/* A file of one record whose checksums are right, whatever it says. */
typedef struct forged {
    int kind, dtype;
    unsigned rank;
    uint64_t key_length, bytes;
    int64_t dims[4];
    const char *tail; /* key and bytes */
    size_t tail_size;
} forged;

static size_t put(unsigned char *to, size_t at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[at++] = (unsigned char)(value >> 8 * i);
    return at;
}

static void write_forged(const forged *f)
{
    unsigned char bytes[512];
    memcpy(bytes, "TWSTATE1", 8);
    size_t at = put(bytes, 8, (uint64_t)f->kind, 1);
    at = put(bytes, at, (uint64_t)f->dtype, 1);
    at = put(bytes, at, f->rank, 2);
    at = put(bytes, at, f->key_length, 4);
    at = put(bytes, at, f->bytes, 8);
    for (unsigned i = 0; i < f->rank && i < 4; i++)
        at = put(bytes, at, (uint64_t)f->dims[i], 8);
    memcpy(bytes + at, f->tail, f->tail_size);
    at += f->tail_size;
    uint32_t crc = tw_crc32c_mask(tw_crc32c(0, bytes + 8, at - 8)), one = 1;
    at = put(bytes, at, crc, 4);
    at = put(bytes, at, 0, 4);
    at = put(bytes, at, 1, 4);
    uint32_t crcs = tw_crc32c(tw_crc32c(0, &crc, 4), &one, 4);
    write_file(bytes, put(bytes, at, tw_crc32c_mask(crcs), 4));
}

static void hostile_sizes_are_refused(void **state)
{
    (void)state;
    tw_tensor v = tw_variable(tw_constant(1.5), .name = "v");
    static const forged cases[] = {
        {1, TW_FLOAT32, 0, 1, 4, {0}, "w\0\0\0", 4},                      /* shorter than it says */
        {1, TW_FLOAT32, 2, 1, 4, {1LL << 40, 1LL << 40}, "w\0\0\0\0", 5}, /* 2^80 elements */
        {1, TW_FLOAT32, 1, 1, 4, {-1}, "w\0\0\0\0", 5},
        {1, TW_FLOAT32, 1, 1, 4, {1LL << 40}, "w\0\0\0\0", 5},
        {1, TW_FLOAT32, 1, 1, UINT64_MAX - 8, {1}, "w\0\0\0\0", 5},
        {1, TW_FLOAT32, 1, UINT32_MAX, 4, {1}, "w\0\0\0\0", 5},
        {1, TW_FLOAT32, 60000, 1, 4, {1}, "w\0\0\0\0", 5},
        {1, 99, 0, 1, 4, {0}, "w\0\0\0\0", 5},
        {1, 250, 0, 1, 4, {0}, "w\0\0\0\0", 5},
        {1, 0, 0, 1, 4, {0}, "w\0\0\0\0", 5},
        {1, TW_RESOURCE, 0, 1, 4, {0}, "w\0\0\0\0", 5},
        {1, TW_STRING, 1, 1, 4, {1}, "w\xff\xff\xff\x7f", 5},
        {1, TW_STRING, 1, 1, 4, {1LL << 30}, "w\0\0\0\0", 5},
        {1, TW_STRING, 1, 1, 6, {2}, "w\1\0\0\0xy", 7},
        {7, TW_FLOAT32, 0, 1, 4, {0}, "w\0\0\0\0", 5}};
    initialize();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_forged(&cases[i]);
        tw_status *status = tw_restore(session, path);
        if (!status)
            fail_msg("case %d was not refused", (int)i);
        tw_status_free(status);
    }
    assert_true(number(v) == 1.5);
    write_forged(&(forged){1, TW_FLOAT32, 0, 1, 4, {0}, "v\0\0\0\x40", 5});
    TW_CHECK(tw_restore(session, path));
    assert_true(number(v) == 2);
}

static void a_generator_s_bytes_of_another_size_are_refused_by_its_runs(void **state)
{
    (void)state;
    tw_tensor r = tw_random_uniform(TW_SHAPE(), .seed = TW_SEED(7), .name = "r");
    const char *key = "random generator/r/RandomUniform";
    char tail[64];
    size_t size;
    tw_array *out = NULL;
    snprintf(tail, sizeof tail, "%sabc", key);
    TW_CHECK(tw_save(session, path));
    unsigned char *good = read_file(&size);
    double first = number(r);
    write_forged(&(forged){2, 0, 0, strlen(key), 3, {0}, tail, strlen(tail)});
    TW_CHECK(tw_restore(session, path));
    for (int i = 0; i < 2; i++)
        refused(tw_run(session, TW_FETCH(r), .out = &out), TW_DATA_LOSS, "has 3 bytes");
    write_file(good, size);
    TW_CHECK(tw_restore(session, path));
    assert_true(number(r) == first);
    free(good);
}

static void another_model_s_file_changes_nothing(void **state)
{
    (void)state;
    tw_tensor a = tw_variable(tw_constant(1.0), .name = "a"), b;
    tw_variable(tw_ones(TW_SHAPE(3)), .name = "b");
    initialize();
    TW_CHECK(tw_save(session, path));
    teardown(NULL);
    for (int wrong = 0; wrong < 2; wrong++) {
        setup(NULL);
        a = tw_variable(tw_constant(5.0), .name = "a");
        b = wrong ? tw_variable(tw_ones(TW_SHAPE(2)), .name = "b")
                  : tw_variable(tw_constant(TW_INTS(1, 1, 1)), .name = "b");
        initialize();
        write_forged(&(forged){1, TW_FLOAT32, 1, 1, 12, {3}, "b\0\0\0\0\0\0\0\0\0\0\0\0", 13});
        refused(tw_restore(session, path), TW_INVALID_ARGUMENT, wrong ? "(2,)" : "int32");
        assert_true(number(a) == 5 && number(tw_reduce_sum(b)) == (wrong ? 2 : 3));
        if (!wrong)
            teardown(NULL);
    }
}

static void an_allocation_that_fails_changes_nothing_and_leaks_nothing(void **state)
{
    (void)state;
    tw_tensor v = tw_variable(tw_constant(1.5), .name = "v"),
              r = tw_random_uniform(TW_SHAPE(), .seed = TW_SEED(7));
    tw_array *two = tw_array_scalar(TW_FLOAT32, 2), *got = NULL;
    initialize();
    tw_array_unref(run1(r));
    TW_CHECK(tw_save(session, path));
    TW_CHECK(tw_restore(session, path));
    TW_CHECK(tw_session_set(session, v, two));
    for (size_t n = 1; failing_allocator_next(n); n++) {
        size_t live = failing_allocator_live();
        tw_status *status = tw_restore(session, path);
        bool failed = status != NULL;
        if (!failed) /* an allocation that nothing depends on, or none was left to fail */
            continue;
        assert_int_equal(tw_status_code(status), TW_RESOURCE_EXHAUSTED);
        tw_status_free(status);
        assert_int_equal(failing_allocator_live(), live);
        TW_CHECK(tw_session_get(session, v, &got));
        assert_true(tw_array_item(got) == 2);
        tw_array_unref(got);
    }
    TW_CHECK(tw_session_get(session, v, &got));
    assert_true(tw_array_item(got) == 1.5);
    tw_array_unref(got);
    tw_array_unref(two);
}

static void a_file_that_cannot_be_written_leaves_the_old_one(void **state)
{
    (void)state;
    size_t size, again;
    tw_variable(tw_constant(1.5), .name = "v");
    initialize();
    TW_CHECK(tw_save(session, path));
    unsigned char *bytes = read_file(&size);
    refused(tw_save(session, "/no/such/folder/state"), TW_NOT_FOUND, "/no/such/folder/state");
    refused(tw_restore(session, "/no/such/folder/state"), TW_NOT_FOUND, "/no/such/folder/state");
    refused(tw_save(NULL, path), TW_INVALID_ARGUMENT, "session");
    refused(tw_restore(session, NULL), TW_INVALID_ARGUMENT, "path");
    unsigned char *same_bytes = read_file(&again);
    assert_true(size == again && !memcmp(bytes, same_bytes, size));
    free(bytes);
    free(same_bytes);
}

/* ---- beside runs ---- */

typedef struct worker {
    tw_tensor train;
    int failures;
} worker;

static void *train_on(void *arg)
{
    worker *w = arg;
    for (int i = 0; i < 300; i++) {
        tw_status *status = tw_run(session, .target = TW_FETCH(w->train));
        w->failures += status != NULL;
        tw_status_free(status);
    }
    return NULL;
}

static void others_may_run_while_state_is_saved_and_restored(void **state)
{
    (void)state;
    pthread_t threads[3];
    tw_tensor v = tw_variable(tw_zeros(TW_SHAPE(100)), .name = "v");
    tw_tensor train = tw_assign_add(v, tw_random_normal(TW_SHAPE(100), .seed = TW_SEED(1)));
    worker w[3] = {{train, 0}, {train, 0}, {train, 0}};
    initialize();
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, train_on, &w[i]), 0);
    for (int i = 0; i < 20; i++) {
        TW_CHECK(tw_save(session, path));
        TW_CHECK(tw_restore(session, path));
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(w[i].failures, 0);
    }
}

static void a_warm_draw_allocates_nothing(void **state)
{
    (void)state;
    tw_callable *callable = NULL;
    tw_tensor r = tw_random_uniform(TW_SHAPE(50), .seed = TW_SEED(1));
    tw_array *out[1] = {NULL};
    TW_CHECK(tw_make_callable(.session = session, .fetch = TW_FETCH(r), .callable = &callable));
    for (int i = 0; i < 3; i++)
        TW_CHECK(tw_call(callable, NULL, out));
    failing_allocator_next(1);
    TW_CHECK(tw_call(callable, NULL, out));
    assert_false(failing_allocator_failed());
    tw_array_unref(out[0]);
    tw_callable_free(callable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(variables_of_all_dtypes_and_sizes_come_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(generators_go_on_where_they_were_or_begin_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_flipped_bit_and_every_cut_is_noticed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(hostile_sizes_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_generator_s_bytes_of_another_size_are_refused_by_its_runs,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(another_model_s_file_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(an_allocation_that_fails_changes_nothing_and_leaks_nothing,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_written_leaves_the_old_one, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(others_may_run_while_state_is_saved_and_restored, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_warm_draw_allocates_nothing, setup, teardown),
    };
    failing_allocator_install();
    return cmocka_run_group_tests_name("state of sessions", tests, NULL, NULL);
}
