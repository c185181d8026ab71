/* SPDX-License-Identifier: Apache-2.0
 * Operations computed by themselves: outputs, variables, state, workspace, and what an error says.
 * The ops are made here, so that each shows one thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/status.h"
#include "op/compute.h"
#include "op/shapes.h"
#include "support/failing_allocator.h"

static void expect_status(tw_status *status, tw_code code, const char *message)
{
    assert_non_null(status);
    assert_string_equal(tw_status_message(status), message);
    assert_int_equal(tw_status_code(status), code);
    tw_status_free(status);
}

static float at(const tw_array *array, size_t index)
{
    return (float)tw_array_get(array, index);
}

/* ---- the ops of this test ---- */

/* y = x * factor, with the factor put into the state and the products into the workspace first. */
static tw_status *scale_prepare(tw_compute *c, void *state)
{
    *(float *)state = (float)tw_compute_float(c, "factor");
    return TW_OK;
}

static size_t scale_workspace(const tw_compute *c)
{
    return tw_compute_input(c, 0)->count * sizeof(float);
}

static tw_status *scale(tw_compute *c)
{
    float *work = tw_compute_workspace(c), factor = *(float *)tw_compute_state(c);
    const float *x = tw_compute_input(c, 0)->data;
    size_t count = tw_compute_input(c, 0)->count;
    if ((uintptr_t)work % 64 != 0)
        return tw_compute_fail(c, "the workspace is not aligned");
    for (size_t i = 0; i < count; i++)
        work[i] = x[i] * factor;
    memcpy(tw_compute_output(c, 0)->data, work, count * sizeof(float));
    return TW_OK;
}

static tw_status *refuse(tw_compute *c)
{
    return tw_compute_fail(c, "not like this: %d", 7);
}

/* The elements that are not zero: a size that no rule knows. */
static tw_status *keep(tw_compute *c)
{
    const tw_array *x = tw_compute_input(c, 0);
    tw_array *y;
    size_t count = 0;
    for (size_t i = 0; i < x->count; i++)
        count += at(x, i) != 0;
    TW_TRY(tw_compute_allocate(c, 0, TW_SHAPE((int64_t)count), &y));
    count = 0;
    for (size_t i = 0; i < x->count; i++)
        if (at(x, i) != 0)
            ((float *)y->data)[count++] = at(x, i);
    return TW_OK;
}

static tw_status *assign(tw_compute *c)
{
    const tw_array *value = tw_compute_input(c, 1);
    tw_array *variable;
    TW_TRY(tw_compute_ref_assign(c, 0, tw_array_shape(value), &variable));
    memcpy(variable->data, value->data, tw_array_bytes(value));
    return TW_OK;
}

static tw_status *increment(tw_compute *c)
{
    tw_array *variable;
    TW_TRY(tw_compute_ref_get(c, 0, &variable));
    for (size_t i = 0; i < variable->count; i++)
        ((float *)variable->data)[i] += 1;
    return TW_OK;
}

static int made, freed;

static tw_status *make_counter(tw_compute *c, void **out)
{
    (void)c;
    *out = TW_NEW(int);
    made += *out != NULL;
    return *out ? TW_OK : tw_no_memory();
}

static void free_counter(void *object)
{
    freed++;
    tw_free(object);
}

static const tw_state_class counter = {
    .size = sizeof(int), .name = "counter", .make = make_counter, .free = free_counter};

static tw_status *count(tw_compute *c)
{
    void *mine, *again, *other;
    TW_TRY(tw_compute_resource(c, &counter, NULL, &mine));
    TW_TRY(tw_compute_resource(c, &counter, tw_compute_name(c), &again));
    TW_TRY(tw_compute_resource(c, &counter, "other", &other));
    ((int32_t *)tw_compute_output(c, 0)->data)[0] = (mine == again) + 2 * (mine != other);
    return TW_OK;
}

static tw_status *wait(tw_compute *c)
{
    return tw_compute_wait(c);
}

static tw_status *ask_waker(tw_compute *c)
{
    tw_waker *waker;
    return tw_compute_waker(c, &waker);
}

static tw_status *do_nothing(tw_compute *c)
{
    (void)c;
    return TW_OK;
}

