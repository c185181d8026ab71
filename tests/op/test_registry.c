/* SPDX-License-Identifier: Apache-2.0
 * The registry: built-in ops, ops from outside, kernels, overrides; from many threads, after
 * fork. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <cmocka.h>

#include "base/os.h"
#include "base/status.h"
#include "op/op.h"

static void expect_status(tw_status *status, tw_code code, const char *message)
{
    assert_non_null(status);
    assert_string_equal(tw_status_message(status), message);
    assert_int_equal(tw_status_code(status), code);
    tw_status_free(status);
}

/* ---- built-in ops ---- */

static void every_built_in_op_parses_and_is_found(void **state)
{
    (void)state;
    size_t count = tw_op_count();
    const char *last = "";
    assert_true(count > 0);
    for (size_t i = 0; i < count && tw_builtin_ops[i].name; i++) {
        const tw_op *op = NULL;
        tw_status *status = tw_op_lookup(tw_builtin_ops[i].name, &op);
        if (status)
            fail_msg("%s: %s", tw_builtin_ops[i].name, tw_status_message(status));
        assert_ptr_equal(tw_op_at(i), op);
        assert_ptr_equal(tw_op_find(tw_op_name(op)), op);
        assert_string_equal(tw_op_get_definition(op)->name, tw_builtin_ops[i].name);
        if (strcmp(last, tw_op_name(op)) >= 0)
            fail_msg("%s stands before %s", last, tw_op_name(op));
        last = tw_op_name(op);
    }
}

static void an_op_is_found_again_whatever_was_looked_for_meanwhile(void **state)
{
    (void)state;
    const tw_op *op;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; tw_builtin_ops[i].name; i++) {
            for (int again = 0; again < 2; again++)
                assert_string_equal(tw_op_name(tw_op_find(tw_builtin_ops[i].name)),
                                    tw_builtin_ops[i].name);
            expect_status(tw_op_lookup("Nobody", &op), TW_NOT_FOUND,
                          "Op type not registered 'Nobody'");
            assert_null(op);
        }
    }
}

static void every_built_in_op_is_documented_and_has_its_parts(void **state)
{
    (void)state;
    for (size_t i = 0; tw_builtin_ops[i].name; i++) {
        const tw_op_definition *d = tw_op_get_definition(tw_op_at(i));
        if (!d->doc || strlen(d->doc) < 10)
            fail_msg("%s has no documentation", d->name);
        if (d->kernel_count && !d->kernels)
            fail_msg("%s has no list of kernels", d->name);
    }
}

static void what_is_not_registered_is_told_apart(void **state)
{
    (void)state;
    const tw_op *op;
    assert_null(tw_op_find("NoSuchOp"));
    assert_null(tw_op_find(NULL));
    expect_status(tw_op_lookup("NoSuchOp", &op), TW_NOT_FOUND, "Op type not registered 'NoSuchOp'");
    expect_status(tw_op_lookup(NULL, &op), TW_INVALID_ARGUMENT, "an op's type is missing");
    assert_null(tw_op_at(SIZE_MAX));
    assert_null(tw_op_name(NULL));
    assert_null(tw_op_get_definition(NULL));
}

/* ---- ops from outside ---- */

static tw_status *first(tw_compute *c)
{
    (void)c;
    return TW_OK;
}

static tw_status *second(tw_compute *c)
{
    (void)c;
    return TW_OK;
}

static tw_op_definition definition(const char *name)
{
    tw_op_definition d = {.size = sizeof d,
                          .name = name,
                          .signature = "x: T -> y: T; T: {float, double, int32}",
                          .doc = "An op of this test.",
                          .compute = first};
    return d;
}

static void an_op_from_outside_is_found_after_the_built_in_ones(void **state)
{
    (void)state;
    size_t count = tw_op_count();
    tw_op_definition d = definition("TestOutside");
    assert_null(tw_register_op(&d));
    assert_int_equal(tw_op_count(), count + 1);
    const tw_op *op = tw_op_find("TestOutside");
    assert_ptr_equal(tw_op_at(count), op);
    assert_ptr_not_equal(tw_op_get_definition(op), &d);
    assert_int_equal(op->input_count, 1);
    expect_status(tw_register_op(&d), TW_ALREADY_EXISTS,
                  "an op named 'TestOutside' is registered already");
    d = definition("Identity");
    expect_status(tw_register_op(&d), TW_ALREADY_EXISTS,
                  "an op named 'Identity' is registered already");
}

