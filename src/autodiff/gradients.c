/* SPDX-License-Identifier: Apache-2.0
 * tw_gradients: from the ys back to the xs, an operation once the derivatives for all its outputs
 * are there (first come, first served, as TensorFlow orders them). Each gradient function runs in a
 * build context, name scope, region and device of the operation that it differentiates. */
#include "thalweg/gradients.h"

#include <string.h>

#include "autodiff/gradients.h"
#include "autodiff/loop_terms.h"
#include "base/status.h"
#include "base/text.h"
#include "graph/scope.h"
#include "thalweg/ops.h"

/* One call of tw_gradients. Nodes come into `ready` once and are never taken out, so its order
 * is that of the visits. */
typedef struct backward {
    struct tw_gradients_args args; /* whole, whatever the caller knew of them */
    tw_graph *graph;
    tw_path path;
    tw_region *region; /* in which the caller builds */
    TW_VEC(tw_path_node *) ready;
} backward;

/* ---- what the caller gave ---- */

/* What is wrong with a list that the caller gave, by its name and place in it. */
static tw_status *check_list(const backward *b, tw_tensors list, const char *name, bool may_miss)
{
    if (list.count && !list.items)
        return tw_value_error("tw_gradients: %s is a NULL list of %zu", name, list.count);
    for (size_t i = 0; i < list.count; i++) {
        tw_tensor tensor = list.items[i];
        if (!tensor.op && may_miss)
            continue;
        if (!tw_tensor_valid(tensor))
            return tw_value_error("tw_gradients: %s[%zu] is an invalid tensor: it was never built",
                                  name, i);
        if (tensor.index < 0)
            return tw_type_error("tw_gradients: %s[%zu], '%s', is an operation, not a tensor", name,
                                 i, tensor.op->spec.name);
        if (tensor.op->graph != b->graph)
            return tw_value_error("tw_gradients: %s[%zu], '%s', is of another graph", name, i,
                                  tensor.op->spec.name);
    }
    return TW_OK;
}

/* All of it before anything is added, so that a refused call leaves no nodes behind. */
static tw_status *check_args(const backward *b)
{
    const struct tw_gradients_args *args = &b->args;
    if (args->grad_ys.count && args->grad_ys.count != args->ys.count)
        return tw_value_error("tw_gradients: %zu grad_ys for %zu ys", args->grad_ys.count,
                              args->ys.count);
    TW_TRY(check_list(b, args->ys, "ys", false));
    TW_TRY(check_list(b, args->xs, "xs", false));
    TW_TRY(check_list(b, args->stop, "stop", false));
    return check_list(b, args->grad_ys, "grad_ys", true);
}

/* What may stand for the derivative of a real y. */
static bool is_number(tw_dtype dtype)
{
    return tw_dtype_is_floating(dtype) || tw_dtype_is_integer(dtype);
}

/* TensorFlow's rule: real for real, complex for complex; other dtypes are left alone. */
static tw_status *check_grad_y(tw_tensor y, tw_tensor grad)
{
    tw_dtype of_y = tw_dtype_base(tw_tensor_dtype(y));
    tw_dtype of_grad = tw_dtype_base(tw_tensor_dtype(grad));
    bool complex = tw_dtype_is_complex(of_y);
    bool good = complex ? tw_dtype_is_complex(of_grad) : !is_number(of_y) || is_number(of_grad);
    if (good)
        return TW_OK;
    return tw_type_error("Gradient type %s generated for %s tensor %s with type %s must be %s",
                         tw_dtype_name(of_grad),
                         complex ? "complex-valued" : "real or integer-valued", tw_tensor_text(y).s,
                         tw_dtype_name(of_y), complex ? "complex" : "real or integer");
}

