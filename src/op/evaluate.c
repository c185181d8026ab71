/* SPDX-License-Identifier: Apache-2.0
 * One operation computed by itself: shape rule, kernel, outputs. Folding, tests and callers without
 * a graph stand on it. State of a stateful op lives as long as the evaluation. */
#include <string.h>

#include "base/alloc.h"
#include "base/os.h"
#include "base/status.h"
#include "op/compute.h"
#include "op/infer.h"

/* Resources of one evaluation, a short list by type and key, freed with it. */
typedef struct local_state {
    const tw_state_class *type;
    char *key;
    void *object;
    struct local_state *next;
} local_state;

/* The frame behind a context of this engine. */
typedef struct evaluation {
    tw_compute c;
    tw_arena arena;
    uint32_t refs;
    local_state *states;
    tw_shape *shapes; /* of the outputs, by the rule */
    tw_dtype *dtypes; /* of the outputs, references included */
} evaluation;

/* The context's frame is what the engine that made it says it is; here it is always an
 * evaluation. */
static evaluation *of(tw_compute *c)
{
    return c->frame;
}

/* The old array is let go, so that a kernel may give an output twice. */
static void put_output(tw_compute *c, size_t output, tw_array *array)
{
    tw_array_unref(c->outputs[output]);
    c->outputs[output] = array;
}

/* An output that has the wanted shape already, because the rule knew it, is kept. */
static tw_status *allocate(tw_compute *c, size_t output, tw_shape shape, tw_array **out)
{
    tw_array *now = c->outputs[output];
    if (!now || !tw_shape_equal(tw_array_shape(now), shape)) {
        tw_array *array;
        TW_TRY(tw_array_create_for(tw_dtype_base(of(c)->dtypes[output]), shape, &array));
        put_output(c, output, array);
    }
    *out = c->outputs[output];
    return TW_OK;
}

/* The output becomes the array itself: nothing is copied, and nobody may write to it from now
 * on. */
static tw_status *forward(tw_compute *c, size_t output, tw_array *array)
{
    put_output(c, output, tw_array_ref(array));
    return TW_OK;
}

/* Kernels are told of a wrong input rather than given the memory of somebody's array to write
 * to. */
static tw_status *check_ref(tw_compute *c, size_t input)
{
    if (input < c->input_count && input < 32 && (of(c)->refs >> input & 1))
        return TW_OK;
    return tw_status_new(TW_INTERNAL, "input %zu is no variable", input);
}

/* The array is the variable: what is written to it is the variable's value. */
static tw_status *ref_get(tw_compute *c, size_t input, tw_array **out)
{
    TW_TRY(check_ref(c, input));
    *out = c->inputs[input];
    return TW_OK;
}

/* Memory that only the variable holds is written again; otherwise whoever holds the old value
 * keeps it, and the variable gets fresh memory. */
static tw_status *ref_assign(tw_compute *c, size_t input, tw_shape shape, tw_array **out)
{
    TW_TRY(check_ref(c, input));
    tw_array *now = c->inputs[input];
    if (!now || !tw_storage_unique(now->storage) || !tw_shape_equal(tw_array_shape(now), shape)) {
        tw_array *array;
        tw_dtype dtype = now ? now->dtype : TW_INVALID_DTYPE;
        /* A variable without a value does not tell its dtype: the signature does. */
        const tw_op_arg *arg = input < c->spec->op->input_count ? &c->spec->op->inputs[input]
                                                                : NULL;
        const tw_attr *type = arg && arg->type_attr ? tw_spec_attr(c->spec, arg->type_attr) : NULL;
        if (dtype == TW_INVALID_DTYPE && arg)
            dtype = type ? type->value.type : arg->type;
        TW_TRY(tw_array_create(dtype, shape, &array));
        tw_array_unref(now);
        c->inputs[input] = array;
    }
    *out = c->inputs[input];
    return TW_OK;
}

/* Objects are few: a list is searched. They are dropped when the evaluation ends. */
static tw_status *resource(tw_compute *c, const tw_state_class *type, const char *key, void **out)
{
    evaluation *e = of(c);
    for (local_state *s = e->states; s; s = s->next)
        if (s->type == type && strcmp(s->key, key) == 0) {
            *out = s->object;
            return TW_OK;
        }
    local_state *s = TW_ARENA_NEW(&e->arena, local_state);
    if (!s || !(s->key = tw_arena_strdup(&e->arena, key)))
        return tw_no_memory();
    TW_TRY(type->make(c, &s->object));
    s->type = type;
    s->next = e->states;
    e->states = s;
    *out = s->object;
    return TW_OK;
}

