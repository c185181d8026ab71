/* SPDX-License-Identifier: Apache-2.0
 * Plans with loops: what a loop becomes, what is constant in it, which values are moved and kept;
 * and raw frames that are no loops, which are refused. */
#include "control/control.h"

#include "plan/variant.h"

typedef struct planned {
    tw_plan *plan;
    tw_variant *variant;
} planned;

/* The plan for `fetch` with `n` fed, and its variant; both pass the verifier. */
static planned plan_of(tw_tensor fetch, tw_tensor n)
{
    planned p = {NULL, NULL};
    tw_signature signature = {.fetches = {&fetch, 1}, .feeds = {&n, 1}};
    tw_feed_size feed = {.shape = TW_SHAPE()};
    check_graph();
    expect_ok(tw_plan_build(tw_default_graph(), &signature, &p.plan));
    expect_ok(tw_variant_build(p.plan, &feed, &p.variant));
    expect_ok(tw_variant_verify(p.variant));
    return p;
}

static void release(planned p)
{
    tw_variant_unref(p.variant);
    tw_plan_unref(p.plan);
}

static const tw_plan_loop *find_loop(const tw_plan *plan, size_t which)
{
    for (size_t i = 0; i < plan->nodes.count; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        if (!node->gone && node->kind == TW_NODE_LOOP && which-- == 0)
            return node->loop;
    }
    return NULL;
}

static tw_tensor below(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    return tw_less(vars[0], *(tw_tensor *)user);
}

static void sums(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    (void)user;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_add(vars[1], vars[2]);
    next[2] = vars[2];
}

static void a_variable_that_stays_is_a_constant_and_a_sum_stays_in_place(void **state)
{
    (void)state;
    tw_tensor n = scalar_of(TW_INT32, "n"), x = tw_ones(TW_SHAPE(100)), out[3];
    tw_while_loop(.cond = below, .body = sums, .vars = TW_LIST(tw_constant(0), x, tw_mul(x, x)),
                  .user = &n, .out = out);
    planned p = plan_of(out[1], n);
    const tw_plan_loop *loop = find_loop(p.plan, 0);
    assert_non_null(loop);
    assert_null(find_loop(p.plan, 1));
    assert_int_equal(loop->carried, 2);
    assert_int_equal(loop->saved_count, 0);
    const tw_variant *body = tw_variant_of_loop(p.variant, loop);
    assert_int_equal(body->steps.count, 3);
    assert_int_equal(body->test_steps, 1);
    assert_int_equal(body->moves.count, 0);
    release(p);
}

static void swap(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    (void)user;
    next[0] = tw_add(vars[0], 1);
    next[1] = vars[2];
    next[2] = vars[1];
}

static void a_swap_takes_three_moves_and_no_step(void **state)
{
    (void)state;
    tw_tensor n = scalar_of(TW_INT32, "n"), out[3];
    tw_while_loop(.cond = below, .body = swap,
                  .vars = TW_LIST(tw_constant(0), tw_ones(TW_SHAPE(4)), tw_zeros(TW_SHAPE(4))),
                  .user = &n, .out = out);
    planned p = plan_of(out[1], n);
    const tw_variant *body = tw_variant_of_loop(p.variant, find_loop(p.plan, 0));
    assert_int_equal(body->steps.count, 2);
    assert_int_equal(body->moves.count, 3);
    release(p);
}

static void squash(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    (void)user;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_tanh(tw_add(vars[1], 0.5f));
}

static void a_gradient_keeps_what_it_reads_and_nothing_else(void **state)
{
    (void)state;
    tw_tensor n = scalar_of(TW_INT32, "n"), x = tw_ones(TW_SHAPE(8)), out[2];
    tw_while_loop(.cond = below, .body = squash, .vars = TW_LIST(tw_constant(0), x), .user = &n,
                  .out = out);
    tw_tensor back = tw_grad_tensor(tw_gradients(TW_LIST(out[1]), TW_LIST(x)).grads[0]);
    planned p = plan_of(back, n);
    const tw_plan_loop *forward = find_loop(p.plan, 0), *backward = find_loop(p.plan, 1);
    assert_non_null(backward);
    assert_int_equal(forward->levels, 1);
    assert_int_equal(backward->levels, 0);
    const tw_variant *body = tw_variant_of_loop(p.variant, forward);
    size_t wanted = 0;
    for (uint32_t i = 0; i < forward->saved_count; i++)
        wanted += body->wanted[i];
    assert_int_equal(wanted, 1); /* tanh's value */
    release(p);
}

