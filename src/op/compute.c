/* SPDX-License-Identifier: Apache-2.0
 * A kernel's view of its step: accessors over the context that the engine fills, and the words put
 * to a kernel's failure. */
#include "op/compute.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "op/attr.h"

enum { EXPLAINED_INPUTS = 8 };

/* Nodes have a handful of attributes: a walk over their names is faster than any table. */
const tw_attr *tw_spec_attr(const tw_spec *spec, const char *name)
{
    for (size_t i = 0; i < spec->attr_count; i++)
        if (spec->attrs[i].name && tw_text_equal(spec->attrs[i].name, name))
            return &spec->attrs[i];
    return NULL;
}

/* The number of inputs or outputs that an argument stands for in this node. */
static size_t elements_of(const tw_spec *spec, const tw_op_arg *arg)
{
    if (arg->number_attr)
        return (size_t)tw_attr_as_int(tw_spec_attr(spec, arg->number_attr));
    if (!arg->type_list_attr)
        return 1;
    const tw_attr *types = tw_spec_attr(spec, arg->type_list_attr);
    return types && types->list ? types->count : 0;
}

/* What errors call an input; a node of an unknown type has numbers only. */
tw_text tw_spec_input_name(const tw_spec *spec, size_t input)
{
    tw_text text;
    size_t left = input;
    for (size_t i = 0; spec->op && i < spec->op->input_count; i++) {
        const tw_op_arg *arg = &spec->op->inputs[i];
        size_t count = elements_of(spec, arg);
        if (left < count) {
            bool list = arg->number_attr || arg->type_list_attr;
            snprintf(text.s, sizeof text.s, list ? "%s[%zu]" : "%s", arg->name, left);
            return text;
        }
        left -= count;
    }
    snprintf(text.s, sizeof text.s, "input %zu", input);
    return text;
}

/* ---- accessors ---- */

/* Differs from node to node only for ops with a list among their inputs; others know their
 * number from the signature. */
size_t tw_compute_input_count(const tw_compute *c)
{
    return c->input_count;
}

size_t tw_compute_output_count(const tw_compute *c)
{
    return c->output_count;
}

/* The array is borrowed for the call: who wants to keep it takes a reference, since the engine
 * may write to it afterwards. */
const tw_array *tw_compute_input(const tw_compute *c, size_t input)
{
    return c->inputs[input];
}

/* Planned from the shape rule where that could know the size; for other outputs
 * tw_compute_allocate or tw_compute_forward comes first. */
tw_array *tw_compute_output(tw_compute *c, size_t output)
{
    return c->outputs[output];
}

/* The engine decides where the array lies; a kernel may not keep it past its run. */
tw_status *tw_compute_allocate(tw_compute *c, size_t output, tw_shape shape, tw_array **out)
{
    return c->engine->allocate(c, output, shape, out);
}

/* NULL comes from a failed allocation, which surfaces here. */
tw_status *tw_compute_forward(tw_compute *c, size_t output, tw_array *array)
{
    return array ? c->engine->forward(c, output, array) : tw_no_memory();
}

/* Only the engine knows where a variable lives, so that the same kernel runs in a session and in
 * a single evaluation. */
tw_status *tw_compute_ref_get(tw_compute *c, size_t input, tw_array **out)
{
    return c->engine->ref_get(c, input, out);
}

/* The variable gets an array of this shape, its own one if that fits; its old value may be gone
 * then. */
tw_status *tw_compute_ref_assign(tw_compute *c, size_t input, tw_shape shape, tw_array **out)
{
    return c->engine->ref_assign(c, input, shape, out);
}

/* A node that names no key has state of its own. */
tw_status *tw_compute_resource(tw_compute *c, const tw_state_class *type, const char *key,
                               void **out)
{
    return c->engine->resource(c, type, key ? key : c->spec->name, out);
}

/* For kernels that finish later: the engine goes on with other steps and takes this one up when
 * the waker is used. */
tw_status *tw_compute_waker(tw_compute *c, tw_waker **out)
{
    return c->engine->waker(c, out);
}