/* Ones of y's shape, or what the caller gave under a name of this scope. */
static tw_status *first_grad(const backward *b, size_t i, tw_tensor *out)
{
    tw_tensor y = b->args.ys.items[i];
    tw_tensor given = i < b->args.grad_ys.count ? b->args.grad_ys.items[i] : (tw_tensor){NULL, 0};
    tw_dtype dtype = tw_dtype_base(tw_tensor_dtype(y));
    char name[32];
    snprintf(name, sizeof name, "grad_ys_%zu", i);
    if (given.op) {
        TW_TRY(check_grad_y(y, given));
        *out = tw_identity(given, .name = name);
        return TW_OK;
    }
    if (tw_dtype_is_complex(dtype))
        return tw_type_error("Gradients of complex tensors must set grad_ys (y.dtype = %s)",
                             tw_dtype_name(dtype));
    tw_shape shape = tw_tensor_shape(y);
    tw_tensor sizes = tw_shape_fully_known(shape)
                          ? tw_operand_tensor(tw_of_shape(shape), TW_INVALID_DTYPE, "Shape")
                          : tw_shape(y);
    tw_tensor one = tw_operand_tensor(tw_of_int(1), dtype, name);
    *out = tw_fill(sizes, one);
    return TW_OK;
}

/* ---- around an operation ---- */

/* A region is inside itself; NULL is the graph, which is around everything. */
static bool is_inside(const tw_region *region, const tw_region *outer)
{
    while (region && region != outer)
        region = region->outer;
    return region == outer;
}

/* A branch that stands outside of the loop in which the caller builds, with no loop in between. */
static bool is_branch_outside(const tw_region *own, tw_region *here)
{
    const tw_region *loop = tw_region_loop(here);
    bool outside = loop && own && !is_inside(own, loop) && !is_inside(loop, own);
    for (; outside && own && !is_inside(loop, own); own = own->outer)
        outside = own->kind == TW_REGION_BRANCH;
    return outside;
}

/* The derivatives of what a branch holds belong into the branch, if the caller's place is around
 * it, or into its mirror in a loop; a loop as a whole, and what comes into a branch, belongs where
 * that stands. */
static tw_status *region_of(const backward *b, const tw_path_node *node, tw_region **out)
{
    tw_region *own = node->loop ? node->loop->outer : node->op->region;
    if (node->op && tw_comes_into_branch(node->op))
        own = own->outer;
    *out = is_inside(own, b->region) ? own : b->region;
    tw_region *back = tw_region_loop(b->region);
    if (back == b->region && back && back->forward && is_inside(own, back->forward))
        return tw_gradients_mirror(back, own, out);
    return is_branch_outside(own, b->region) ? tw_gradients_mirror(b->region, own, out) : TW_OK;
}

static tw_status *open_surroundings(const backward *b, const tw_path_node *node)
{
    const tw_operation *op = node->op ? node->op : node->outputs[0].op;
    tw_region *region;
    TW_TRY(region_of(b, node, &region));
    if (region != b->region && tw_scope_push_region(region) < 0)
        return tw_no_memory();
    return b->args.colocate ? tw_scope_push_colocate((tw_tensor){(tw_operation *)op, -1}) : TW_OK;
}

/* "gradients/a/b/mul_grad/": inside the scope of this call of tw_gradients. */
static tw_status *open_name(const tw_operation *op)
{
    tw_name_text name;
    bool good = tw_name_begin(&name, op->spec.name, "_grad", strlen("_grad"));
    tw_status *status = good ? tw_scope_push_name(name.text) : tw_no_memory();
    tw_name_end(&name);
    return status;
}

/* ---- one operation ---- */

/* What reaching an op without a gradient function means; front ends make a LookupError of it. */
static tw_status *no_gradient(const tw_operation *op)
{
    tw_status *status = tw_status_new(TW_NOT_FOUND,
                                      "No gradient defined for operation '%s' (op type: %s)",
                                      op->spec.name, op->spec.type);
    status = tw_status_with_kind(status, TW_KIND_NAME);
    status = tw_status_with_operation(status, op->spec.type, op->spec.name);
    return tw_status_with_where(status, op->spec.where);
}

