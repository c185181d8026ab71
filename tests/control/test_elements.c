/* SPDX-License-Identifier: Apache-2.0
 * Whether the plan knows the shape of what a loop reads from a TensorArray: where the array was
 * declared with one or is filled with rows of arrays of one shape only. */
#include "control/control.h"

typedef struct reader {
    tw_tensor handle, flow, n;
} reader;

static tw_tensor below(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    return tw_less(vars[0], ((reader *)user)->n);
}

/* sum += the elements' squares */
static void add_element(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    const reader *r = user;
    (void)count;
    tw_tensor x = tw_tensor_array_read_v3(r->handle, vars[0], r->flow, .dtype = TW_FLOAT32);
    next[0] = tw_add(vars[0], 1);
    tw_tensor flat = tw_reshape(x, TW_INTS(-1));
    next[1] = tw_add(vars[1], tw_reduce_sum(tw_mul(flat, flat)));
}

static tw_tensor add_all(reader *r)
{
    tw_tensor out[2];
    tw_while_loop(.cond = below, .body = add_element,
                  .vars = TW_LIST(tw_constant(0), tw_constant(0.0f)), .user = r, .out = out);
    check_graph();
    return out[1];
}

/* The list of `count` rows of `x`, unstacked. */
static reader rows_of(tw_tensor x, int32_t count, bool again)
{
    struct tw_tensor_array_v3_result list = tw_tensor_array_v3(
        tw_constant(count + 1), .dtype = TW_FLOAT32, .clear_after_read = !again);
    tw_tensor indices = tw_range(0, count, 1);
    tw_tensor flow = tw_tensor_array_scatter_v3(list.handle, indices, x, list.flow);
    return (reader){list.handle, flow, tw_constant(count)};
}

/* What the line of the read says is its result. */
static void expect_element(tw_tensor y, tw_tensor fed, const char *shape)
{
    char *text = NULL;
    check_graph();
    expect_ok(tw_explain(session, TW_FETCH(y), TW_LIST(), TW_LIST(fed), &text));
    const char *line = strstr(text, "TensorArrayReadV3");
    assert_non_null(line);
    const char *found = strstr(line, shape), *end = strchr(line, '\n');
    if (!found || found > end)
        fail_msg("no '%s' in '%.*s'", shape, (int)(end - line), line);
    tw_free(text);
}

static double run_fed(tw_tensor y, tw_tensor fed, tw_shape shape)
{
    tw_array *x = tw_array_new(TW_FLOAT32, shape), *out[1] = {NULL};
    for (size_t i = 0; i < tw_array_count(x); i++)
        ((float *)tw_array_data(x))[i] = (float)i;
    expect_ok(tw_run(session, TW_FETCH(y), .feed = TW_FEED({fed, x}), .out = out));
    double sum = tw_array_item(out[0]);
    tw_array_unref(out[0]);
    tw_array_unref(x);
    return sum;
}

/* 0^2 + 1^2 + ... + (n - 1)^2 */
static double squares(int n)
{
    return (double)(n - 1) * n * (2 * n - 1) / 6;
}

static void rows_of_an_array_have_its_shape_for_each_size_that_is_fed(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32);
    reader r = rows_of(x, 3, false);
    tw_tensor y = add_all(&r);
    assert_true(run_fed(y, x, TW_SHAPE(3, 2, 4)) == squares(24));
    expect_element(y, x, "float32 (2, 4) ");
    assert_true(run_fed(y, x, TW_SHAPE(3, 5)) == squares(15));
    expect_element(y, x, "float32 (5,) ");
    assert_true(run_fed(y, x, TW_SHAPE(3)) == squares(3));
    expect_element(y, x, "float32 () ");
    assert_true(run_fed(y, x, TW_SHAPE(3, 0)) == 0);
}

/* More is written, of a shape that the plan does not know. */
static void what_else_is_written_leaves_the_shape_open(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32);
    reader r = rows_of(x, 3, false);
    r.flow = tw_tensor_array_write_v3(r.handle, tw_constant(3), tw_ones(TW_SHAPE(6)), r.flow);
    r.n = tw_constant(4);
    tw_tensor y = add_all(&r);
    assert_true(run_fed(y, x, TW_SHAPE(3, 5)) == squares(15) + 6);
    expect_element(y, x, "at run time");
    reader other = rows_of(x, 3, false);
    other.flow = tw_tensor_array_scatter_v3(other.handle, tw_constant(TW_INTS(3)),
                                            tw_ones(TW_SHAPE(1, 2, 3)), other.flow);
    other.n = r.n;
    y = add_all(&other);
    assert_true(run_fed(y, x, TW_SHAPE(3, 5)) == squares(15) + 6);
    expect_element(y, x, "at run time");
    assert_true(run_fed(y, x, TW_SHAPE(3, 2, 3)) == squares(18) + 6);
    expect_element(y, x, "float32 (2, 3) ");
}

