/* SPDX-License-Identifier: Apache-2.0
 * The verifier finds what is wrong with a plan: each test spoils a good one in one place. All other
 * tests run it over every plan that they make, because THALWEG_VERIFY_PLANS is set for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan/variant.h"
#include "runtime/session.h"
#include "support/environment.h"
#include "thalweg/thalweg.h"

static tw_plan *plan;
static tw_variant *variant;

/* Two products of which both are needed later, and a chain of sums that stays in place. */
static int setup(void **state)
{
    (void)state;
    tw_reset_default_graph();
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(8, 8));
    tw_tensor a = tw_matmul(x, x, .name = "a"), b = tw_matmul(x, a, .name = "b");
    tw_tensor y = tw_matmul(a, b, .name = "y"), z = tw_matmul(y, y, .name = "z");
    tw_signature signature = {.fetches = {&z, 1}, .feeds = {&x, 1}};
    tw_feed_size feed = {.shape = TW_SHAPE(8, 8)};
    TW_CHECK(tw_plan_build(tw_default_graph(), &signature, &plan));
    TW_CHECK(tw_variant_build(plan, &feed, &variant));
    TW_CHECK(tw_variant_verify(variant));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tw_variant_unref(variant);
    tw_plan_unref(plan);
    tw_reset_default_graph();
    return 0;
}

static void expect_complaint(const char *part)
{
    tw_status *status = tw_variant_verify(variant);
    assert_int_equal(tw_status_code(status), TW_INTERNAL);
    if (!strstr(tw_status_message(status), part))
        fail_msg("'%s' is not in '%s'", part, tw_status_message(status));
    tw_status_free(status);
}

static tw_sized *output_of(size_t step)
{
    return &variant->values[variant->steps.items[step].outputs[0]];
}

static void a_value_that_is_written_over_before_it_is_read_is_found(void **state)
{
    (void)state;
    assert_int_equal(variant->steps.count, 4);
    size_t a = output_of(0)->offset, b = output_of(1)->offset;
    assert_int_not_equal(a, b);
    output_of(1)->offset = a; /* over its own input, which a product must not do */
    expect_complaint("writes over its input 'a'");
    output_of(1)->offset = b;
    size_t y = output_of(2)->offset;
    output_of(2)->offset = b + 64; /* partly */
    expect_complaint("writes over its input 'b'");
    output_of(2)->offset = y;
    assert_null(tw_variant_verify(variant));
}

static void a_value_that_is_lost_between_two_steps_is_found(void **state)
{
    (void)state;
    tw_step spoiler = variant->steps.items[3]; /* writes z where y was, before y is read */
    variant->steps.items[3] = variant->steps.items[2];
    variant->steps.items[2] = spoiler;
    expect_complaint("not there");
    variant->steps.items[2] = variant->steps.items[3];
    variant->steps.items[3] = spoiler;
    assert_null(tw_variant_verify(variant));
}

static void a_value_outside_of_the_arena_is_found(void **state)
{
    (void)state;
    variant->arena_bytes -= 1;
    expect_complaint("outside of the arena");
    variant->arena_bytes += 1;
}

static void a_workspace_that_meets_a_value_is_found(void **state)
{
    (void)state;
    tw_step *last = &variant->steps.items[3];
    size_t bytes = last->workspace_bytes, offset = last->workspace;
    last->workspace_bytes = 64;
    last->workspace = output_of(3)->offset;
    expect_complaint("workspace");
    last->workspace_bytes = bytes;
    last->workspace = offset;
}

static void steps_that_may_go_in_any_order_share_no_memory(void **state)
{
    (void)state;
    plan->has_waits = true;
    expect_complaint("any order");
    plan->has_waits = false;
}

static void a_node_that_is_out_of_order_is_found(void **state)
{
    (void)state;
    uint32_t last = plan->order[plan->order_count - 1];
    plan->order_count--;
    expect_complaint("nodes are in an order");
    plan->order_count++;
    plan->nodes.items[last].position--;
    expect_complaint("out of place");
    plan->nodes.items[last].position++;
    for (uint32_t i = 0; i < plan->order_count; i++) { /* the other way round */
        uint32_t other = plan->order[plan->order_count - 1 - i];
        if (i < plan->order_count / 2) {
            plan->order[plan->order_count - 1 - i] = plan->order[i];
            plan->order[i] = other;
        }
        plan->nodes.items[plan->order[i]].position = i;
    }
    for (uint32_t i = 0; i < plan->order_count; i++)
        plan->nodes.items[plan->order[i]].position = i;
    expect_complaint("which it needs");
}