/* As if TensorFlow's function had made its nodes, for the seeds of later operations. */
static void count_nodes(const backward *b, const tw_gradient *g, tw_gradient_fn fn, size_t before)
{
    const tw_op *type = g->op->spec.op;
    if (!type || fn != type->definition.gradient)
        return;
    int64_t wanted = tw_gradient_node_count(b->graph, g);
    if (wanted < 0)
        return;
    int64_t made = (int64_t)(tw_graph_operation_count(b->graph) - before);
    (void)tw_graph_count_nodes(b->graph, wanted - made);
}

/* What came back from one branch only is completed by zeros, for which TensorFlow makes five nodes
 * and a Merge; in loops it makes others. */
static void count_zeros(const backward *b, const tw_gradient *g, size_t before)
{
    bool both = g->output_count == 2 && g->dy[0].kind != TW_GRAD_NONE &&
                g->dy[1].kind != TW_GRAD_NONE;
    if (!tw_comes_into_branch(g->op) || both || tw_region_loop(g->op->region) ||
        g->dx[0].kind != TW_GRAD_TENSOR)
        return;
    int64_t made = (int64_t)(tw_graph_operation_count(b->graph) - before);
    if (made)
        (void)tw_graph_count_nodes(b->graph, 6 - made);
}

/* TensorFlow's optimizers tie the derivatives of an operation together: a NoOp and an Identity for
 * each (FusedBatchNorm has one for each of its inputs). Here they need not be tied, since the order
 * of accesses to a variable is fixed. */
static void count_gate(const backward *b, const tw_gradient *g)
{
    int64_t count = 0;
    for (size_t i = 0; i < g->input_count; i++)
        count += g->dx[i].kind != TW_GRAD_NONE;
    if (!strncmp(g->op->spec.type, "FusedBatchNorm", strlen("FusedBatchNorm")))
        count = (int64_t)g->input_count;
    if (!b->args.gate || count < 2)
        return;
    (void)tw_graph_count_nodes(b->graph, count + 1);
}

/* The function's own status comes back as it is; else the first error of the builders it called. */
static tw_status *call_function(const backward *b, tw_gradient *g)
{
    tw_build_context ctx;
    tw_gradient_fn fn = NULL;
    bool handled = false;
    size_t before = tw_graph_operation_count(b->graph);
    tw_build_enter(&ctx, NULL, g->op->spec.where);
    tw_status *status = tw_gradients_control(g, &handled);
    if (!status && !handled) {
        fn = tw_operation_gradient(g->op, &g->user);
        status = fn ? fn(g) : no_gradient(g->op);
    }
    tw_status *built = tw_build_leave(&ctx);
    if (built && !tw_status_payload(status)) {
        tw_status_free(status);
        return built;
    }
    tw_status_free(built);
    if (!status) {
        if (handled)
            count_zeros(b, g, before);
        count_nodes(b, g, fn, before);
        count_gate(b, g);
    }
    return status;
}

/* A derivative has the shape of what it is for; what is known of that one helps what follows. */
static tw_status *check_shape(const tw_operation *op, size_t i, tw_tensor input, tw_tensor dx)
{
    tw_shape wanted = tw_tensor_shape(input), shape = tw_tensor_shape(dx);
    if (!tw_shape_compatible(wanted, shape)) {
        tw_status *status = tw_value_error(
            "Incompatible shapes between op input and calculated input gradient. Forward operation:"
            " %s. Input index: %zu. Original input shape: %s. Calculated input gradient shape: %s",
            op->spec.name, i, tw_shape_text(wanted).s, tw_shape_text(shape).s);
        return tw_status_with_where(status, op->spec.where);
    }
    bool more = wanted.dims && !shape.dims;
    for (size_t k = 0; wanted.dims && shape.dims && k < shape.rank; k++)
        more |= shape.dims[k] < 0 && wanted.dims[k] >= 0;
    return more ? tw_tensor_set_shape(dx, wanted) : TW_OK;
}

