/* SPDX-License-Identifier: Apache-2.0
 * Cross entropies whose derivative is multiplied by one number, as that of their mean is: the
 * kernel, which divides each row by its sum, takes the number along, and the derivative is not gone
 * through again. Nor is it for the sum of its rows, the derivative of a bias: rows are summed while
 * they are in the cache. */
#include <string.h>

#include "base/status.h"
#include "plan/plan.h"
#include "tensor/array.h"

/* Cross entropies that have a form with a factor. */
static const char *const forms[][2] = {
    {"SoftmaxCrossEntropyWithLogits", "_ScaledSoftmaxCrossEntropy"},
    {"SparseSoftmaxCrossEntropyWithLogits", "_ScaledSparseSoftmaxCrossEntropy"}};

/* Which of them it is; NULL: none. */
static const char *scaled_form(const tw_plan_node *node)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (tw_node_is_type(node, forms[i][0]))
            return forms[i][1];
    }
    return NULL;
}

/* Shape of the loss. */
static bool is_shape_of(const tw_plan *plan, uint32_t value, uint32_t loss)
{
    const tw_plan_node *node = tw_plan_producer(plan, value);
    return tw_node_is_type(node, "Shape") && node->inputs[0] == loss;
}

/* A column with the same constant for each of the losses: that constant's value. Nothing else is
 * sure to be known before the losses are. */
static uint32_t factor_in(const tw_plan *plan, uint32_t column, uint32_t loss)
{
    const tw_plan_node *node = tw_plan_producer(plan, column);
    tw_shape c = plan->values.items[column].shape, l = plan->values.items[loss].shape;
    if (!tw_node_is_type(node, "ExpandDims") || !c.dims || c.rank != 2 || c.dims[1] != 1)
        return TW_NO_INDEX;
    const tw_plan_node *spread = tw_plan_producer(plan, node->inputs[0]);
    bool known = l.dims && l.rank == 1 && l.dims[0] >= 0 && l.dims[0] == c.dims[0];
    if (!tw_node_is_type(spread, "BroadcastTo") || spread->control_count || spread->guarded ||
        (!known && !is_shape_of(plan, spread->inputs[1], loss)))
        return TW_NO_INDEX;
    const tw_plan_node *number = tw_plan_producer(plan, spread->inputs[0]);
    bool scalar = number->kind == TW_NODE_CONSTANT && !number->control_count &&
                  !number->constant->rank;
    return scalar ? spread->inputs[0] : TW_NO_INDEX;
}

/* The node gets the factor as its last input. */
static tw_status *take(tw_plan *plan, tw_plan_node *node, uint32_t factor, const tw_op *op)
{
    uint32_t *inputs = tw_arena_array(&plan->arena, 3, sizeof *inputs);
    tw_dtype *dtypes = tw_arena_array(&plan->arena, 3, sizeof *dtypes);
    if (!inputs || !dtypes)
        return tw_no_memory();
    for (uint32_t i = 0; i < 3; i++) {
        inputs[i] = i < 2 ? node->inputs[i] : factor;
        dtypes[i] = plan->values.items[inputs[i]].dtype;
    }
    node->inputs = inputs;
    node->input_dtypes = dtypes;
    node->input_count = 3;
    node->spec.op = op;
    node->spec.type = op->name;
    return TW_OK;
}

/* A rule of simplify's: Mul of such a derivative, which nobody else reads, and a column. */
tw_status *tw_plan_take_factor(tw_plan *plan, uint32_t index)
{
    const tw_plan_node *node = &plan->nodes.items[index];
    if (!tw_node_is_type(node, "Mul") || node->control_count ||
        plan->values.items[node->first_value].saved != TW_NO_INDEX)
        return TW_OK;
    for (uint32_t side = 0; side < 2; side++) {
        uint32_t value = node->inputs[side];
        const tw_plan_value *v = &plan->values.items[value];
        tw_plan_node *entropy = tw_plan_producer(plan, value);
        const char *form = scaled_form(entropy);
        uint32_t factor = TW_NO_INDEX;
        if (form && value == entropy->first_value + 1)
            factor = factor_in(plan, node->inputs[1 - side], entropy->first_value);
        const tw_op *op = factor != TW_NO_INDEX ? tw_op_find(form) : NULL;
        if (!op || !tw_value_is_private(plan, value) || entropy->guarded != node->guarded ||
            (v->dtype != TW_FLOAT32 && v->dtype != TW_FLOAT64))
            continue;
        TW_TRY(take(plan, entropy, factor, op));
        tw_plan_replace_value(plan, node->first_value, value);
        plan->counts.simplified++;
        return TW_OK;
    }
    return TW_OK;
}

