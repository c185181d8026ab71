/* SPDX-License-Identifier: Apache-2.0
 * The 1st, 2nd, ... nth allocation fails while a small model is built, planned, run and freed:
 * always a status, never a leak. And once it is warm a prepared call allocates nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "support/near.h"

#include "support/failing_allocator.h"

typedef struct model {
    tw_graph *graph;
    tw_session *session;
    tw_tensor x, w, loss, train, init;
} model;

static void build(model *m)
{
    *m = (model){.graph = tw_graph_new()};
    if (!m->graph)
        return;
    TW_GRAPH(m->graph) {
        m->x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 3));
        m->w = tw_variable(tw_ones(TW_SHAPE(3, 2)), .name = "w");
        tw_tensor b = tw_variable(tw_zeros(TW_SHAPE(2)), .name = "b");
        m->loss = tw_reduce_sum(tw_square(tw_tanh(tw_add(tw_matmul(m->x, m->w), b))));
        m->train = tw_minimize(tw_adam(.learning_rate = 0.1), m->loss);
        m->init = tw_global_variables_initializer();
        m->session = tw_session_new(NULL);
    }
}

static void clear(model *m)
{
    tw_session_free(m->session);
    tw_graph_unref(m->graph);
    tw_reset_default_graph(); /* where operations went if the scope could not be entered */
}

static tw_status *train_once(model *m, tw_array *in, tw_array **out)
{
    TW_TRY(tw_run(m->session, TW_FETCH(m->init)));
    TW_TRY(tw_run(m->session, TW_FETCH(m->loss), .target = TW_FETCH(m->train),
                  .feed = TW_FEED({m->x, in}), .out = out));
    return TW_OK;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    model warm;
    for (size_t i = 0; i < tw_op_count(); i++)
        assert_non_null(tw_op_at(i)); /* the registry's entries stay */
    tw_array *in = tw_array_new(TW_FLOAT32, TW_SHAPE(4, 3)), *out = NULL;
    tw_array_set(in, 0.5);
    assert_non_null(tw_default_graph());
    tw_constant(1.0); /* the thread's own state stays too */
    build(&warm);
    TW_CHECK(train_once(&warm, in, &out));
    tw_array_unref(out);
    clear(&warm);
    size_t live = failing_allocator_live();
    for (size_t n = 1; failing_allocator_next(n); n++) {
        model m;
        build(&m);
        out = NULL;
        if (m.session) {
            tw_status *status = train_once(&m, in, &out);
            if (status)
                assert_null(out);
            else
                assert_near(tw_array_item(out), 8 * 0.81932, 0.01);
            tw_status_free(status);
        }
        tw_array_unref(out);
        clear(&m);
        if (failing_allocator_live() != live)
            fail_msg("%zu blocks are left after allocation %zu failed",
                     failing_allocator_live() - live, n);
    }
    tw_array_unref(in);
}

/* So many that the list of them is an allocation of its own. */
static void memory_ends_while_many_fetches_are_planned(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    static tw_tensor fetched[MANY];
    model m;
    build(&m);
    for (size_t i = 0; i < MANY; i++)
        fetched[i] = m.w;
    for (size_t n = 1; failing_allocator_next(n); n++) {
        tw_callable *call = NULL;
        tw_status_free(tw_make_callable(m.session, {fetched, MANY}, .callable = &call));
        tw_callable_free(call);
    }
    clear(&m);
}

static void a_warm_call_allocates_nothing(void **state)
{
    (void)state;
    model m;
    build(&m);
    tw_callable *call = NULL;
    tw_array *in = tw_array_new(TW_FLOAT32, TW_SHAPE(4, 3)), *out = tw_array_scalar(TW_FLOAT32, 0);
    TW_CHECK(tw_run(m.session, TW_FETCH(m.init)));
    TW_CHECK(tw_make_callable(m.session, TW_FETCH(m.loss), .target = TW_FETCH(m.train),
                              .feed = TW_FETCH(m.x), .callable = &call));
    TW_CHECK(tw_call(call, &in, &out));
    failing_allocator_next(1); /* the next allocation would fail */
    for (int i = 0; i < 10; i++)
        TW_CHECK(tw_call(call, &in, &out));
    assert_false(failing_allocator_failed());
    failing_allocator_next(1000000000);
    tw_callable_free(call);
    tw_array_unref(in);
    tw_array_unref(out);
    clear(&m);
}