/* A function may leave out any dx; what it gives must be usable. */
static tw_status *check_results(const tw_gradient *g)
{
    for (size_t i = 0; i < g->input_count; i++) {
        if (g->dx[i].kind == TW_GRAD_NONE)
            continue;
        bool slices = g->dx[i].kind == TW_GRAD_SLICES;
        if (!tw_tensor_valid(g->dx[i].values) || (slices && !tw_tensor_valid(g->dx[i].indices)))
            return tw_status_with_where(
                tw_value_error("the gradient function of '%s' (op type: %s) gave an invalid tensor "
                               "for input %zu",
                               g->op->spec.name, g->op->spec.type, i),
                g->op->spec.where);
        if (!slices)
            TW_TRY(check_shape(g->op, i, g->inputs[i], g->dx[i].values));
    }
    return TW_OK;
}

/* One operation, or one loop, in the scopes that are open. dx is filled in place. */
static tw_status *differentiate(backward *b, const tw_path_node *node, const tw_grad *dy,
                                tw_grad *dx)
{
    TW_TRY(open_name(node->op ? node->op : node->outputs[0].op));
    if (node->loop)
        return tw_gradients_loop((tw_path_node *)node, dy, dx, b->args.colocate);
    tw_tensor *inputs = tw_arena_array(&b->path.arena, node->input_count, sizeof *inputs);
    if (!inputs)
        return tw_no_memory();
    for (size_t i = 0; i < node->input_count; i++)
        inputs[i] = node->inputs[i].tensor;
    tw_gradient g = {.size = sizeof g,
                     .op = node->op,
                     .inputs = inputs,
                     .outputs = node->outputs,
                     .input_count = node->input_count,
                     .output_count = node->output_count,
                     .dy = dy,
                     .dx = dx};
    TW_TRY(call_function(b, &g));
    return check_results(&g);
}

/* What the function gave goes to the outputs that it belongs to; a producer whose last use this
 * was comes next. Both in the order of the inputs, which decides the names of later nodes. */
static tw_status *pass_on(backward *b, const tw_path_node *node, const tw_grad *dx)
{
    for (size_t i = 0; i < node->input_count; i++) {
        const tw_path_edge *edge = &node->inputs[i];
        bool wanted = edge->from->between && edge->output < edge->from->output_count;
        if (dx[i].kind != TW_GRAD_NONE && wanted)
            TW_TRY(tw_path_add(&b->path, edge->from, edge->output, dx[i]));
    }
    for (size_t i = 0; i < node->input_count; i++) {
        tw_path_node *from = node->inputs[i].from;
        if (from->between && --from->pending == 0 && !tw_vec_push(&b->ready, from))
            return tw_no_memory();
    }
    return TW_OK;
}

/* Sums what arrived at a node's outputs, and goes through it if there is anything to pass on. */
static tw_status *visit(backward *b, tw_path_node *node)
{
    size_t depth = tw_thread_here()->scopes.count;
    tw_grad *dx = tw_arena_array(&b->path.arena, node->input_count, sizeof *dx);
    tw_grad *dy = tw_arena_array(&b->path.arena, node->output_count, sizeof *dy);
    if (!dx || !dy)
        return tw_no_memory();
    tw_status *status = open_surroundings(b, node);
    bool any = false;
    for (size_t i = 0; i < node->output_count && !status; i++) {
        dy[i] = node->sums[i].total = tw_sum_grads(&node->sums[i], &b->path.arena);
        any |= dy[i].kind != TW_GRAD_NONE;
    }
    any = any || (node->loop && tw_loop_terms_has(node->loop));
    if (!status && any && !node->stops)
        status = differentiate(b, node, dy, dx);
    tw_scope_pop_to((int)depth);
    return status ? status : pass_on(b, node, dx);
}

/* ---- one operation by itself ---- */