/* A rule that changes what reads what, and does not say so, leaves the counts as they were. */
static void a_value_whose_uses_were_not_counted_is_found(void **state)
{
    (void)state;
    plan->values.items[plan->feeds[0]].uses--;
    expect_complaint("has 3 uses, not 2");
}

/* As where a rule should have been asked again for what is fed. */
static void a_size_that_a_rule_would_not_find_is_found(void **state)
{
    (void)state;
    tw_sized *y = output_of(2);
    const int64_t wrong[2] = {8, 9};
    tw_shape right = y->shape;
    y->shape.dims = wrong;
    expect_complaint("'y' has the shape (8, 8), not (8, 9)");
    y->shape = right;
    const tw_plan_node *a = tw_plan_producer(plan, variant->steps.items[0].outputs[0]);
    tw_sized *x = &variant->values[a->inputs[0]];
    x->shape.dims = wrong;
    expect_complaint("the sizes of 'a' do not fit");
}

/* They share no memory: only an edge says which of the two is first. */
static void a_step_before_another_that_it_waits_for_is_found(void **state)
{
    teardown(state);
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(8, 8)), both[2];
    both[0] = tw_matmul(x, x, .name = "first");
    TW_CONTROL_DEPENDENCIES(both[0])
        both[1] = tw_matmul(x, x, .transpose_a = true, .name = "second");
    tw_signature signature = {.fetches = {both, 2}, .feeds = {&x, 1}};
    tw_feed_size feed = {.shape = TW_SHAPE(8, 8)};
    TW_CHECK(tw_plan_build(tw_default_graph(), &signature, &plan));
    TW_CHECK(tw_variant_build(plan, &feed, &variant));
    TW_CHECK(tw_variant_verify(variant));
    assert_int_equal(variant->steps.count, 2);
    tw_step first = variant->steps.items[0];
    variant->steps.items[0] = variant->steps.items[1];
    variant->steps.items[1] = first;
    expect_complaint("the step of 'second' is before 'first'");
}

/* Its tolerance is an operand of the pass too, the 36th. */
static void a_pass_of_many_operands_is_sound(void **state)
{
    enum { TERMS = 34 };
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(8)), y = tw_reverse(x, TW_INTS(0));
    tw_array *ones = tw_array_new(TW_FLOAT32, TW_SHAPE(8)), *out = NULL;
    tw_feed feeds[TERMS + 1] = {{x, ones}};
    tw_array_set(ones, 1);
    for (int i = 1; i <= TERMS; i++) {
        feeds[i] = (tw_feed){tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(8)), ones};
        y = tw_add(y, feeds[i].tensor);
    }
    tw_tensor same = tw_cast(tw_approximate_equal(y, x), TW_FLOAT32);
    tw_session *session = tw_session_new(NULL);
    session->verifies = true;
    TW_CHECK(tw_run(session, TW_FETCH(same), .feed = {feeds, TERMS + 1}, .out = &out));
    assert_true(tw_array_get(out, 0) == 0);
    tw_array_unref(out);
    tw_array_unref(ones);
    tw_session_free(session);
}

static void a_session_verifies_if_it_is_asked_to(void **state)
{
    (void)state;
    const char *before = getenv("THALWEG_VERIFY_PLANS");
    static const struct {
        const char *text;
        bool verifies;
    } cases[] = {{"1", true}, {"0", false}, {"", false}};
    for (size_t i = 0; i < 3; i++) {
        set_environment("THALWEG_VERIFY_PLANS", cases[i].text);
        tw_session *session = tw_session_new(NULL);
        assert_int_equal(session->verifies, cases[i].verifies);
        tw_session_free(session);
    }
    if (before)
        set_environment("THALWEG_VERIFY_PLANS", "1");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_value_that_is_written_over_before_it_is_read_is_found),
        TEST(a_value_that_is_lost_between_two_steps_is_found),
        TEST(a_value_outside_of_the_arena_is_found),
        TEST(a_workspace_that_meets_a_value_is_found),
        TEST(steps_that_may_go_in_any_order_share_no_memory),
        TEST(a_node_that_is_out_of_order_is_found),
        TEST(a_value_whose_uses_were_not_counted_is_found),
        TEST(a_size_that_a_rule_would_not_find_is_found),
        TEST(a_step_before_another_that_it_waits_for_is_found),
        TEST(a_pass_of_many_operands_is_sound),
        TEST(a_session_verifies_if_it_is_asked_to),
    };
    return cmocka_run_group_tests_name("plan: the verifier", tests, NULL, NULL);
}