static void a_wrong_definition_is_refused_and_not_kept(void **state)
{
    (void)state;
    size_t count = tw_op_count();
    tw_op_definition d = definition("TestWrong");
    expect_status(tw_register_op(NULL), TW_INVALID_ARGUMENT,
                  "tw_register_op: size must be sizeof(tw_op_definition)");
    d.size = 8;
    expect_status(tw_register_op(&d), TW_INVALID_ARGUMENT,
                  "tw_register_op: size must be sizeof(tw_op_definition)");
    static const char *const names[] = {"", "2Test", "Te st", "_Test"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        d = definition(names[i]);
        tw_status *status = tw_register_op(&d);
        assert_non_null(strstr(tw_status_message(status), "is not a valid name of an op"));
        tw_status_free(status);
    }
    d = definition("TestWrong");
    d.signature = NULL;
    expect_status(tw_register_op(&d), TW_INVALID_ARGUMENT, "op TestWrong has no signature");
    d.signature = "x: U -> y: U";
    tw_status *status = tw_register_op(&d);
    assert_non_null(strstr(tw_status_message(status), "signature of op TestWrong"));
    tw_status_free(status);
    assert_int_equal(tw_op_count(), count);
    assert_null(tw_op_find("TestWrong"));
}

static void a_definition_of_an_older_size_has_nothing_in_the_rest(void **state)
{
    (void)state;
    tw_op_definition d = definition("TestOlder");
    d.size = offsetof(tw_op_definition, kernel_count);
    d.kernel_count = 5;
    assert_null(tw_register_op(&d));
    assert_int_equal(tw_op_get_definition(tw_op_find("TestOlder"))->kernel_count, 0);
}

/* ---- kernels ---- */

static const tw_kernel *kernel_for(const char *op, const char *device, tw_dtype dtype,
                                   const char *label)
{
    tw_attr attrs[] = {{.name = "T", .kind = TW_ATTR_TYPE, .value.type = dtype},
                       {.name = "_kernel", .kind = TW_ATTR_STRING}};
    if (label)
        attrs[1].value.s = (tw_bytes){label, strlen(label)};
    return tw_op_kernel(tw_op_find(op), device, attrs, label ? 2 : 1);
}

static void the_first_kernel_that_fits_is_taken_and_later_ones_win(void **state)
{
    (void)state;
    static const tw_kernel kernels[] = {
        {.dtypes = "T: {float}", .compute = first},
        {.dtypes = "T: {float, double}", .compute = second},
    };
    tw_op_definition d = definition("TestKernels");
    d.compute = NULL;
    d.kernels = kernels;
    d.kernel_count = 2;
    assert_null(tw_register_op(&d));
    assert_ptr_equal(kernel_for("TestKernels", NULL, TW_FLOAT32, NULL)->compute, first);
    assert_ptr_equal(kernel_for("TestKernels", "CPU", TW_FLOAT64, NULL)->compute, second);
    assert_null(kernel_for("TestKernels", NULL, TW_INT32, NULL));
    assert_null(kernel_for("TestKernels", "GPU", TW_FLOAT32, NULL));

    tw_kernel added = {.device = "GPU", .compute = second};
    assert_null(tw_register_kernel("TestKernels", &added));
    assert_ptr_equal(kernel_for("TestKernels", "GPU", TW_INT32, NULL)->compute, second);
    added = (tw_kernel){.dtypes = "T: {float}", .compute = second};
    assert_null(tw_register_kernel("TestKernels", &added));
    assert_ptr_equal(kernel_for("TestKernels", NULL, TW_FLOAT32, NULL)->compute, second);
    added = (tw_kernel){.label = "slow", .compute = first};
    assert_null(tw_register_kernel("TestKernels", &added));
    assert_ptr_equal(kernel_for("TestKernels", NULL, TW_FLOAT32, NULL)->compute, second);
    assert_ptr_equal(kernel_for("TestKernels", NULL, TW_INT32, "slow")->compute, first);
    assert_null(kernel_for("TestKernels", NULL, TW_FLOAT32, "fast"));
}

static void wrong_kernels_are_refused(void **state)
{
    (void)state;
    tw_kernel kernel = {.dtypes = "T: {float}"};
    expect_status(tw_register_kernel("Identity", NULL), TW_INVALID_ARGUMENT,
                  "tw_register_kernel: no kernel");
    expect_status(tw_register_kernel("Identity", &kernel), TW_INVALID_ARGUMENT,
                  "a kernel of 'Identity' Op has no compute function");
    kernel.compute = first;
    expect_status(tw_register_kernel("NoSuchOp", &kernel), TW_NOT_FOUND,
                  "Op type not registered 'NoSuchOp'");
    kernel.dtypes = "T: {floot}";
    tw_status *status = tw_register_kernel("Identity", &kernel);
    assert_non_null(strstr(tw_status_message(status), "floot is no dtype"));
    tw_status_free(status);
}

