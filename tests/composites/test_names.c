/* SPDX-License-Identifier: Apache-2.0
 * Composites make TensorFlow 1.15's nodes, by name, type and order (golden/python.txt), and give
 * its numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "thalweg/thalweg.h"

static int fresh(void **state)
{
    (void)state;
    tw_reset_default_graph();
    return 0;
}

static void no_error(void)
{
    const tw_status *status = tw_graph_status(tw_default_graph());
    if (status)
        fail_msg("%s", tw_status_message(status));
}

/* The names of all operations, in order, are those of `want`, separated by spaces. */
static void check_names(const char *want)
{
    char got[8192] = "";
    size_t length = 0;
    tw_graph *graph = tw_default_graph();
    no_error();
    for (size_t i = 0; i < tw_graph_operation_count(graph); i++)
        length += (size_t)snprintf(got + length, sizeof got - length, "%s%s", i ? " " : "",
                                   tw_operation_name(tw_graph_operation_at(graph, i)));
    assert_string_equal(got, want);
}

static void check_value(tw_tensor tensor, const char *want)
{
    no_error();
    tw_session *session = tw_session_new(NULL);
    tw_array *out = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(tensor), .out = &out));
    char *text = tw_array_text(out);
    assert_string_equal(text, want);
    tw_free(text);
    tw_array_unref(out);
    tw_session_free(session);
}

/* ---- names ---- */

static void constants(void **state)
{
    (void)state;
    tw_zeros(TW_SHAPE(2, 2));
    tw_zeros(TW_SHAPE(2, 2));
    tw_ones(TW_SHAPE(3));
    tw_constant(1.0);
    tw_constant(TW_INTS(1, 2), .name = "c");
    tw_constant("s", .name = "c");
    check_names("zeros zeros_1 ones Const c c_1");
}

static void large_zeros_are_filled(void **state)
{
    (void)state;
    tw_tensor x = tw_zeros(TW_SHAPE(100, 10));
    check_names("zeros/shape_as_tensor zeros/Const zeros");
    assert_string_equal(tw_operation_type(x.op), "Fill");
}

static void likes(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1), .name = "x");
    tw_zeros_like(x);
    tw_ones_like(x);
    tw_zeros_like(tw_constant(1), .dtype = TW_FLOAT32);
    check_names("x zeros_like ones_like/Shape ones_like/Const ones_like Const zeros_like_1");
}

static void slices(void **state)
{
    (void)state;
    tw_tensor a = tw_constant(TW_INTS(1, 2));
    tw_getitem(a, "0");
    tw_getitem(a, "0:1");
    check_names("Const strided_slice/stack strided_slice/stack_1 strided_slice/stack_2 "
                "strided_slice strided_slice_1/stack strided_slice_1/stack_1 "
                "strided_slice_1/stack_2 strided_slice_1");
}

static void reductions(void **state)
{
    (void)state;
    tw_tensor x = tw_zeros(TW_SHAPE(2, 3)), y = tw_placeholder(TW_FLOAT32, .name = "y");
    tw_reduce_mean(x);
    tw_reduce_sum(x, .axis = TW_AXES(1));
    tw_reduce_max(y);
    check_names("zeros y Const Mean Sum/reduction_indices Sum Rank range/start range/delta range "
                "Max");
}

static void random_numbers(void **state)
{
    (void)state;
    tw_random_normal(TW_SHAPE(2, 2));
    tw_random_uniform(TW_SHAPE(2), .minval = 0, .maxval = 5, .dtype = TW_INT32);
    tw_random_uniform(TW_SHAPE(2));
    check_names("random_normal/shape random_normal/mean random_normal/stddev "
                "random_normal/RandomStandardNormal random_normal/mul random_normal "
                "random_uniform/shape random_uniform/min random_uniform/max random_uniform "
                "random_uniform_1/shape random_uniform_1/min random_uniform_1/max "
                "random_uniform_1/RandomUniform random_uniform_1/sub random_uniform_1/mul "
                "random_uniform_1");
}

