/* SPDX-License-Identifier: Apache-2.0
 * Recurrent networks of every kind of cell against the same mathematics in plain loops. */
#include "rnn_reference.h"

static void a_basic_network_is_the_loop(void **state)
{
    (void)state;
    double h[BATCH][MOST] = {{0}}, x[INPUTS];
    net n = run_net(tw_basic_rnn_cell(4), (tw_tensor){NULL, 0});
    assert_int_equal(n.rnn.outputs.count, STEPS);
    assert_int_equal(n.rnn.state.count, 1);
    for (size_t t = 0; t < STEPS; t++) {
        for (size_t b = 0; b < BATCH; b++) {
            x_row(t, b, x);
            basic_row(&n, x, INPUTS, h[b], 4);
        }
        check(&n, n.rnn.outputs.items[t], 4, h);
    }
    check(&n, n.rnn.state.items[0], 4, h);
    tw_session_free(n.session);
}

static void check_lstm(tw_rnn_cell cell, double forget_bias)
{
    double c[BATCH][MOST] = {{0}}, h[BATCH][MOST] = {{0}}, x[INPUTS];
    net n = run_net(cell, (tw_tensor){NULL, 0});
    for (size_t t = 0; t < STEPS; t++) {
        for (size_t b = 0; b < BATCH; b++) {
            x_row(t, b, x);
            lstm_row(&n, x, c[b], h[b], 5, forget_bias);
        }
        check(&n, n.rnn.outputs.items[t], 5, h);
    }
    assert_int_equal(n.rnn.state.count, 2);
    check(&n, n.rnn.state.items[0], 5, c);
    check(&n, n.rnn.state.items[1], 5, h);
    tw_session_free(n.session);
}

static void a_basic_lstm_is_the_loop(void **state)
{
    (void)state;
    check_lstm(tw_basic_lstm_cell(5), 1);
    tw_reset_default_graph();
    check_lstm(tw_basic_lstm_cell(5, .forget_bias = 0), 0);
}

static void an_lstm_without_options_is_the_basic_one(void **state)
{
    (void)state;
    check_lstm(tw_lstm_cell(5, .forget_bias = 0.25), 0.25);
}

static void an_lstm_looks_at_its_cells_projects_and_clips(void **state)
{
    (void)state;
    double c[BATCH][MOST] = {{0}}, h[BATCH][MOST] = {{0}}, x[INPUTS];
    bounds most = {0.4, 0.3};
    net n = run_net(tw_lstm_cell(5, .use_peepholes = true, .num_proj = 2, .cell_clip = most.cell,
                                 .proj_clip = most.projection),
                    (tw_tensor){NULL, 0});
    bool touched = false;
    for (size_t t = 0; t < STEPS; t++) {
        for (size_t b = 0; b < BATCH; b++) {
            x_row(t, b, x);
            whole_lstm_row(&n, x, c[b], h[b], 5, 2, most);
            for (size_t i = 0; i < 5; i++)
                touched |= fabs(c[b][i]) == most.cell;
        }
        check(&n, n.rnn.outputs.items[t], 2, h);
    }
    assert_true(touched);
    check(&n, n.rnn.state.items[0], 5, c);
    check(&n, n.rnn.state.items[1], 2, h);
    tw_session_free(n.session);
}

static void a_gru_is_the_loop(void **state)
{
    (void)state;
    double h[BATCH][MOST] = {{0}}, x[INPUTS];
    net n = run_net(tw_gru_cell(4), (tw_tensor){NULL, 0});
    for (size_t t = 0; t < STEPS; t++) {
        for (size_t b = 0; b < BATCH; b++) {
            x_row(t, b, x);
            gru_row(&n, "gru_cell", x, INPUTS, h[b], 4);
        }
        check(&n, n.rnn.outputs.items[t], 4, h);
    }
    tw_session_free(n.session);
}

static void layers_feed_the_next_one(void **state)
{
    (void)state;
    double low[BATCH][MOST] = {{0}}, high[BATCH][MOST] = {{0}}, x[INPUTS];
    tw_rnn_cell cells[] = {tw_gru_cell(4), tw_basic_rnn_cell(5)};
    net n = run_net(tw_multi_rnn_cell(cells, 2), (tw_tensor){NULL, 0});
    for (size_t t = 0; t < STEPS; t++) {
        for (size_t b = 0; b < BATCH; b++) {
            x_row(t, b, x);
            gru_row(&n, "cell_0/gru_cell", x, INPUTS, low[b], 4);
            basic_row(&n, low[b], 4, high[b], 5);
        }
        check(&n, n.rnn.outputs.items[t], 5, high);
    }
    assert_int_equal(n.rnn.state.count, 2);
    check(&n, n.rnn.state.items[0], 4, low);
    check(&n, n.rnn.state.items[1], 5, high);
    tw_session_free(n.session);
}

static void a_sequence_that_has_ended_keeps_its_state(void **state)
{
    (void)state;
    const size_t lengths[BATCH] = {1, 3};
    double h[BATCH][MOST] = {{0}}, shown[BATCH][MOST], x[INPUTS];
    net n = run_net(tw_basic_rnn_cell(4), constant(TW_INTS(1, 3)));
    for (size_t t = 0; t < STEPS; t++) {
        memset(shown, 0, sizeof shown);
        for (size_t b = 0; b < BATCH; b++) {
            if (t >= lengths[b])
                continue;
            x_row(t, b, x);
            basic_row(&n, x, INPUTS, h[b], 4);
            memcpy(shown[b], h[b], sizeof h[b]);
        }
        check(&n, n.rnn.outputs.items[t], 4, shown);
    }
    check(&n, n.rnn.state.items[0], 4, h);
    tw_session_free(n.session);
}

static tw_tensor halve(tw_tensor x, void *user)
{
    return tw_mul(x, *(double *)user);
}

static void the_first_state_and_the_activation_may_be_given(void **state)
{
    (void)state;
    double half = 0.5, h[BATCH][MOST], x[INPUTS], kernel[64], bias[8], sum[MOST];
    tw_array *first = numbers(TW_SHAPE(BATCH, 4), 5);
    net n = {.x = {input(0)}};
    tw_rnn_cell cell = tw_basic_rnn_cell(4, .activation = halve, .activation_user = &half);
    n.rnn = tw_static_rnn(cell, TW_LIST(n.x[0]), .scope = "net",
                          .initial_state = TW_LIST(constant(first)));
    n.session = session_with_weights();
    weights(&n, "net/basic_rnn_cell/kernel", kernel);
    weights(&n, "net/basic_rnn_cell/bias", bias);
    for (size_t b = 0; b < BATCH; b++) {
        x_row(0, b, x);
        dense(x, INPUTS, (const double *)tw_array_data(first) + 4 * b, 4, kernel, bias, 4, sum);
        for (size_t i = 0; i < 4; i++)
            h[b][i] = sum[i] / 2;
    }
    check(&n, n.rnn.outputs.items[0], 4, h);
    tw_array_unref(first);
    tw_session_free(n.session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_basic_network_is_the_loop, start),
        cmocka_unit_test_setup(a_basic_lstm_is_the_loop, start),
        cmocka_unit_test_setup(an_lstm_without_options_is_the_basic_one, start),
        cmocka_unit_test_setup(an_lstm_looks_at_its_cells_projects_and_clips, start),
        cmocka_unit_test_setup(a_gru_is_the_loop, start),
        cmocka_unit_test_setup(layers_feed_the_next_one, start),
        cmocka_unit_test_setup(a_sequence_that_has_ended_keeps_its_state, start),
        cmocka_unit_test_setup(the_first_state_and_the_activation_may_be_given, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
