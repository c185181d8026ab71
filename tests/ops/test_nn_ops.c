/* SPDX-License-Identifier: Apache-2.0
 * Reductions, products, softmax, biases, convolutions and normalizations where sizes are odd:
 * scalars, nothing at all, operands that do not fit, and formats against each other. */
#include "ops/ops_test.h"

/* ---- reductions ---- */

static op_call reduce(const char *type, tw_array *x, tw_array *axes)
{
    return (op_call){type, .inputs = {x, axes}, .input_count = 2};
}

static void a_scalar_is_reduced_over_no_axes(void **state)
{
    (void)state;
    op_call k = reduce("Sum", FLOATS(TW_SHAPE(), 3), tw_array_new(TW_INT32, TW_SHAPE(0)));
    call_good(&k);
    assert_shape(k.outputs[0], TW_SHAPE());
    assert_holds(k.outputs[0], 3);
    call_end(&k);
}

static void axes_may_be_a_scalar_negative_or_twice_the_same(void **state)
{
    (void)state;
    op_call k = reduce("Max", FLOATS(TW_SHAPE(2, 2), 1, 5, 7, 2), LONGS(TW_SHAPE(), -1));
    call_good(&k);
    assert_holds(k.outputs[0], 5, 7);
    call_end(&k);
    op_call twice = reduce("Sum", FLOATS(TW_SHAPE(2, 2), 1, 5, 7, 2), INTS(TW_SHAPE(2), 0, -2));
    call_good(&twice);
    assert_holds(twice.outputs[0], 8, 7);
    call_end(&twice);
}

static void the_mean_of_nothing_is_nan(void **state)
{
    (void)state;
    op_call k = reduce("Mean", tw_array_new(TW_FLOAT32, TW_SHAPE(0, 2)), INTS(TW_SHAPE(1), 0));
    call_good(&k);
    assert_holds(k.outputs[0], NAN, NAN);
    call_end(&k);
}

static void an_axis_out_of_range_is_named(void **state)
{
    (void)state;
    op_call k = reduce("Sum", FLOATS(TW_SHAPE(2), 1, 2), INTS(TW_SHAPE(1), 1));
    call_refused(&k, TW_INVALID_ARGUMENT, "Invalid reduction dimension 1");
    op_call scalar = reduce("Sum", FLOATS(TW_SHAPE(), 1), INTS(TW_SHAPE(1), 0));
    call_refused(&scalar, TW_INVALID_ARGUMENT, "Invalid reduction dimension 0");
}

static void kept_axes_have_size_one(void **state)
{
    (void)state;
    op_call k = reduce("EuclideanNorm", FLOATS(TW_SHAPE(2, 2), 3, 0, 4, 5), INTS(TW_SHAPE(1), 0));
    k.attrs[k.attr_count++] = bool_attr("keep_dims", true);
    call_good(&k);
    assert_shape(k.outputs[0], TW_SHAPE(1, 2));
    assert_holds(k.outputs[0], 5, 5);
    call_end(&k);
}

static void the_place_of_an_extreme_along_nothing_is_refused(void **state)
{
    (void)state;
    op_call k = {"ArgMax",
                 .inputs = {tw_array_new(TW_FLOAT32, TW_SHAPE(2, 0)), INTS(TW_SHAPE(), 1)},
                 .input_count = 2};
    call_refused(&k, TW_INVALID_ARGUMENT, "Reduction axis 1 is empty in shape [2,0]");
    op_call scalar = {"ArgMin", .inputs = {FLOATS(TW_SHAPE(), 1), INTS(TW_SHAPE(), 0)},
                      .input_count = 2};
    call_refused(&scalar, TW_INVALID_ARGUMENT, "but got 0");
}

/* ---- sums and products ---- */

static void one_tensor_may_be_added_to_itself(void **state)
{
    (void)state;
    tw_array *x = FLOATS(TW_SHAPE(2), 1, 2);
    op_call k = {"AddN", .inputs = {x, tw_array_ref(x), FLOATS(TW_SHAPE(2), 5, 5)},
                 .input_count = 3};
    call_good(&k);
    assert_holds(k.outputs[0], 7, 9);
    call_end(&k);
}

