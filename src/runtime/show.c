/* SPDX-License-Identifier: Apache-2.0
 * tw_show: evaluate in the default session and print. With tw_array_print all that ever prints. */
#include <stdio.h>

#include "runtime/session.h"

/* The text goes to stdout also when it is an error: who looks at values wants to see that too. */
void tw_show(tw_tensor tensor)
{
    tw_session *session = tw_default_session();
    if (!session) {
        puts("no default session: tw_interactive_session makes one");
        return;
    }
    tw_array *value = NULL;
    struct tw_run_args args = {
        .size = sizeof args, .session = session, .fetch = {&tensor, 1}, .out = &value};
    tw_status *status = tw_run_(&args);
    if (status)
        puts(tw_status_report(status));
    else if (value)
        tw_array_print(value, stdout);
    tw_status_free(status);
    tw_array_unref(value);
}