/* The array becomes the value: nothing is allocated for it. Memory that is lent, or that others
 * hold, is copied, and later steps do not write to it. */
static void a_given_value_is_not_copied(void **state)
{
    (void)state;
    model m;
    build(&m);
    tw_tensor w = m.w;
    float lent[6] = {1, 2, 3, 4, 5, 6};
    tw_array *in = tw_array_new(TW_FLOAT32, TW_SHAPE(4, 3)), *kept = NULL, *out = NULL;
    tw_array_set(in, 0.5);
    TW_CHECK(tw_run(m.session, TW_FETCH(m.init)));
    tw_array *first = tw_array_copy_of(TW_FLOAT32, TW_SHAPE(3, 2), lent);
    failing_allocator_next(2); /* the variable's key is built in memory of its own */
    TW_CHECK(tw_session_give(m.session, w, first));
    assert_false(failing_allocator_failed());
    failing_allocator_next(1000000000);
    TW_CHECK(tw_session_get(m.session, w, &out));
    assert_true(tw_array_get(out, 5) == 6);
    tw_array_unref(out);
    TW_CHECK(tw_session_give(m.session, w, tw_array_borrow(TW_FLOAT32, TW_SHAPE(3, 2), lent)));
    TW_CHECK(train_once(&m, in, &out));
    assert_true(lent[0] == 1 && lent[5] == 6);
    tw_array_unref(out);
    kept = tw_array_copy_of(TW_FLOAT32, TW_SHAPE(3, 2), lent);
    TW_CHECK(tw_session_give(m.session, w, tw_array_ref(kept)));
    out = NULL;
    TW_CHECK(tw_run(m.session, TW_FETCH(m.loss), .target = TW_FETCH(m.train),
                    .feed = TW_FEED({m.x, in}), .out = &out));
    assert_true(tw_array_get(kept, 0) == 1 && tw_array_get(kept, 5) == 6);
    tw_array_unref(kept);
    tw_array_unref(in);
    tw_array_unref(out);
    clear(&m);
}

static void refuse(tw_status *status, tw_code code, const char *part)
{
    assert_int_equal(tw_status_code(status), code);
    if (!strstr(tw_status_message(status), part))
        fail_msg("'%s' does not say '%s'", tw_status_message(status), part);
    tw_status_free(status);
}

/* The reference goes also then, which the count of blocks shows. */
static void a_wrong_given_value_is_refused_and_released(void **state)
{
    (void)state;
    model m;
    build(&m);
    tw_tensor w = m.w;
    TW_CHECK(tw_run(m.session, TW_FETCH(m.init)));
    size_t live = failing_allocator_live();
    refuse(tw_session_give(m.session, w, NULL), TW_INVALID_ARGUMENT, "the value is NULL");
    refuse(tw_session_give(m.session, w, tw_array_new(TW_FLOAT32, TW_SHAPE(2, 2))),
           TW_INVALID_ARGUMENT, "has shape (3, 2), the value (2, 2)");
    refuse(tw_session_give(m.session, w, tw_array_new(TW_INT32, TW_SHAPE(3, 2))),
           TW_INVALID_ARGUMENT, "the value is int32");
    refuse(tw_session_give(NULL, w, tw_array_new(TW_FLOAT32, TW_SHAPE(3, 2))), TW_INVALID_ARGUMENT,
           "the session is NULL");
    assert_int_equal(failing_allocator_live(), live);
    clear(&m);
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(memory_ends_while_many_fetches_are_planned),
        cmocka_unit_test(a_warm_call_allocates_nothing),
        cmocka_unit_test(a_given_value_is_not_copied),
        cmocka_unit_test(a_wrong_given_value_is_refused_and_released),
    };
    return cmocka_run_group_tests_name("runtime: memory", tests, NULL, NULL);
}
