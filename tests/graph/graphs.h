/* SPDX-License-Identifier: Apache-2.0
 * What the tests of graphs share: calls that must work, and texts that must contain something.
 * Include after <cmocka.h>. */
#ifndef TW_TESTS_GRAPHS_H
#define TW_TESTS_GRAPHS_H

#include <string.h>

#include "graph/graph.h"

static inline void must(tw_status *status)
{
    if (status)
        fail_msg("%s", tw_status_report(status));
}

/* An error whose message contains every one of `parts` (up to NULL) in this order; freed. */
static inline void must_fail(tw_status *status, tw_code code, const char *const *parts)
{
    assert_non_null(status);
    const char *at = tw_status_message(status);
    for (; *parts; parts++) {
        const char *found = strstr(at, *parts);
        if (!found)
            fail_msg("no '%s' in '%s' of: %s", *parts, at, tw_status_message(status));
        at = found + strlen(*parts);
    }
    assert_int_equal(tw_status_code(status), code);
    assert_null(strchr(tw_status_message(status), '\n'));
    tw_status_free(status);
}
#define MUST_FAIL(status, code, ...) \
    must_fail((status), (code), (const char *const[]){__VA_ARGS__, NULL})

/* The first error of the current graph, which is forgotten. */
#define GRAPH_MUST_HAVE_FAILED(code, ...)                                               \
    (MUST_FAIL(tw_status_copy(tw_graph_status(tw_default_graph())), code, __VA_ARGS__), \
     tw_graph_clear_status(tw_default_graph()))

static inline tw_tensor add_named(tw_graph *graph, const char *type, const char *name,
                                  const tw_tensor *inputs, size_t count)
{
    tw_operation *op = NULL;
    tw_graph_add_args args = {.size = sizeof args,
                              .where = TW_HERE,
                              .type = type,
                              .name = name,
                              .inputs = inputs,
                              .input_count = count};
    must(tw_graph_add(graph, &args, &op));
    return (tw_tensor){op, op->output_count ? 0 : -1};
}

static inline tw_tensor add_placeholder(tw_graph *graph, const char *name, tw_dtype dtype,
                                        tw_shape shape)
{
    tw_attr attrs[2] = {{.name = "dtype", .kind = TW_ATTR_TYPE},
                        {.name = "shape", .kind = TW_ATTR_SHAPE}};
    attrs[0].value.type = dtype;
    attrs[1].value.shape = shape;
    tw_operation *op = NULL;
    tw_graph_add_args args = {.size = sizeof args,
                              .where = TW_HERE,
                              .type = "Placeholder",
                              .name = name,
                              .attrs = attrs,
                              .attr_count = 2};
    must(tw_graph_add(graph, &args, &op));
    return (tw_tensor){op, 0};
}

static inline const char *name_of(tw_tensor tensor)
{
    return tw_operation_name(tensor.op);
}

static inline void assert_shape(tw_tensor tensor, const char *text)
{
    assert_string_equal(tw_shape_text(tw_tensor_shape(tensor)).s, text);
}

#endif
