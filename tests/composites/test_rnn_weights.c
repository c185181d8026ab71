/* SPDX-License-Identifier: Apache-2.0
 * Recurrent networks' weights: names, first values, sharing and gradients; and what is refused. */
#include "rnn_reference.h"
#include "support/failing_allocator.h"

/* ---- names, sizes, sharing ---- */

static void expect_variables(const char *const *names, size_t count)
{
    tw_tensors variables = tw_global_variables();
    assert_int_equal(variables.count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(tw_operation_name(variables.items[i].op), names[i]);
}

static void expect_operation(const char *name, const char *type)
{
    tw_operation *op = tw_graph_operation(tw_default_graph(), name);
    if (!op)
        fail_msg("no operation %s", name);
    assert_string_equal(tw_operation_type(op), type);
}

/* As TensorFlow 1.15 names them. */
static void weights_and_operations_have_tensorflows_names(void **state)
{
    (void)state;
    static const char *const lstm[] = {"rnn/lstm_cell/kernel",   "rnn/lstm_cell/bias",
                                       "rnn/lstm_cell/w_f_diag", "rnn/lstm_cell/w_i_diag",
                                       "rnn/lstm_cell/w_o_diag", "rnn/lstm_cell/projection/kernel"};
    static const char *const layers[] = {"rnn/multi_rnn_cell/cell_0/gru_cell/gates/kernel",
                                         "rnn/multi_rnn_cell/cell_0/gru_cell/gates/bias",
                                         "rnn/multi_rnn_cell/cell_0/gru_cell/candidate/kernel",
                                         "rnn/multi_rnn_cell/cell_0/gru_cell/candidate/bias",
                                         "rnn/multi_rnn_cell/cell_1/basic_rnn_cell/kernel",
                                         "rnn/multi_rnn_cell/cell_1/basic_rnn_cell/bias"};
    tw_tensor x = input(0);
    tw_static_rnn(tw_lstm_cell(4, .use_peepholes = true, .num_proj = 2), TW_LIST(x, x));
    expect_variables(lstm, 6);
    expect_operation("rnn/LSTMCellZeroState/zeros_1", "Fill");
    expect_operation("rnn/lstm_cell/MatMul_2", "MatMul");
    expect_operation("rnn/lstm_cell/split_1", "Split");
    tw_reset_default_graph();
    tw_rnn_cell cells[] = {tw_gru_cell(4), tw_basic_rnn_cell(5)};
    x = input(0);
    tw_static_rnn(tw_multi_rnn_cell(cells, 2), TW_LIST(x, x));
    expect_variables(layers, 6);
    expect_operation("rnn/MultiRNNCellZeroState/GRUCellZeroState/zeros", "Fill");
    expect_operation("rnn/rnn/multi_rnn_cell/cell_0/gru_cell/MatMul_3", "MatMul");
    expect_operation("rnn/rnn/multi_rnn_cell/cell_1/basic_rnn_cell/Tanh_1", "Tanh");
}

static double first_value(tw_session *session, size_t variable)
{
    tw_array *value = NULL;
    TW_CHECK(tw_session_get(session, tw_global_variables().items[variable], &value));
    double first = tw_array_get(value, 0), last = tw_array_get(value, tw_array_count(value) - 1);
    assert_true(first == last);
    tw_array_unref(value);
    return first;
}

static void biases_start_at_zero_and_a_grus_gates_open(void **state)
{
    (void)state;
    tw_static_rnn(tw_gru_cell(4), TW_LIST(input(0)));
    tw_static_rnn(tw_basic_lstm_cell(4, .initializer = tw_constant_initializer(0.5)),
                  TW_LIST(input(0)), .scope = "other");
    assert_null(tw_graph_status(tw_default_graph()));
    tw_session *session = tw_session_new(NULL);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    assert_true(first_value(session, 1) == 1);
    assert_true(first_value(session, 3) == 0);
    assert_true(first_value(session, 4) == 0.5);
    assert_true(first_value(session, 5) == 0);
    tw_session_free(session);
}

static void a_cell_knows_the_sizes_of_its_state(void **state)
{
    (void)state;
    tw_rnn_cell cells[] = {tw_lstm_cell(4, .num_proj = 2), tw_gru_cell(3)};
    tw_rnn_cell both = tw_multi_rnn_cell(cells, 2);
    assert_int_equal(tw_rnn_cell_state_count(both), 3);
    assert_int_equal(tw_rnn_cell_state_size(both, 0), 4);
    assert_int_equal(tw_rnn_cell_state_size(both, 1), 2);
    assert_int_equal(tw_rnn_cell_state_size(both, 2), 3);
    assert_int_equal(tw_rnn_cell_state_size(both, 3), 0);
    assert_int_equal(tw_rnn_cell_output_size(both), 3);
    tw_tensors zeros = tw_rnn_cell_zero_state(both, 7, .dtype = TW_FLOAT64);
    assert_int_equal(zeros.count, 3);
    assert_string_equal(tw_shape_text(tw_tensor_shape(zeros.items[1])).s, "(7, 2)");
    assert_int_equal(tw_tensor_dtype(zeros.items[2]), TW_FLOAT64);
    tw_rnn_cell plain = tw_rnn_cell_default(TW_BASIC_LSTM_CELL, 9);
    assert_true(plain.forget_bias == 1);
    assert_int_equal(tw_rnn_cell_output_size(plain), 9);
}

static void single_steps_share_weights_when_told(void **state)
{
    (void)state;
    tw_rnn_cell cell = tw_gru_cell(4, .reuse = TW_REUSE_AUTO);
    tw_tensors zeros = tw_rnn_cell_zero_state(cell, BATCH, .dtype = TW_FLOAT64);
    struct tw_rnn_cell_step_result one = tw_rnn_cell_step(cell, input(0), zeros);
    struct tw_rnn_cell_step_result two = tw_rnn_cell_step(cell, input(1), one.new_state);
    assert_null(tw_graph_status(tw_default_graph()));
    assert_int_equal(tw_global_variables().count, 4);
    double h[BATCH][MOST] = {{0}}, x[INPUTS];
    net n = {.session = session_with_weights()};
    for (size_t t = 0; t < 2; t++) {
        for (size_t b = 0; b < BATCH; b++) {
            x_row(t, b, x);
            gru_row(&n, "gru_cell", x, INPUTS, h[b], 4);
        }
    }
    check(&n, two.output, 4, h);
    check(&n, two.new_state.items[0], 4, h);
    tw_session_free(n.session);
    cell.reuse = TW_REUSE_INHERIT;
    tw_rnn_cell_step(cell, input(0), zeros);
    assert_non_null(tw_graph_status(tw_default_graph()));
}

static void the_batch_may_be_known_only_when_it_runs(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT64, .shape = TW_SHAPE(-1, INPUTS));
    struct tw_static_rnn_result rnn = tw_static_rnn(tw_basic_lstm_cell(4), TW_LIST(x, x));
    tw_session *session = session_with_weights();
    for (int64_t batch = 1; batch < 8; batch += 3) {
        tw_array *value = numbers(TW_SHAPE(batch, INPUTS), 0), *got = NULL;
        TW_CHECK(tw_run(session, TW_FETCH(rnn.outputs.items[1]), .feed = TW_FEED({x, value}),
                        .out = &got));
        assert_int_equal(tw_array_count(got), batch * 4);
        tw_array_unref(value);
        tw_array_unref(got);
    }
    tw_session_free(session);
}