/* One `none` for each x, which lives with the graph. */
static tw_status *new_result(tw_graph *graph, size_t count, tw_grad **out)
{
    tw_graph_lock(graph);
    *out = tw_arena_array(&graph->arena, count + 1, sizeof **out);
    tw_graph_unlock(graph);
    return *out ? TW_OK : tw_no_memory();
}

/* A caller's own gradient function may build on another op's. */
tw_status *tw_gradient_of(tw_operation *op, tw_grads dy, tw_grads *out)
{
    if (!op || !out || dy.count != op->output_count || (dy.count && !dy.grads))
        return tw_value_error("tw_gradient_of needs an operation, a gradient for each of its "
                              "outputs and a place for the result");
    *out = (tw_grads){NULL, 0};
    backward b = {.graph = op->graph};
    tw_grad *dx = NULL;
    TW_TRY(new_result(op->graph, op->input_count, &dx));
    tw_tensor *outputs = tw_arena_array(&b.path.arena, op->output_count + 1, sizeof *outputs);
    if (!outputs)
        return tw_no_memory();
    for (uint32_t i = 0; i < op->output_count; i++)
        outputs[i] = (tw_tensor){op, (int32_t)i};
    tw_gradient g = {.size = sizeof g,
                     .op = op,
                     .inputs = op->inputs,
                     .outputs = outputs,
                     .input_count = op->input_count,
                     .output_count = op->output_count,
                     .dy = dy.grads,
                     .dx = dx};
    tw_status *status = tw_scope_push_graph(op->graph);
    if (!status) {
        status = call_function(&b, &g);
        tw_scope_pop();
    }
    if (!status)
        status = check_results(&g);
    tw_arena_clear(&b.path.arena);
    if (!status)
        *out = (tw_grads){dx, op->input_count};
    return status;
}

/* ---- the whole ---- */

/* The first derivatives, and the nodes to begin with: those ys that no other y depends on
 * through. A y inside the path of another waits for its uses. */
static bool is_ready(const backward *b, const tw_path_node *node)
{
    for (size_t i = 0; i < b->ready.count; i++) {
        if (b->ready.items[i] == node)
            return true;
    }
    return false;
}

/* Inner loops that something comes back to from LoopValues. */
static tw_status *seed_loops(backward *b)
{
    for (size_t i = 0; i < b->path.nodes.count; i++) {
        tw_path_node *node = b->path.nodes.items[i];
        if (!node->loop || !node->between || node->pending || is_ready(b, node) ||
            !tw_loop_terms_has(node->loop))
            continue;
        if (!tw_vec_push(&b->ready, node))
            return tw_no_memory();
    }
    return TW_OK;
}

static tw_status *seed(backward *b)
{
    tw_tensors ys = b->args.ys;
    size_t output;
    for (size_t i = 0; i < ys.count; i++) {
        tw_tensor grad = {NULL, 0};
        tw_path_node *node = tw_path_node_of(&b->path, ys.items[i], &output);
        TW_TRY(first_grad(b, i, &grad));
        if (node && node->between)
            TW_TRY(tw_path_add(&b->path, node, output, tw_grad_of(grad)));
    }
    for (size_t i = 0; i < ys.count; i++) {
        tw_path_node *node = tw_path_node_of(&b->path, ys.items[i], &output);
        bool queued = !node || !node->between || node->pending > 0 || is_ready(b, node);
        if (!queued && !tw_vec_push(&b->ready, node))
            return tw_no_memory();
    }
    return seed_loops(b);
}

/* Everything inside the scope of the call. `out` has a place for each x. */
static tw_status *run(backward *b, tw_grad *out)
{
    const struct tw_gradients_args *args = &b->args;
    size_t output;
    TW_TRY(tw_scope_push_name(args->name && *args->name ? args->name : "gradients"));
    TW_TRY(tw_path_find(&b->path, args->ys, args->xs, args->stop));
    TW_TRY(seed(b));
    for (size_t i = 0; i < b->ready.count; i++)
        TW_TRY(visit(b, b->ready.items[i]));
    for (size_t i = 0; i < args->xs.count; i++) {
        const tw_path_node *node = tw_path_node_of(&b->path, args->xs.items[i], &output);
        out[i] = node ? node->sums[output].total : tw_grad_none();
    }
    return TW_OK;
}