/* ---- raw frames ---- */

static tw_tensor node(const char *type, const char *name, tw_tensors inputs, tw_attr *attrs,
                      size_t attr_count)
{
    tw_operation *op;
    tw_graph_add_args args = {.size = sizeof args,
                              .type = type,
                              .name = name,
                              .inputs = inputs.items,
                              .input_count = inputs.count,
                              .attrs = attrs,
                              .attr_count = attr_count};
    expect_ok(tw_graph_add(tw_default_graph(), &args, &op));
    return (tw_tensor){op, 0};
}

static tw_tensor enter(tw_tensor x, const char *frame, bool constant)
{
    tw_attr attrs[] = {{.name = "frame_name", .kind = TW_ATTR_STRING},
                       {.name = "is_constant", .kind = TW_ATTR_BOOL, .value.b = constant}};
    attrs[0].value.s = (tw_bytes){frame, strlen(frame)};
    return node("Enter", NULL, (tw_tensors){&x, 1}, attrs, 2);
}

static void expect_refusal(tw_tensor fetch, const char *part)
{
    tw_array *out[1] = {NULL};
    tw_status *status = tw_run(session, TW_FETCH(fetch), .out = out);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    if (!strstr(tw_status_message(status), part))
        fail_msg("'%s' is not in '%s'", part, tw_status_message(status));
    tw_status_free(status);
}

static void a_frame_that_is_never_gone_round_is_run_once(void **state)
{
    (void)state;
    tw_tensor in = enter(tw_constant(3.0f), "d", false);
    tw_tensor next = node("NextIteration", NULL, TW_LIST(tw_mul(in, 2.0f)), NULL, 0);
    assert_float_equal(number(node("Exit", NULL, TW_LIST(next), NULL, 0)), 6, 0);
    tw_tensor stop = enter(tw_less(1.0f, 0.0f), "e", false);
    tw_tensor n = enter(tw_constant(10), "e", false);
    tw_tensor merge = node("Merge", NULL, TW_LIST(n, n), NULL, 0);
    tw_tensor by = node("Switch", NULL, TW_LIST(merge, stop), NULL, 0);
    tw_tensor back = node("NextIteration", NULL, TW_LIST(by), NULL, 0);
    expect_ok(tw_operation_set_input(merge.op, 1, back));
    assert_float_equal(number(node("Exit", NULL, TW_LIST(by), NULL, 0)), 10, 0);
}

static void frames_that_are_no_loops_are_refused(void **state)
{
    (void)state;
    tw_tensor x = tw_constant(1.0f);
    tw_tensor a = enter(x, "a", true), b = enter(x, "b", true), first = enter(x, "c", false);
    expect_refusal(tw_neg(a), "has no LoopCond");
    expect_refusal(node("Add", NULL, TW_LIST(a, b), NULL, 0), "values of two while loops");
    expect_refusal(tw_neg(first), "has no LoopCond");
    expect_refusal(node("Exit", NULL, TW_LIST(x), NULL, 0), "it is in no while loop");
    tw_tensor round = node("Merge", NULL, TW_LIST(first, first), NULL, 0);
    tw_tensor again = node("NextIteration", NULL, TW_LIST(tw_add(round, 1.0f)), NULL, 0);
    expect_ok(tw_operation_set_input(round.op, 1, again));
    expect_refusal(node("Exit", NULL, TW_LIST(round), NULL, 0), "has no LoopCond");
    tw_tensor cond = node("LoopCond", NULL, TW_LIST(tw_less(a, 3.0f)), NULL, 0);
    tw_tensor merge = node("Merge", NULL, TW_LIST(a, a), NULL, 0);
    tw_tensor by = node("Switch", NULL, TW_LIST(tw_neg(merge), cond), NULL, 0);
    expect_refusal(node("Exit", NULL, TW_LIST(by), NULL, 0), "must be a loop variable");
}

static void a_ring_that_is_no_loop_is_refused(void **state)
{
    (void)state;
    tw_tensor a = tw_neg(tw_constant(1.0f)), b = tw_neg(a);
    expect_ok(tw_operation_set_input(a.op, 0, b));
    expect_refusal(b, "cycle");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_variable_that_stays_is_a_constant_and_a_sum_stays_in_place),
        TEST(a_swap_takes_three_moves_and_no_step),
        TEST(a_gradient_keeps_what_it_reads_and_nothing_else),
        TEST(a_frame_that_is_never_gone_round_is_run_once),
        TEST(frames_that_are_no_loops_are_refused),
        TEST(a_ring_that_is_no_loop_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
