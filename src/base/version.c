/* SPDX-License-Identifier: Apache-2.0
 * The version; the build may give it as TW_VERSION, a text. */
#include "thalweg/base.h"

#ifndef TW_VERSION
#define TW_VERSION "0.1.0"
#endif

/* A function and not only a macro, so that a program sees the version of the library it runs
 * with, not of its headers. */
const char *tw_version(void)
{
    return TW_VERSION;
}
