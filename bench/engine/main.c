/* SPDX-License-Identifier: Apache-2.0
 * The benchmark's worker for ours: `bench_engine THREADS` obeys one command a line and answers with
 * one line of JSON, so that bench/bench.py can let it and the peers take turns.
 *     make NAME          builds, plans and runs once: {"build": s, "first": s, "value": v}
 *     time SECONDS       runs for about so long: {"step": seconds of one step, "cpu": of them the
 *                        processor's}
 *     value STEPS        runs so many steps: {"value": what the last one computed}
 *     memory             {"peak": bytes, "now": bytes} of the process
 *     limits BYTES       {"flops": per second, "copy": bytes per second}
 *     drop | explain | list */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../bench.h"
#include "workload.h"

static const recipe *const tables[] = {small_recipes, net_recipes, array_recipes, graph_recipes};

/* Names are unique over all tables; NULL: there is no such workload. */
static const recipe *find(const char *name)
{
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        for (const recipe *r = tables[t]; r->name; r++) {
            if (!strcmp(r->name, name))
                return r;
        }
    }
    return NULL;
}

/* On one line, so that a shell can loop over it. */
static void list(void)
{
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        for (const recipe *r = tables[t]; r->name; r++)
            printf("%s ", r->name);
    }
    printf("\n");
}

/* A step of its own takes the place of the callable's. */
static double step_of(const recipe *r, workload *w)
{
    return r->step ? r->step(w) : bench_step(w);
}

/* Opening (initializers, first values) belongs to neither of the two times. */
static void make(const recipe *r, workload *w)
{
    double start = bench_now(), built = start;
    tw_reset_default_graph();
    if (r->build) {
        r->build(w);
        built = bench_now();
        bench_open(w);
    }
    double opened = bench_now(), value = step_of(r, w);
    printf("{\"build\": %.9g, \"first\": %.9g, \"value\": %.9g}\n", built - start,
           bench_now() - opened, value);
}

/* A step that takes longer than a turn is not run twice for it. */
static void time_steps(const recipe *r, workload *w, double seconds)
{
    long calls = 0, wanted = 1;
    double since = bench_now(), cpu = bench_cpu(), passed;
    step_of(r, w); /* what others put into the caches is out of the way */
    passed = bench_now() - since;
    if (passed > 4 * seconds) {
        printf("{\"step\": %.9g, \"cpu\": %.9g}\n", passed, bench_cpu() - cpu);
        return;
    }
    passed = 0;
    since = bench_now();
    cpu = bench_cpu();
    while (passed < seconds) {
        for (long i = 0; i < wanted; i++)
            step_of(r, w);
        calls += wanted;
        passed = bench_now() - since;
        if (passed < seconds / 16)
            wanted *= 2;
    }
    printf("{\"step\": %.9g, \"cpu\": %.9g}\n", passed / (double)calls,
           (bench_cpu() - cpu) / (double)calls);
}

/* Engines that compute the same agree after a few steps of training too. */
static void steps(const recipe *r, workload *w, int count)
{
    double value = 0;
    for (int i = 0; i < count; i++)
        value = step_of(r, w);
    printf("{\"value\": %.9g}\n", value);
}

/* The kernel counts in KiB; 0 where there is no such file. */
static double status_bytes(const char *key)
{
    char line[256];
    double kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file)) {
        if (!strncmp(line, key, strlen(key)))
            kib = strtod(line + strlen(key), NULL);
    }
    if (file)
        fclose(file);
    return 1024 * kib;
}

/* The plan that was timed. */
static void explain(workload *w)
{
    char *text = NULL;
    tw_tensors fetch = {&w->fetch, w->fetch.op ? 1 : 0},
               target = {&w->target, w->target.op ? 1 : 0};
    TW_CHECK(tw_explain(w->session, fetch, target, (tw_tensors){w->fed, w->feed_count}, &text));
    puts(text);
    tw_free(text);
}

/* A level that is none, and whatever else a user should know. */
static void show(tw_log_level level, const char *text, void *user)
{
    (void)user;
    if (level >= TW_LOG_WARNING)
        fprintf(stderr, "%s\n", text);
}

int main(int argc, char **argv)
{
    char line[256], word[64], argument[128];
    workload w = {.threads = argc > 1 ? atoi(argv[1]) : 1};
    const recipe *r = NULL;
    /* What feeds are made of is there before memory is measured: it is not the engine's. */
    volatile double sine = sin((double)argc);
    (void)sine;
    tw_set_log(show, NULL);
    while (fgets(line, sizeof line, stdin)) {
        argument[0] = 0;
        if (sscanf(line, "%63s %127s", word, argument) < 1)
            continue;
        if (!strcmp(word, "make") && (r = find(argument)))
            make(r, &w);
        else if (!strcmp(word, "time") && r)
            time_steps(r, &w, atof(argument));
        else if (!strcmp(word, "value") && r)
            steps(r, &w, atoi(argument));
        else if (!strcmp(word, "memory"))
            printf("{\"peak\": %.0f, \"now\": %.0f}\n", status_bytes("VmHWM:"),
                   status_bytes("VmRSS:"));
        else if (!strcmp(word, "limits"))
            printf("{\"flops\": %.9g, \"copy\": %.9g}\n", limit_flops(w.threads),
                   limit_copy(w.threads, (size_t)atof(argument)));
        else if (!strcmp(word, "explain") && w.session)
            explain(&w);
        else if (!strcmp(word, "list"))
            list();
        else if (!strcmp(word, "drop")) {
            bench_close(&w);
            r = NULL;
            printf("{}\n");
        } else
            printf("{\"none\": \"%s %s\"}\n", word, argument);
        fflush(stdout);
    }
    bench_close(&w);
    return 0;
}
