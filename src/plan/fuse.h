/* SPDX-License-Identifier: Apache-2.0
 * What finding groups (fuse.c) and making steps of them (weave.c) have in common. */
#ifndef TW_PLAN_FUSE_H
#define TW_PLAN_FUSE_H

#include "plan/variant.h"

/* Members of a group, and how many of their values it stores for others, at most. */
enum { TW_GROUP_MEMBERS = 96, TW_GROUP_STORED = 8 };

/* What the pass keeps while it looks for groups; freed at its end. */
typedef struct tw_fuser {
    tw_plan *plan;
    const uint32_t *order;
    uint32_t *place; /* by node, in the topological order */
    uint32_t count;
    uint32_t *used;           /* by value: reads by the group that grows */
    uint32_t *sized;          /* by node: the first place where somebody asks for its size alone */
    tw_plan_dependents after; /* who waits for a node by control or order */
    /* by value: the places where nodes read it are reads[starts[v]] .. reads[starts[v + 1] - 1] */
    uint32_t *starts, *reads;
    uint32_t members[TW_GROUP_MEMBERS];
    uint32_t member_count, stored_count;
} tw_fuser;

/* Once tw_plan_fuse has looked at it. Elementwise: only what the tile engine has a loop for in just
 * these dtypes. */
static inline bool tw_fuse_is_elementwise(const tw_plan_node *node)
{
    return node->elementwise;
}
static inline bool tw_fuse_is_broadcast(const tw_plan_node *node)
{
    return node->broadcast;
}
/* The reduction that the tile engine has for a node; its axes may be known only with the sizes. */
static inline tw_tile_reduce tw_fuse_reduction(const tw_plan_node *node)
{
    return (tw_tile_reduce)node->reduction;
}
/* May `node` run as late as `root`? Nobody may wait for it who runs before the root. */
bool tw_fuse_can_wait(const tw_fuser *f, uint32_t node, uint32_t root);
/* May what makes the value join a group that reads it now for the `used`-th time? Either nobody
 * else reads it, or all others do after the group's turn: then it is stored on the way. */
bool tw_fuse_may_join(const tw_fuser *f, uint32_t value, uint32_t root, bool *stored);
/* Groups of rows, made of groups and single nodes (fuse_rows.c). */
tw_status *tw_fuse_rows(tw_fuser *f);
/* Axes as one run of dims at the end or the beginning; false: neither. */
bool tw_fuse_split_axes(const tw_array *axes, size_t rank, tw_tile_reduction *out);

#endif
