/* SPDX-License-Identifier: Apache-2.0
 * Memory: every value that a run makes gets an offset in one arena, for as long as steps read it. A
 * step writes over an input that dies with it where its kernel allows. The best gap in time order
 * is tried first; where it wastes memory, placing large blocks before others mends it. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/status.h"
#include "plan/gaps.h"
#include "plan/variant.h"

enum { ALIGNMENT = TW_ALLOC_LINE };

/* A stretch of memory over a stretch of time. */
typedef struct tw_block {
    size_t bytes, offset;
    uint32_t born, dies; /* steps, both included */
    bool workspace, pack;
    /* value (of the first in an in-place chain), or step for a workspace or the first of a packed
     * copy */
    uint32_t owner;
} tw_block;

/* What the pass keeps; offsets go into the variant at its end. */
typedef struct tw_placer {
    tw_variant *v;
    uint32_t *block_of; /* by value: index in blocks + 1, or 0 */
    TW_VEC(tw_block) blocks;
} tw_placer;

/* Every block begins on a cache line, as kernels expect. */
static size_t rounded(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* When each root is made and read last. */
void tw_variant_lives(tw_variant *v)
{
    const tw_plan *plan = v->plan;
    for (size_t i = 0; i < plan->values.count; i++)
        v->values[i].born = v->values[i].dies = 0;
    for (uint32_t s = 0; s < v->steps.count; s++) {
        const tw_step *step = &v->steps.items[s];
        for (uint32_t i = 0; i < step->input_count; i++) {
            tw_sized *root = &v->values[v->values[step->inputs[i]].root];
            root->dies = max_u32(root->dies, s);
        }
        for (uint32_t k = 0; k < step->output_count; k++) {
            tw_sized *sized = &v->values[step->outputs[k]], *root = &v->values[sized->root];
            if (root == sized)
                root->born = s;
            root->dies = max_u32(root->dies, s);
        }
    }
    /* steps go out of order: no memory is used twice */
    for (size_t i = 0; plan->has_waits && i < plan->values.count; i++) {
        v->values[i].born = 0;
        v->values[i].dies = (uint32_t)v->steps.count;
    }
    for (size_t i = 0; i < plan->fetch_count; i++) {
        if (plan->fetches[i].value != TW_NO_INDEX)
            v->values[v->values[plan->fetches[i].value].root].dies = (uint32_t)v->steps.count;
    }
    /* kept at the end of the iteration */
    for (size_t i = 0; plan->loop && i < plan->loop->saved_count; i++)
        v->values[v->values[plan->loop->saved[i]].root].dies = (uint32_t)v->steps.count;
}

/* The input whose memory output k of the step may take, or TW_NO_INDEX. */
static uint32_t in_place_input(const tw_variant *v, uint32_t s, uint32_t k)
{
    const tw_step *step = &v->steps.items[s];
    const tw_sized *out = &v->values[step->outputs[k]];
    uint32_t allowed = tw_step_in_place(step, k);
    for (uint32_t i = 0; i < step->input_count && i < 32; i++) {
        uint32_t value = step->inputs[i];
        const tw_sized *root = &v->values[v->values[value].root];
        if (!(allowed >> i & 1) || root->place != TW_PLACE_ARENA || root->dies != s ||
            root->bytes != out->bytes || root->born == s)
            continue;
        bool other = false;
        for (uint32_t j = 0; j < step->input_count; j++)
            other = other || (j != i && step->inputs[j] != value &&
                              v->values[step->inputs[j]].root == v->values[value].root);
        if (!other)
            return value;
    }
    return TW_NO_INDEX;
}

/* A loop's variables have their place for the whole iteration, and get their next values there. */
static tw_status *gather_carried(tw_placer *p)
{
    const tw_plan *plan = p->v->plan;
    for (size_t i = 0; plan->loop && i < plan->loop->carried; i++) {
        uint32_t value = plan->feeds[i];
        const tw_sized *sized = &p->v->values[value];
        tw_block block = {
            .bytes = rounded(sized->bytes), .dies = (uint32_t)p->v->steps.count, .owner = value};
        if (sized->place != TW_PLACE_ARENA || !block.bytes)
            continue;
        if (!tw_vec_push(&p->blocks, block))
            return tw_no_memory();
        p->block_of[value] = (uint32_t)p->blocks.count;
    }
    return TW_OK;
}

/* So do workspaces that last as long as the loop. */
static tw_status *gather_lasting(tw_placer *p)
{
    tw_variant *v = p->v;
    for (uint32_t s = 0; v->batches && s < v->steps.count; s++) {
        tw_block space = {.bytes = rounded(v->steps.items[s].workspace_bytes),
                          .dies = (uint32_t)v->steps.count,
                          .workspace = true,
                          .owner = s};
        if (v->steps.items[s].batching && !tw_vec_push(&p->blocks, space))
            return tw_no_memory();
    }
    return TW_OK;
}

/* A packed copy is there from the step that makes it to the last one that reads it. */
static tw_status *gather_pack(tw_placer *p, uint32_t s)
{
    const tw_step *steps = p->v->steps.items;
    tw_block copy = {.bytes = rounded(steps[s].pack_bytes), .born = s, .pack = true, .owner = s};
    if (!steps[s].packs_here || steps[s].pack_first != s)
        return TW_OK;
    for (uint32_t i = s; i < p->v->steps.count; i++)
        copy.dies = steps[i].packs_here && steps[i].pack_first == s ? i : copy.dies;
    return tw_vec_push(&p->blocks, copy) ? TW_OK : tw_no_memory();
}

/* A value that takes over its input's memory prolongs that block instead of having one. */
static tw_status *gather_values(tw_placer *p, uint32_t s)
{
    tw_variant *v = p->v;
    const tw_step *step = &v->steps.items[s];
    for (uint32_t k = 0; k < step->output_count; k++) {
        uint32_t value = step->outputs[k];
        const tw_sized *sized = &v->values[value];
        if (sized->place != TW_PLACE_ARENA || sized->root != value || !sized->bytes)
            continue;
        uint32_t over = in_place_input(v, s, k);
        if (over != TW_NO_INDEX && p->block_of[v->values[over].root]) {
            uint32_t b = p->block_of[value] = p->block_of[v->values[over].root];
            p->blocks.items[b - 1].dies = max_u32(p->blocks.items[b - 1].dies, sized->dies);
            continue;
        }
        tw_block block = {.bytes = rounded(sized->bytes),
                          .born = v->plan->has_waits ? 0 : s,
                          .dies = sized->dies,
                          .owner = value};
        if (!tw_vec_push(&p->blocks, block))
            return tw_no_memory();
        p->block_of[value] = (uint32_t)p->blocks.count;
    }
    return TW_OK;
}

static tw_status *gather_space(tw_placer *p, uint32_t s)
{
    const tw_step *step = &p->v->steps.items[s];
    tw_block space = {.bytes = rounded(step->workspace_bytes),
                      .born = s,
                      .dies = s,
                      .workspace = true,
                      .owner = s};
    bool own = space.bytes && !step->batching;
    return !own || tw_vec_push(&p->blocks, space) ? TW_OK : tw_no_memory();
}

/* By when they are born. Where steps go out of order all values are there from the beginning: a
 * step that waited must not work over what was made meanwhile. */
static tw_status *gather_blocks(tw_placer *p)
{
    uint32_t steps = (uint32_t)p->v->steps.count;
    TW_TRY(gather_carried(p));
    TW_TRY(gather_lasting(p));
    for (uint32_t s = 0; p->v->plan->has_waits && s < steps; s++)
        TW_TRY(gather_values(p, s));
    for (uint32_t s = 0; s < steps; s++) {
        if (!p->v->plan->has_waits)
            TW_TRY(gather_values(p, s));
        TW_TRY(gather_space(p, s));
        TW_TRY(gather_pack(p, s));
    }
    return TW_OK;
}

/* Ties by address, that is by time: qsort alone would not say which of two equal blocks is
 * first. */
static int by_size(const void *a, const void *b)
{
    const tw_block *x = *(tw_block *const *)a, *y = *(tw_block *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* What is to know of a block that has its place, for the search of gaps. */
typedef struct tw_placed {
    size_t offset, end;
    uint32_t born, dies;
    size_t keeps_out; /* smaller blocks do not lie there at any time */
} tw_placed;

/* The smallest gap that holds the block, between those placed ones (sorted by offset) that it meets
 * in time. Both ends of its time are included: a step reads its inputs while it writes its
 * outputs. */
static size_t best_gap(const tw_placed *placed, size_t count, const tw_block *block, bool anywhere)
{
    size_t at = 0, best = SIZE_MAX, best_size = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        const tw_placed *p = &placed[i];
        if ((p->born > block->dies || p->dies < block->born) &&
            (anywhere || block->bytes >= p->keeps_out))
            continue;
        if (p->offset > at && p->offset - at >= block->bytes && p->offset - at < best_size) {
            best = at;
            best_size = p->offset - at;
            if (best_size == block->bytes) /* there is no better one */
                break;
        }
        if (p->end > at)
            at = p->end;
    }
    return best == SIZE_MAX ? at : best;
}

/* Gives the block the best gap; the list, which has room for one more, stays sorted. What keeps
 * blocks out does so while all can be within `most` bytes. Returns where the block ends. */
static size_t put(tw_placed *placed, size_t count, tw_block *block, size_t keeps_out, size_t most)
{
    size_t at = count;
    block->offset = best_gap(placed, count, block, false);
    if (block->offset + block->bytes > most)
        block->offset = best_gap(placed, count, block, true);
    while (at && placed[at - 1].offset > block->offset) {
        placed[at] = placed[at - 1];
        at--;
    }
    placed[at] = (tw_placed){.offset = block->offset,
                             .end = block->offset + block->bytes,
                             .born = block->born,
                             .dies = block->dies,
                             .keeps_out = keeps_out};
    return placed[at].end;
}

/* In the order of steps, in which blocks lie in the list, too: each takes its memory when it is
 * born, after all that died before have given back theirs. `next` links those that die at the same
 * step; both ends of a block's time are included. */
static tw_status *place_in_time(tw_placer *p, size_t *end)
{
    uint32_t steps = (uint32_t)p->v->steps.count + 1, now = 0;
    uint32_t *dying = tw_alloc_zero(steps, sizeof *dying);
    uint32_t *next = tw_alloc_array(p->blocks.count + 1, 2 * sizeof *next);
    uint32_t *stretch = next ? next + p->blocks.count + 1 : NULL;
    tw_gaps gaps = {.root = TW_NO_STRETCH};
    tw_status *status = dying && next ? TW_OK : tw_no_memory();
    *end = 0;
    for (uint32_t b = 0; !status && b < p->blocks.count; b++) {
        tw_block *block = &p->blocks.items[b];
        for (; now < block->born; now++) {
            for (uint32_t dead = dying[now]; dead; dead = next[dead])
                tw_gaps_give(&gaps, stretch[dead]);
        }
        uint32_t taken = stretch[b + 1] = tw_gaps_take(&gaps, block->bytes);
        if (!taken) {
            status = tw_no_memory();
            break;
        }
        block->offset = gaps.all.items[taken].offset;
        next[b + 1] = dying[block->dies];
        dying[block->dies] = b + 1;
        *end = max_size(*end, block->offset + block->bytes);
    }
    tw_gaps_clear(&gaps);
    tw_free(next);
    tw_free(dying);
    return status;
}

/* Large blocks first, then the others in the order of steps, which lie around these. While a large
 * one is not there others may be, but no small ones: they stay together, where one takes the place
 * of another that was used just before. The list holds what is live, what died since it was last
 * cleared, and the large ones. */
static size_t place_large_first(tw_placer *p, tw_placed *live)
{
    enum { FEW = 16, LARGE_SHARE = 8, SMALL_SHARE = 16 };
    size_t count = 0, end = 0, most = p->v->live_bytes, large = most / LARGE_SHARE;
    for (size_t b = 0; b < p->blocks.count; b++) {
        tw_block *block = &p->blocks.items[b];
        if (block->bytes >= large)
            end = max_size(end, put(live, count++, block, large / SMALL_SHARE, most));
    }
    size_t limit = 2 * count + FEW;
    for (size_t b = 0; b < p->blocks.count; b++) {
        tw_block *block = &p->blocks.items[b];
        if (block->bytes >= large)
            continue;
        if (count >= limit) {
            size_t kept = 0;
            for (size_t i = 0; i < count; i++) { /* nobody could guess which of them died */
                live[kept] = live[i];
                kept += live[kept].dies >= block->born || live[kept].keeps_out;
            }
            count = kept;
            limit = 2 * kept + FEW;
        }
        end = max_size(end, put(live, count++, block, 0, most));
    }
    return end;
}

/* The largest first, each in the best gap among those that it meets in time. */
static size_t place_by_size(tw_placer *p, tw_block **order, tw_placed *placed)
{
    size_t end = 0;
    for (size_t b = 0; b < p->blocks.count; b++)
        order[b] = &p->blocks.items[b];
    qsort(order, p->blocks.count, sizeof *order, by_size);
    for (size_t b = 0; b < p->blocks.count; b++)
        end = max_size(end, put(placed, b, order[b], 0, SIZE_MAX));
    return end;
}

/* The largest sum of what is live at one step. */
static tw_status *measure_live(tw_placer *p)
{
    tw_variant *v = p->v;
    size_t steps = v->steps.count + 2;
    int64_t *change = tw_alloc_zero(steps, sizeof *change);
    if (!change)
        return tw_no_memory();
    for (size_t b = 0; b < p->blocks.count; b++) {
        const tw_block *block = &p->blocks.items[b];
        if (block->workspace && block->bytes > v->workspace_bytes)
            v->workspace_bytes = block->bytes;
        change[block->born] += (int64_t)block->bytes;
        change[block->dies + 1 < steps ? block->dies + 1 : steps - 1] -= (int64_t)block->bytes;
    }
    int64_t now = 0;
    for (size_t s = 0; s < steps; s++) {
        now += change[s];
        if (now > (int64_t)v->live_bytes)
            v->live_bytes = (size_t)now;
    }
    tw_free(change);
    return TW_OK;
}

/* The other ways cost up to the square of the number of blocks, so they are tried only where the
 * first one wastes memory, and kept only where they are better. */
static tw_status *place_better(tw_placer *p, size_t *end)
{
    enum { MOST_BLOCKS = 8192 };
    size_t n = p->blocks.count, live = p->v->live_bytes, wasted = *end - live;
    bool tried[] = {live >= TW_ALLOC_PAGED && wasted > live / 64, wasted > live / 20};
    if ((!tried[0] && !tried[1]) || n > MOST_BLOCKS)
        return TW_OK;
    tw_block **order = tw_alloc_array(n + 1, sizeof *order);
    tw_placed *placed = tw_alloc_array(n + 1, sizeof *placed);
    size_t *best = tw_alloc_array(n + 1, sizeof *best);
    tw_status *status = order && placed && best ? TW_OK : tw_no_memory();
    for (int way = 0; way < 2 && !status; way++) {
        if (!tried[way])
            continue;
        for (size_t b = 0; b < n; b++)
            best[b] = p->blocks.items[b].offset;
        size_t other = way ? place_by_size(p, order, placed) : place_large_first(p, placed);
        for (size_t b = 0; b < n && other >= *end; b++)
            p->blocks.items[b].offset = best[b];
        *end = other < *end ? other : *end;
    }
    tw_free(order);
    tw_free(placed);
    tw_free(best);
    return status;
}

static tw_status *choose_offsets(tw_placer *p)
{
    size_t end;
    TW_TRY(place_in_time(p, &end));
    TW_TRY(place_better(p, &end));
    bool large = end >= TW_ALLOC_PAGED; /* then this is a page's beginning: alloc.h */
    for (size_t b = 0; b < p->blocks.count && large; b++)
        p->blocks.items[b].offset += ALIGNMENT;
    p->v->arena_bytes = end + (large ? ALIGNMENT : 0);
    return TW_OK;
}

/* Only what has the place ARENA; feeds, constants, variables and values with storage of their
 * own live elsewhere. */
tw_status *tw_variant_place(tw_variant *v)
{
    tw_placer p = {.v = v, .block_of = tw_alloc_zero(v->plan->values.count + 1, sizeof(uint32_t))};
    tw_status *status = p.block_of ? TW_OK : tw_no_memory();
    tw_variant_lives(v);
    if (!status)
        status = gather_blocks(&p);
    if (!status)
        status = measure_live(&p);
    if (!status)
        status = choose_offsets(&p);
    for (size_t i = 0; !status && i < v->plan->values.count; i++) {
        if (p.block_of[i])
            v->values[i].offset = p.blocks.items[p.block_of[i] - 1].offset;
    }
    for (size_t b = 0; !status && b < p.blocks.count; b++) {
        if (p.blocks.items[b].workspace)
            v->steps.items[p.blocks.items[b].owner].workspace = p.blocks.items[b].offset;
        if (p.blocks.items[b].pack)
            v->steps.items[p.blocks.items[b].owner].pack_offset = p.blocks.items[b].offset;
    }
    for (size_t s = 0; !status && s < v->steps.count; s++) {
        tw_step *step = &v->steps.items[s];
        if (step->packs_here)
            step->pack_offset = v->steps.items[step->pack_first].pack_offset;
    }
    tw_vec_clear(&p.blocks);
    tw_free(p.block_of);
    return status;
}
