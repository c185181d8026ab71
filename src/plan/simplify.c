/* SPDX-License-Identifier: Apache-2.0
 * Algebra on nodes: identities are walked around, transposes go into the flags of a matrix product,
 * a bias and an activation ride in the product or convolution before them. Each rule is one
 * function that looks at one node. */
#include <string.h>

#include "base/status.h"
#include "plan/plan.h"
#include "tensor/array.h"

/* Nothing but data says when it runs, and nobody waits for it. */
static bool is_free(const tw_plan_node *node)
{
    return !node->gone && !node->control_count && !node->target;
}

/* A copy of the node's attributes to change, with room for two more. */
static tw_attr *own_attrs(tw_plan *plan, tw_plan_node *node)
{
    tw_attr *attrs = tw_arena_array(&plan->arena, node->spec.attr_count + 2, sizeof *attrs);
    if (attrs && node->spec.attr_count)
        memcpy(attrs, node->spec.attrs, node->spec.attr_count * sizeof *attrs);
    if (attrs)
        node->spec.attrs = attrs;
    return attrs;
}

/* Derivatives of sums broadcast what may have the size already. */
static bool broadcasts_nothing(const tw_plan *plan, const tw_plan_node *node)
{
    if (!tw_node_is_type(node, "BroadcastTo"))
        return false;
    tw_shape from = plan->values.items[node->inputs[0]].shape;
    tw_shape to = plan->values.items[node->first_value].shape;
    return tw_shape_fully_known(from) && tw_shape_equal(from, to);
}

/* Operations that only matter while building or differentiating. */
static bool changes_nothing(const tw_plan *plan, const tw_plan_node *node)
{
    return broadcasts_nothing(plan, node) || tw_node_is_type(node, "Identity") ||
           tw_node_is_type(node, "StopGradient") || tw_node_is_type(node, "PreventGradient");
}

/* One with controls stays, since its readers count on their order; so does one that a loop keeps
 * the value of. */
static tw_status *skip_identity(tw_plan *plan, uint32_t index)
{
    tw_plan_node *node = &plan->nodes.items[index];
    if (!changes_nothing(plan, node) || node->control_count ||
        plan->values.items[node->inputs[0]].is_ref ||
        plan->values.items[node->first_value].saved != TW_NO_INDEX)
        return TW_OK;
    tw_plan_replace_value(plan, node->first_value, node->inputs[0]);
    plan->counts.simplified++;
    return TW_OK;
}

/* ---- what is read later than it was ---- */

/* The node of the variable that a reference means. */
static const tw_plan_node *variable_of(const tw_plan *plan, uint32_t reference)
{
    const tw_plan_node *node = tw_plan_producer(plan, reference);
    while (node->ref_inputs & 1)
        node = tw_plan_producer(plan, node->inputs[0]);
    return node;
}

/* Through any of its inputs. */
static bool writes_variable(const tw_plan *plan, const tw_plan_node *node,
                            const tw_plan_node *variable)
{
    for (uint32_t j = 0; !node->gone && j < node->input_count; j++) {
        if (tw_node_writes(node, j) && variable_of(plan, node->inputs[j]) == variable)
            return true;
    }
    return false;
}

/* Nodes stand in the order of adding, which is that of a variable's accesses. */
bool tw_plan_is_written_between(const tw_plan *plan, const tw_plan_node *reader, uint32_t more,
                                uint32_t node)
{
    uint32_t first = (uint32_t)(reader - plan->nodes.items) + 1;
    for (uint32_t i = 0; i <= reader->input_count; i++) {
        uint32_t input = i < reader->input_count ? reader->inputs[i] : more;
        if (!plan->values.items[input].is_ref)
            continue;
        const tw_plan_node *variable = variable_of(plan, input);
        for (uint32_t k = first; k < node; k++) {
            if (writes_variable(plan, &plan->nodes.items[k], variable))
                return true;
        }
    }
    return false;
}

/* ---- transposes ---- */

/* Transpose(x, [1, 0]) or [.., n, n-1] read by a product: the product's flag instead. */
static bool swaps_last_two(const tw_plan *plan, const tw_plan_node *node)
{
    if (!tw_node_is_type(node, "Transpose") || !is_free(node))
        return false;
    const tw_array *perm = tw_plan_producer(plan, node->inputs[1])->constant;
    if (!perm || perm->rank != 1 || perm->count != 2)
        return false;
    int64_t first = tw_element_get_int(perm->dtype, perm->data);
    return first == 1 || first == -1;
}