/* Nobody would ever wake the step: there is no other one. */
static tw_status *waker(tw_compute *c, tw_waker **out)
{
    *out = NULL;
    return tw_status_new(TW_UNIMPLEMENTED, "only a session can run '%s', which may wait",
                         c->spec->type);
}

static const tw_engine engine = {allocate, forward, ref_get, ref_assign, resource, waker};

/* ---- the steps of an evaluation ---- */

/* All values are known here, so that a rule that fails has found what the kernel would refuse;
 * its text is the one that is shown while building, too. */
static tw_status *infer_shapes(evaluation *e)
{
    const tw_compute *c = &e->c;
    tw_dtype *dtypes = tw_arena_array(&e->arena, c->input_count, sizeof *dtypes);
    tw_shape *shapes = tw_arena_array(&e->arena, c->input_count, sizeof *shapes);
    e->shapes = tw_arena_array(&e->arena, c->output_count, sizeof *e->shapes);
    if (!dtypes || !shapes || !e->shapes)
        return tw_no_memory();
    for (size_t i = 0; i < c->input_count; i++) {
        dtypes[i] = c->inputs[i] ? c->inputs[i]->dtype : TW_INVALID_DTYPE;
        shapes[i] = c->inputs[i] ? tw_array_shape(c->inputs[i]) : TW_UNKNOWN_SHAPE;
    }
    tw_infer in = {.spec = c->spec,
                   .arena = &e->arena,
                   .input_count = c->input_count,
                   .output_count = c->output_count,
                   .dtypes = dtypes,
                   .shapes = shapes,
                   .values = (const tw_array *const *)c->inputs,
                   .outputs = e->shapes};
    return tw_infer_run(&in, NULL, NULL);
}

/* The outputs' dtypes follow from the attributes; the inputs were checked when these were made. */
static tw_status *resolve_outputs(evaluation *e)
{
    const tw_compute *c = &e->c;
    const tw_op *op = c->spec->op;
    size_t at = 0;
    e->dtypes = tw_arena_array(&e->arena, c->output_count, sizeof *e->dtypes);
    if (!e->dtypes)
        return tw_no_memory();
    for (size_t i = 0; i < op->output_count; i++) {
        const tw_op_arg *arg = &op->outputs[i];
        const tw_attr *number = arg->number_attr ? tw_spec_attr(c->spec, arg->number_attr) : NULL;
        const char *from = arg->type_attr ? arg->type_attr : arg->type_list_attr;
        const tw_attr *type = from ? tw_spec_attr(c->spec, from) : NULL;
        if ((arg->number_attr && !number) || (from && !type))
            return tw_status_new(TW_INTERNAL, "an attribute of '%s' is missing", op->name);
        size_t count = number ? (size_t)number->value.i : arg->type_list_attr ? type->count : 1;
        for (size_t k = 0; k < count && at < c->output_count; k++) {
            tw_dtype dtype = !type        ? arg->type
                             : type->list ? ((const tw_dtype *)type->value.items)[k]
                                          : type->value.type;
            e->dtypes[at++] = arg->is_ref ? tw_dtype_ref(dtype) : dtype;
        }
    }
    return at == c->output_count ? TW_OK
                                 : tw_status_new(TW_INTERNAL, "'%s' has %zu outputs, not %d",
                                                 op->name, at, c->output_count);
}

/* An input without an array is a variable that holds nothing yet, which few ops can take. */
static tw_status *check_initialized(const evaluation *e)
{
    const tw_compute *c = &e->c;
    uint32_t flags = c->spec->op->definition.flags;
    for (size_t i = 0; i < c->input_count; i++) {
        if (c->inputs[i] || (flags & TW_OP_READS_UNINITIALIZED))
            continue;
        if (i < 32 && (e->refs >> i & 1))
            return tw_status_with_kind(tw_status_new(TW_FAILED_PRECONDITION,
                                                     "Attempting to use uninitialized value %s",
                                                     tw_spec_input_name(c->spec, i).s),
                                       TW_KIND_STATE);
        return tw_value_error("input %s is missing", tw_spec_input_name(c->spec, i).s);
    }
    return TW_OK;
}

