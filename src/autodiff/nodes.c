/* SPDX-License-Identifier: Apache-2.0
 * How many nodes TensorFlow 1.15 makes for the derivative of an operation. Ours are other and fewer
 * ones, but an operation that is made later without a seed of its own gets its seed from the number
 * of nodes that are there. TensorFlow keeps what it works out about known sizes with the graph, so
 * that the same sizes cost fewer nodes when they come again. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "autodiff/gradients.h"
#include "base/text.h"
#include "tensor/array.h"

enum {
    BROADCAST_ARGS = 3, /* two sizes and what is to be summed over */
    SUM_KNOWN = 4,      /* Sum and Reshape, with constants */
    SUM_UNKNOWN = 2,
    REDUCED_SHAPE = 10, /* the size with ones in place of what was reduced */
    MANY_PARTS = 16     /* of a Concat: cut by Split beyond it */
};

/* Whether TensorFlow has worked it out before; now it has. Without memory it never has. */
static bool known_already(tw_graph *graph, const char *what, const char *a, const char *b)
{
    tw_buffer key = {0};
    tw_buffer_printf(&key, "%s %s %s", what, a, b);
    char *text = tw_buffer_take(&key);
    tw_graph_lock(graph);
    bool known = text && tw_map_has(&graph->worked_out, text);
    if (text && !known)
        (void)tw_map_set(&graph->worked_out, text, NULL);
    tw_graph_unlock(graph);
    tw_free(text);
    return known;
}

static tw_tensor dy_of(const tw_gradient *g)
{
    return g->dy[0].kind == TW_GRAD_TENSOR ? g->dy[0].values : (tw_tensor){NULL, 0};
}

static bool same_known(tw_shape a, tw_shape b)
{
    return tw_shape_fully_known(a) && tw_shape_equal(a, b);
}

/* ---- broadcasting operations of two operands ---- */

/* The operands and the result have one size, and it is known: nothing is to be summed. */
static bool is_plain(const tw_gradient *g)
{
    tw_shape x = tw_tensor_shape(g->inputs[0]), dy = tw_tensor_shape(dy_of(g));
    return same_known(x, tw_tensor_shape(g->inputs[1])) && same_known(x, dy);
}

/* Sums over what was broadcast; the pair of sizes is remembered in this order. */
static int64_t broadcast_nodes(tw_graph *graph, const tw_gradient *g)
{
    tw_shape x = tw_tensor_shape(g->inputs[0]), y = tw_tensor_shape(g->inputs[1]);
    tw_shape dy = tw_tensor_shape(dy_of(g));
    if (!tw_shape_fully_known(x) || !tw_shape_fully_known(y) || !tw_shape_fully_known(dy))
        return BROADCAST_ARGS + 2 * SUM_UNKNOWN;
    bool before = known_already(graph, "broadcast", tw_shape_text(x).s, tw_shape_text(y).s);
    return (before ? 0 : BROADCAST_ARGS) + (tw_shape_equal(x, dy) ? 0 : SUM_KNOWN) +
           (tw_shape_equal(y, dy) ? 0 : SUM_KNOWN);
}

static int64_t add_nodes(tw_graph *graph, const tw_gradient *g)
{
    return is_plain(g) ? 0 : broadcast_nodes(graph, g);
}

static int64_t sub_nodes(tw_graph *graph, const tw_gradient *g)
{
    return 1 + add_nodes(graph, g);
}

/* Only these types take the short way. */
static int64_t mul_nodes(tw_graph *graph, const tw_gradient *g)
{
    tw_dtype dtype = tw_tensor_dtype(dy_of(g));
    bool plain = is_plain(g) && (dtype == TW_FLOAT32 || dtype == TW_INT32);
    return 2 + (plain ? 0 : broadcast_nodes(graph, g));
}

static int64_t squared_difference_nodes(tw_graph *graph, const tw_gradient *g)
{
    return 5 + add_nodes(graph, g);
}

