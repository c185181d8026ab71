/* SPDX-License-Identifier: Apache-2.0
 * What a loop reads from a TensorArray. The operation's own rule cannot know the shape, as a handle
 * says nothing; but where the array was declared with a shape, or where all that the plan ever puts
 * into it are rows of arrays of one shape, as the inputs of a recurrent net are, the elements have
 * that shape. The steps that read them are prepared once then. The run checks each element that
 * comes. */
#include "base/status.h"
#include "plan/variant.h"

/* Of the types' names; what they do to a list differs in no version. */
static bool begins(const tw_plan_node *node, const char *name)
{
    return node->kind == TW_NODE_OP && !strncmp(node->spec.op->name, name, strlen(name));
}

/* The operations on a handle, and where the value stands that they part into rows. */
static const struct {
    const char *name;
    uint32_t rows; /* 0: it writes nothing */
} uses[] = {{"TensorArrayScatter", 2}, {"TensorArrayUnpack", 1}, {"TensorArrayRead", 0},
            {"TensorArrayGather", 0},  {"TensorArrayPack", 0},   {"TensorArrayConcat", 0},
            {"TensorArraySize", 0},    {"TensorArrayClose", 0},  {"TensorArrayGrad", 0}};

/* ---- which list ---- */

/* A value of a plan and, for sizes, of the variant of that plan. */
typedef struct tw_spot {
    const tw_variant *v;
    uint32_t value;
} tw_spot;

/* Out of the loops into which it comes, where it stays the same. */
static bool go_out(tw_spot *spot)
{
    const tw_plan *plan = spot->v->plan;
    size_t feed = tw_plan_staying_feed(plan, spot->value);
    if (feed == plan->feed_count)
        return false;
    spot->v = spot->v->outer;
    spot->value = plan->loop->owner->nodes.items[plan->loop->node].inputs[feed];
    return true;
}

/* To the operation that made the list, or NULL. A list of gradients has elements as the list whose
 * gradients they are. */
static const tw_plan_node *find_maker(tw_spot *spot, bool *is_gradient)
{
    for (;;) {
        const tw_plan_node *node = tw_plan_producer(spot->v->plan, spot->value);
        if (node->kind == TW_NODE_FEED) {
            if (!go_out(spot))
                return NULL;
            continue;
        }
        bool grad = begins(node, "TensorArrayGrad");
        if (!grad && !tw_node_is_type(node, "Identity"))
            return tw_node_is_type(node, "TensorArrayV3") ||
                           tw_node_is_type(node, "TensorArrayV2") ||
                           tw_node_is_type(node, "TensorArray")
                       ? node
                       : NULL;
        *is_gradient = *is_gradient || grad;
        spot->value = node->inputs[0];
    }
}

/* ---- what is put into it ---- */

/* The shape of a row of all arrays seen so far; `count` of them. */
typedef struct tw_rows {
    const tw_variant *v; /* where the list was made */
    tw_shape shape;
    size_t count;
} tw_rows;

/* Arrays of one shape, in the plan where the list was made: there sizes are known before the loop
 * is sized. */
static bool add_rows(tw_rows *rows, const tw_plan *plan, uint32_t value)
{
    tw_shape shape = rows->v->values[value].shape;
    if (plan != rows->v->plan || !shape.dims || !shape.rank)
        return false;
    tw_shape row = {shape.dims + 1, shape.rank - 1};
    if (rows->count++ && !tw_shape_equal(rows->shape, row))
        return false;
    rows->shape = row;
    return true;
}

static bool find_rows(tw_rows *rows, const tw_plan *plan, uint32_t handle);

/* One use of the handle. Of a loop the body is looked through. */
static bool add_use(tw_rows *rows, const tw_plan *plan, const tw_plan_node *node, uint32_t input)
{
    if (node->kind == TW_NODE_LOOP)
        return input >= node->loop->carried &&
               find_rows(rows, node->loop->body, node->loop->vars[input].inside);
    if (tw_node_is_type(node, "Identity"))
        return find_rows(rows, plan, node->first_value);
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        if (begins(node, uses[i].name))
            return !input && (!uses[i].rows || add_rows(rows, plan, node->inputs[uses[i].rows]));
    }
    return false;
}

/* False: something is put in of which the shape is not known here. */
static bool find_rows(tw_rows *rows, const tw_plan *plan, uint32_t handle)
{
    const tw_plan_value *value = &plan->values.items[handle];
    if (value->fetched || value->saved != TW_NO_INDEX || value->is_ref)
        return false;
    for (size_t n = 0; n < plan->nodes.count; n++) {
        const tw_plan_node *node = &plan->nodes.items[n];
        for (uint32_t i = 0; !node->gone && i < node->input_count; i++) {
            if (node->inputs[i] == handle && !add_use(rows, plan, node, i))
                return false;
        }
    }
    return true;
}

/* The shape of what a node of a loop reads, as far as the plan knows it. */
tw_shape tw_variant_element_shape(const tw_variant *v, const tw_plan_node *node)
{
    if (!v->plan->loop || !begins(node, "TensorArrayRead"))
        return TW_UNKNOWN_SHAPE;
    tw_spot spot = {v, node->inputs[0]};
    bool is_gradient = false;
    const tw_plan_node *maker = find_maker(&spot, &is_gradient);
    if (!maker)
        return TW_UNKNOWN_SHAPE;
    const tw_attr *attr = tw_spec_attr(&maker->spec, "element_shape");
    tw_shape declared = attr && attr->kind == TW_ATTR_SHAPE ? attr->value.shape : TW_UNKNOWN_SHAPE;
    tw_rows rows = {.v = spot.v};
    if (tw_shape_fully_known(declared) || is_gradient ||
        !find_rows(&rows, spot.v->plan, spot.value) || !rows.count)
        return declared;
    return rows.shape;
}
