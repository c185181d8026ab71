/* SPDX-License-Identifier: Apache-2.0
 * Accesses to a variable have the order of adding, whatever a plan makes of what is around them;
 * and nodes are sorted by their turns wherever edges allow it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "plan/plan.h"
#include "support/session.h"

/* Folded constants have the turn of what they were folded from. */
static void a_write_of_a_folded_value_is_read_by_what_was_added_later(void **state)
{
    (void)state;
    tw_tensor w = tw_variable(tw_constant(1.0));
    tw_tensor six = tw_mul(tw_add(tw_constant(1.0), 1.0), 3.0), add = tw_assign_add(w, six);
    tw_tensor y = tw_mul(w, 1.0);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    for (int i = 1; i <= 2; i++) {
        tw_array *out = NULL;
        TW_CHECK(tw_run(session, TW_FETCH(y), .target = TW_FETCH(add), .out = &out));
        assert_true(tw_array_item(out) == 1 + 6 * i);
        tw_array_unref(out);
    }
}

/* Nodes that edges alone tell apart. */
static void make_nodes(tw_plan *plan, tw_operation *origin, uint32_t count)
{
    uint32_t node;
    for (uint32_t i = 0; i < count; i++)
        TW_CHECK(tw_plan_add_node(plan, TW_NODE_FEED, origin, &node));
}

static void clear(tw_plan *plan)
{
    tw_vec_clear(&plan->nodes);
    tw_vec_clear(&plan->values);
    tw_plan_forget_order(plan);
    tw_arena_clear(&plan->arena);
}

static uint32_t draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

/* Turn after turn whatever needs nothing that has yet to come. */
static void expect_order(tw_plan *plan)
{
    uint32_t n = (uint32_t)plan->nodes.count, count;
    const uint32_t *order;
    plan->sorted.good = false;
    bool *done = calloc(n, sizeof *done);
    TW_CHECK(tw_plan_topological(plan, &order, &count));
    for (uint32_t at = 0; at < count; at++) {
        uint64_t best = UINT64_MAX;
        for (uint32_t i = 0; i < n; i++) {
            const tw_plan_node *node = &plan->nodes.items[i];
            bool ready = !node->gone && !done[i];
            for (uint32_t k = 0; ready && k < node->control_count; k++)
                ready = done[node->controls[k]] || plan->nodes.items[node->controls[k]].gone;
            uint64_t turn = (uint64_t)node->added << 32 | i;
            best = ready && turn < best ? turn : best;
        }
        assert_int_equal(order[at], (uint32_t)best);
        done[order[at]] = true;
    }
    for (uint32_t i = 0; i < n; i++)
        assert_true(done[i] || plan->nodes.items[i].gone);
    free(done);
}

/* Orders of adding that fit all edges, some and none; with nodes that are gone, that have another's
 * turn, and so many that are ready at once that their ranks have three levels. */
static void nodes_are_sorted_by_their_turns(void **state)
{
    (void)state;
    static const struct {
        uint32_t nodes, edges, backwards; /* in a hundred */
    } cases[] = {{0, 0, 0},      {1, 0, 0},       {63, 100, 0},     {64, 100, 100},
                 {65, 200, 10},  {300, 900, 2},   {300, 900, 100},  {1000, 300, 50},
                 {700, 4000, 0}, {700, 4000, 30}, {4500, 100, 100}, {4500, 6000, 3}};
    uint32_t seed = 1;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        tw_operation origin = {.id = 0};
        tw_plan plan = {.nodes = {NULL, 0, 0}};
        uint32_t n = cases[c].nodes;
        make_nodes(&plan, &origin, n);
        uint32_t *place = calloc(n + 1, sizeof *place); /* no edge leads back by these */
        for (uint32_t i = 0; i < n; i++)
            place[i] = i;
        for (uint32_t i = 0; i < n * cases[c].backwards / 100; i++) {
            uint32_t a = draw(&seed, n), b = draw(&seed, n), kept = place[a];
            place[a] = place[b];
            place[b] = kept;
        }
        for (uint32_t e = 0; e < cases[c].edges; e++) {
            uint32_t a = draw(&seed, n), b = draw(&seed, n);
            if (place[a] != place[b])
                TW_CHECK(tw_plan_add_control(&plan, place[a] > place[b] ? a : b,
                                             place[a] > place[b] ? b : a));
        }
        expect_order(&plan);
        for (uint32_t i = 0; i < n / 8; i++)
            plan.nodes.items[draw(&seed, n)].gone = true;
        expect_order(&plan);
        for (uint32_t i = 0; i < n / 8; i++)
            plan.nodes.items[draw(&seed, n)].added = draw(&seed, n);
        expect_order(&plan);
        free(place);
        clear(&plan);
    }
}