static int64_t pow_nodes(tw_graph *graph, const tw_gradient *g)
{
    return tw_dtype_is_complex(tw_tensor_dtype(dy_of(g))) ? -1 : 16 + broadcast_nodes(graph, g);
}

/* ---- reductions ---- */

/* The axes as numbers, if they are known while building. */
static tw_array *axes_of(const tw_gradient *g)
{
    tw_array *axes = tw_tensor_constant_value(g->inputs[1]);
    if (axes && axes->dtype != TW_INT32 && axes->dtype != TW_INT64) {
        tw_array_unref(axes);
        axes = NULL;
    }
    return axes;
}

static int64_t axis_at(const tw_array *axes, size_t i)
{
    return axes->dtype == TW_INT64 ? ((const int64_t *)axes->data)[i]
                                   : ((const int32_t *)axes->data)[i];
}

/* 0, 1 ... rank - 1, in this order. */
static bool are_all(const tw_array *axes, size_t rank)
{
    bool all = axes->count == rank;
    for (size_t i = 0; all && i < rank; i++)
        all = axis_at(axes, i) == (int64_t)i;
    return all;
}

/* Of known sizes the pieces are constants, but what they were worked out with stays in the graph
 * the first time. */
static int64_t sum_nodes(tw_graph *graph, const tw_gradient *g)
{
    tw_shape x = tw_tensor_shape(g->inputs[0]);
    tw_array *axes = axes_of(g);
    bool all = axes && x.dims && are_all(axes, x.rank);
    bool known = axes && tw_shape_fully_known(x);
    tw_buffer text = {0};
    for (size_t i = 0; known && i < axes->count; i++)
        tw_buffer_printf(&text, " %" PRId64, axis_at(axes, i));
    char *list = tw_buffer_take(&text);
    tw_array_unref(axes);
    int64_t count = all ? 4 : REDUCED_SHAPE + 6;
    if (known && !all)
        count = known_already(graph, "reduced", tw_shape_text(x).s, list ? list : "") ? 4 : 21;
    tw_free(list);
    return count;
}

/* Divided by a number, or by one that is worked out when it is run. */
static int64_t mean_nodes(tw_graph *graph, const tw_gradient *g)
{
    bool known = tw_shape_fully_known(tw_tensor_shape(g->inputs[0])) &&
                 tw_shape_fully_known(tw_tensor_shape(g->outputs[0]));
    return sum_nodes(graph, g) + (known ? 2 : 11);
}

/* ---- others ---- */

/* Sizes are asked for one by one until one is not known; then for all at once. */
static int64_t concat_nodes(tw_graph *graph, const tw_gradient *g)
{
    (void)graph;
    size_t parts = g->input_count - 1, known = 0;
    if (parts < 2)
        return -1;
    while (known < parts && tw_shape_fully_known(tw_tensor_shape(g->inputs[known])))
        known++;
    int64_t sizes = (int64_t)known + (known < parts ? 2 : 0);
    return 2 + sizes + (parts > MANY_PARTS ? 8 : 1 + (int64_t)parts);
}

static int64_t stitch_nodes(tw_graph *graph, const tw_gradient *g)
{
    (void)graph;
    return (int64_t)g->input_count; /* half of the inputs are indices, and each part takes two */
}

static int64_t nearest_nodes(tw_graph *graph, const tw_gradient *g)
{
    (void)graph;
    tw_shape x = tw_tensor_shape(g->inputs[0]);
    return x.rank == 4 && x.dims && x.dims[1] >= 0 && x.dims[2] >= 0 ? 2 : 6;
}

/* Zeros are made for every result through which nothing came back. */
static int64_t missing(const tw_gradient *g)
{
    int64_t count = 0;
    for (size_t i = 0; i < g->output_count; i++)
        count += g->dy[i].kind == TW_GRAD_NONE &&
                 tw_dtype_is_trainable(tw_tensor_dtype(g->outputs[i]));
    return count;
}

