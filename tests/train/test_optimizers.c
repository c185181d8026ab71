/* SPDX-License-Identifier: Apache-2.0
 * Ten steps of every optimizer against TensorFlow's: dense, sparse and repeated rows, float and
 * double; names and order of the nodes; what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/golden_records.h"
#include "thalweg/thalweg.h"

/* ---- TensorFlow's steps ---- */

typedef struct known_optimizer {
    const char *python;
    tw_optimizer optimizer;
} known_optimizer;

/* One variable that a record trains, on a graph of its own. */
typedef struct training {
    const golden_record *record;
    tw_session *session;
    tw_tensor v, grad, indices, train;
    tw_array *grad_value, *index_value;
    size_t steps, compared;
} training;

static void build(training *t, tw_optimizer optimizer)
{
    tw_reset_default_graph();
    tw_array *start = golden_array(golden_find(t->record, "var v"));
    bool sparse = golden_find(t->record, "indices") != NULL;
    tw_dtype dtype = tw_array_dtype(start);
    t->v = tw_variable(start, .name = "v");
    t->grad = tw_placeholder(dtype, .name = "grad");
    tw_grad grad = tw_grad_of(t->grad);
    if (sparse) {
        t->indices = tw_placeholder(TW_INT32, .shape = TW_SHAPE(-1), .name = "indices");
        grad = (tw_grad){TW_GRAD_SLICES, t->grad, t->indices, {NULL, 0}};
    } else {
        TW_CHECK(tw_tensor_set_shape(t->grad, TW_SHAPE(3, 2)));
    }
    t->train = tw_apply_gradients(optimizer, ((tw_grads){&grad, 1}), TW_LIST(t->v));
    assert_null(tw_graph_status(tw_default_graph()));
    t->session = tw_session_new(NULL);
    TW_CHECK(tw_run(t->session, TW_FETCH(tw_global_variables_initializer())));
    tw_array_unref(start);
}

static void run_step(training *t)
{
    tw_feed feeds[] = {{t->grad, t->grad_value}, {t->indices, t->index_value}};
    if (!t->grad_value)
        return;
    TW_CHECK(tw_run(t->session, TW_FETCH(t->train), .feed = {feeds, t->index_value ? 2 : 1}));
    tw_array_unref(t->grad_value);
    tw_array_unref(t->index_value);
    t->grad_value = t->index_value = NULL;
    t->steps++;
}

static void check_value(training *t, const char *name, const char *text)
{
    char tensor[128];
    tw_tensor variable;
    tw_array *got = NULL, *want = golden_array(text);
    snprintf(tensor, sizeof tensor, "%s:0", name);
    TW_CHECK(tw_graph_tensor(tw_session_graph(t->session), tensor, &variable));
    TW_CHECK(tw_session_get(t->session, variable, &got));
    bool exact = tw_array_dtype(want) == TW_FLOAT64;
    golden_check(t->record->lines[0], got, want, exact ? 1e-13 : 3e-6);
    tw_array_unref(got);
    tw_array_unref(want);
    t->compared++;
}

/* "NAME DTYPE [dims] values": splits the name off. */
static void check_named(training *t, const char *rest)
{
    char name[96];
    const char *space = strchr(rest, ' ');
    snprintf(name, sizeof name, "%.*s", (int)(space - rest), rest);
    check_value(t, name, space + 1);
}

static void follow(training *t)
{
    const char *rest;
    for (size_t i = 0; i < t->record->count; i++) {
        if ((rest = golden_after(t->record, i, "slot"))) {
            check_named(t, strchr(rest, ' ') + 1);
        } else if ((rest = golden_after(t->record, i, "extra"))) {
            check_named(t, rest);
        } else if ((rest = golden_after(t->record, i, "indices"))) {
            t->index_value = golden_array(rest);
        } else if ((rest = golden_after(t->record, i, "grad"))) {
            t->grad_value = golden_array(rest);
        } else if ((rest = golden_after(t->record, i, "value"))) {
            run_step(t);
            check_named(t, rest);
        }
    }
}