/* Written in the iteration before: the loop goes back to what it put in itself. */
static void put_and_add(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    const reader *r = user;
    (void)count;
    tw_tensor x = tw_tensor_array_read_v3(r->handle, vars[0], vars[2], .dtype = TW_FLOAT32);
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_add(vars[1], tw_reduce_sum(tw_reshape(x, TW_INTS(-1))));
    tw_tensor more = tw_concat(TW_LIST(x, x), 0);
    next[2] = tw_tensor_array_write_v3(r->handle, next[0], more, vars[2]);
}

static void what_the_loop_writes_leaves_the_shape_open(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32), out[3];
    struct tw_tensor_array_v3_result list = tw_tensor_array_v3(tw_constant(5), .dtype = TW_FLOAT32);
    tw_tensor flow = tw_tensor_array_scatter_v3(list.handle, tw_constant(TW_INTS(0)), x, list.flow);
    reader r = {list.handle, flow, tw_constant(4)};
    tw_while_loop(.cond = below, .body = put_and_add,
                  .vars = TW_LIST(tw_constant(0), tw_constant(0.0f), flow), .user = &r, .out = out);
    assert_true(run_fed(out[1], x, TW_SHAPE(1, 3)) == 3 + 6 + 12 + 24);
    expect_element(out[1], x, "at run time");
}

static void a_declared_shape_is_that_of_all_elements(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32);
    struct tw_tensor_array_v3_result list = tw_tensor_array_v3(tw_constant(2), .dtype = TW_FLOAT32,
                                                               .element_shape = TW_SHAPE(2, 3));
    tw_tensor flow = tw_tensor_array_write_v3(list.handle, tw_constant(0), x, list.flow);
    reader r = {list.handle, flow, tw_constant(2)}; /* what was not written is zero */
    tw_tensor y = add_all(&r);
    assert_true(run_fed(y, x, TW_SHAPE(2, 3)) == squares(6));
    expect_element(y, x, "float32 (2, 3) ");
    tw_array *bad = tw_array_new(TW_FLOAT32, TW_SHAPE(3, 2)), *out[1] = {NULL};
    tw_status *status = tw_run(session, TW_FETCH(y), .feed = TW_FEED({x, bad}), .out = out);
    assert_non_null(strstr(tw_status_message(status), "incompatible with the TensorArray's"));
    tw_status_free(status);
    tw_array_unref(bad);
}

/* ---- what the plan may not rely on ---- */

static void infer_two(tw_infer *in)
{
    tw_infer_output(in, 0, TW_SHAPE(2));
}

static tw_status *give_input(tw_compute *c)
{
    return tw_compute_forward(c, 0, (tw_array *)tw_compute_input(c, 0));
}

static const tw_op_definition liar = {.size = sizeof(tw_op_definition),
                                      .name = "TestSaysTwo",
                                      .signature = "x: float -> y: float",
                                      .doc = "x, of which it says that it has two elements.",
                                      .infer = infer_two,
                                      .gradient = tw_not_differentiable,
                                      .compute = give_input};

static void what_comes_in_another_shape_than_planned_is_refused(void **state)
{
    (void)state;
    expect_ok(tw_register_op(&liar));
    tw_tensor x = tw_placeholder(TW_FLOAT32);
    tw_graph_add_args args = {
        .size = sizeof args, .type = "TestSaysTwo", .inputs = &x, .input_count = 1};
    tw_operation *op = NULL;
    expect_ok(tw_graph_add(tw_default_graph(), &args, &op));
    tw_tensor two = {op, 0}, y = tw_reduce_sum(two);
    assert_true(run_fed(y, x, TW_SHAPE(2)) == 1);
    tw_array *bad = tw_array_new(TW_FLOAT32, TW_SHAPE(3)), *out[1] = {NULL};
    tw_status *status = tw_run(session, TW_FETCH(y), .feed = TW_FEED({x, bad}), .out = out);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    assert_non_null(
        strstr(tw_status_message(status), "planned with shape (2,), but what came has shape (3,)"));
    tw_status_free(status);
    tw_array_unref(bad);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_of_an_array_have_its_shape_for_each_size_that_is_fed),
        TEST(what_else_is_written_leaves_the_shape_open),
        TEST(what_the_loop_writes_leaves_the_shape_open),
        TEST(a_declared_shape_is_that_of_all_elements),
        TEST(what_comes_in_another_shape_than_planned_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
