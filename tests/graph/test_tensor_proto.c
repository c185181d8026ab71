/* SPDX-License-Identifier: Apache-2.0
 * Constants as they are written into a GraphDef. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "graphs.h"
#include "thalweg/thalweg.h"

/* The text that a Const of int32 values is written as. */
static void assert_written(tw_ints values, const char *expected, const char *unexpected)
{
    tw_graph *graph = tw_graph_new();
    must(tw_scope_push_graph(graph));
    tw_operand_tensor(tw_of_ints(values), TW_INVALID_DTYPE, "c");
    tw_scope_pop();
    char *text = NULL;
    must(tw_graph_export_text(graph, &text));
    assert_non_null(strstr(text, expected));
    assert_null(strstr(text, unexpected));
    tw_free(text);
    tw_graph_unref(graph);
}

static void the_last_value_is_written_once(void **state)
{
    (void)state;
    assert_written(TW_INTS(1, 2, 3, 3), "int_val: 3", "tensor_content");
    assert_written(TW_INTS(7, 7, 7), "int_val: 7", "tensor_content");
    assert_written(TW_INTS(1, 2, 3, 4), "tensor_content", "int_val");
    assert_written(TW_INTS(3, 3, 1), "tensor_content", "int_val");
    assert_written(TW_INTS(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 14), "tensor_content",
                   "int_val");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_value_is_written_once),
    };
    return cmocka_run_group_tests_name("tensor protos", tests, NULL, NULL);
}