/* Memory for what the rule knows; a reference output is the variable itself. */
static tw_status *make_outputs(evaluation *e)
{
    tw_compute *c = &e->c;
    for (size_t i = 0; i < c->output_count; i++) {
        tw_array *out;
        if (!tw_dtype_is_ref(e->dtypes[i]) && tw_shape_fully_known(e->shapes[i]))
            TW_TRY(allocate(c, i, e->shapes[i], &out));
    }
    return TW_OK;
}

/* Prepare sees the shapes and writes the state; the workspace is sized after it, as in a
 * session. */
static tw_status *run_kernel(evaluation *e, const tw_kernel *kernel)
{
    tw_compute *c = &e->c;
    if (kernel->state_size) {
        c->state = tw_arena_alloc(&e->arena, kernel->state_size);
        if (!c->state)
            return tw_no_memory();
    }
    if (kernel->prepare)
        TW_TRY(kernel->prepare(c, c->state));
    size_t bytes = kernel->workspace ? kernel->workspace(c) : 0;
    if (bytes) {
        c->workspace = tw_alloc_aligned(bytes);
        if (!c->workspace)
            return tw_no_memory();
    }
    tw_status *status = kernel->compute(c);
    tw_free_aligned(c->workspace);
    if (tw_status_is_wait(status))
        return tw_status_new(TW_UNIMPLEMENTED, "only a session can run '%s', which waits",
                             c->spec->type);
    return status;
}

/* What the kernel left open: references, and outputs that it should have made. */
static tw_status *close_outputs(evaluation *e)
{
    tw_compute *c = &e->c;
    for (size_t i = 0; i < c->output_count; i++) {
        size_t ref = 0;
        while (tw_dtype_is_ref(e->dtypes[i]) && ref < 32 && !(e->refs >> ref & 1))
            ref++;
        if (!c->outputs[i] && tw_dtype_is_ref(e->dtypes[i]) && ref < c->input_count &&
            c->inputs[ref])
            c->outputs[i] = tw_array_ref(c->inputs[ref]);
        if (!c->outputs[i])
            return tw_status_new(TW_INTERNAL, "the kernel of '%s' made no output %zu",
                                 c->spec->type, i);
    }
    return TW_OK;
}

/* A view of the input under the rule's shape, and for Bitcast another dtype, which must have as
 * many bytes as there is memory for. */
static tw_status *alias_output(evaluation *e)
{
    tw_compute *c = &e->c;
    tw_array *x = c->inputs[0];
    size_t bytes = (size_t)tw_shape_elements(e->shapes[0]) * tw_dtype_size(e->dtypes[0]);
    if (bytes != x->count * tw_dtype_size(x->dtype))
        return tw_status_new(TW_INTERNAL, "the shape rule of '%s' changes the number of elements",
                             c->spec->type);
    c->outputs[0] = tw_array_view(x->storage, e->dtypes[0], e->shapes[0], x->data);
    return c->outputs[0] ? TW_OK : tw_no_memory();
}

/* The order is that of a session: what is missing, shapes, kernel, memory, numbers. */
static tw_status *evaluate(evaluation *e)
{
    tw_compute *c = &e->c;
    const tw_op *op = c->spec->op;
    TW_TRY(check_initialized(e));
    TW_TRY(resolve_outputs(e));
    TW_TRY(infer_shapes(e));
    bool alias = op->definition.flags & TW_OP_ALIAS && c->output_count == 1 &&
                 c->inputs[0]->storage;
    if (alias && !tw_dtype_is_ref(e->dtypes[0]) && tw_shape_fully_known(e->shapes[0]))
        return alias_output(e);
    const tw_kernel *kernel = tw_op_kernel(op, NULL, c->spec->attrs, c->spec->attr_count);
    if (!kernel)
        return tw_op_no_kernel(c->spec, NULL);
    TW_TRY(make_outputs(e));
    TW_TRY(run_kernel(e, kernel));
    return close_outputs(e);
}

/* Newest first, as they may hold on to older ones. */
static void drop_states(evaluation *e)
{
    for (local_state *s = e->states; s; s = s->next)
        if (s->type->free)
            s->type->free(s->object);
}

/* On failure all outputs are NULL again and states are dropped, so that the caller has nothing
 * to release but the status. */
