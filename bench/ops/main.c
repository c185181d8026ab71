/* SPDX-License-Identifier: Apache-2.0
 * The worker of bench/ops/ops.py: one operation at a time, through a callable. It obeys one command
 * a line and answers with one line.
 *     make FOLDER    imports graph.pbtxt there, feeds x0.npy, x1.npy ... to its placeholders x0, x1
 *                    ..., runs `op` once and writes y0.npy ...: "ok", or "error TEXT"
 *     time SECONDS   runs it for about so long: nanoseconds of the processor a call
 *     list           all ops of the registry
 * Results are looked at where they are: nothing is copied that NumPy would not copy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <thalweg/callable.h>
#include <thalweg/op.h>
#include <thalweg/thalweg.h>

#include "../bench.h"

enum { MOST = 8, PATH = 512 };

/* One operation ready to run. */
static struct {
    tw_graph *graph;
    tw_session *session;
    tw_callable *callable;
    tw_array *feeds[MOST];
    tw_view views[MOST];
    size_t feed_count;
    const char *save; /* where results are written, or NULL */
} now;

static void drop(void)
{
    tw_callable_free(now.callable);
    tw_session_free(now.session);
    tw_graph_unref(now.graph);
    for (size_t i = 0; i < now.feed_count; i++)
        tw_array_unref(now.feeds[i]);
    memset(&now, 0, sizeof now);
}

/* Strings and handles are of no interest to NumPy. */
static tw_status *take(size_t index, const tw_view *value, void *user)
{
    char path[PATH + 32];
    (void)user;
    if (!now.save || !tw_dtype_is_plain(value->dtype))
        return TW_OK;
    snprintf(path, sizeof path, "%s/y%zu.npy", now.save, index);
    tw_array *copy = tw_array_copy_of(value->dtype, value->shape, value->data);
    tw_status *status = copy ? tw_array_save_npy(copy, path) : TW_OK;
    tw_array_unref(copy);
    return status;
}

static tw_status *run(void)
{
    return tw_call_views(
        now.callable, now.views,
        &(struct tw_call_options){.size = sizeof(struct tw_call_options), .fetch = take});
}

/* The placeholders' values, as many as there are files. */
static tw_status *load_feeds(const char *folder, tw_tensor *fed)
{
    char path[PATH], name[32];
    for (size_t i = 0; i < MOST; i++) {
        snprintf(path, sizeof path, "%s/x%zu.npy", folder, i);
        snprintf(name, sizeof name, "x%zu:0", i);
        FILE *there = fopen(path, "rb");
        if (!there)
            return TW_OK;
        fclose(there);
        TW_TRY(tw_array_load_npy(path, &now.feeds[i]));
        now.feed_count = i + 1;
        now.views[i] = (tw_view){tw_array_dtype(now.feeds[i]), tw_array_shape(now.feeds[i]),
                                 tw_array_data(now.feeds[i])};
        TW_TRY(tw_graph_tensor(now.graph, name, &fed[i]));
    }
    return TW_OK;
}

/* All outputs of the operation are fetched. */
static tw_status *make(const char *folder)
{
    char path[PATH + 32];
    tw_tensor fed[MOST], fetch[MOST];
    snprintf(path, sizeof path, "%s/graph.pbtxt", folder);
    TW_TRY(tw_graph_load(path, &now.graph));
    TW_TRY(load_feeds(folder, fed));
    tw_operation *op = tw_graph_operation(now.graph, "op");
    size_t outputs = op ? tw_operation_output_count(op) : 0;
    for (size_t i = 0; i < outputs && i < MOST; i++)
        fetch[i] = tw_operation_output(op, i);
    now.session = tw_session_new(&(struct tw_session_options){
        .size = sizeof(struct tw_session_options), .graph = now.graph});
    TW_TRY(
        tw_make_callable(.session = now.session, .fetch = {fetch, outputs < MOST ? outputs : MOST},
                         .feed = {fed, now.feed_count}, .callable = &now.callable, .threads = 1));
    now.save = folder;
    tw_status *status = run();
    now.save = NULL;
    return status;
}

/* At least two calls, the first of which is not counted. */
static void time_calls(double seconds)
{
    long calls = 0, wanted = 1;
    tw_status *status = run();
    double start = bench_cpu(), passed = 0;
    while (!status && (passed < seconds || !calls)) {
        for (long i = 0; i < wanted && !status; i++)
            status = run();
        calls += wanted;
        passed = bench_cpu() - start;
        if (passed < seconds / 16)
            wanted *= 2;
    }
    printf("%.9g\n", status ? -1 : 1e9 * passed / (double)calls);
    tw_status_free(status);
}

static void list(void)
{
    for (size_t i = 0; i < tw_op_count(); i++)
        printf("%s ", tw_op_name(tw_op_at(i)));
    printf("\n");
}

int main(void)
{
    char line[PATH], argument[448];
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "make %447s", argument) == 1) {
            drop();
            tw_status *status = make(argument);
            printf("%s%s\n", status ? "error " : "ok", status ? tw_status_message(status) : "");
            tw_status_free(status);
        } else if (sscanf(line, "time %447s", argument) == 1 && now.callable) {
            time_calls(atof(argument));
        } else if (!strncmp(line, "list", 4)) {
            list();
        } else {
            printf("error\n");
        }
        fflush(stdout);
    }
    drop();
    return 0;
}