/* The attributes are copied before they are changed: they are the graph's. */
static tw_status *absorb_transpose(tw_plan *plan, uint32_t index)
{
    static const char *const flags[2] = {"transpose_a", "transpose_b"};
    tw_plan_node *node = &plan->nodes.items[index];
    if (!tw_node_is_type(node, "MatMul"))
        return TW_OK;
    for (uint32_t i = 0; i < 2; i++) {
        const tw_plan_node *from = tw_plan_producer(plan, node->inputs[i]);
        if (!swaps_last_two(plan, from) || from->guarded != node->guarded ||
            tw_plan_is_written_between(plan, from, from->inputs[0], index))
            continue;
        tw_attr *attrs = own_attrs(plan, node);
        if (!attrs)
            return tw_no_memory();
        for (size_t k = 0; k < node->spec.attr_count; k++) {
            if (!strcmp(attrs[k].name, flags[i]))
                attrs[k].value.b = !attrs[k].value.b;
        }
        node->inputs[i] = from->inputs[0];
        plan->counts.simplified++;
    }
    return TW_OK;
}

/* ---- products with an epilogue ---- */

/* Products that can take a bias and an activation along. */
typedef struct tw_epilogue {
    const char *plain, *fused; /* op types: MatMul -> _FusedMatMul */
} tw_epilogue;
static const tw_epilogue epilogues[] = {{"MatMul", "_FusedMatMul"}, {"Conv2D", "_FusedConv2D"}};
static const char *const activations[] = {"Relu", "Relu6", "Sigmoid", "Tanh"};

/* NULL: no product that has a fused form. */
static const tw_epilogue *product_of(const tw_plan_node *node, bool fused)
{
    for (size_t i = 0; i < sizeof epilogues / sizeof *epilogues; i++) {
        if (tw_node_is_type(node, fused ? epilogues[i].fused : epilogues[i].plain))
            return &epilogues[i];
    }
    return NULL;
}

/* The dtypes that the fused kernels have. */
static bool floats(const tw_plan *plan, uint32_t value)
{
    return plan->values.items[value].dtype == TW_FLOAT32 ||
           plan->values.items[value].dtype == TW_FLOAT64;
}

/* The product's columns are known to be as many as the bias vector is long (NHWC for a
 * convolution). */
static bool bias_fits(const tw_plan *plan, uint32_t product, uint32_t bias, bool bias_add)
{
    tw_shape p = plan->values.items[product].shape, b = plan->values.items[bias].shape;
    if (!b.dims || b.rank != 1)
        return false;
    return bias_add || (p.dims && p.rank >= 2 && b.dims[0] > 0 && p.dims[p.rank - 1] == b.dims[0]);
}

/* The text must live as long as the plan: only literals are passed. */
static tw_attr string_attr(const char *name, const char *text)
{
    return (tw_attr){.name = name, .kind = TW_ATTR_STRING, .value.s = {text, strlen(text)}};
}

/* What reads only the sizes of a product that is fused away reads those of the result, which are
 * the same: where they are known only at run time the product would be made for them. Not if one of
 * them was added before the result: what it leads to would come later, a write perhaps. */
static void move_size_readers(tw_plan *plan, uint32_t product, const tw_plan_node *fused)
{
    const tw_plan_node *first = tw_plan_producer(plan, product);
    for (const tw_plan_node *node = first + 1; node < fused; node++) {
        for (uint32_t j = 0; !node->gone && j < node->input_count; j++) {
            if (node->inputs[j] == product)
                return;
        }
    }
    tw_plan_replace_value(plan, product, fused->first_value);
}

/* `node` (the bias's sum) becomes the fused product of a, b and bias. A bias that is computed, or
 * that waits for others, may be so from the product's sizes or for what reads them. */
