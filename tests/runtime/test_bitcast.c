/* SPDX-License-Identifier: Apache-2.0
 * Bitcast in a session is a view wherever memory can be shared under another dtype: of what is fed
 * and what is computed; and a copy where that would be seen, of variables and of what is only
 * aligned for bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "support/near.h"

enum { ONE = 0x3f800000, TWO = 0x40000000 };

/* Where a fetched value stood, and a copy of it. */
typedef struct seen {
    const void *data[2];
    tw_dtype dtypes[2];
    int32_t first[2], last[2];
} seen;

static tw_status *look(size_t index, const tw_view *value, void *user)
{
    seen *s = user;
    size_t bytes = tw_dtype_size(value->dtype);
    for (size_t i = 0; i < value->shape.rank; i++)
        bytes *= (size_t)value->shape.dims[i];
    s->data[index] = value->data;
    s->dtypes[index] = value->dtype;
    memcpy(&s->first[index], value->data, 4);
    memcpy(&s->last[index], (const char *)value->data + bytes - 4, 4);
    return TW_OK;
}

static seen run_two(tw_session *session, tw_tensor feed, const tw_view *view, tw_tensor a,
                    tw_tensor b)
{
    seen s = {.data = {NULL}};
    tw_callable *call = NULL;
    TW_CHECK(tw_make_callable(session, TW_FETCH(a, b), .feed = TW_FETCH(feed), .callable = &call));
    for (int i = 0; i < 2; i++)
        TW_CHECK(tw_call_views(call, view,
                               &(struct tw_call_options){.size = sizeof(struct tw_call_options),
                                                         .fetch = look,
                                                         .user = &s}));
    tw_callable_free(call);
    return s;
}

static void fed_numbers_are_seen_where_they_are(void **state)
{
    (void)state;
    double numbers[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    tw_graph *graph = tw_graph_new();
    TW_GRAPH(graph) {
        tw_tensor x = tw_placeholder(TW_FLOAT64, .shape = TW_SHAPE(8));
        tw_tensor y = tw_bitcast(x, TW_INT32);
        tw_session *session = tw_session_new(NULL);
        seen s = run_two(session, x, &(tw_view){TW_FLOAT64, TW_SHAPE(8), numbers}, y,
                         tw_bitcast(y, TW_FLOAT64));
        assert_ptr_equal(s.data[0], numbers);
        assert_int_equal(s.dtypes[0], TW_INT32);
        assert_int_equal(s.dtypes[1], TW_FLOAT64);
        assert_int_equal(s.last[0], 0x40200000);
        tw_session_free(session);
    }
    tw_graph_unref(graph);
}

static void bytes_at_odd_places_are_copied(void **state)
{
    (void)state;
    _Alignas(16) unsigned char bytes[12] = {0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40};
    tw_graph *graph = tw_graph_new();
    TW_GRAPH(graph) {
        tw_tensor x = tw_placeholder(TW_UINT8, .shape = TW_SHAPE(2, 4));
        tw_tensor y = tw_bitcast(x, TW_FLOAT32);
        tw_session *session = tw_session_new(NULL);
        seen s = run_two(session, x, &(tw_view){TW_UINT8, TW_SHAPE(2, 4), bytes + 1}, y,
                         tw_mul(y, 2.f));
        assert_int_equal((uintptr_t)s.data[0] % 4, 0);
        assert_int_equal(s.first[0], ONE);
        assert_int_equal(s.last[0], TWO);
        tw_session_free(session);
    }
    tw_graph_unref(graph);
}

/* What the view is worked into must not be the number that it was made from. */
static void what_is_computed_from_a_view_leaves_the_numbers_alone(void **state)
{
    (void)state;
    float numbers[64];
    for (size_t i = 0; i < 64; i++)
        numbers[i] = 1;
    tw_graph *graph = tw_graph_new();
    TW_GRAPH(graph) {
        tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(64));
        tw_tensor y = tw_mul(x, 2.f), bits = tw_bitcast(y, TW_INT32);
        tw_session *session = tw_session_new(NULL);
        seen s = run_two(session, x, &(tw_view){TW_FLOAT32, TW_SHAPE(64), numbers}, y,
                         tw_bitcast(tw_sub(bits, TWO - ONE), TW_FLOAT32));
        assert_int_equal(s.first[0], TWO);
        assert_int_equal(s.last[1], ONE);
        s = run_two(session, x, &(tw_view){TW_FLOAT32, TW_SHAPE(64), numbers},
                    tw_bitcast(tw_sub(tw_bitcast(x, TW_INT32), 1), TW_FLOAT32), x);
        assert_int_equal(s.first[0], ONE - 1);
        assert_int_equal(s.first[1], ONE);
        tw_session_free(session);
    }
    tw_graph_unref(graph);
}