/* In the order of the inputs, however many go by at once. */
static void any_number_of_tensors_is_added_in_order(void **state)
{
    (void)state;
    enum { MOST = 10, COUNT = 2051 };
    const tw_dtype dtypes[] = {TW_FLOAT32, TW_FLOAT64, TW_INT32, TW_INT64, TW_UINT8};
    for (size_t d = 0; d < 5; d++) {
        tw_array *in[MOST], *out;
        for (size_t k = 0; k < MOST; k++) {
            in[k] = tw_array_new(dtypes[d], TW_SHAPE(COUNT));
            for (size_t i = 0; i < COUNT; i++)
                tw_element_set(dtypes[d], (char *)in[k]->data + i * tw_dtype_size(dtypes[d]),
                               (double)((i * 7 + k * k * 11) % 13) * (d < 2 ? 0.1 : 1));
        }
        for (size_t n = 1; n <= MOST; n++) {
            TW_CHECK(tw_op_evaluate("AddN", NULL, 0, in, n, &out, 1));
            for (size_t i = 0; i < COUNT; i++) {
                double sum = tw_array_get(in[0], i);
                for (size_t k = 1; k < n; k++) {
                    sum += tw_array_get(in[k], i);
                    sum = dtypes[d] == TW_FLOAT32 ? (double)(float)sum : sum;
                }
                assert_true(tw_array_get(out, i) == sum);
            }
            tw_array_unref(out);
        }
        for (size_t k = 0; k < MOST; k++)
            tw_array_unref(in[k]);
    }
}

static void tensors_of_other_shapes_are_not_added(void **state)
{
    (void)state;
    op_call k = {"AddN", .inputs = {FLOATS(TW_SHAPE(2), 1, 2), FLOATS(TW_SHAPE(1, 2), 1, 2)},
                 .input_count = 2};
    call_refused(&k, TW_INVALID_ARGUMENT, "equal rank");
}

static void batches_are_broadcast_from_the_right(void **state)
{
    (void)state;
    op_call k = {"BatchMatMulV2",
                 .inputs = {FLOATS(TW_SHAPE(2, 1, 1, 2), 1, 2, 3, 4),
                            FLOATS(TW_SHAPE(3, 2, 1), 1, 0, 0, 1, 1, 1)},
                 .input_count = 2};
    call_good(&k);
    assert_shape(k.outputs[0], TW_SHAPE(2, 3, 1, 1));
    assert_holds(k.outputs[0], 1, 2, 3, 3, 4, 7);
    call_end(&k);
}

static void products_over_nothing_are_zero(void **state)
{
    (void)state;
    op_call k = {"BatchMatMul",
                 .inputs = {tw_array_new(TW_FLOAT32, TW_SHAPE(1, 2, 0)),
                            tw_array_new(TW_FLOAT32, TW_SHAPE(1, 0, 2))},
                 .input_count = 2};
    call_good(&k);
    assert_holds(k.outputs[0], 0, 0, 0, 0);
    call_end(&k);
    op_call none = {"BatchMatMul",
                    .inputs = {tw_array_new(TW_FLOAT32, TW_SHAPE(0, 2, 3)),
                               tw_array_new(TW_FLOAT32, TW_SHAPE(0, 3, 2))},
                    .input_count = 2};
    call_good(&none);
    assert_shape(none.outputs[0], TW_SHAPE(0, 2, 2));
    call_end(&none);
}

static void vectors_are_no_batches_of_matrices(void **state)
{
    (void)state;
    op_call k = {"BatchMatMul", .inputs = {FLOATS(TW_SHAPE(2), 1, 2), FLOATS(TW_SHAPE(2), 1, 2)},
                 .input_count = 2};
    call_refused(&k, TW_INVALID_ARGUMENT, "at least rank 2");
}

static void a_fused_product_is_product_bias_and_activation(void **state)
{
    (void)state;
    op_call k = {"_FusedMatMul",
                 .attrs = {bool_attr("transpose_b", true), string_attr("activation", "Relu")},
                 .attr_count = 2,
                 .inputs = {FLOATS(TW_SHAPE(1, 2), 1, 2), FLOATS(TW_SHAPE(2, 2), 1, 1, -1, -1),
                            FLOATS(TW_SHAPE(2), 10, 1)},
                 .input_count = 3};
    call_good(&k);
    assert_holds(k.outputs[0], 13, 0);
    call_end(&k);
}