static void dropout(void **state)
{
    (void)state;
    tw_dropout(tw_ones(TW_SHAPE(4)), 0.5, .seed = TW_SEED(1));
    check_names("ones dropout/rate dropout/Shape dropout/random_uniform/min "
                "dropout/random_uniform/max dropout/random_uniform/RandomUniform "
                "dropout/random_uniform/sub dropout/random_uniform/mul dropout/random_uniform "
                "dropout/sub/x dropout/sub dropout/truediv/x dropout/truediv dropout/GreaterEqual "
                "dropout/mul dropout/Cast dropout/mul_1");
}

static void moments(void **state)
{
    (void)state;
    tw_moments(tw_ones(TW_SHAPE(4, 2)), TW_AXES(0));
    check_names("ones moments/mean/reduction_indices moments/mean moments/StopGradient "
                "moments/SquaredDifference moments/variance/reduction_indices moments/variance "
                "moments/Squeeze moments/Squeeze_1");
}

static void clipping(void **state)
{
    (void)state;
    tw_clip_by_average_norm(tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(3), .name = "b"), 1.0,
                            .name = "c");
    check_names("b c/Size c/Cast c/mul c/Rank c/range/start c/range/delta c/range c/Sum c/Rsqrt "
                "c/mul_1/y c/mul_1 c/mul_2 c/Const c/truediv/y c/truediv c/Minimum c/mul_3 c");
}

static void faces(void **state)
{
    (void)state;
    tw_tensor x = tw_zeros(TW_SHAPE(2, 3), .name = "x");
    tw_one_hot(TW_INTS(0, 1), 3);
    tw_range(0, 3, 1);
    tw_transpose(x, ((tw_ints){0}));
    tw_concat(TW_LIST(x, x), 0);
    tw_stack(TW_LIST(x, x));
    tw_unstack(x, 0);
    check_names("x one_hot/on_value one_hot/off_value one_hot/indices one_hot/depth one_hot "
                "range/start range/limit range/delta range transpose/perm transpose concat/axis "
                "concat stack unstack");
}

static void names_that_the_caller_gives(void **state)
{
    (void)state;
    tw_tensor x = tw_ones(TW_SHAPE(2), .name = "x");
    TW_NAME_SCOPE("net") {
        tw_reduce_sum(x, .name = "total");
        tw_dropout(x, 1, .name = "none");
        tw_l2_normalize(x, TW_AXES(0), .name = "unit");
    }
    check_names("x net/Const net/total net/unit/Square net/unit/Sum/reduction_indices "
                "net/unit/Sum net/unit/Maximum/y net/unit/Maximum net/unit/Rsqrt net/unit");
}

/* ---- numbers ---- */

static void values_of_constants(void **state)
{
    (void)state;
    check_value(tw_constant(3, .shape = TW_SHAPE(2), .dtype = TW_FLOAT64), "[3. 3.]");
    check_value(tw_range(0, 12, 5), "[ 0  5 10]");
    check_value(tw_range(1.0, 0, -0.5), "[1.  0.5]");
    check_value(tw_range(tw_constant((int64_t)1), 3, 1), "[1 2]");
    check_value(tw_one_hot(TW_INTS(0, 2), 3, .dtype = TW_INT32), "[[1 0 0]\n [0 0 1]]");
    check_value(tw_zeros_like(tw_constant(TW_INTS(1, 2)), .dtype = TW_BOOL), "[False False]");
    check_value(tw_ones_like(tw_zeros(TW_SHAPE(2))), "[1. 1.]");
}

static void values_of_reductions(void **state)
{
    (void)state;
    tw_tensor x = tw_reshape(tw_range(0, 6, 1), TW_SHAPE(2, 3));
    check_value(tw_reduce_sum(x), "15");
    check_value(tw_reduce_max(x, .axis = TW_AXES(-1)), "[2 5]");
    check_value(tw_reduce_min(x, .axis = TW_AXES(0), .keep_dims = true), "[[0 1 2]]");
    check_value(tw_reduce_prod(x, .axis = TW_AXES(0, 1)), "0");
    check_value(tw_reduce_sum(x, .axis = TW_AXES()), "[[0 1 2]\n [3 4 5]]");
    check_value(tw_reduce_any(tw_greater(x, 4)), "True");
    check_value(tw_reduce_all(tw_greater(x, 4), .axis = TW_AXES(0)), "[False False False]");
    tw_tensor big = tw_constant(1000.0, .shape = TW_SHAPE(2));
    check_value(tw_reduce_logsumexp(big), "1000.6932");
}