static tw_status *make_fused(tw_plan *plan, tw_plan_node *node, const tw_plan_node *product,
                             uint32_t bias, const char *type)
{
    const tw_op *op = tw_op_find(type);
    uint32_t *inputs = tw_arena_array(&plan->arena, 3, sizeof *inputs);
    tw_dtype *dtypes = tw_arena_array(&plan->arena, 3, sizeof *dtypes);
    if (!op || !inputs || !dtypes)
        return op ? tw_no_memory() : TW_OK;
    inputs[0] = product->inputs[0], inputs[1] = product->inputs[1], inputs[2] = bias;
    for (int i = 0; i < 3; i++)
        dtypes[i] = plan->values.items[inputs[i]].dtype;
    tw_plan_node made = *node;
    made.spec = product->spec;
    made.spec.name = node->spec.name;
    if (!own_attrs(plan, &made))
        return tw_no_memory();
    ((tw_attr *)made.spec.attrs)[made.spec.attr_count++] = string_attr("activation", "");
    made.spec.op = op;
    made.spec.type = op->name;
    made.inputs = inputs;
    made.input_dtypes = dtypes;
    made.input_count = 3;
    *node = made;
    const tw_plan_node *from = tw_plan_producer(plan, bias);
    if (!from->input_count && !from->control_count)
        move_size_readers(plan, product->first_value, node);
    plan->counts.simplified++;
    return TW_OK;
}

/* Is it a column times a row? */
static bool is_outer(const tw_plan *plan, const tw_plan_node *product)
{
    const tw_attr *ta = tw_spec_attr(&product->spec, "transpose_a");
    const tw_attr *tb = tw_spec_attr(&product->spec, "transpose_b");
    tw_shape a = plan->values.items[product->inputs[0]].shape;
    return tw_node_is_type(product, "MatMul") && !ta->value.b && !tb->value.b && a.dims &&
           a.rank == 2 && a.dims[1] == 1;
}

/* Nothing is summed up in an outer product: it is an elementwise one, which can join the chain that
 * reads it. A bias of -0 and a product of -0 give -0 then, which is all that differs. */
static tw_status *make_elementwise(tw_plan *plan, tw_plan_node *product)
{
    TW_TRY(tw_plan_retype(plan, product, "Mul", "T"));
    plan->counts.simplified++;
    return TW_OK;
}

/* A sum whose product others read too is left alone: the product would be computed twice. */
static tw_status *absorb_bias(tw_plan *plan, uint32_t index)
{
    tw_plan_node *node = &plan->nodes.items[index];
    bool bias_add = tw_node_is_type(node, "BiasAdd") && !tw_spec_attr(&node->spec, "_nchw");
    if ((!bias_add && !tw_node_is_type(node, "Add") && !tw_node_is_type(node, "AddV2")) ||
        node->control_count || !floats(plan, node->first_value))
        return TW_OK;
    const tw_attr *format = tw_spec_attr(&node->spec, "data_format");
    if (format && format->kind == TW_ATTR_STRING && !strncmp(format->value.s.data, "NCHW", 4))
        return TW_OK;
    for (uint32_t side = 0; side < (bias_add ? 1u : 2u); side++) {
        uint32_t value = node->inputs[side], bias = node->inputs[1 - side];
        tw_plan_node *product = tw_plan_producer(plan, value);
        const tw_epilogue *e = product_of(product, false);
        const tw_attr *layout = e ? tw_spec_attr(&product->spec, "data_format") : NULL;
        if (!e || !is_free(product) || !tw_value_is_private(plan, value) ||
            product->guarded != node->guarded ||
            (layout && strncmp(layout->value.s.data, "NHWC", 4)) ||
            !bias_fits(plan, value, bias, bias_add) ||
            tw_plan_is_written_between(plan, product, bias, index))
            continue;
        if (!bias_add && is_outer(plan, product))
            return make_elementwise(plan, product);
        return make_fused(plan, node, product, bias, e->fused);
    }
    return TW_OK;
}

/* The fused product takes the activation's name, so that an error still names what the user
 * wrote last. */