static const tw_op_definition ops[] = {
    {.name = "TestScale",
     .signature = "x: float -> y: float; factor: float = 2",
     .infer = tw_infer_same,
     .compute = scale,
     .prepare = scale_prepare,
     .state_size = sizeof(float),
     .workspace = scale_workspace},
    {.name = "TestRefuse",
     .signature = "x: T, l: N * T -> y: T; N: int; T: type",
     .infer = tw_infer_same,
     .compute = refuse},
    {.name = "TestKeep", .signature = "x: float -> y: float", .compute = keep},
    {.name = "TestNothing", .signature = "x: float -> y: float", .compute = do_nothing},
    {.name = "TestNoKernel", .signature = "x: T -> y: T; T: type", .infer = tw_infer_same},
    {.name = "TestAlias",
     .signature = "x: T -> y: T; T: type",
     .infer = tw_infer_same,
     .flags = TW_OP_ALIAS,
     .compute = tw_compute_alias},
    {.name = "TestWrongAlias",
     .signature = "x: T -> y: T; T: type",
     .infer = tw_infer_scalar_output,
     .flags = TW_OP_ALIAS,
     .compute = tw_compute_alias},
    {.name = "TestCopy", .signature = "x: T -> y: T; T: type", .compute = tw_compute_alias},
    {.name = "TestAssign",
     .signature = "ref: Ref(T), value: T -> out: Ref(T); T: type",
     .flags = TW_OP_READS_UNINITIALIZED,
     .compute = assign},
    {.name = "TestIncrement",
     .signature = "ref: Ref(float) -> out: Ref(float)",
     .compute = increment},
    {.name = "TestCount",
     .signature = "-> n: int32",
     .infer = tw_infer_scalar_output,
     .compute = count},
    {.name = "TestWait", .signature = "->", .compute = wait},
    {.name = "TestWaker", .signature = "->", .compute = ask_waker},
};

static int register_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        tw_op_definition d = ops[i];
        d.size = sizeof d;
        d.doc = "An op of this test.";
        assert_null(tw_register_op(&d));
    }
    return 0;
}

static tw_array *vector(void)
{
    return tw_array_copy_of(TW_FLOAT32, TW_SHAPE(3), (float[]){1, 0, 3});
}

/* ---- without a graph ---- */

static void a_kernel_gets_state_workspace_attributes_and_outputs(void **state)
{
    (void)state;
    tw_array *x = vector(), *y;
    assert_null(tw_op_evaluate("TestScale", NULL, 0, &x, 1, &y, 1));
    assert_true(at(y, 0) == 2 && at(y, 1) == 0 && at(y, 2) == 6);
    tw_array_unref(y);
    tw_attr factor = {.name = "factor", .kind = TW_ATTR_FLOAT, .value.f = 0.5f};
    assert_null(tw_op_evaluate("TestScale", &factor, 1, &x, 1, &y, 1));
    assert_true(at(y, 2) == 1.5f);
    tw_array_unref(y);
    tw_array_unref(x);
}

static void sizes_may_be_known_by_the_kernel_alone(void **state)
{
    (void)state;
    tw_array *x = vector(), *y;
    assert_null(tw_op_evaluate("TestKeep", NULL, 0, &x, 1, &y, 1));
    assert_string_equal(tw_shape_text(tw_array_shape(y)).s, "(2,)");
    assert_true(at(y, 1) == 3);
    tw_array_unref(y);
    assert_null(tw_op_evaluate("TestCopy", NULL, 0, &x, 1, &y, 1));
    assert_true(y->data != x->data && at(y, 2) == 3);
    tw_array_unref(y);
    tw_array_unref(x);
}

static void an_alias_shares_the_memory(void **state)
{
    (void)state;
    tw_array *x = vector(), *y;
    assert_null(tw_op_evaluate("TestAlias", NULL, 0, &x, 1, &y, 1));
    assert_ptr_equal(y->data, x->data);
    tw_array_unref(y);
    expect_status(tw_op_evaluate("TestWrongAlias", NULL, 0, &x, 1, &y, 1), TW_INTERNAL,
                  "TestWrongAlias 'TestWrongAlias': the shape rule of 'TestWrongAlias' changes the "
                  "number of elements | x: float32 (3,)");
    tw_array_unref(x);
}