tw_status *tw_evaluate(const tw_spec *spec, tw_array **inputs, size_t input_count, uint32_t refs,
                       int threads, tw_array **outputs, size_t output_count)
{
    if (!spec->op)
        return tw_status_new(TW_NOT_FOUND, "Op type not registered '%s'", spec->type);
    if (input_count > UINT16_MAX || output_count > UINT16_MAX)
        return tw_value_error("too many inputs or outputs");
    evaluation e = {.refs = refs,
                    .c = {.spec = spec,
                          .engine = &engine,
                          .inputs = inputs,
                          .outputs = outputs,
                          .input_count = (uint16_t)input_count,
                          .output_count = (uint16_t)output_count,
                          .threads = threads}};
    e.c.frame = &e;
    for (size_t i = 0; i < output_count; i++)
        outputs[i] = NULL;
    /* Denormals are flushed as in a session, so that folded constants have the same bits. */
    uint64_t mode = tw_os_float_enter();
    tw_status *status = tw_compute_explain(&e.c, evaluate(&e));
    tw_os_float_restore(mode);
    for (size_t i = 0; status && i < output_count; i++)
        put_output(&e.c, i, NULL);
    drop_states(&e);
    tw_arena_clear(&e.arena);
    return status;
}

/* ---- without a spec ---- */

/* tw_op_evaluate's own frame: what tw_evaluate borrows. */
typedef struct call {
    tw_spec spec;
    tw_array **inputs; /* references are held */
    size_t input_count;
    uint32_t refs;
    tw_arena arena;
} call;

/* The inputs' dtypes, as references where the signature wants a variable: a copy stands for it. */
static tw_status *take_inputs(call *k, tw_array *const *inputs, size_t input_count,
                              tw_dtype *dtypes)
{
    const tw_op *op = k->spec.op;
    for (size_t i = 0; i < input_count; i++) {
        if (!inputs[i])
            return tw_value_error("input %zu of %s is NULL", i, op->name);
        bool ref = i < op->input_count && i < 32 && op->inputs[i].is_ref;
        tw_array *array = ref ? tw_array_copy(inputs[i]) : tw_array_ref(inputs[i]);
        if (!array)
            return tw_no_memory();
        dtypes[i] = ref ? tw_dtype_ref(array->dtype) : array->dtype;
        k->refs |= (uint32_t)ref << (i & 31);
        k->inputs[k->input_count++] = array;
    }
    return TW_OK;
}

/* Whatever it took is in `k`, and released by the caller on every path. */
static tw_status *call_op(call *k, const tw_attr *attrs, size_t attr_count, tw_array *const *inputs,
                          size_t input_count, tw_array **outputs, size_t output_count)
{
    tw_dtype *dtypes = tw_arena_array(&k->arena, input_count, sizeof *dtypes);
    k->inputs = tw_arena_array(&k->arena, input_count, sizeof(tw_array *));
    if (!dtypes || !k->inputs)
        return tw_no_memory();
    TW_TRY(tw_op_lookup(k->spec.type, &k->spec.op));
    TW_TRY(take_inputs(k, inputs, input_count, dtypes));
    tw_resolved resolved;
    TW_TRY(tw_op_resolve(k->spec.op, dtypes, input_count, NULL, attrs, attr_count, &k->arena,
                         &resolved));
    k->spec.attrs = resolved.attrs;
    k->spec.attr_count = resolved.attr_count;
    if (resolved.output_count != output_count)
        return tw_value_error("%s has %zu outputs, room for %zu was given", k->spec.type,
                              resolved.output_count, output_count);
    return tw_evaluate(&k->spec, k->inputs, input_count, k->refs, 1, outputs, output_count);
}

/* Every output is NULL after a failure, and what was resolved on the way is released in any
 * case. */
tw_status *tw_op_evaluate(const char *type, const tw_attr *attrs, size_t attr_count,
                          tw_array *const *inputs, size_t input_count, tw_array **outputs,
                          size_t output_count)
{
    call k = {.spec = {.type = type, .name = type}};
    for (size_t i = 0; i < output_count; i++)
        outputs[i] = NULL;
    tw_status *status = call_op(&k, attrs, attr_count, inputs, input_count, outputs, output_count);
    for (size_t i = 0; i < k.spec.attr_count; i++)
        tw_attr_release(&k.spec.attrs[i]);
    for (size_t i = 0; i < k.input_count; i++)
        tw_array_unref(k.inputs[i]);
    tw_arena_clear(&k.arena);
    return status;
}