static tw_status *absorb_activation(tw_plan *plan, uint32_t index)
{
    tw_plan_node *node = &plan->nodes.items[index];
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
        if (!tw_node_is_type(node, activations[i]) || node->control_count)
            continue;
        tw_plan_node *product = tw_plan_producer(plan, node->inputs[0]);
        if (!product_of(product, true) || !is_free(product) ||
            !tw_value_is_private(plan, node->inputs[0]) || product->guarded != node->guarded ||
            tw_spec_attr(&product->spec, "activation")->value.s.length ||
            tw_plan_is_written_between(plan, product, product->inputs[0], index))
            return TW_OK;
        tw_plan_node made = *node;
        made.spec = product->spec;
        made.spec.name = node->spec.name;
        tw_attr *attrs = own_attrs(plan, &made);
        if (!attrs)
            return tw_no_memory();
        attrs[made.spec.attr_count - 1] = string_attr("activation", activations[i]);
        made.inputs = product->inputs;
        made.input_dtypes = product->input_dtypes;
        made.input_count = product->input_count;
        *node = made;
        move_size_readers(plan, product->first_value, node);
        plan->counts.simplified++;
    }
    return TW_OK;
}

/* ---- updates in place ---- */

/* The variable that `reference` means, or a plain read of it. */
static bool reads_variable(const tw_plan *plan, uint32_t value, uint32_t reference)
{
    const tw_plan_node *node = tw_plan_producer(plan, value);
    bool reads = tw_node_is_type(node, "Identity") && !node->control_count &&
                 node->inputs[0] == reference;
    return (reads || value == reference) && tw_plan_producer(plan, reference)->is_variable;
}

/* Between a read and a write that become one, nobody else may write. */
static bool is_only_writer(const tw_plan *plan, uint32_t reference)
{
    uint32_t writers = 0;
    for (size_t i = 0; i < plan->nodes.count; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        for (uint32_t k = 0; !node->gone && k < node->input_count && k < 32; k++)
            writers += node->inputs[k] == reference && node->ref_inputs >> k & 1;
    }
    return writers == 1;
}

static bool is_scalar_variable(const tw_plan *plan, uint32_t reference)
{
    const tw_plan_node *node = tw_plan_producer(plan, reference);
    const tw_attr *shape = tw_spec_attr(&node->spec, "shape");
    return !node->loose_shape && shape && shape->kind == TW_ATTR_SHAPE && shape->value.shape.dims &&
           shape->value.shape.rank == 0;
}

/* Assign(v, v * c) of a scalar, as optimizers have it for the powers of their rates: v *= c. */
static tw_status *absorb_update(tw_plan *plan, uint32_t index)
{
    tw_plan_node *node = &plan->nodes.items[index];
    if (!tw_node_is_type(node, "Assign") || !tw_value_is_private(plan, node->inputs[1]) ||
        !is_scalar_variable(plan, node->inputs[0]))
        return TW_OK;
    const tw_op *op = tw_op_find("_AssignMul");
    const tw_plan_node *product = tw_plan_producer(plan, node->inputs[1]);
    for (uint32_t side = 0; side < 2; side++) {
        if (!tw_node_is_type(product, "Mul") || product->target ||
            product->guarded != node->guarded ||
            !reads_variable(plan, product->inputs[side], node->inputs[0]))
            continue;
        const tw_array *factor = tw_plan_producer(plan, product->inputs[1 - side])->constant;
        if (!op || !factor || factor->rank || !is_only_writer(plan, node->inputs[0]))
            return TW_OK;
        uint32_t *inputs = tw_arena_copy(&plan->arena, node->inputs, 2 * sizeof *inputs);
        if (!inputs)
            return tw_no_memory();
        inputs[1] = product->inputs[1 - side];
        for (uint32_t k = 0; k < product->control_count; k++)
            TW_TRY(tw_plan_add_control(plan, index, product->controls[k]));
        node->inputs = inputs;
        node->spec.op = op;
        node->spec.type = op->name;
        plan->counts.simplified++;
        return TW_OK;
    }
    return TW_OK;
}

/* No read of a variable, which the update might be of. */
static bool is_computed(const tw_plan *plan, uint32_t value)
{
    const tw_plan_node *node = tw_plan_producer(plan, value);
    return !plan->values.items[value].is_ref && !node->is_variable &&
           !(node->input_count && plan->values.items[node->inputs[0]].is_ref);
}

/* A product of floats that waits for nothing. */
static bool is_plain_product(const tw_plan *plan, uint32_t value)
{
    const tw_plan_node *node = tw_plan_producer(plan, value);
    return tw_node_is_type(node, "MatMul") && is_free(node) && floats(plan, value);
}

