/* SPDX-License-Identifier: Apache-2.0
 * Variables of the environment, for tests of what is read there. */
#ifndef TW_TESTS_ENVIRONMENT_H
#define TW_TESTS_ENVIRONMENT_H

#include <stdlib.h>

static inline void set_environment(const char *variable, const char *text)
{
#if defined(_WIN32)
    _putenv_s(variable, text);
#else
    setenv(variable, text, 1);
#endif
}

#endif
