/* SPDX-License-Identifier: Apache-2.0
 * Clipping of values and norms against TensorFlow's numbers, gradients included. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/golden_records.h"
#include "thalweg/thalweg.h"

static tw_tensor clip(const char *python, tw_tensor x)
{
    if (strstr(python, "clip_by_value"))
        return tw_clip_by_value(x, -1, 1.5);
    if (strstr(python, "axes"))
        return tw_clip_by_norm(x, 2, .axes = TW_AXES(0));
    return strstr(python, "average") ? tw_clip_by_average_norm(x, 0.5) : tw_clip_by_norm(x, 2);
}

static void compare(const golden_record *record, tw_tensor tensor, const char *text)
{
    tw_session *session = tw_session_new(NULL);
    tw_array *got = NULL, *want = golden_array(text);
    if (tw_graph_status(tw_default_graph()))
        fail_msg("%s: %s", record->lines[0],
                 tw_status_message(tw_graph_status(tw_default_graph())));
    TW_CHECK(tw_run(session, TW_FETCH(tensor), .out = &got));
    golden_check(record->lines[0], got, want, 2e-6);
    tw_array_unref(got);
    tw_array_unref(want);
    tw_session_free(session);
}

static tw_tensor input(const char *text)
{
    tw_array *array = golden_array(text);
    tw_tensor x = tw_constant(array);
    tw_array_unref(array);
    return x;
}

static void check_one(const golden_record *record)
{
    tw_tensor x = input(golden_find(record, "in x"));
    tw_tensor y = clip(golden_find(record, "python"), x);
    compare(record, y, golden_find(record, "out y"));
    const char *grad = golden_find(record, "grad_of_sum x");
    if (grad)
        compare(record, tw_grad_tensor(tw_gradients(TW_LIST(y), TW_LIST(x)).grads[0]), grad);
}

static void check_many(const golden_record *record)
{
    tw_tensor xs[8] = {{NULL, 0}};
    size_t count = 0;
    char key[32];
    for (; count < 8; count++) {
        snprintf(key, sizeof key, "in x%zu", count);
        const char *text = golden_find(record, key);
        if (!text)
            break;
        if (strcmp(text, "none") != 0)
            xs[count] = input(text);
    }
    double bound = strstr(golden_find(record, "python"), "100") ? 100 : 1;
    struct tw_clip_by_global_norm_result all = tw_clip_by_global_norm(((tw_tensors){xs, count}),
                                                                      bound);
    assert_int_equal(all.clipped.count, count);
    compare(record, all.norm, golden_find(record, "out norm"));
    for (size_t i = 0; i < count; i++) {
        snprintf(key, sizeof key, "out y%zu", i);
        if (xs[i].op)
            compare(record, all.clipped.items[i], golden_find(record, key));
        else
            assert_false(tw_tensor_valid(all.clipped.items[i]));
    }
}

static void check(const golden_record *record, void *user)
{
    (void)user;
    tw_reset_default_graph();
    if (golden_find(record, "in x"))
        check_one(record);
    else
        check_many(record);
}

static void clipping_is_tensorflows(void **state)
{
    (void)state;
    assert_true(golden_records_each("train/clip.txt", check, NULL) >= 27);
}

static void names_are_tensorflows(void **state)
{
    (void)state;
    static const char *const names[] = {"clip_by_norm/mul",
                                        "clip_by_norm/Sum",
                                        "clip_by_norm/Greater",
                                        "clip_by_norm/Sqrt",
                                        "clip_by_norm/Select_1",
                                        "clip_by_norm/Maximum",
                                        "clip_by_norm/truediv",
                                        "clip_by_norm",
                                        "global_norm/L2Loss",
                                        "global_norm/L2Loss_1",
                                        "global_norm/stack",
                                        "global_norm/Sum",
                                        "global_norm/mul",
                                        "global_norm/global_norm",
                                        "clip_by_global_norm/truediv",
                                        "clip_by_global_norm/IsFinite",
                                        "clip_by_global_norm/Select",
                                        "clip_by_global_norm/clip_by_global_norm/_0"};
    tw_reset_default_graph();
    tw_tensor x = tw_constant(TW_INTS(3, 4), .dtype = TW_FLOAT32);
    tw_clip_by_norm(x, 1);
    tw_clip_by_global_norm(TW_LIST(x, x), 1);
    assert_null(tw_graph_status(tw_default_graph()));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!tw_graph_operation(tw_default_graph(), names[i]))
            fail_msg("there is no operation '%s'", names[i]);
    }
}

static void gradients_are_clipped_before_they_are_applied(void **state)
{
    (void)state;
    tw_reset_default_graph();
    tw_tensor v = tw_variable(tw_zeros(TW_SHAPE(2)), .name = "v");
    tw_tensor table = tw_variable(tw_zeros(TW_SHAPE(3, 1)), .name = "table");
    tw_tensor loss = tw_add(tw_mul(tw_reduce_sum(v), 3),
                            tw_reduce_sum(tw_mul(tw_gather(table, TW_INTS(1)), 4)));
    tw_tensor variables[] = {v, table}, norm;
    tw_optimizer descent = tw_gradient_descent(.learning_rate = 1);
    tw_grads grads = tw_compute_gradients(descent, loss, ((tw_tensors){variables, 2}));
    grads = tw_clip_gradients(grads, 1, &norm);
    assert_int_equal(grads.grads[1].kind, TW_GRAD_SLICES);
    tw_tensor train = tw_apply_gradients(descent, grads, ((tw_tensors){variables, 2}));
    assert_null(tw_graph_status(tw_default_graph()));
    tw_session *session = tw_session_new(NULL);
    tw_array *out[3] = {NULL};
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    TW_CHECK(tw_run(session, TW_FETCH(norm), .target = TW_FETCH(train), .out = out));
    TW_CHECK(tw_session_get(session, v, &out[1]));
    TW_CHECK(tw_session_get(session, table, &out[2]));
    double length = sqrt(3 * 3 + 3 * 3 + 4 * 4);
    assert_true(fabs(tw_array_item(out[0]) - length) < 1e-5);
    assert_true(fabs(tw_array_get(out[1], 1) + 3 / length) < 1e-6);
    assert_true(fabs(tw_array_get(out[2], 1) + 4 / length) < 1e-6);
    assert_true(tw_array_get(out[2], 0) == 0);
    for (size_t i = 0; i < 3; i++)
        tw_array_unref(out[i]);
    tw_session_free(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clipping_is_tensorflows),
        cmocka_unit_test(names_are_tensorflows),
        cmocka_unit_test(gradients_are_clipped_before_they_are_applied),
    };
    int failed = cmocka_run_group_tests_name("clip", tests, NULL, NULL);
    tw_reset_default_graph();
    return failed;
}