static void a_cycle_is_named_by_its_first_node(void **state)
{
    (void)state;
    tw_operation origins[3] = {{.spec = {.type = "Feed", .name = "before"}},
                               {.spec = {.type = "Feed", .name = "on"}},
                               {.spec = {.type = "Feed", .name = "behind"}}};
    tw_plan plan = {.nodes = {NULL, 0, 0}};
    const uint32_t *order;
    uint32_t count;
    for (int i = 0; i < 3; i++)
        make_nodes(&plan, &origins[i], i == 1 ? 2 : 1);
    TW_CHECK(tw_plan_add_control(&plan, 1, 0));
    TW_CHECK(tw_plan_add_control(&plan, 2, 1));
    TW_CHECK(tw_plan_add_control(&plan, 1, 2));
    TW_CHECK(tw_plan_add_control(&plan, 3, 2));
    tw_status *status = tw_plan_topological(&plan, &order, &count);
    assert_non_null(status);
    assert_non_null(strstr(tw_status_message(status), "'on'"));
    tw_status_free(status);
    clear(&plan);
}

static void what_needs_itself_is_a_cycle(void **state)
{
    (void)state;
    for (int control = 0; control < 2; control++) {
        tw_array *out = NULL;
        tw_tensor y = tw_identity(tw_tanh(tw_constant(1.0)), .name = "mine");
        TW_CHECK(control ? tw_operation_add_control_input(y.op, y.op)
                         : tw_operation_set_input(y.op, 0, y));
        tw_status *status = tw_run(session, TW_FETCH(y), .out = &out);
        assert_non_null(status);
        assert_non_null(strstr(tw_status_message(status), "cycle"));
        assert_non_null(strstr(tw_status_message(status), "'mine"));
        tw_status_free(status);
    }
}

/* An order that was found is the answer again until something changes; then it is not. */
static void an_order_is_kept_until_something_changes(void **state)
{
    (void)state;
    tw_operation origin = {.id = 0};
    tw_plan plan = {.nodes = {NULL, 0, 0}};
    const uint32_t *first, *again;
    uint32_t count, node;
    make_nodes(&plan, &origin, 3);
    for (uint32_t i = 0; i < 3; i++) {
        TW_CHECK(tw_plan_add_outputs(&plan, i, 1));
        plan.nodes.items[i].target = i < 2;
    }
    TW_CHECK(tw_plan_topological(&plan, &first, &count));
    assert_true(count == 3 && first[0] == 0 && first[1] == 1 && first[2] == 2);
    TW_CHECK(tw_plan_topological(&plan, &again, &count));
    assert_ptr_equal(again, first);
    TW_CHECK(tw_plan_add_control(&plan, 0, 1)); /* an edge */
    TW_CHECK(tw_plan_topological(&plan, &again, &count));
    assert_true(count == 3 && again[0] == 1 && again[1] == 0 && again[2] == 2);
    TW_CHECK(tw_plan_add_control(&plan, 0, 1)); /* it was there */
    assert_true(plan.sorted.good);
    TW_CHECK(tw_plan_add_node(&plan, TW_NODE_FEED, &origin, &node)); /* a node */
    TW_CHECK(tw_plan_topological(&plan, &again, &count));
    assert_true(count == 4 && again[3] == 3);
    plan.nodes.items[2].kind = TW_NODE_CONSTANT; /* feeds stay, this goes */
    TW_CHECK(tw_plan_sweep(&plan));
    TW_CHECK(tw_plan_topological(&plan, &again, &count));
    assert_true(count == 3 && again[0] == 1 && again[1] == 0 && again[2] == 3);
    TW_CHECK(tw_plan_sweep(&plan)); /* nothing to do */
    assert_true(plan.sorted.good);
    tw_plan_replace_value(&plan, 0, 1); /* what reads a value */
    assert_false(plan.sorted.good);
    clear(&plan);
}

/* What folding and sharing leave behind does not stay in the plan, whose order is as it was. */
static void nodes_that_are_gone_are_put_away(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(4)), y = x;
    for (int i = 0; i < 20; i++)
        y = tw_add(tw_mul(tw_tanh(x), 2.0), tw_mul(y, tw_add(tw_constant(1.0), 1.0)));
    tw_tensor both[2] = {y, x};
    tw_signature signature = {.fetches = {both, 2}, .feeds = {&x, 1}};
    tw_plan *plan;
    TW_CHECK(tw_plan_build(tw_default_graph(), &signature, &plan));
    TW_CHECK(tw_plan_verify(plan));
    assert_true(plan->counts.shared > 50 && plan->nodes.count < 50);
    assert_true(plan->turns > 100);
    assert_int_equal(plan->fetches[1].value, plan->feeds[0]);
    for (size_t i = 0; i < plan->values.count; i++)
        assert_true(plan->values.items[i].node < plan->nodes.count);
    tw_plan_unref(plan);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_write_of_a_folded_value_is_read_by_what_was_added_later),
        TEST(nodes_are_sorted_by_their_turns),
        TEST(a_cycle_is_named_by_its_first_node),
        TEST(what_needs_itself_is_a_cycle),
        TEST(an_order_is_kept_until_something_changes),
        TEST(nodes_that_are_gone_are_put_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