static void train_one(const golden_record *record, void *user)
{
    const known_optimizer *known = user;
    training t = {.record = record};
    const char *python = golden_find(record, "python");
    assert_non_null(strstr(python, known->python));
    build(&t, known->optimizer);
    follow(&t);
    assert_int_equal(t.steps, 10);
    assert_true(t.compared >= 10);
    tw_session_free(t.session);
}

static void compare(const char *file, const char *python, tw_optimizer optimizer)
{
    char path[128];
    known_optimizer known = {python, optimizer};
    snprintf(path, sizeof path, "train/optimizers/%s.txt", file);
    assert_true(golden_records_each(path, train_one, &known) >= 5);
}

static void gradient_descent_steps_as_tensorflow(void **state)
{
    (void)state;
    compare("GradientDescent", "GradientDescentOptimizer(0.1)",
            tw_gradient_descent(.learning_rate = 0.1));
}

static void momentum_steps_as_tensorflow(void **state)
{
    (void)state;
    compare("Momentum", "MomentumOptimizer(0.1, 0.9)",
            tw_momentum(.learning_rate = 0.1, .momentum = 0.9));
    compare("Nesterov", "use_nesterov=True",
            tw_momentum(.learning_rate = 0.1, .momentum = 0.9, .use_nesterov = true));
}

static void adagrad_steps_as_tensorflow(void **state)
{
    (void)state;
    compare("Adagrad", "AdagradOptimizer(0.1)", tw_adagrad(.learning_rate = 0.1));
    compare("Adagrad_acc1", "initial_accumulator_value=1.0",
            tw_adagrad(.learning_rate = 0.1, .initial_accumulator_value = 1));
}

static void rmsprop_steps_as_tensorflow(void **state)
{
    (void)state;
    compare("RMSProp", "RMSPropOptimizer(0.1)", tw_rmsprop(.learning_rate = 0.1));
    compare("RMSProp_args", "decay=0.8, momentum=0.5, epsilon=0.01",
            tw_rmsprop(.learning_rate = 0.1, .decay = 0.8, .momentum = 0.5, .epsilon = 0.01));
}

static void adam_steps_as_tensorflow(void **state)
{
    (void)state;
    compare("Adam", "AdamOptimizer(0.1)", tw_adam(.learning_rate = 0.1));
    compare("Adam_default", "AdamOptimizer()", tw_adam(.epsilon = 1e-8));
    compare("Adam_args", "0.05, beta1=0.8, beta2=0.9, epsilon=0.1",
            tw_adam(.learning_rate = 0.05, .beta1 = 0.8, .beta2 = 0.9, .epsilon = 0.1));
}

/* ---- the graph ---- */

static void check_names(const char *const *names, size_t count)
{
    tw_graph *graph = tw_default_graph();
    assert_null(tw_graph_status(graph));
    for (size_t i = 0; i < count; i++) {
        if (!tw_graph_operation(graph, names[i]))
            fail_msg("there is no operation '%s'", names[i]);
    }
}

static void minimize_makes_tensorflows_nodes(void **state)
{
    (void)state;
    static const char *const names[] = {"gradients/Shape",
                                        "gradients/grad_ys_0",
                                        "gradients/Fill",
                                        "gradients/AddN",
                                        "v/Momentum/Initializer/zeros",
                                        "v/Momentum",
                                        "v/Momentum/Assign",
                                        "v/Momentum/read",
                                        "Momentum/learning_rate",
                                        "Momentum/momentum",
                                        "Momentum/update_v/ApplyMomentum",
                                        "Momentum/update",
                                        "Momentum/value",
                                        "Momentum"};
    tw_reset_default_graph();
    tw_tensor v = tw_variable(1.0, .name = "v");
    tw_tensor step = tw_variable(0, .name = "global_step", .trainable = false);
    tw_tensor train = tw_minimize(tw_momentum(.learning_rate = 0.1, .momentum = 0.9), tw_mul(v, v),
                                  .global_step = step);
    check_names(names, sizeof names / sizeof *names);
    assert_string_equal(tw_tensor_name(train).s, "Momentum");
    assert_int_equal(train.index, -1);
}