/* ---- softmax ---- */

static void softmax_takes_no_scalar_but_no_columns(void **state)
{
    (void)state;
    op_call k = {"Softmax", .inputs = {FLOATS(TW_SHAPE(), 1)}, .input_count = 1};
    call_refused(&k, TW_INVALID_ARGUMENT, "at least rank 1");
    op_call none = {"LogSoftmax", .inputs = {tw_array_new(TW_FLOAT32, TW_SHAPE(3, 0))},
                    .input_count = 1};
    call_good(&none);
    assert_shape(none.outputs[0], TW_SHAPE(3, 0));
    call_end(&none);
}

static void labels_are_broadcast_over_rows_and_columns(void **state)
{
    (void)state;
    const double loss = 2 * log(2);
    op_call k = {"SoftmaxCrossEntropyWithLogits",
                 .inputs = {FLOATS(TW_SHAPE(2, 2), 0, 0, 3, 3), FLOATS(TW_SHAPE(1, 1), 1)},
                 .input_count = 2};
    call_good(&k);
    assert_holds(k.outputs[0], loss, loss);
    assert_holds(k.outputs[1], -0.5, -0.5, -0.5, -0.5);
    call_end(&k);
}

static void a_class_out_of_range_is_named(void **state)
{
    (void)state;
    op_call k = {"SparseSoftmaxCrossEntropyWithLogits",
                 .inputs = {FLOATS(TW_SHAPE(1, 2), 0, 0), INTS(TW_SHAPE(1), 2)}, .input_count = 2};
    call_refused(&k, TW_INVALID_ARGUMENT, "label value of 2");
    op_call none = {"SparseSoftmaxCrossEntropyWithLogits",
                    .inputs = {tw_array_new(TW_FLOAT32, TW_SHAPE(1, 0)), INTS(TW_SHAPE(1), 0)},
                    .input_count = 2};
    call_refused(&none, TW_INVALID_ARGUMENT, "at least one class");
}

/* ---- biases ---- */

static void a_bias_lies_along_the_second_axis_of_nchw(void **state)
{
    (void)state;
    op_call k = {"BiasAdd", .attrs = {string_attr("data_format", "NCHW")}, .attr_count = 1,
                 .inputs = {FLOATS(TW_SHAPE(1, 2, 2), 1, 2, 3, 4), FLOATS(TW_SHAPE(2), 10, 20)},
                 .input_count = 2};
    call_good(&k);
    assert_holds(k.outputs[0], 11, 12, 23, 24);
    call_end(&k);
    op_call sum = {"BiasAddGrad", .attrs = {string_attr("data_format", "NCHW")}, .attr_count = 1,
                   .inputs = {FLOATS(TW_SHAPE(1, 2, 2), 1, 2, 3, 4)}, .input_count = 1};
    call_good(&sum);
    assert_holds(sum.outputs[0], 3, 7);
    call_end(&sum);
}

static void a_bias_of_another_length_is_refused(void **state)
{
    (void)state;
    op_call k = {"BiasAdd", .inputs = {FLOATS(TW_SHAPE(1, 2), 1, 2), FLOATS(TW_SHAPE(1), 1)},
                 .input_count = 2};
    call_refused(&k, TW_INVALID_ARGUMENT, "must be equal, but are 2 and 1");
}

static void a_bias_over_nothing_succeeds(void **state)
{
    (void)state;
    op_call k = {
        "BiasAdd",
        .inputs = {tw_array_new(TW_FLOAT32, TW_SHAPE(2, 0)), tw_array_new(TW_FLOAT32, TW_SHAPE(0))},
        .input_count = 2};
    call_good(&k);
    assert_shape(k.outputs[0], TW_SHAPE(2, 0));
    call_end(&k);
}

/* ---- convolutions ---- */

static const int64_t ones[4] = {1, 1, 1, 1};

static op_call conv(const char *type, tw_array *a, tw_array *b, tw_array *c, const char *padding)
{
    op_call k = {type, .attrs = {ints_attr("strides", ones, 4), string_attr("padding", padding)},
                 .attr_count = 2, .inputs = {a, b, c}, .input_count = c ? 3 : 2};
    return k;
}