static int64_t batch_norm_nodes(tw_graph *graph, const tw_gradient *g)
{
    (void)graph;
    return tw_gradient_bool(g, "is_training") ? 1 + missing(g) : -1;
}

static int64_t entropy_nodes(tw_graph *graph, const tw_gradient *g)
{
    (void)graph;
    return g->dy[1].kind == TW_GRAD_NONE ? 9 : -1;
}

/* Slices along the first axis. */
enum { GATHERED_ROWS = 13 };
static int64_t gather_nodes(tw_graph *graph, const tw_gradient *g)
{
    (void)graph;
    tw_array *axis = tw_tensor_constant_value(g->inputs[2]);
    bool first = !axis || axis->count != 1 || tw_array_item(axis) == 0;
    tw_array_unref(axis);
    return first ? GATHERED_ROWS : 55;
}

static int64_t sparse_entropy_nodes(tw_graph *graph, const tw_gradient *g)
{
    (void)graph;
    return g->dy[1].kind == TW_GRAD_NONE ? 5 : -1;
}

/* In order of name. */
static const struct rule {
    const char *type;
    int64_t (*count)(tw_graph *graph,
                     const tw_gradient *g); /* NULL: always `nodes`; < 0: as ours */
    int64_t nodes;
} rules[] = {
    {"Add", add_nodes, 0},
    {"AddV2", add_nodes, 0},
    {"BatchMatMulV2", NULL, 17},
    {"BroadcastTo", NULL, 4},
    {"ConcatV2", concat_nodes, 0},
    {"Conv2D", NULL, 3},
    {"Div", NULL, 12},
    {"DivNoNan", NULL, 12},
    {"DynamicStitch", stitch_nodes, 0},
    {"ExtractImagePatches", NULL, 97},
    {"FloorMod", NULL, 10},
    {"FusedBatchNorm", batch_norm_nodes, 0},
    {"FusedBatchNormV2", batch_norm_nodes, 0},
    {"FusedBatchNormV3", batch_norm_nodes, 0},
    {"Gather", NULL, GATHERED_ROWS},
    {"GatherV2", gather_nodes, 0},
    {"MatrixDeterminant", NULL, 8},
    {"Max", NULL, REDUCED_SHAPE + 9},
    {"Maximum", NULL, 13},
    {"Mean", mean_nodes, 0},
    {"Min", NULL, REDUCED_SHAPE + 9},
    {"Minimum", NULL, 13},
    {"Mul", mul_nodes, 0},
    {"Pow", pow_nodes, 0},
    {"Prod", NULL, 49},
    {"RealDiv", NULL, 12},
    {"ResizeNearestNeighbor", nearest_nodes, 0},
    {"SegmentSum", NULL, 2},
    {"Sign", NULL, 3},
    {"SoftmaxCrossEntropyWithLogits", entropy_nodes, 0},
    {"Softplus", NULL, 2},
    {"SparseSoftmaxCrossEntropyWithLogits", sparse_entropy_nodes, 0},
    {"SquaredDifference", squared_difference_nodes, 0},
    {"Sub", sub_nodes, 0},
    {"Sum", sum_nodes, 0},
    {"Tile", NULL, 12},
    {"TopKV2", NULL, 43},
    {"UnsortedSegmentSum", NULL, 14},
};

static int by_type(const void *key, const void *rule)
{
    return strcmp(key, ((const struct rule *)rule)->type);
}

int64_t tw_gradient_node_count(tw_graph *graph, const tw_gradient *g)
{
    const struct rule *rule = bsearch(g->op->spec.type, rules, sizeof rules / sizeof *rules,
                                      sizeof *rules, by_type);
    if (!rule)
        return -1;
    return rule->count ? rule->count(graph, g) : rule->nodes;
}