/* The node becomes `op`: of `count` inputs of its own, then the product's, with its attributes. */
static tw_status *take_product(tw_plan *plan, tw_plan_node *node, const uint32_t *own,
                               uint32_t count, const tw_plan_node *product, const tw_op *op)
{
    uint32_t *inputs = tw_arena_array(&plan->arena, count + 2, sizeof *inputs);
    tw_dtype *dtypes = tw_arena_array(&plan->arena, count + 2, sizeof *dtypes);
    if (!inputs || !dtypes)
        return tw_no_memory();
    for (uint32_t i = 0; i < count + 2; i++) {
        inputs[i] = i < count ? own[i] : product->inputs[i - count];
        dtypes[i] = product->input_dtypes[0];
    }
    const char *name = node->spec.name;
    node->spec = product->spec;
    node->spec.name = name;
    node->spec.op = op;
    node->spec.type = op->name;
    node->inputs = inputs;
    node->input_dtypes = dtypes;
    node->input_count = count + 2;
    plan->counts.simplified++;
    return TW_OK;
}

/* ApplyGradientDescent by a product that nobody else reads: it is added to the variable as it is
 * computed. */
static tw_status *absorb_product(tw_plan *plan, uint32_t index)
{
    tw_plan_node *node = &plan->nodes.items[index];
    if (!tw_node_is_type(node, "ApplyGradientDescent") ||
        !tw_value_is_private(plan, node->inputs[2]))
        return TW_OK;
    const tw_plan_node *product = tw_plan_producer(plan, node->inputs[2]);
    const tw_op *op = tw_op_find("_ApplyMatMul");
    if (!op || !is_plain_product(plan, node->inputs[2]) || product->guarded != node->guarded ||
        !is_computed(plan, product->inputs[0]) || !is_computed(plan, product->inputs[1]))
        return TW_OK;
    return take_product(plan, node, node->inputs, 2, product, op);
}

/* A matrix of which every size is known, so that what is added cannot make it larger. */
static bool keeps_shape(const tw_plan *plan, uint32_t variable, uint32_t sum)
{
    tw_shape before = plan->values.items[variable].shape, after = plan->values.items[sum].shape;
    return tw_shape_fully_known(before) && before.rank == 2 && tw_shape_equal(before, after);
}

/* A loop's variable and a product that nobody else reads: it is added as it is computed. */
static tw_status *absorb_summand(tw_plan *plan, uint32_t index)
{
    tw_plan_node *node = &plan->nodes.items[index];
    if (!plan->loop || (!tw_node_is_type(node, "Add") && !tw_node_is_type(node, "AddV2")))
        return TW_OK;
    const tw_op *op = tw_op_find("_AddMatMul");
    if (!op)
        return TW_OK;
    for (uint32_t side = 0; side < 2; side++) {
        uint32_t variable = node->inputs[side], summand = node->inputs[1 - side];
        const tw_plan_node *product = tw_plan_producer(plan, summand);
        if (tw_value_is_summed(plan, variable, node->first_value) &&
            keeps_shape(plan, variable, node->first_value) && tw_value_is_private(plan, summand) &&
            is_plain_product(plan, summand) && product->guarded == node->guarded)
            return take_product(plan, node, &variable, 1, product, op);
    }
    return TW_OK;
}

/* ---- the pass ---- */

/* A rule and the types of the nodes that it looks at: others are not shown to it. */
typedef struct tw_rule {
    tw_status *(*apply)(tw_plan *plan, uint32_t node);
    const char *types[4];
    const char *begins; /* or what their names begin with, */
    bool elementwise;   /* or all that have an elementwise loop */
} tw_rule;
static const tw_rule rules[] = {
    {skip_identity, .types = {"Identity", "BroadcastTo", "StopGradient", "PreventGradient"}},
    {absorb_transpose, .types = {"MatMul"}},
    {absorb_bias, .types = {"BiasAdd", "Add", "AddV2"}},
    {absorb_activation, .types = {"Relu", "Relu6", "Sigmoid", "Tanh"}},
    {tw_plan_absorb_pool, .types = {"MaxPool"}},
    {absorb_update, .types = {"Assign"}},
    {tw_plan_fold_number, .elementwise = true},
    {tw_plan_batch_products, .types = {"AddN"}},
    {absorb_product, .types = {"ApplyGradientDescent"}},
    {absorb_summand, .types = {"Add", "AddV2"}},
    {tw_plan_take_factor, .types = {"Mul"}},
    {tw_plan_sum_derivative, .types = {"Sum", "BiasAddGrad"}},
    {tw_plan_sum_equal_rows, .begins = "SparseApply"},
    {tw_plan_chain_slices, .types = {"AddN"}}};