/* Axes and dims are int32 or int64. */
static int64_t number_at(const tw_array *array, size_t i)
{
    size_t size = tw_dtype_size(array->dtype);
    return tw_element_get_int(array->dtype, (const char *)array->data + i * size);
}

/* What is known of the dims that a vector holds, two at most: a constant, or the shape of something
 * (-1: a dim that is not known). False: nothing is, or there are more. */
static bool dims_in(const tw_plan *plan, uint32_t value, int64_t dims[2], size_t *rank)
{
    const tw_plan_node *node = tw_plan_producer(plan, value);
    const tw_array *array = node->constant;
    tw_shape shape = {0};
    if (tw_node_is_type(node, "Shape"))
        shape = plan->values.items[node->inputs[0]].shape;
    if ((!array || array->count > 2) && (!shape.dims || shape.rank > 2))
        return false;
    *rank = array ? array->count : shape.rank;
    for (size_t i = 0; i < *rank; i++)
        dims[i] = array ? number_at(array, i) : shape.dims[i];
    return true;
}

/* Are these axes of a matrix of `cols` columns the first one alone? A constant says so; or they are
 * those of a row that was added to each row, which are known only when the plan runs: but a row as
 * long as the matrix has columns, more than one, can only be summed over rows, however many. */
static bool is_first_axis(const tw_plan *plan, uint32_t value, int64_t cols)
{
    const tw_plan_node *node = tw_plan_producer(plan, value);
    if (node->constant) {
        int64_t axis = node->constant->count == 1 ? number_at(node->constant, 0) : 1;
        return axis == 0 || axis == -2;
    }
    uint32_t side = plan->values.items[value].output;
    int64_t row[2], matrix[2];
    size_t rank, other;
    return tw_node_is_type(node, "BroadcastGradientArgs") &&
           dims_in(plan, node->inputs[side], row, &rank) && rank == 1 && row[0] == cols &&
           dims_in(plan, node->inputs[1 - side], matrix, &other) && other == 2 && matrix[1] == cols;
}

/* Is it the sum of the rows of a wide matrix? Of narrow ones it takes no time: they are in the
 * cache anyway, and several of their rows are done at a time. */
static bool sums_rows(const tw_plan *plan, const tw_plan_node *node)
{
    enum { WIDE = 256 };
    bool bias = tw_node_is_type(node, "BiasAddGrad");
    if ((!bias && !tw_node_is_type(node, "Sum")) || node->control_count)
        return false;
    tw_shape shape = plan->values.items[node->inputs[0]].shape;
    const tw_attr *keep = tw_spec_attr(&node->spec, bias ? "data_format" : "keep_dims");
    if (!keep || !shape.dims || shape.rank != 2 || shape.dims[1] < WIDE)
        return false;
    if (bias)
        return keep->kind == TW_ATTR_STRING && !strncmp(keep->value.s.data, "NHWC", 4);
    return !keep->value.b && is_first_axis(plan, node->inputs[1], shape.dims[1]);
}

/* A rule of simplify's: such a sum of a derivative that has its factor. The cross entropy gives a
 * third value then; its values stand together, so the two that it gave are made anew. */
tw_status *tw_plan_sum_derivative(tw_plan *plan, uint32_t index)
{
    const tw_plan_node *sum = &plan->nodes.items[index];
    if (!sums_rows(plan, sum) || plan->values.items[sum->first_value].saved != TW_NO_INDEX)
        return TW_OK;
    const tw_plan_value summed = plan->values.items[sum->inputs[0]];
    tw_plan_node *entropy = &plan->nodes.items[summed.node];
    const tw_op *op = tw_op_find("_SummedSparseSoftmaxCrossEntropy");
    uint32_t old = entropy->first_value, result = sum->first_value;
    if (!op || !tw_node_is_type(entropy, "_ScaledSparseSoftmaxCrossEntropy") ||
        summed.output != 1 || entropy->guarded != sum->guarded ||
        plan->values.items[old].saved != TW_NO_INDEX ||
        plan->values.items[old + 1].saved != TW_NO_INDEX)
        return TW_OK;
    TW_TRY(tw_plan_add_outputs(plan, summed.node, 3));
    uint32_t made = entropy->first_value;
    for (uint32_t i = 0; i < 3; i++) {
        const tw_plan_value *from = &plan->values.items[i < 2 ? old + i : result];
        plan->values.items[made + i].dtype = from->dtype;
        plan->values.items[made + i].shape = from->shape;
        tw_plan_replace_value(plan, i < 2 ? old + i : result, made + i);
    }
    entropy->spec.op = op;
    entropy->spec.type = op->name;
    plan->counts.simplified++;
    return TW_OK;
}