static void a_missing_kernel_is_told_with_its_dtypes(void **state)
{
    (void)state;
    const tw_attr attrs[] = {{.name = "T", .kind = TW_ATTR_TYPE, .value.type = TW_INT32},
                             {.name = "k", .kind = TW_ATTR_INT}};
    tw_spec spec = {.type = "TopK", .name = "top", .attrs = attrs, .attr_count = 2};
    expect_status(tw_op_no_kernel(&spec, NULL), TW_NOT_FOUND,
                  "No registered 'TopK' OpKernel for CPU devices compatible with the attrs "
                  "[T=int32]");
}

/* ---- overrides, threads, fork ---- */

static tw_status *some_gradient(tw_gradient *g)
{
    (void)g;
    return TW_OK;
}

static void some_shape(tw_infer *in, void *user)
{
    (void)in;
    (void)user;
}

static void overrides_are_set_replaced_and_taken_away(void **state)
{
    (void)state;
    int a, b;
    void *user;
    assert_null(tw_global_gradient("Tanh", &user));
    assert_null(tw_set_global_gradient("Tanh", some_gradient, &a));
    assert_ptr_equal(tw_global_gradient("Tanh", &user), some_gradient);
    assert_ptr_equal(user, &a);
    assert_null(tw_set_global_gradient("Tanh", tw_not_differentiable, &b));
    assert_ptr_equal(tw_global_gradient("Tanh", &user), tw_not_differentiable);
    assert_ptr_equal(user, &b);
    assert_null(tw_set_global_gradient("Tanh", NULL, NULL));
    assert_null(tw_global_gradient("Tanh", &user));
    assert_null(tw_global_shape("Tanh", &user));
    assert_null(tw_set_global_shape("Tanh", some_shape, &a));
    assert_ptr_equal(tw_global_shape("Tanh", &user), some_shape);
    expect_status(tw_set_global_shape(NULL, some_shape, NULL), TW_INVALID_ARGUMENT,
                  "an override needs the name of an op");
    assert_null(tw_not_differentiable(NULL));
}

static void look_up_all(void *found)
{
    for (size_t round = 0; round < 20; round++)
        for (size_t i = 0; tw_builtin_ops[i].name; i++)
            *(size_t *)found += tw_op_find(tw_builtin_ops[i].name) != NULL;
}

static void many_threads_look_up_at_once(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    tw_thread threads[THREADS];
    size_t found[THREADS] = {0}, count = 0;
    while (tw_builtin_ops[count].name)
        count++;
    for (size_t i = 0; i < THREADS; i++)
        assert_true(tw_thread_start(&threads[i], look_up_all, &found[i]));
    for (size_t i = 0; i < THREADS; i++) {
        tw_thread_join(&threads[i]);
        assert_int_equal(found[i], 20 * count);
    }
}

#if !defined(_WIN32)
static void a_child_of_fork_can_look_up_and_register(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        tw_op_definition d = definition("TestInChild");
        bool good = tw_op_find("Identity") && !tw_register_op(&d) && tw_op_find("TestInChild");
        _exit(good ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_null(tw_op_find("TestInChild"));
}
#endif

static void a_signature_is_read_part_by_part(void **state)
{
    (void)state;
    const tw_op *op = tw_op_find("MatMul");
    assert_string_equal(tw_op_input(op, 1)->name, "b");
    assert_string_equal(tw_op_input(op, 1)->type_attr, "T");
    assert_null(tw_op_input(op, 2));
    assert_string_equal(tw_op_output(op, 0)->name, "product");
    assert_null(tw_op_output(op, 1));
    const tw_op_attr *attr = tw_op_attribute(op, 0);
    assert_string_equal(attr->name, "transpose_a");
    assert_true(attr->has_default);
    assert_int_equal(attr->kind, TW_ATTR_BOOL);
    assert_null(tw_op_attribute(op, 3));
    assert_null(tw_op_attribute(NULL, 0));
    assert_null(tw_op_input(NULL, 0));
    assert_null(tw_op_output(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_threads_look_up_at_once),
        cmocka_unit_test(every_built_in_op_parses_and_is_found),
        cmocka_unit_test(an_op_is_found_again_whatever_was_looked_for_meanwhile),
        cmocka_unit_test(every_built_in_op_is_documented_and_has_its_parts),
        cmocka_unit_test(a_signature_is_read_part_by_part),
        cmocka_unit_test(what_is_not_registered_is_told_apart),
        cmocka_unit_test(an_op_from_outside_is_found_after_the_built_in_ones),
        cmocka_unit_test(a_wrong_definition_is_refused_and_not_kept),
        cmocka_unit_test(a_definition_of_an_older_size_has_nothing_in_the_rest),
        cmocka_unit_test(the_first_kernel_that_fits_is_taken_and_later_ones_win),
        cmocka_unit_test(wrong_kernels_are_refused),
        cmocka_unit_test(a_missing_kernel_is_told_with_its_dtypes),
        cmocka_unit_test(overrides_are_set_replaced_and_taken_away),
#if !defined(_WIN32)
        cmocka_unit_test(a_child_of_fork_can_look_up_and_register),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
