/* SPDX-License-Identifier: Apache-2.0
 * Print: passes its input on, and writes a line to the standard error stream. */
#include <stdatomic.h>
#include <stdio.h>

#include "ops/summarize.h"

/* The message is borrowed from the attribute, which outlives all runs. */
typedef struct options {
    const char *message; /* the attribute's */
    int64_t first, summarize;
} options;

/* The text is the operation's own and lives as long as the plan. */
static tw_status *prepare(tw_compute *c, void *state)
{
    *(options *)state = (options){tw_compute_string(c, "message"), tw_compute_int(c, "first_n"),
                                  tw_compute_int(c, "summarize")};
    return TW_OK;
}

/* How many lines a node has written in this session. */
static tw_status *make_counter(tw_compute *c, void **out)
{
    (void)c;
    *out = TW_NEW(atomic_int_least64_t);
    return *out ? TW_OK : tw_no_memory();
}

static const tw_state_class counter_class = {
    .size = sizeof(tw_state_class), .name = "print counter", .make = make_counter, .free = tw_free};

/* One call of the stream for the whole line, so that threads do not mix theirs. */
static tw_status *write_line(const tw_compute *c, const options *o)
{
    tw_buffer line = {0};
    tw_buffer_add_text(&line, o->message);
    for (size_t i = 1; i < c->input_count; i++) {
        tw_buffer_add_char(&line, '[');
        tw_summarize(&line, tw_input(c, i), o->summarize);
        tw_buffer_add_char(&line, ']');
    }
    tw_buffer_add_char(&line, '\n');
    char *text = tw_buffer_take(&line);
    if (!text)
        return tw_no_memory();
    fputs(text, stderr);
    tw_free(text);
    return TW_OK;
}

/* Several runs may print at once: the count is atomic. */
static tw_status *compute(tw_compute *c)
{
    const options *o = tw_compute_state(c);
    TW_TRY(tw_compute_forward(c, 0, c->inputs[0]));
    if (o->first < 0)
        return write_line(c, o);
    void *counter;
    TW_TRY(tw_compute_resource(c, &counter_class, NULL, &counter));
    if (atomic_fetch_add((atomic_int_least64_t *)counter, 1) >= o->first)
        return TW_OK;
    return write_line(c, o);
}

/* Printing has no influence on values, so derivatives pass. */
static tw_status *gradient(tw_gradient *g)
{
    g->dx[0] = g->dy[0];
    return TW_OK;
}

const tw_op_definition tw_op_Print = {
    .signature = "input: T, data: U -> output: T; T: type; U: list(type); message: string = \"\"; "
                 "first_n: int = -1; summarize: int = 3",
    .doc = "Gives `input`, and writes `message` and the first `summarize` elements of each tensor "
           "of `data` to the standard error stream, the first `first_n` times (-1: always).",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .infer = tw_infer_same,
    .gradient = gradient,
    .compute = compute,
    .in_place = 1,
    .state_size = sizeof(options),
    .prepare = prepare,
};