static void variables_of_adam_are_named_and_ordered_as_tensorflows(void **state)
{
    (void)state;
    static const char *const names[] = {"v", "beta1_power", "beta2_power", "v/Adam", "v/Adam_1"};
    tw_reset_default_graph();
    tw_tensor v = tw_variable(1.0, .name = "v");
    tw_minimize(tw_adam(.learning_rate = 0.1), tw_mul(v, v));
    assert_null(tw_graph_status(tw_default_graph()));
    tw_tensors all = tw_global_variables();
    assert_int_equal(all.count, 5);
    for (size_t i = 0; i < all.count; i++)
        assert_string_equal(tw_operation_name(all.items[i].op), names[i]);
    assert_int_equal(tw_trainable_variables().count, 1);
}

static void slots_are_found_by_their_names(void **state)
{
    (void)state;
    tw_reset_default_graph();
    tw_tensor v = tw_variable(1.0, .name = "v"), other = tw_variable(1.0, .name = "other");
    tw_optimizer adam = tw_adam(.learning_rate = 0.1);
    assert_false(tw_tensor_valid(tw_optimizer_slot(adam, v, "m")));
    tw_minimize(adam, tw_mul(v, v));
    assert_string_equal(tw_tensor_name(tw_optimizer_slot(adam, v, "m")).s, "v/Adam:0");
    assert_string_equal(tw_tensor_name(tw_optimizer_slot(adam, v, "v")).s, "v/Adam_1:0");
    assert_false(tw_tensor_valid(tw_optimizer_slot(adam, other, "m")));
    assert_false(tw_tensor_valid(tw_optimizer_slot(adam, v, "momentum")));
}

static void one_optimizer_used_twice_shares_its_slots(void **state)
{
    (void)state;
    tw_reset_default_graph();
    tw_tensor v = tw_variable(1.0, .name = "v");
    tw_optimizer adam = tw_adam(.learning_rate = 0.1);
    tw_minimize(adam, tw_mul(v, v));
    tw_minimize(adam, tw_mul(v, 2));
    assert_null(tw_graph_status(tw_default_graph()));
    assert_int_equal(tw_global_variables().count, 5);
    tw_minimize(tw_adam(.learning_rate = 0.1), tw_mul(v, v));
    assert_int_equal(tw_global_variables().count, 9);
}

static void the_global_step_counts_updates(void **state)
{
    (void)state;
    tw_reset_default_graph();
    tw_tensor v = tw_variable(1.0, .name = "v");
    tw_tensor step = tw_variable((int64_t)0, .name = "step", .trainable = false);
    tw_tensor train = tw_minimize(tw_gradient_descent(.learning_rate = 0.1), tw_mul(v, v),
                                  .global_step = step);
    tw_session *session = tw_session_new(NULL);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    for (int i = 0; i < 3; i++)
        TW_CHECK(tw_run(session, TW_FETCH(train)));
    tw_array *value = NULL, *count = NULL;
    TW_CHECK(tw_session_get(session, v, &value));
    TW_CHECK(tw_session_get(session, step, &count));
    assert_true(tw_array_item(count) == 3);
    assert_true(tw_array_item(value) > 0.511 && tw_array_item(value) < 0.513);
    tw_array_unref(value);
    tw_array_unref(count);
    tw_session_free(session);
}