/* ---- gradients ---- */

static double loss_at(tw_session *session, tw_tensor loss)
{
    tw_array *got = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(loss), .out = &got));
    double value = tw_array_item(got);
    tw_array_unref(got);
    return value;
}

/* Every derivative by a variable's elements against (f(w + e) - f(w - e)) / 2e. */
static void check_gradient(tw_session *session, tw_tensor loss, tw_tensor variable, tw_tensor grad)
{
    tw_array *value = NULL, *got = NULL;
    TW_CHECK(tw_session_get(session, variable, &value));
    TW_CHECK(tw_run(session, TW_FETCH(grad), .out = &got));
    double *w = tw_array_data(value);
    for (size_t i = 0; i < tw_array_count(value); i++) {
        double was = w[i], step = 1e-5;
        w[i] = was + step;
        TW_CHECK(tw_session_set(session, variable, value));
        double above = loss_at(session, loss);
        w[i] = was - step;
        TW_CHECK(tw_session_set(session, variable, value));
        double want = (above - loss_at(session, loss)) / (2 * step), is = tw_array_get(got, i);
        w[i] = was;
        TW_CHECK(tw_session_set(session, variable, value));
        if (!(fabs(is - want) < 1e-7 * fmax(1, fabs(want))))
            fail_msg("%s[%zu]: %g, not %g", tw_operation_name(variable.op), i, is, want);
    }
    tw_array_unref(value);
    tw_array_unref(got);
}

static void check_gradients(tw_rnn_cell cell, tw_tensor lengths)
{
    tw_tensor x[STEPS];
    for (size_t i = 0; i < STEPS; i++)
        x[i] = input(i);
    tw_tensors inputs = {x, STEPS};
    struct tw_static_rnn_result rnn = tw_static_rnn(cell, inputs, .sequence_length = lengths);
    tw_tensor loss = tw_reduce_sum(tw_square(tw_concat(rnn.outputs, 1)));
    for (size_t i = 0; i < rnn.state.count; i++)
        loss = tw_add(loss, tw_reduce_sum(rnn.state.items[i]));
    tw_grads grads = tw_gradients(TW_LIST(loss), tw_trainable_variables());
    tw_session *session = session_with_weights();
    assert_true(grads.count > 0);
    for (size_t i = 0; i < grads.count; i++)
        check_gradient(session, loss, tw_trainable_variables().items[i],
                       tw_grad_tensor(grads.grads[i]));
    tw_session_free(session);
}

