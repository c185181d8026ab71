/* SPDX-License-Identifier: Apache-2.0
 * Conditions and loops built step by step, and regions as a front end sees them. */
#include "control/control.h"

static tw_cond_builder *begin_cond(tw_tensor pred)
{
    struct tw_cond_begin_args args = {.size = sizeof args, .pred = tw_of_tensor(pred)};
    tw_cond_builder *builder;
    expect_ok(tw_cond_begin(&args, &builder));
    return builder;
}

static tw_while_builder *begin_while(tw_tensors vars, bool any_shape)
{
    struct tw_while_begin_args args = {.parallel_iterations = 10,
                                       .back_prop = true,
                                       .size = sizeof args,
                                       .vars = vars,
                                       .any_shape = any_shape};
    tw_while_builder *builder;
    expect_ok(tw_while_begin(&args, &builder));
    return builder;
}

/* The status has this text; it is freed. */
static void expect_status(tw_status *status, const char *part)
{
    assert_non_null(status);
    if (!strstr(tw_status_message(status), part))
        fail_msg("'%s' is not in '%s'", part, tw_status_message(status));
    tw_status_free(status);
}

/* ---- conditions ---- */

static void plus(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    out[0] = tw_add(*(const tw_tensor *)user, 1.0);
}

static void minus(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    out[0] = tw_sub(*(const tw_tensor *)user, 1.0);
}

/* x + 1 or x - 1, by steps. */
static tw_tensor cond_by_steps(tw_tensor p, tw_tensor x)
{
    tw_tensor sides[2], out;
    tw_cond_builder *builder = begin_cond(p);
    for (int side = 1; side >= 0; side--) {
        expect_ok(tw_cond_enter(builder, side == 1));
        (side ? plus : minus)(&sides[side], 1, &x);
        expect_ok(tw_cond_leave(builder, (tw_tensors){&sides[side], 1}, &sides[side]));
    }
    expect_ok(tw_cond_merge(builder, sides[1], sides[0], &out));
    tw_cond_end(builder);
    return out;
}

static void a_condition_by_steps_is_that_of_tw_cond(void **state)
{
    char *text[2];
    (void)state;
    for (int by_steps = 0; by_steps < 2; by_steps++) {
        tw_graph *graph = tw_graph_new();
        TW_GRAPH(graph) {
            tw_tensor x = scalar_of(TW_FLOAT64, "x"), p = scalar_of(TW_BOOL, "p");
            if (by_steps)
                cond_by_steps(p, x);
            else
                tw_cond(p, .on_true = plus, .on_false = minus, .user = &x);
            check_graph();
            assert_string_equal(tw_scope_name(), "");
            expect_ok(tw_graph_export_text(graph, &text[by_steps]));
        }
        tw_graph_unref(graph);
    }
    assert_string_equal(text[0], text[1]);
    tw_free(text[0]);
    tw_free(text[1]);
}

static void a_condition_by_steps_gives_what_its_branches_give(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), p = scalar_of(TW_BOOL, "p");
    tw_tensor y = cond_by_steps(p, x);
    assert_true(number_with(y, (number_feed[]){{x, 3}, {p, 1}}, 2) == 4);
    assert_true(number_with(y, (number_feed[]){{x, 3}, {p, 0}}, 2) == 2);
}

static void operations_and_outer_tensors_are_results_as_seen_inside(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), p = scalar_of(TW_BOOL, "p"), out[2];
    tw_tensor sides[2][2];
    tw_cond_builder *builder = begin_cond(p);
    for (int side = 0; side < 2; side++) {
        expect_ok(tw_cond_enter(builder, side == 1));
        tw_tensor results[] = {x, {tw_no_op().op, -1}};
        expect_ok(tw_cond_leave(builder, (tw_tensors){results, 2}, sides[side]));
        assert_string_equal(tw_operation_type(sides[side][0].op), "Switch");
        assert_string_equal(tw_operation_type(sides[side][1].op), "Identity");
        assert_int_equal(tw_tensor_dtype(sides[side][1]), TW_BOOL);
        tw_tensor pivot = tw_operation_input(sides[side][1].op, 0);
        assert_string_equal(tw_tensor_name(pivot).s, side ? "cond/switch_t:0" : "cond/switch_f:0");
        const tw_attr *placed = tw_operation_attr(sides[side][1].op, "_class");
        assert_memory_equal(((const tw_bytes *)placed->value.items)->data, "loc:@cond/switch", 16);
    }
    for (int i = 0; i < 2; i++)
        expect_ok(tw_cond_merge(builder, sides[1][i], sides[0][i], &out[i]));
    tw_cond_end(builder);
    assert_true(number_with(out[0], (number_feed[]){{x, 3}, {p, 1}}, 2) == 3);
    assert_true(number_with(out[1], (number_feed[]){{x, 3}, {p, 0}}, 2) == 0);
    assert_true(number_with(out[1], (number_feed[]){{x, 3}, {p, 1}}, 2) == 1);
}