/* A bound for this call and not a promise: several kernels may run side by side, and the pool
 * shares its workers among them. */
int tw_compute_threads(const tw_compute *c)
{
    return c->threads;
}

/* Of the size that the kernel asked for beforehand, reused between runs and hence full of
 * whatever the last one left. */
void *tw_compute_workspace(const tw_compute *c)
{
    return c->workspace;
}

/* What `prepare` filled in, once for each set of sizes; so a kernel may keep there what depends
 * on shapes and attributes alone. */
void *tw_compute_state(const tw_compute *c)
{
    return c->state;
}

/* NULL for an attribute that the signature does not have; those with a default are filled in
 * before a kernel runs. */
const tw_attr *tw_compute_attr(const tw_compute *c, const char *name)
{
    return tw_spec_attr(c->spec, name);
}

bool tw_compute_bool(const tw_compute *c, const char *name)
{
    return tw_attr_as_bool(tw_spec_attr(c->spec, name));
}

int64_t tw_compute_int(const tw_compute *c, const char *name)
{
    return tw_attr_as_int(tw_spec_attr(c->spec, name));
}

/* Looked up by name on each call, which costs a walk over few names; kernels ask once before
 * their loop. */
double tw_compute_float(const tw_compute *c, const char *name)
{
    return tw_attr_as_float(tw_spec_attr(c->spec, name));
}

tw_dtype tw_compute_type(const tw_compute *c, const char *name)
{
    return tw_attr_as_type(tw_spec_attr(c->spec, name));
}

const char *tw_compute_string(const tw_compute *c, const char *name)
{
    return tw_attr_as_string(tw_spec_attr(c->spec, name));
}

tw_ints tw_compute_ints(const tw_compute *c, const char *name)
{
    return tw_attr_as_ints(tw_spec_attr(c->spec, name));
}

/* Borrowed from the graph and good as long as the session; meant for messages and for names of
 * resources. */
const char *tw_compute_name(const tw_compute *c)
{
    return c->spec->name;
}

/* ---- waiting and failing ---- */

/* "Not yet" is an address, never looked into: nothing has to be freed, and nothing can fail. */
static const char wait_mark;

/* The engine keeps the step until the waker that the kernel asked for is called. */
tw_status *tw_compute_wait(tw_compute *c)
{
    (void)c;
    return (tw_status *)(uintptr_t)&wait_mark;
}

/* By address: the mark is never freed nor decorated, and no other status can be mistaken for it. */
bool tw_status_is_wait(const tw_status *status)
{
    return (const void *)status == &wait_mark;
}

/* Bare words: the engine adds the rest, so that shape rules, kernels and engines say it alike. */
tw_status *tw_compute_fail(const tw_compute *c, const char *format, ...)
{
    (void)c;
    va_list args;
    va_start(args, format);
    tw_status *status = tw_status_format(TW_INVALID_ARGUMENT, format, args);
    va_end(args);
    return tw_status_with_kind(status, TW_KIND_VALUE);
}

/* A status that names an operation already comes from further inside, where more was known. Long
 * lists of inputs are cut: the first ones tell enough. */
tw_status *tw_compute_explain(const tw_compute *c, tw_status *status)
{
    if (!status || tw_status_is_wait(status) || tw_status_operation(status))
        return status;
    status = tw_status_with_phase(status, TW_PHASE_RUN);
    status = tw_status_with_operation(status, c->spec->type, c->spec->name);
    for (size_t i = 0; i < c->input_count && i < EXPLAINED_INPUTS; i++) {
        const tw_array *input = c->inputs[i];
        tw_text name = tw_spec_input_name(c->spec, i);
        if (input)
            status = tw_status_with_note(status, "%s: %s %s", name.s, tw_dtype_name(input->dtype),
                                         tw_shape_text((tw_shape){input->dims, input->rank}).s);
        else
            status = tw_status_with_note(status, "%s: not initialized", name.s);
    }
    return c->spec->where.file ? tw_status_with_where(status, c->spec->where) : status;
}