/* A variable shows its own dtype, and its bits what it held before the assignment. */
static void bits_of_a_variable_are_its_own(void **state)
{
    (void)state;
    float two[4] = {2, 2, 2, 2};
    tw_graph *graph = tw_graph_new();
    TW_GRAPH(graph) {
        tw_tensor v = tw_variable(tw_ones(TW_SHAPE(4))), bits = tw_bitcast(v, TW_INT32);
        tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(4)), after = tw_identity(bits);
        TW_CONTROL_DEPENDENCIES(bits) {
            after = tw_assign(v, x);
        }
        tw_session *session = tw_session_new(NULL);
        TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
        tw_callable *call = NULL;
        seen s = {.data = {NULL}};
        TW_CHECK(tw_make_callable(session, TW_FETCH(bits, after), .feed = TW_FETCH(x),
                                  .callable = &call));
        TW_CHECK(tw_call_views(call, &(tw_view){TW_FLOAT32, TW_SHAPE(4), two},
                               &(struct tw_call_options){.size = sizeof(struct tw_call_options),
                                                         .fetch = look,
                                                         .user = &s}));
        assert_int_equal(s.dtypes[0], TW_INT32);
        assert_int_equal(s.first[0], ONE);
        assert_int_equal(s.last[0], ONE);
        assert_int_equal(s.first[1], TWO);
        tw_callable_free(call);
        tw_session_free(session);
    }
    tw_graph_unref(graph);
}

/* How many numbers there are only a run knows: they have storage of their own, which is shared. */
static void bits_of_as_many_numbers_as_there_are(void **state)
{
    (void)state;
    bool mask[6] = {true, false, true, true, false, false};
    tw_graph *graph = tw_graph_new();
    TW_GRAPH(graph) {
        tw_tensor x = tw_placeholder(TW_BOOL, .shape = TW_SHAPE(6));
        tw_tensor where = tw_where(x), bits = tw_bitcast(where, TW_INT32);
        tw_session *session = tw_session_new(NULL);
        seen s = run_two(session, x, &(tw_view){TW_BOOL, TW_SHAPE(6), mask}, bits,
                         tw_bitcast(tw_add(bits, 1), TW_INT64));
        assert_int_equal(s.dtypes[0], TW_INT32);
        assert_int_equal(s.last[0], 0); /* the high half of 3 */
        assert_int_equal(s.first[1], 1);
        assert_int_equal(s.last[1], 1);
        tw_session_free(session);
    }
    tw_graph_unref(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fed_numbers_are_seen_where_they_are),
        cmocka_unit_test(bytes_at_odd_places_are_copied),
        cmocka_unit_test(what_is_computed_from_a_view_leaves_the_numbers_alone),
        cmocka_unit_test(bits_of_a_variable_are_its_own),
        cmocka_unit_test(bits_of_as_many_numbers_as_there_are),
    };
    return cmocka_run_group_tests_name("runtime: bitcast", tests, NULL, NULL);
}