static void values_of_slices(void **state)
{
    (void)state;
    tw_tensor x = tw_reshape(tw_range(0, 12, 1), TW_SHAPE(3, 4));
    check_value(tw_getitem(x, "..., 1"), "[1 5 9]");
    check_value(tw_getitem(x, "::-2, 1:3"), "[[ 9 10]\n [ 1  2]]");
    check_value(tw_shape(tw_getitem(x, ":, newaxis")), "[3 1 4]");
}

static void values_of_networks(void **state)
{
    (void)state;
    const float rows[] = {1, 2, 3, 4, 5, 9};
    tw_tensor x = tw_convert_to_tensor(TW_FLOAT32, TW_SHAPE(3, 2), rows);
    struct tw_moments_result m = tw_moments(x, TW_AXES(0));
    check_value(m.mean, "[3. 5.]");
    check_value(m.variance, "[2.6666667 8.666667 ]");
    check_value(tw_moments(x, TW_AXES(0), .keep_dims = true).mean, "[[3. 5.]]");
    check_value(tw_batch_normalization(x, 3.0, 4.0, .scale = tw_constant(2.0),
                                       .offset = tw_constant(1.0), .variance_epsilon = 0),
                "[[-1.  0.]\n [ 1.  2.]\n [ 3.  7.]]");
    check_value(tw_batch_normalization(x, 1.0, 1.0, .variance_epsilon = 0),
                "[[0. 1.]\n [2. 3.]\n [4. 8.]]");
    check_value(tw_l2_normalize(tw_constant(TW_INTS(3, 4), .dtype = TW_FLOAT32), TW_AXES(0)),
                "[0.6 0.8]");
}

static void values_of_embeddings(void **state)
{
    (void)state;
    const float even[] = {0, 20, 40}, odd[] = {10, 30};
    tw_tensor a = tw_convert_to_tensor(TW_FLOAT32, TW_SHAPE(3, 1), even);
    tw_tensor b = tw_convert_to_tensor(TW_FLOAT32, TW_SHAPE(2, 1), odd);
    tw_tensor ids = tw_reshape(TW_INTS(4, 1, 3, 0), TW_SHAPE(2, 2));
    tw_tensor rows = tw_embedding_lookup(TW_LIST(a, b), ids);
    check_value(tw_reshape(rows, TW_INTS(-1)), "[40. 10. 30.  0.]");
    check_value(tw_shape(rows), "[2 2 1]");
    check_value(tw_embedding_lookup(TW_LIST(a), TW_INTS(2)), "[[40.]]");
    tw_grad da = tw_gradients(TW_LIST(rows), TW_LIST(a)).grads[0];
    check_value(tw_reshape(tw_grad_tensor(da), TW_INTS(-1)), "[1. 0. 1.]");
}

/* With seed 1 about half stays, and what stays is doubled. */
static void dropout_keeps_the_mean(void **state)
{
    (void)state;
    tw_tensor x = tw_ones(TW_SHAPE(10000)), y = tw_dropout(x, 0.5, .seed = TW_SEED(1));
    tw_tensor rows = tw_dropout(tw_ones(TW_SHAPE(4, 50)), 0.5, .seed = TW_SEED(3),
                                .noise_shape = TW_SHAPE(4, 1));
    no_error();
    tw_session *session = tw_session_new(NULL);
    tw_array *out[4] = {NULL};
    tw_tensor spread = tw_sub(tw_reduce_max(rows, .axis = TW_AXES(1)),
                              tw_reduce_min(rows, .axis = TW_AXES(1)));
    TW_CHECK(tw_run(
        session,
        TW_FETCH(tw_reduce_mean(y), tw_reduce_max(y), tw_reduce_min(y), tw_reduce_max(spread)),
        .out = out));
    assert_true(tw_array_item(out[0]) > 0.95 && tw_array_item(out[0]) < 1.05);
    assert_true(tw_array_item(out[1]) == 2 && tw_array_item(out[2]) == 0);
    assert_true(tw_array_item(out[3]) == 0);
    for (size_t i = 0; i < 4; i++)
        tw_array_unref(out[i]);
    tw_session_free(session);
}