static void gradients_through_time_are_the_differences(void **state)
{
    (void)state;
    tw_tensor none = {NULL, 0};
    check_gradients(tw_basic_lstm_cell(3), none);
    tw_reset_default_graph();
    check_gradients(tw_lstm_cell(3, .use_peepholes = true, .num_proj = 2, .cell_clip = 5), none);
    tw_reset_default_graph();
    tw_rnn_cell cells[] = {tw_gru_cell(2), tw_basic_rnn_cell(3)};
    check_gradients(tw_multi_rnn_cell(cells, 2), constant(TW_INTS(2, 3)));
}

/* ---- refusals ---- */

static void expect_error(const char *part)
{
    const tw_status *status = tw_graph_status(tw_default_graph());
    if (!status || !strstr(tw_status_message(status), part))
        fail_msg("\"%s\" says nothing of \"%s\"", status ? tw_status_message(status) : "", part);
    tw_graph_clear_status(tw_default_graph());
}

static void unfit_cells_inputs_and_states_are_refused(void **state)
{
    (void)state;
    tw_tensor x = input(0), vector = constant(TW_INTS(1, 2));
    tw_static_rnn(tw_gru_cell(4), (tw_tensors){NULL, 0});
    expect_error("inputs must not be empty");
    tw_static_rnn(tw_gru_cell(0), TW_LIST(x));
    expect_error("the number of units must be positive");
    tw_static_rnn(tw_gru_cell(INT64_MAX), TW_LIST(x));
    expect_error("too large");
    tw_static_rnn(tw_lstm_cell(4, .cell_clip = -1), TW_LIST(x));
    expect_error("cannot be negative");
    tw_static_rnn(tw_multi_rnn_cell(NULL, 0), TW_LIST(x));
    expect_error("at least one cell");
    tw_static_rnn(((tw_rnn_cell){.kind = (tw_rnn_kind)77}), TW_LIST(x));
    expect_error("its kind is unknown");
    tw_static_rnn(tw_gru_cell(4), TW_LIST(vector));
    expect_error("must be a matrix");
    tw_rnn_cell_step(tw_lstm_cell(4), x, TW_LIST(x));
    expect_error("the state of this cell has 2 tensors, not 1");
    tw_rnn_cell_step(tw_gru_cell(4), x, TW_LIST(x));
    expect_error("must have the shape (?, 4), not (2, 3)");
    tw_rnn_cell_zero_state(tw_gru_cell(4), -1);
    expect_error("the batch size cannot be -1");
    tw_rnn_cell self = tw_multi_rnn_cell(NULL, 1);
    self.cells = &self;
    tw_static_rnn(self, TW_LIST(x));
    expect_error("nested too deep");
}

static size_t build_layers(void)
{
    tw_rnn_cell cells[] = {tw_gru_cell(2), tw_lstm_cell(3, .use_peepholes = true)};
    tw_tensor x = tw_placeholder(TW_FLOAT64, .shape = TW_SHAPE(-1, INPUTS));
    tw_static_rnn(tw_multi_rnn_cell(cells, 2), TW_LIST(x, x));
    return tw_graph_operation_count(tw_default_graph());
}

/* What could do without (a value known early) may fail unseen: then the graph is whole all the
 * same. */
static void a_failed_allocation_is_an_error_of_the_graph(void **state)
{
    (void)state;
    tw_reset_default_graph();
    size_t live = failing_allocator_live(), all = build_layers(), errors = 0;
    tw_reset_default_graph();
    for (size_t n = 1; failing_allocator_next(n); n += 1 + n / 16) {
        tw_graph *graph = tw_default_graph();
        if (!graph)
            continue;
        size_t made = build_layers();
        if (tw_graph_status(graph))
            errors++;
        else
            assert_int_equal(made, all);
        tw_reset_default_graph();
        assert_int_equal(failing_allocator_live(), live);
    }
    assert_true(errors > 10);
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(weights_and_operations_have_tensorflows_names, start),
        cmocka_unit_test_setup(biases_start_at_zero_and_a_grus_gates_open, start),
        cmocka_unit_test_setup(a_cell_knows_the_sizes_of_its_state, start),
        cmocka_unit_test_setup(single_steps_share_weights_when_told, start),
        cmocka_unit_test_setup(the_batch_may_be_known_only_when_it_runs, start),
        cmocka_unit_test_setup(gradients_through_time_are_the_differences, start),
        cmocka_unit_test_setup(unfit_cells_inputs_and_states_are_refused, start),
        cmocka_unit_test(a_failed_allocation_is_an_error_of_the_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