static void an_error_names_the_operation_and_its_inputs(void **state)
{
    (void)state;
    tw_array *inputs[] = {vector(), tw_array_scalar(TW_FLOAT32, 1)}, *y;
    tw_status *status = tw_op_evaluate("TestRefuse", NULL, 0, inputs, 2, &y, 1);
    assert_int_equal(tw_status_phase(status), TW_PHASE_RUN);
    assert_int_equal(tw_status_kind(status), TW_KIND_VALUE);
    assert_string_equal(tw_status_operation(status), "TestRefuse");
    assert_null(y);
    expect_status(status, TW_INVALID_ARGUMENT,
                  "TestRefuse 'TestRefuse': not like this: 7 | x: float32 (3,) | l[0]: float32 ()");
    tw_array_unref(inputs[0]);
    tw_array_unref(inputs[1]);
}

static void the_users_line_is_told(void **state)
{
    (void)state;
    const tw_attr attrs[] = {{.name = "N", .kind = TW_ATTR_INT, .value.i = 0},
                             {.name = "T", .kind = TW_ATTR_TYPE, .value.type = TW_FLOAT32}};
    tw_spec spec = {.op = tw_op_find("TestRefuse"),
                    .type = "TestRefuse",
                    .name = "net/no",
                    .attrs = attrs,
                    .attr_count = 2,
                    .where = {"train.c", 35}};
    tw_array *x = vector(), *y;
    expect_status(tw_evaluate(&spec, &x, 1, 0, 1, &y, 1), TW_INVALID_ARGUMENT,
                  "TestRefuse 'net/no': not like this: 7 | x: float32 (3,) | made at train.c:35");
    assert_string_equal(tw_spec_input_name(&spec, 0).s, "x");
    assert_string_equal(tw_spec_input_name(&spec, 1).s, "input 1");
    tw_array_unref(x);
}

static void wrong_calls_are_refused(void **state)
{
    (void)state;
    tw_array *x = vector(), *none = NULL, *y[2];
    expect_status(tw_op_evaluate("NoSuchOp", NULL, 0, &x, 1, y, 1), TW_NOT_FOUND,
                  "Op type not registered 'NoSuchOp'");
    expect_status(tw_op_evaluate("TestScale", NULL, 0, &none, 1, y, 1), TW_INVALID_ARGUMENT,
                  "input 0 of TestScale is NULL");
    expect_status(tw_op_evaluate("TestScale", NULL, 0, &x, 1, y, 2), TW_INVALID_ARGUMENT,
                  "TestScale has 1 outputs, room for 2 was given");
    expect_status(tw_op_evaluate("TestScale", NULL, 0, &x, 0, y, 1), TW_INVALID_ARGUMENT,
                  "'TestScale' Op takes the inputs (x), got 0 of them");
    expect_status(tw_op_evaluate("TestNothing", NULL, 0, &x, 1, y, 1), TW_INTERNAL,
                  "TestNothing 'TestNothing': the kernel of 'TestNothing' made no output 0 | "
                  "x: float32 (3,)");
    expect_status(tw_op_evaluate("TestNoKernel", NULL, 0, &x, 1, y, 1), TW_NOT_FOUND,
                  "TestNoKernel 'TestNoKernel': No registered 'TestNoKernel' OpKernel for CPU "
                  "devices compatible with the attrs [T=float32] | x: float32 (3,)");
    tw_array_unref(x);
}

static void what_waits_needs_a_session(void **state)
{
    (void)state;
    expect_status(tw_op_evaluate("TestWait", NULL, 0, NULL, 0, NULL, 0), TW_UNIMPLEMENTED,
                  "TestWait 'TestWait': only a session can run 'TestWait', which waits");
    expect_status(tw_op_evaluate("TestWaker", NULL, 0, NULL, 0, NULL, 0), TW_UNIMPLEMENTED,
                  "TestWaker 'TestWaker': only a session can run 'TestWaker', which may wait");
    assert_true(tw_status_is_wait(tw_compute_wait(NULL)));
    assert_false(tw_status_is_wait(NULL));
}

static void state_lives_as_long_as_the_evaluation(void **state)
{
    (void)state;
    tw_array *y;
    made = freed = 0;
    assert_null(tw_op_evaluate("TestCount", NULL, 0, NULL, 0, &y, 1));
    assert_true(tw_array_item(y) == 3);
    assert_int_equal(made, 2);
    assert_int_equal(freed, 2);
    tw_array_unref(y);
}

/* ---- variables ---- */