static void results_may_be_cast_before_they_are_merged(void **state)
{
    (void)state;
    tw_tensor p = scalar_of(TW_BOOL, "p"), out;
    tw_cond_builder *builder = begin_cond(p);
    expect_ok(tw_cond_enter(builder, true));
    tw_tensor on_true = tw_constant(1);
    expect_ok(tw_cond_leave(builder, (tw_tensors){&on_true, 1}, &on_true));
    expect_ok(tw_cond_enter(builder, false));
    tw_tensor on_false = tw_constant(2.5);
    expect_ok(tw_cond_leave(builder, (tw_tensors){&on_false, 1}, &on_false));
    expect_status(tw_cond_merge(builder, on_true, on_false, &out),
                  "Outputs of true_fn and false_fn must have the same type: int32, float32");
    assert_false(tw_tensor_valid(out));
    on_true = tw_cast(on_true, .DstT = TW_FLOAT32);
    expect_ok(tw_cond_merge(builder, on_true, on_false, &out));
    tw_cond_end(builder);
    assert_true(number_with(out, (number_feed[]){{p, 1}}, 1) == 1);
    assert_true(number_with(out, (number_feed[]){{p, 0}}, 1) == 2.5);
}

static void scopes_left_open_in_a_branch_close_with_it(void **state)
{
    (void)state;
    tw_tensor p = scalar_of(TW_BOOL, "p"), x;
    tw_cond_builder *builder = begin_cond(p);
    assert_string_equal(tw_scope_name(), "cond/");
    expect_ok(tw_cond_enter(builder, true));
    expect_ok(tw_scope_push_name("deep"));
    x = tw_constant(1);
    expect_ok(tw_cond_leave(builder, (tw_tensors){&x, 1}, &x));
    assert_string_equal(tw_scope_name(), "cond/");
    assert_null(tw_current_region());
    expect_ok(tw_cond_enter(builder, false));
    expect_ok(tw_scope_push_name("deep"));
    tw_cond_end(builder);
    assert_string_equal(tw_scope_name(), "");
    assert_null(tw_current_region());
    tw_cond_end(NULL);
}

static void steps_of_a_condition_out_of_order_are_refused(void **state)
{
    (void)state;
    tw_tensor p = scalar_of(TW_BOOL, "p"), x = scalar_of(TW_FLOAT32, "x"), none = {NULL, 0};
    tw_cond_builder *builder = begin_cond(p);
    expect_status(tw_cond_leave(builder, (tw_tensors){&x, 1}, &x), "no branch of this condition");
    expect_ok(tw_cond_enter(builder, true));
    expect_status(tw_cond_enter(builder, false), "is open already");
    expect_status(tw_cond_leave(builder, (tw_tensors){&none, 1}, &none),
                  "the true branch gives no result 0");
    tw_graph *other = tw_graph_new();
    TW_GRAPH(other)
        none = tw_constant(1);
    expect_ok(tw_cond_enter(builder, false));
    expect_status(tw_cond_leave(builder, (tw_tensors){&none, 1}, &none),
                  "result 0 of the false branch, 'Const', belongs to another graph");
    tw_cond_end(builder);
    tw_graph_unref(other);
    struct tw_cond_begin_args args = {.size = sizeof args, .pred = tw_of_tensor(x)};
    expect_status(tw_cond_begin(&args, &builder), "bool");
    assert_null(builder);
    args.name = "no name";
    expect_status(tw_cond_begin(&args, &builder), "no name");
    assert_string_equal(tw_scope_name(), "");
}

/* ---- loops ---- */

static tw_tensor below_five(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    (void)user;
    return tw_less(vars[0], 5);
}

static void double_it(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_mul(vars[1], *(const tw_tensor *)user);
}

static void while_by_steps(tw_tensors first, tw_tensor *w, tw_tensor *out)
{
    tw_while_builder *builder = begin_while(first, false);
    tw_tensors vars = tw_while_vars(builder);
    expect_ok(tw_while_condition(builder, below_five(vars.items, vars.count, NULL)));
    vars = tw_while_vars(builder);
    double_it(vars.items, out, vars.count, w);
    expect_ok(tw_while_body(builder, (tw_tensors){out, vars.count}, out));
    tw_while_end(builder);
}