static void a_gradient_of_gather_updates_rows_only(void **state)
{
    (void)state;
    tw_reset_default_graph();
    tw_tensor table = tw_variable(tw_ones(TW_SHAPE(4, 2)), .name = "table");
    tw_tensor rows = tw_gather(table, TW_INTS(1, 3, 1));
    tw_grads grads = tw_compute_gradients(tw_gradient_descent(), tw_reduce_sum(rows),
                                          TW_LIST(table));
    assert_int_equal(grads.count, 1);
    assert_int_equal(grads.grads[0].kind, TW_GRAD_SLICES);
    tw_tensor train = tw_apply_gradients(tw_gradient_descent(.learning_rate = 0.5), grads,
                                         TW_LIST(table));
    tw_session *session = tw_session_new(NULL);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    TW_CHECK(tw_run(session, TW_FETCH(train)));
    tw_array *value = NULL;
    TW_CHECK(tw_session_get(session, table, &value));
    static const float want[] = {1, 1, 0, 0, 1, 1, 0.5f, 0.5f};
    assert_memory_equal(tw_array_const_data(value), want, sizeof want);
    tw_array_unref(value);
    tw_session_free(session);
}

/* ---- refusals ---- */

static void check_refusal(const char *text)
{
    const char *message = tw_status_message(tw_graph_status(tw_default_graph()));
    if (!strstr(message, text))
        fail_msg("'%s' does not say '%s'", message, text);
    assert_non_null(strstr(message, "test_optimizers.c"));
    tw_reset_default_graph();
}

static void what_cannot_be_trained_is_said(void **state)
{
    (void)state;
    tw_reset_default_graph();
    tw_minimize(tw_gradient_descent(), tw_constant(1.0));
    check_refusal("No variables to optimize.");
    tw_tensor v = tw_variable(1.0);
    tw_minimize(tw_gradient_descent(), tw_constant(1.0));
    check_refusal("No gradients provided for any variable");
    v = tw_variable(1);
    tw_minimize(tw_gradient_descent(), v);
    check_refusal("Invalid type int32 for Variable:0");
    tw_tensor x = tw_constant(1.0);
    tw_minimize(tw_gradient_descent(), tw_mul(x, x), .variables = TW_LIST(x));
    check_refusal("an optimizer changes variables");
    v = tw_variable(1.0);
    tw_apply_gradients(tw_gradient_descent(), ((tw_grads){NULL, 0}), TW_LIST(v));
    check_refusal("0 gradients for 1 variables");
}

static void the_defaults_of_the_rules_are_those_of_the_macros(void **state)
{
    (void)state;
    tw_optimizer adam = tw_adam(), made = tw_optimizer_default(TW_ADAM);
    assert_true(made.learning_rate == adam.learning_rate && made.epsilon == adam.epsilon);
    tw_optimizer rms = tw_rmsprop();
    made = tw_optimizer_default(TW_RMSPROP);
    assert_true(made.learning_rate == rms.learning_rate && made.epsilon == rms.epsilon);
    assert_true(made.decay == rms.decay && made.rule == TW_RMSPROP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradient_descent_steps_as_tensorflow),
        cmocka_unit_test(momentum_steps_as_tensorflow),
        cmocka_unit_test(adagrad_steps_as_tensorflow),
        cmocka_unit_test(rmsprop_steps_as_tensorflow),
        cmocka_unit_test(adam_steps_as_tensorflow),
        cmocka_unit_test(minimize_makes_tensorflows_nodes),
        cmocka_unit_test(variables_of_adam_are_named_and_ordered_as_tensorflows),
        cmocka_unit_test(slots_are_found_by_their_names),
        cmocka_unit_test(one_optimizer_used_twice_shares_its_slots),
        cmocka_unit_test(the_global_step_counts_updates),
        cmocka_unit_test(a_gradient_of_gather_updates_rows_only),
        cmocka_unit_test(what_cannot_be_trained_is_said),
        cmocka_unit_test(the_defaults_of_the_rules_are_those_of_the_macros),
    };
    int failed = cmocka_run_group_tests_name("optimizers", tests, NULL, NULL);
    tw_reset_default_graph();
    return failed;
}