/* A call whose arguments were copied: opens and closes what run needs, whatever run does. */
static tw_status *add(backward *b, tw_where where, tw_grad *out)
{
    tw_build_context ctx;
    size_t depth = tw_thread_here()->scopes.count;
    TW_TRY(check_args(b));
    TW_TRY(tw_graph_find_regions(b->graph));
    tw_build_enter(&ctx, b->graph, where);
    b->path.graph = b->graph;
    b->region = tw_scope_region(b->graph);
    b->path.base = tw_region_loop(b->region);
    /* In the gradient of a loop, what is differentiated is the body of that loop. */
    b->path.body_only = b->path.base && b->path.base->forward;
    if (b->path.body_only)
        b->path.base = b->path.base->forward;
    bool integers = tw_path_want_integers(false);
    tw_path_want_integers(integers || b->args.integers);
    tw_status *status = ctx.status ? TW_OK : tw_loop_terms_enter(); /* or the graph is not open */
    if (!ctx.status && !status) {
        status = run(b, out);
        tw_loop_terms_leave();
    }
    tw_path_want_integers(integers);
    tw_path_clear(&b->path);
    tw_vec_clear(&b->ready);
    tw_scope_pop_to((int)depth + (ctx.pushed_graph ? 1 : 0));
    tw_status *built = tw_build_leave(&ctx);
    if (!built || tw_status_payload(status)) {
        tw_status_free(built);
        return status;
    }
    tw_status_free(status);
    return built;
}

/* The graph of the first tensor; all others must be of it. */
static tw_graph *graph_of(const struct tw_gradients_args *args)
{
    const tw_tensors lists[] = {args->ys, args->xs};
    for (size_t i = 0; i < 2; i++) {
        if (lists[i].count && lists[i].items && lists[i].items[0].op)
            return lists[i].items[0].op->graph;
    }
    return tw_default_graph();
}

/* The nodes of a failed call stay in the graph, valid and unused, as TensorFlow's do. */
tw_status *tw_gradients_add(const struct tw_gradients_args *args, tw_grads *out)
{
    backward b = {.graph = NULL};
    tw_grad *grads = NULL;
    if (!args || !out || args->size < offsetof(struct tw_gradients_args, grad_ys))
        return tw_value_error("tw_gradients_add needs arguments with their size and a place for "
                              "the result");
    memcpy(&b.args, args, args->size < sizeof b.args ? args->size : sizeof b.args);
    tw_where where = tw_current_where(b.args.where);
    *out = (tw_grads){NULL, 0};
    b.graph = graph_of(&b.args);
    if (!b.graph)
        return tw_no_memory();
    TW_TRY(new_result(b.graph, b.args.xs.count, &grads));
    tw_status *status = add(&b, where, grads);
    if (status)
        return tw_status_with_where(status, where);
    *out = (tw_grads){grads, b.args.xs.count};
    return TW_OK;
}

/* On an error the graph keeps it, and every x gets none. */
tw_grads tw_gradients_(const struct tw_gradients_args *args)
{
    static const tw_grad nothing[1];
    tw_grads out = {nothing, 0};
    tw_grad *grads = NULL;
    tw_status *status = tw_gradients_add(args, &out);
    if (!status)
        return out;
    size_t count = args ? args->xs.count : 0;
    tw_graph *graph = args ? graph_of(args) : tw_default_graph();
    if (!graph) {
        tw_status_free(status);
        return (tw_grads){nothing, 0};
    }
    tw_build_report(graph, status);
    tw_status_free(new_result(graph, count, &grads));
    return grads ? (tw_grads){grads, count} : (tw_grads){nothing, 0};
}