static void a_loop_by_steps_is_that_of_tw_while_loop(void **state)
{
    char *text[2];
    (void)state;
    for (int by_steps = 0; by_steps < 2; by_steps++) {
        tw_graph *graph = tw_graph_new();
        TW_GRAPH(graph) {
            tw_tensor x = scalar_of(TW_FLOAT64, "x"), w = scalar_of(TW_FLOAT64, "w"), out[2];
            tw_tensors vars = TW_LIST(tw_constant(0), x);
            if (by_steps)
                while_by_steps(vars, &w, out);
            else
                tw_while_loop(.cond = below_five, .body = double_it, .vars = vars, .user = &w,
                              .out = out);
            check_graph();
            assert_string_equal(tw_scope_name(), "");
            expect_ok(tw_graph_export_text(graph, &text[by_steps]));
        }
        tw_graph_unref(graph);
    }
    assert_string_equal(text[0], text[1]);
    tw_free(text[0]);
    tw_free(text[1]);
}

static void a_loop_by_steps_runs_and_has_derivatives(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), w = scalar_of(TW_FLOAT64, "w"), out[2];
    while_by_steps(TW_LIST(tw_constant(0), x), &w, out);
    number_feed at[] = {{x, 3}, {w, 1.5}};
    assert_true(fabs(number_with(out[1], at, 2) - 3 * pow(1.5, 5)) < 1e-12);
    check_derivatives(out[1], at, 2, TW_LIST(x, w), 1e-6);
}

static void steps_of_a_loop_out_of_order_are_refused(void **state)
{
    (void)state;
    tw_tensor zero = tw_constant(0), go_on = tw_less(zero, 1), none = {NULL, 0}, out[2];
    tw_while_builder *builder = begin_while((tw_tensors){&zero, 1}, false);
    expect_status(tw_while_body(builder, (tw_tensors){&zero, 1}, out), "the body of this loop");
    expect_status(tw_while_condition(builder, none), "gives no valid tensor");
    expect_ok(tw_while_condition(builder, go_on));
    expect_status(tw_while_condition(builder, go_on), "has its condition already");
    expect_status(tw_while_body(builder, (tw_tensors){&none, 1}, out), "no value for variable 0");
    expect_status(tw_while_body(builder, TW_LIST(zero, zero), out), "2 values for 1 variables");
    expect_ok(tw_while_body(builder, (tw_tensors){&zero, 1}, out));
    expect_status(tw_while_body(builder, (tw_tensors){&zero, 1}, out), "the body of this loop");
    tw_while_end(builder);
    tw_while_end(NULL);
    struct tw_while_begin_args args = {.parallel_iterations = 0, .size = sizeof args};
    expect_status(tw_while_begin(&args, &builder), "No loop variables provided");
    args.vars = (tw_tensors){&zero, 1};
    expect_status(tw_while_begin(&args, &builder), "parallel_iterations");
    assert_null(builder);
    assert_string_equal(tw_scope_name(), "");
    assert_null(tw_current_region());
}

/* One variable of shape (1,) that becomes twice as long in each of five iterations. */
static tw_tensor grow(bool any_shape, const char *refused)
{
    tw_tensor first[] = {tw_constant(0), tw_ones(TW_SHAPE(1))}, out[2] = {{NULL, 0}, {NULL, 0}};
    tw_while_builder *builder = begin_while((tw_tensors){first, 2}, any_shape);
    expect_ok(tw_while_condition(builder, tw_less(tw_while_vars(builder).items[0], 5)));
    const tw_tensor *vars = tw_while_vars(builder).items;
    tw_tensor next[] = {tw_add(vars[0], 1), tw_concat(TW_LIST(vars[1], vars[1]), 0)};
    tw_status *status = tw_while_body(builder, (tw_tensors){next, 2}, out);
    if (refused)
        expect_status(status, refused);
    else
        expect_ok(status);
    tw_while_end(builder);
    return out[1];
}

static void a_changed_shape_is_forgotten_where_any_is_allowed(void **state)
{
    (void)state;
    grow(false, "The shape for while/Merge_1:0 is not an invariant for the loop");
    tw_tensor last = grow(true, NULL);
    assert_string_equal(tw_shape_text(tw_tensor_shape(last)).s, "(?,)");
    assert_true(number(tw_size(last)) == 32);
    assert_true(number(tw_reduce_sum(last)) == 32);
}

static void an_invariant_that_does_not_hold_names_what_enters(void **state)
{
    (void)state;
    tw_tensor first = tw_constant(0, .name = "first");
    const tw_shape three = TW_SHAPE(3);
    struct tw_while_begin_args args = {.parallel_iterations = 10,
                                       .size = sizeof args,
                                       .vars = {&first, 1},
                                       .shape_invariants = &three};
    tw_while_builder *builder;
    expect_status(tw_while_begin(&args, &builder),
                  "The shape invariant specified for first:0 is not compatible with the initial "
                  "shape of the loop variable. It enters the loop with shape (), but the "
                  "specified shape invariant is (3,).");
    assert_null(builder);
}