static tw_array *counted(tw_shape shape)
{
    tw_array *array = tw_array_new(TW_FLOAT32, shape);
    float *data = tw_array_data(array);
    for (size_t i = 0; i < tw_array_count(array); i++)
        data[i] = (float)(i % 7) - 2;
    return array;
}

static void explicit_padding_that_is_what_same_means_gives_the_same(void **state)
{
    (void)state;
    static const int64_t pads[8] = {0, 0, 1, 1, 1, 1, 0, 0};
    op_call same = conv("Conv2D", counted(TW_SHAPE(1, 4, 5, 2)), counted(TW_SHAPE(3, 3, 2, 3)),
                        NULL, "SAME");
    op_call given = conv("Conv2D", counted(TW_SHAPE(1, 4, 5, 2)), counted(TW_SHAPE(3, 3, 2, 3)),
                         NULL, "EXPLICIT");
    given.attrs[given.attr_count++] = ints_attr("explicit_paddings", pads, 8);
    call_good(&same);
    call_good(&given);
    assert_shape(given.outputs[0], TW_SHAPE(1, 4, 5, 3));
    for (size_t i = 0; i < tw_array_count(same.outputs[0]); i++)
        assert_float_equal(tw_array_get(same.outputs[0], i), tw_array_get(given.outputs[0], i),
                           1e-4);
    call_end(&same);
    call_end(&given);
}

static void padding_of_depth_or_below_zero_is_refused(void **state)
{
    (void)state;
    static const int64_t deep[8] = {0, 0, 0, 0, 0, 0, 1, 0},
                         negative[8] = {0, 0, -1, 0, 0, 0, 0, 0};
    op_call k = conv("Conv2D", counted(TW_SHAPE(1, 2, 2, 1)), counted(TW_SHAPE(1, 1, 1, 1)), NULL,
                     "EXPLICIT");
    k.attrs[k.attr_count++] = ints_attr("explicit_paddings", deep, 8);
    call_refused(&k, TW_INVALID_ARGUMENT, "batch or depth");
    op_call below = conv("Conv2D", counted(TW_SHAPE(1, 2, 2, 1)), counted(TW_SHAPE(1, 1, 1, 1)),
                         NULL, "EXPLICIT");
    below.attrs[below.attr_count++] = ints_attr("explicit_paddings", negative, 8);
    call_refused(&below, TW_INVALID_ARGUMENT, "nonnegative");
    op_call short_list = conv("Conv2D", counted(TW_SHAPE(1, 2, 2, 1)),
                              counted(TW_SHAPE(1, 1, 1, 1)), NULL, "EXPLICIT");
    call_refused(&short_list, TW_INVALID_ARGUMENT, "must contain 8 values, but got: 0");
}