enum { RULES = sizeof rules / sizeof *rules };

static bool is_for(const tw_rule *rule, const tw_op *op)
{
    bool fits = rule->elementwise && op->definition.elementwise;
    for (size_t i = 0; !fits && i < sizeof rule->types / sizeof *rule->types && rule->types[i]; i++)
        fits = tw_name_is(op->name, rule->types[i]);
    return fits || (rule->begins && !strncmp(op->name, rule->begins, strlen(rule->begins)));
}

/* Nodes of one op are many, so what it was found to be is kept: bit r says that rule r looks at
 * it. */
enum { KEPT = 128 };
typedef struct tw_kept_rules {
    const tw_op *op;
    uint32_t rules;
} tw_kept_rules;

static uint32_t rules_of(tw_kept_rules *kept, const tw_op *op)
{
    _Static_assert(RULES <= 32, "a bit for each rule");
    uint64_t at = (uint64_t)(uintptr_t)op * UINT64_C(0x9e3779b97f4a7c15) >> 32;
    tw_kept_rules *k = &kept[at & (KEPT - 1)];
    for (uint32_t tries = 0; k->op && k->op != op && tries < 8; tries++)
        k = &kept[++at & (KEPT - 1)];
    if (k->op == op)
        return k->rules;
    *k = (tw_kept_rules){.op = op};
    for (uint32_t r = 0; r < RULES; r++)
        k->rules |= (uint32_t)is_for(&rules[r], op) << r;
    return k->rules;
}

/* By place in the order. Returns all of them together. */
static uint32_t find_rules(const tw_plan *plan, tw_kept_rules *kept, const uint32_t *order,
                           uint32_t count, uint32_t *which)
{
    uint32_t all = 0;
    for (uint32_t i = 0; i < count; i++) {
        const tw_plan_node *node = &plan->nodes.items[order[i]];
        which[i] = node->gone || node->kind != TW_NODE_OP ? 0 : rules_of(kept, node->spec.op);
        all |= which[i];
    }
    return all;
}

/* Every rule counts what it does. */
static uint32_t changes_of(const tw_plan *plan)
{
    return plan->counts.simplified + plan->counts.folded;
}

/* Shows it the nodes that it looks at. Inputs are settled, but for what it replaces itself. */
static tw_status *apply(tw_plan *plan, uint32_t rule, const uint32_t *order, uint32_t count,
                        const uint32_t *which)
{
    for (uint32_t i = 0; i < count; i++) {
        bool shown = which[i] >> rule & 1;
        if ((!shown && !plan->moved) || plan->nodes.items[order[i]].gone)
            continue;
        tw_plan_settle(plan, &plan->nodes.items[order[i]]);
        if (shown)
            TW_TRY(rules[rule].apply(plan, order[i]));
    }
    return TW_OK;
}

/* Rule by rule over the whole plan, with a sweep behind each that did something: a later rule sees
 * exact counts of uses. One order serves them all, since a rule (but the last) gives a node only
 * inputs that stood before it; what reads only sizes is changed by none. A rule makes another type
 * of its own node or of one before it, never of one that it has yet to see. */
tw_status *tw_plan_simplify(tw_plan *plan)
{
    const uint32_t *order;
    uint32_t count;
    TW_TRY(tw_plan_topological(plan, &order, &count));
    uint32_t *which = tw_alloc_array((size_t)count + 1, sizeof *which);
    tw_status *status = which ? TW_OK : tw_no_memory();
    tw_kept_rules kept[KEPT] = {{NULL, 0}};
    uint32_t all = status ? 0 : find_rules(plan, kept, order, count, which);
    for (uint32_t r = 0; r < RULES && !status; r++) {
        uint32_t before = changes_of(plan);
        if (!(all >> r & 1))
            continue;
        status = apply(plan, r, order, count, which);
        if (status || changes_of(plan) == before)
            continue;
        status = tw_plan_sweep(plan);
        all = find_rules(plan, kept, order, count, which);
    }
    tw_free(which);
    return status;
}
