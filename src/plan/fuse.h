/* SPDX-License-Identifier: Apache-2.0
 * What finding groups (fuse.c) and making steps of them (weave.c) have in common. */
#ifndef TW_PLAN_FUSE_H
#define TW_PLAN_FUSE_H

#include "plan/variant.h"

/* Members of a group, and how many of their values it stores for others, at most. */
enum { TW_GROUP_MEMBERS = 96, TW_GROUP_STORED = 4 };

/* It gives its input a larger shape and does nothing else. */
bool tw_fuse_is_broadcast(const tw_plan_node *node);
/* The reduction that the tile engine has for a node; its axes may be known only with the sizes. */
tw_tile_reduce tw_fuse_reduction(const tw_plan_node *node);

#endif
