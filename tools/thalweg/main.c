/* SPDX-License-Identifier: Apache-2.0
 * The `thalweg` command: version, ops [NAME], reference, explain GRAPH TENSOR... [--feed
 * TENSOR]... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <thalweg/thalweg.h>

static int usage(void)
{
    fputs("usage: thalweg version\n"
          "       thalweg ops [NAME]               all ops, or what one does\n"
          "       thalweg reference                all ops and composites as Markdown\n"
          "       thalweg explain GRAPH TENSOR...  the plan for tensors of a GraphDef file,\n"
          "               [--feed TENSOR]...       with these fed\n",
          stderr);
    return 2;
}

static int fail(tw_status *status)
{
    fprintf(stderr, "thalweg: %s\n", tw_status_report(status));
    tw_status_free(status);
    return 1;
}

static int version(void)
{
    printf("thalweg %s\n", tw_version());
    printf("%zu operations; threads: pthread; zlib: %s\n", tw_op_count(),
#ifdef TW_HAVE_ZLIB
           "yes"
#else
           "no"
#endif
    );
    return 0;
}

static void show_op(const tw_op *op)
{
    const tw_op_definition *d = tw_op_get_definition(op);
    printf("%s\n\n    %s\n\n%s\n", tw_op_name(op), d->signature, d->doc ? d->doc : "");
    if (d->since)
        printf("\nsince: %s\n", d->since);
    for (size_t i = 0; i < TW_DEFINITION_EXAMPLES && d->examples[i]; i++)
        printf("%s    %s\n", i ? "" : "\nexamples:\n", d->examples[i]);
    const char *gradient = !d->gradient                           ? "none written"
                           : d->gradient == tw_not_differentiable ? "not differentiable"
                                                                  : "yes";
    printf("\ngradient: %s\n", gradient);
}

static void reference_op(const tw_op *op)
{
    const tw_op_definition *d = tw_op_get_definition(op);
    printf("### %s\n\n    %s\n\n%s\n", tw_op_name(op), d->signature, d->doc ? d->doc : "");
    for (size_t i = 0; i < TW_DEFINITION_EXAMPLES && d->examples[i]; i++)
        printf("%s    %s\n", i ? "" : "\n", d->examples[i]);
    if (d->since)
        printf("\nSince: %s.\n", d->since);
    printf("\n%s\n\n", !d->gradient                           ? "No gradient was written."
                       : d->gradient == tw_not_differentiable ? "Not differentiable."
                                                              : "Differentiable.");
}

/* The whole reference as one Markdown page. */
static int reference(void)
{
    printf("# Reference\n\nMade from the registry by `thalweg reference`. "
           "Signatures are in TensorFlow's language: inputs -> outputs; "
           "attributes.\n\n## Ops\n\n");
    for (size_t i = 0; i < tw_op_count(); i++) {
        if (tw_op_name(tw_op_at(i))[0] != '_')
            reference_op(tw_op_at(i));
    }
    printf("## Composites\n\nFunctions of many ops; `tw_NAME(...)` in C.\n\n");
    for (size_t i = 0; i < tw_composite_count(); i++) {
        const char *name;
        const tw_composite *c = tw_composite_at(i, &name);
        printf("### %s\n\n    %s\n\n%s\n\n", name, c->signature, c->doc ? c->doc : "");
        for (size_t k = 0; k < TW_DEFINITION_EXAMPLES && c->examples[k]; k++)
            printf("    %s\n\n", c->examples[k]);
    }
    return 0;
}

static int ops(const char *name)
{
    if (name) {
        const tw_op *op = tw_op_find(name);
        if (!op) {
            /* Where there is one after all, its signature is at fault: computing it says how. */
            tw_status *status = tw_op_evaluate(name, NULL, 0, NULL, 0, NULL, 0);
            fprintf(stderr, "thalweg: %s\n", tw_status_message(status));
            tw_status_free(status);
            return 1;
        }
        show_op(op);
        return 0;
    }
    for (size_t i = 0; i < tw_op_count(); i++) {
        const tw_op *op = tw_op_at(i);
        const char *doc = tw_op_get_definition(op)->doc;
        int length = doc ? (int)strcspn(doc, ".\n") : 0;
        printf("%-36s %.*s\n", tw_op_name(op), length > 80 ? 80 : length, doc ? doc : "");
    }
    return 0;
}

/* "a" means "a:0". */
static tw_status *find_tensor(tw_graph *graph, const char *name, tw_tensor *out)
{
    if (strchr(name, ':'))
        return tw_graph_tensor(graph, name, out);
    tw_operation *op = tw_graph_operation(graph, name);
    if (!op)
        return tw_status_new(TW_NOT_FOUND, "the graph has no operation '%s'", name);
    *out = tw_operation_output(op, 0);
    if (!tw_operation_output_count(op))
        *out = (tw_tensor){op, -1};
    return TW_OK;
}

static int explain(int argc, char **argv)
{
    enum { MOST = 64 };
    tw_tensor fetches[MOST], feeds[MOST];
    size_t fetch_count = 0, feed_count = 0;
    tw_graph *graph = NULL;
    if (argc < 2)
        return usage();
    tw_status *status = tw_graph_load(argv[0], &graph);
    for (int i = 1; i < argc && !status; i++) {
        bool feed = !strcmp(argv[i], "--feed") && i + 1 < argc;
        if (fetch_count == MOST || feed_count == MOST)
            status = tw_status_new(TW_INVALID_ARGUMENT, "more than %d tensors", MOST);
        else
            status = feed ? find_tensor(graph, argv[++i], &feeds[feed_count++])
                          : find_tensor(graph, argv[i], &fetches[fetch_count++]);
    }
    char *text = NULL;
    tw_session *session = status ? NULL
                                 : tw_session_new(&(struct tw_session_options){
                                       .size = sizeof(struct tw_session_options), .graph = graph});
    if (session)
        status = tw_explain(session, (tw_tensors){fetches, fetch_count}, (tw_tensors){NULL, 0},
                            (tw_tensors){feeds, feed_count}, &text);
    if (text)
        fputs(text, stdout);
    tw_free(text);
    tw_session_free(session);
    tw_graph_unref(graph);
    return status ? fail(status) : 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return usage();
    if (!strcmp(argv[1], "version") || !strcmp(argv[1], "--version"))
        return version();
    if (!strcmp(argv[1], "ops") && argc <= 3)
        return ops(argc > 2 ? argv[2] : NULL);
    if (!strcmp(argv[1], "reference"))
        return reference();
    if (!strcmp(argv[1], "explain"))
        return explain(argc - 2, argv + 2);
    return usage();
}