static void strides_are_checked_one_by_one(void **state)
{
    (void)state;
    static const int64_t zero[4] = {1, 0, 1, 1}, three[3] = {1, 1, 1}, batch[4] = {2, 1, 1, 1};
    static const int64_t huge[4] = {1, INT64_MAX, 1, 1};
    const struct {
        const int64_t *items;
        size_t count;
        const char *text;
    } cases[] = {{zero, 4, "Stride must be > 0, but got 0"},
                 {three, 3, "4 values, but got: 3"},
                 {three, 0, "4 values, but got: 0"},
                 {batch, 4, "strides in the batch and depth"},
                 {huge, 4, "too large"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        op_call k = conv("Conv2D", counted(TW_SHAPE(1, 2, 2, 1)), counted(TW_SHAPE(1, 1, 1, 1)),
                         NULL, "VALID");
        k.attrs[0] = ints_attr("strides", cases[i].items, cases[i].count);
        call_refused(&k, TW_INVALID_ARGUMENT, cases[i].text);
    }
}

static void a_gradient_of_the_wrong_size_is_refused(void **state)
{
    (void)state;
    op_call k = conv("Conv2DBackpropInput", INTS(TW_SHAPE(4), 1, 3, 3, 1),
                     counted(TW_SHAPE(2, 2, 1, 1)), counted(TW_SHAPE(1, 3, 2, 1)), "VALID");
    call_refused(&k, TW_INVALID_ARGUMENT, "doesn't match computed");
    op_call sizes = conv("Conv2DBackpropFilter", counted(TW_SHAPE(1, 3, 3, 1)),
                         INTS(TW_SHAPE(3), 2, 2, 1), counted(TW_SHAPE(1, 2, 2, 1)), "VALID");
    call_refused(&sizes, TW_INVALID_ARGUMENT, "rank");
    op_call negative = conv("Conv2DBackpropInput", INTS(TW_SHAPE(4), 1, -3, 3, 1),
                            counted(TW_SHAPE(2, 2, 1, 1)), counted(TW_SHAPE(1, 2, 2, 1)), "VALID");
    call_refused(&negative, TW_INVALID_ARGUMENT, "");
}

static void the_gradient_of_nothing_is_zero(void **state)
{
    (void)state;
    op_call k = conv("Conv2DBackpropFilter", tw_array_new(TW_FLOAT32, TW_SHAPE(0, 3, 3, 1)),
                     INTS(TW_SHAPE(4), 2, 1, 1, 1), tw_array_new(TW_FLOAT32, TW_SHAPE(0, 2, 3, 1)),
                     "VALID");
    call_good(&k);
    assert_holds(k.outputs[0], 0, 0);
    call_end(&k);
}

static void both_formats_give_the_same_image(void **state)
{
    (void)state;
    op_call nhwc = conv("Conv2D", counted(TW_SHAPE(1, 3, 4, 1)), counted(TW_SHAPE(2, 2, 1, 1)),
                        NULL, "SAME");
    op_call nchw = conv("Conv2D", counted(TW_SHAPE(1, 1, 3, 4)), counted(TW_SHAPE(2, 2, 1, 1)),
                        NULL, "SAME");
    nchw.attrs[nchw.attr_count++] = string_attr("data_format", "NCHW");
    call_good(&nhwc);
    call_good(&nchw);
    assert_shape(nchw.outputs[0], TW_SHAPE(1, 1, 3, 4));
    for (size_t i = 0; i < 12; i++)
        assert_float_equal(tw_array_get(nhwc.outputs[0], i), tw_array_get(nchw.outputs[0], i),
                           1e-5);
    call_end(&nhwc);
    call_end(&nchw);
}

static void a_fused_convolution_is_convolution_bias_and_activation(void **state)
{
    (void)state;
    op_call k = conv("_FusedConv2D", FLOATS(TW_SHAPE(1, 1, 2, 1), 1, -5),
                     FLOATS(TW_SHAPE(1, 1, 1, 2), 1, 2), FLOATS(TW_SHAPE(2), 1, 10), "VALID");
    k.attrs[k.attr_count++] = string_attr("activation", "Relu6");
    call_good(&k);
    assert_holds(k.outputs[0], 2, 6, 0, 0);
    call_end(&k);
}

/* ---- normalizations ---- */

static void batch_normalization_knows_both_formats(void **state)
{
    (void)state;
    op_call nhwc = {"FusedBatchNorm",
                    .inputs = {FLOATS(TW_SHAPE(1, 1, 2, 2), 1, 5, 3, 9), FLOATS(TW_SHAPE(2), 1, 2),
                               FLOATS(TW_SHAPE(2), 0, 1), tw_array_new(TW_FLOAT32, TW_SHAPE(0)),
                               tw_array_new(TW_FLOAT32, TW_SHAPE(0))},
                    .input_count = 5};
    op_call nchw = {"FusedBatchNorm", .attrs = {string_attr("data_format", "NCHW")},
                    .attr_count = 1,
                    .inputs = {FLOATS(TW_SHAPE(1, 2, 1, 2), 1, 3, 5, 9), FLOATS(TW_SHAPE(2), 1, 2),
                               FLOATS(TW_SHAPE(2), 0, 1), tw_array_new(TW_FLOAT32, TW_SHAPE(0)),
                               tw_array_new(TW_FLOAT32, TW_SHAPE(0))},
                    .input_count = 5};
    call_good(&nhwc);
    call_good(&nchw);
    static const size_t place[4] = {0, 2, 1, 3};
    for (size_t i = 0; i < 4; i++)
        assert_float_equal(tw_array_get(nhwc.outputs[0], place[i]),
                           tw_array_get(nchw.outputs[0], i), 1e-6);
    assert_holds(nchw.outputs[1], 2, 7);
    assert_holds(nchw.outputs[2], 2, 8);
    call_end(&nhwc);
    call_end(&nchw);
}

static void a_wide_radius_takes_all_channels(void **state)
{
    (void)state;
    op_call k = {"LRN",
                 .attrs = {int_attr("depth_radius", INT64_MAX),
                           {.name = "bias", .kind = TW_ATTR_FLOAT, .value.f = 0}},
                 .attr_count = 2, .inputs = {FLOATS(TW_SHAPE(1, 1, 1, 2), 3, 4)}, .input_count = 1};
    call_good(&k);
    assert_holds(k.outputs[0], 0.6, 0.8);
    call_end(&k);
}

/* ---- checks ---- */

static void an_assertion_shows_rows_in_brackets(void **state)
{
    (void)state;
    op_call k = {
        "Assert", .attrs = {int_attr("summarize", 3)}, .attr_count = 1,
        .inputs = {tw_array_new(TW_BOOL, TW_SHAPE()), FLOATS(TW_SHAPE(2, 2), 1, 0.1f, 3e-20f, 4)},
        .input_count = 2};
    call_refused(&k, TW_INVALID_ARGUMENT, "assertion failed: [[1 0.1][3e-20...]...]");
}

static void numbers_that_are_none_are_found_anywhere(void **state)
{
    (void)state;
    tw_array *x = tw_array_new(TW_FLOAT64, TW_SHAPE(1000));
    ((double *)tw_array_data(x))[999] = -INFINITY;
    op_call k = {"CheckNumerics", .attrs = {string_attr("message", "the loss")}, .attr_count = 1,
                 .inputs = {x}, .input_count = 1};
    call_refused(&k, TW_INVALID_ARGUMENT, "the loss : Tensor had Inf values");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scalar_is_reduced_over_no_axes),
        cmocka_unit_test(axes_may_be_a_scalar_negative_or_twice_the_same),
        cmocka_unit_test(the_mean_of_nothing_is_nan),
        cmocka_unit_test(an_axis_out_of_range_is_named),
        cmocka_unit_test(kept_axes_have_size_one),
        cmocka_unit_test(the_place_of_an_extreme_along_nothing_is_refused),
        cmocka_unit_test(one_tensor_may_be_added_to_itself),
        cmocka_unit_test(any_number_of_tensors_is_added_in_order),
        cmocka_unit_test(tensors_of_other_shapes_are_not_added),
        cmocka_unit_test(batches_are_broadcast_from_the_right),
        cmocka_unit_test(products_over_nothing_are_zero),
        cmocka_unit_test(vectors_are_no_batches_of_matrices),
        cmocka_unit_test(a_fused_product_is_product_bias_and_activation),
        cmocka_unit_test(softmax_takes_no_scalar_but_no_columns),
        cmocka_unit_test(labels_are_broadcast_over_rows_and_columns),
        cmocka_unit_test(a_class_out_of_range_is_named),
        cmocka_unit_test(a_bias_lies_along_the_second_axis_of_nchw),
        cmocka_unit_test(a_bias_of_another_length_is_refused),
        cmocka_unit_test(a_bias_over_nothing_succeeds),
        cmocka_unit_test(explicit_padding_that_is_what_same_means_gives_the_same),
        cmocka_unit_test(padding_of_depth_or_below_zero_is_refused),
        cmocka_unit_test(strides_are_checked_one_by_one),
        cmocka_unit_test(a_gradient_of_the_wrong_size_is_refused),
        cmocka_unit_test(the_gradient_of_nothing_is_zero),
        cmocka_unit_test(both_formats_give_the_same_image),
        cmocka_unit_test(a_fused_convolution_is_convolution_bias_and_activation),
        cmocka_unit_test(batch_normalization_knows_both_formats),
        cmocka_unit_test(a_wide_radius_takes_all_channels),
        cmocka_unit_test(an_assertion_shows_rows_in_brackets),
        cmocka_unit_test(numbers_that_are_none_are_found_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
