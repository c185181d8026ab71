/* SPDX-License-Identifier: Apache-2.0
 * A fresh default graph and a session of it for each test, in whose setup and teardown they are
 * made and freed. Include after cmocka.h. */
#ifndef TW_TESTS_SUPPORT_SESSION_H
#define TW_TESTS_SUPPORT_SESSION_H

#include "thalweg/thalweg.h"

static tw_session *session;

static inline int setup(void **state)
{
    (void)state;
    tw_reset_default_graph();
    session = tw_session_new(NULL);
    return session ? 0 : -1;
}

static inline int teardown(void **state)
{
    (void)state;
    tw_session_free(session);
    tw_reset_default_graph();
    return 0;
}

#endif
