/* SPDX-License-Identifier: Apache-2.0
 * The registry walk: every op, whoever wrote it, has a signature that can be read, a sentence, an
 * example, and a gradient or the word that it has none. What it computes the tests beside this one
 * ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "op/op.h"

static size_t bad;

static void complain(const tw_op *op, const char *what, const char *more)
{
    bad++;
    printf("    %s: %s %s\n", tw_op_name(op), what, more);
}

static void none_is_bad(size_t before)
{
    if (bad != before)
        fail_msg("%zu complaints", bad - before);
}

/* ---- documents ---- */

static bool has_refs_or_handles(const tw_op *op)
{
    for (size_t i = 0; i < op->input_count + op->output_count; i++) {
        const tw_op_arg *arg = i < op->input_count ? &op->inputs[i]
                                                   : &op->outputs[i - op->input_count];
        if (arg->is_ref || arg->type == TW_RESOURCE || arg->type == TW_VARIANT)
            return true;
    }
    return false;
}

static void every_op_is_documented(void **state)
{
    (void)state;
    size_t before = bad;
    for (size_t i = 0; tw_builtin_ops[i].name; i++) {
        const tw_op *op;
        tw_status *status = tw_op_lookup(tw_builtin_ops[i].name, &op);
        if (status)
            fail_msg("%s", tw_status_message(status));
        const tw_op_definition *d = tw_op_get_definition(op);
        size_t length = d->doc ? strlen(d->doc) : 0;
        bool inner = tw_op_name(op)[0] == '_', stateful = d->flags & TW_OP_STATEFUL;
        if (length < 10)
            complain(op, "no documentation", "");
        if (!d->gradient)
            complain(op, "does not say what its gradient is", "(tw_not_differentiable?)");
        if (!d->examples[0] && !inner && !stateful && !has_refs_or_handles(op) && op->input_count &&
            op->output_count && strcmp(tw_op_name(op), "LoopValue") &&
            !strstr("Enter Exit Merge Switch NextIteration LoopCond", tw_op_name(op)) &&
            /* texts with zeros, which examples cannot hold */
            !strstr("SerializeSparse SerializeManySparse DeserializeManySparse", tw_op_name(op)))
            complain(op, "no example", "");
    }
    none_is_bad(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_op_is_documented),
    };
    return cmocka_run_group_tests_name("registry walk", tests, NULL, NULL);
}