/* ---- regions ---- */

static tw_region_info info_of(const tw_region *region)
{
    tw_region_info info = {.size = sizeof info};
    assert_non_null(region);
    tw_region_get_info(region, &info);
    return info;
}

static void an_operation_tells_its_branch(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), p = scalar_of(TW_BOOL, "p");
    tw_tensor y = cond_by_steps(p, x);
    tw_graph *graph = tw_default_graph();
    assert_null(tw_operation_region(x.op));
    assert_null(tw_operation_region(y.op));
    tw_region *region = tw_operation_region(tw_graph_operation(graph, "cond/Add"));
    tw_region_info info = info_of(region);
    assert_int_equal(info.kind, TW_REGION_BRANCH);
    assert_ptr_equal(info.graph, graph);
    assert_null(info.outer);
    assert_string_equal(info.name, "cond/");
    assert_string_equal(tw_tensor_name(info.pivot).s, "cond/switch_t:0");
    assert_string_equal(tw_tensor_name(info.pred).s, "cond/pred_id:0");
    assert_true(info.branch);
    assert_ptr_equal(info.other, tw_operation_region(tw_graph_operation(graph, "cond/Sub")));
    assert_false(info_of(info.other).branch);
    assert_null(tw_region_var(region, 0).enter);
}

static void an_operation_tells_its_loop(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), w = scalar_of(TW_FLOAT64, "w"), out[2];
    while_by_steps(TW_LIST(tw_constant(0), x), &w, out);
    tw_region *region = tw_operation_region(tw_graph_operation(tw_default_graph(), "while/Mul"));
    tw_region_info info = info_of(region);
    assert_int_equal(info.kind, TW_REGION_LOOP);
    assert_string_equal(info.name, "while/while_context");
    assert_string_equal(tw_tensor_name(info.pivot).s, "while/Identity:0");
    assert_string_equal(tw_operation_name(info.cond), "while/LoopCond");
    assert_int_equal(info.parallel_iterations, 10);
    assert_true(info.back_prop);
    assert_int_equal(info.var_count, 2);
    assert_string_equal(tw_operation_name(tw_region_var(region, 1).enter), "while/Enter_1");
    assert_ptr_equal(tw_region_var(region, 1).exit, out[1].op);
    assert_null(tw_region_var(region, 2).enter);
    tw_region_info shorter = {.size = offsetof(tw_region_info, pred), .branch = true};
    tw_region_get_info(region, &shorter);
    assert_ptr_equal(shorter.graph, tw_default_graph());
    assert_true(shorter.branch); /* not touched */
}

static void a_region_may_be_opened_again(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), p = scalar_of(TW_BOOL, "p");
    cond_by_steps(p, x);
    tw_region *region = tw_operation_region(tw_graph_operation(tw_default_graph(), "cond/Add"));
    tw_graph *graph = tw_default_graph(), *other = tw_graph_new();
    expect_ok(tw_graph_push_region(graph, region));
    assert_ptr_equal(tw_current_region(), region);
    assert_ptr_equal(tw_graph_region(graph), region);
    assert_null(tw_graph_region(other));
    tw_tensor more = tw_neg(x);
    expect_ok(tw_graph_push_region(graph, NULL));
    tw_tensor outside = tw_neg(x);
    tw_scope_pop();
    tw_scope_pop();
    assert_null(tw_current_region());
    expect_status(tw_graph_push_region(other, region), "'cond/' is of another graph");
    tw_graph_unref(other);
    assert_ptr_equal(tw_operation_region(more.op), region);
    assert_null(tw_operation_region(outside.op));
    tw_tensor seen;
    expect_ok(tw_region_capture(region, x, &seen));
    assert_true(tw_same(seen, tw_operation_input(more.op, 0)));
    assert_string_equal(tw_tensor_name(seen).s, "cond/Add/Switch:1");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_condition_by_steps_is_that_of_tw_cond),
        TEST(a_condition_by_steps_gives_what_its_branches_give),
        TEST(operations_and_outer_tensors_are_results_as_seen_inside),
        TEST(results_may_be_cast_before_they_are_merged),
        TEST(scopes_left_open_in_a_branch_close_with_it),
        TEST(steps_of_a_condition_out_of_order_are_refused),
        TEST(a_loop_by_steps_is_that_of_tw_while_loop),
        TEST(a_loop_by_steps_runs_and_has_derivatives),
        TEST(steps_of_a_loop_out_of_order_are_refused),
        TEST(a_changed_shape_is_forgotten_where_any_is_allowed),
        TEST(an_invariant_that_does_not_hold_names_what_enters),
        TEST(an_operation_tells_its_branch),
        TEST(an_operation_tells_its_loop),
        TEST(a_region_may_be_opened_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