static tw_spec spec_of(const char *type, const tw_attr *attrs, size_t attr_count)
{
    return (tw_spec){.op = tw_op_find(type),
                     .type = type,
                     .name = "v",
                     .attrs = attrs,
                     .attr_count = attr_count};
}

static const tw_attr is_float = {.name = "T", .kind = TW_ATTR_TYPE, .value.type = TW_FLOAT32};

static void a_variable_is_written_in_place_or_anew(void **state)
{
    (void)state;
    tw_spec spec = spec_of("TestAssign", &is_float, 1);
    tw_array *inputs[] = {NULL, vector()}, *out;
    assert_null(tw_evaluate(&spec, inputs, 2, 1, 1, &out, 1));
    assert_ptr_equal(out, inputs[0]);
    assert_true(at(inputs[0], 2) == 3);
    tw_array_unref(out);
    const void *memory = inputs[0]->data;
    assert_null(tw_evaluate(&spec, inputs, 2, 1, 1, &out, 1));
    assert_ptr_equal(inputs[0]->data, memory);
    tw_array_unref(out);
    /* Somebody else holds the value: it must not change there. */
    tw_array *held = tw_array_reshape(inputs[0], TW_SHAPE(3, 1));
    assert_null(tw_evaluate(&spec, inputs, 2, 1, 1, &out, 1));
    assert_ptr_not_equal(inputs[0]->data, memory);
    tw_array_unref(held);
    tw_array_unref(out);
    tw_array_unref(inputs[0]);
    tw_array_unref(inputs[1]);
}

static void an_uninitialized_variable_is_refused(void **state)
{
    (void)state;
    tw_spec spec = spec_of("TestIncrement", NULL, 0);
    tw_array *variable = NULL, *out;
    tw_status *status = tw_evaluate(&spec, &variable, 1, 1, 1, &out, 1);
    assert_int_equal(tw_status_kind(status), TW_KIND_STATE);
    expect_status(status, TW_FAILED_PRECONDITION,
                  "TestIncrement 'v': Attempting to use uninitialized value ref | "
                  "ref: not initialized");
    variable = vector();
    expect_status(tw_evaluate(&spec, &variable, 1, 0, 1, &out, 1), TW_INTERNAL,
                  "TestIncrement 'v': input 0 is no variable | ref: float32 (3,)");
    tw_array_unref(variable);
}

static void without_a_graph_a_copy_stands_for_the_variable(void **state)
{
    (void)state;
    tw_array *variable = vector(), *out;
    assert_null(tw_op_evaluate("TestIncrement", NULL, 0, &variable, 1, &out, 1));
    assert_true(at(out, 0) == 2 && at(variable, 0) == 1);
    tw_array_unref(out);
    tw_array_unref(variable);
}

static void short_memory_is_a_status_and_leaks_nothing(void **state)
{
    (void)state;
    tw_array *x = vector();
    static const char *const types[] = {"TestScale", "TestKeep", "TestAlias", "TestIncrement"};
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        size_t live = failing_allocator_live();
        for (size_t n = 1; failing_allocator_next(n); n++) {
            tw_array *y = NULL;
            tw_status *status = tw_op_evaluate(types[k], NULL, 0, &x, 1, &y, 1);
            if (status)
                assert_int_equal(tw_status_kind(status), TW_KIND_MEMORY);
            tw_status_free(status);
            tw_array_unref(y);
            assert_int_equal(failing_allocator_live(), live);
        }
    }
    tw_array_unref(x);
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kernel_gets_state_workspace_attributes_and_outputs),
        cmocka_unit_test(sizes_may_be_known_by_the_kernel_alone),
        cmocka_unit_test(an_alias_shares_the_memory),
        cmocka_unit_test(an_error_names_the_operation_and_its_inputs),
        cmocka_unit_test(the_users_line_is_told),
        cmocka_unit_test(wrong_calls_are_refused),
        cmocka_unit_test(what_waits_needs_a_session),
        cmocka_unit_test(state_lives_as_long_as_the_evaluation),
        cmocka_unit_test(a_variable_is_written_in_place_or_anew),
        cmocka_unit_test(an_uninitialized_variable_is_refused),
        cmocka_unit_test(without_a_graph_a_copy_stands_for_the_variable),
        cmocka_unit_test(short_memory_is_a_status_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, register_all, NULL);
}