static void dropout_by_a_tensor_is_as_by_a_number(void **state)
{
    (void)state;
    tw_tensor x = tw_ones(TW_SHAPE(6)), keep = tw_constant(0.5);
    tw_tensor a = tw_dropout(x, keep, .seed = TW_SEED(1));
    tw_tensor b = tw_dropout(x, 0.5, .seed = TW_SEED(1));
    check_value(tw_reduce_all(tw_equal(a, b)), "True");
    assert_true(tw_same(tw_dropout(x, 1), x));
}

/* ---- refusals ---- */

static void check_refused(const char *text)
{
    const char *message = tw_status_message(tw_graph_status(tw_default_graph()));
    if (!strstr(message, text))
        fail_msg("'%s' does not say '%s'", message, text);
    if (!strstr(message, "test_names.c"))
        fail_msg("'%s' does not name the caller's line", message);
    tw_reset_default_graph();
}

static void what_is_wrong_is_said_with_the_callers_line(void **state)
{
    (void)state;
    tw_getitem(tw_zeros(TW_SHAPE(2)), "a");
    check_refused("a");
    tw_getitem(tw_zeros(TW_SHAPE(2)), "0, 0");
    check_refused("StridedSlice");
    tw_reduce_sum(tw_zeros(TW_SHAPE(2)), .axis = TW_AXES(3));
    check_refused("Sum");
    tw_dropout(tw_constant(1), 0.5);
    check_refused("x has to be a floating point tensor");
    tw_dropout(tw_constant(1.0), 1.5);
    check_refused("keep_prob must be a number in the range (0, 1], got 1.5");
    tw_embedding_lookup(((tw_tensors){NULL, 0}), TW_INTS(1));
    check_refused("Need at least one param");
    tw_unstack(tw_placeholder(TW_FLOAT32), 0);
    check_refused("Cannot infer num from shape");
    tw_clip_by_value(tw_zeros(TW_SHAPE(1)), tw_zeros(TW_SHAPE(2)), tw_zeros(TW_SHAPE(2)));
    check_refused("would change the shape");
    tw_clip_by_value(tw_zeros(TW_SHAPE(1)), tw_zeros(TW_SHAPE(2)), 1);
    check_refused("would change the shape");
    tw_global_norm(((tw_tensors){NULL, 0}));
    check_refused("at least one tensor");
    tw_moments(tw_matmul(tw_zeros(TW_SHAPE(2, 3)), tw_zeros(TW_SHAPE(2, 3))), TW_AXES(0));
    check_refused("MatMul");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(constants, fresh),
        cmocka_unit_test_setup(large_zeros_are_filled, fresh),
        cmocka_unit_test_setup(likes, fresh),
        cmocka_unit_test_setup(slices, fresh),
        cmocka_unit_test_setup(reductions, fresh),
        cmocka_unit_test_setup(random_numbers, fresh),
        cmocka_unit_test_setup(dropout, fresh),
        cmocka_unit_test_setup(moments, fresh),
        cmocka_unit_test_setup(clipping, fresh),
        cmocka_unit_test_setup(faces, fresh),
        cmocka_unit_test_setup(names_that_the_caller_gives, fresh),
        cmocka_unit_test_setup(values_of_constants, fresh),
        cmocka_unit_test_setup(values_of_reductions, fresh),
        cmocka_unit_test_setup(values_of_slices, fresh),
        cmocka_unit_test_setup(values_of_networks, fresh),
        cmocka_unit_test_setup(values_of_embeddings, fresh),
        cmocka_unit_test_setup(dropout_keeps_the_mean, fresh),
        cmocka_unit_test_setup(dropout_by_a_tensor_is_as_by_a_number, fresh),
        cmocka_unit_test_setup(what_is_wrong_is_said_with_the_callers_line, fresh),
    };
    int failed = cmocka_run_group_tests_name("names", tests, NULL, NULL);
    tw_reset_default_graph();
    return failed;
}
