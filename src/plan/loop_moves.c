/* SPDX-License-Identifier: Apache-2.0
 * From one iteration of a loop to the next. A variable whose next value was computed in its own
 * place needs nothing; where the next value has a place that nothing else uses, the two places
 * change their names; all others are copied, in an order in which nothing is lost. */
#include "base/status.h"
#include "plan/variant.h"

/* With the offset, since that is what the callers compare. */
static bool in_arena(const tw_variant *v, uint32_t value, size_t *offset)
{
    const tw_sized *root = &v->values[v->values[value].root];
    *offset = root->offset;
    return root->place == TW_PLACE_ARENA;
}

/* Does some other move still read what `move` writes over? */
static bool must_wait(const tw_variant *v, const tw_move *moves, size_t count, size_t which)
{
    size_t to = v->values[moves[which].to].offset, from;
    for (size_t i = 0; i < count; i++) {
        if (i == which || moves[i].from == TW_NO_INDEX || !in_arena(v, moves[i].from, &from))
            continue;
        if (tw_bytes_meet(from, moves[i].bytes, to, moves[which].bytes))
            return true;
    }
    return false;
}

/* Moves in an order in which none destroys what another reads; a ring goes through the swap
 * place. */
static tw_status *order_moves(tw_variant *v, tw_move *moves, size_t count)
{
    while (count) {
        size_t which = 0;
        while (which < count && must_wait(v, moves, count, which))
            which++;
        if (which == count) {
            tw_move aside = {moves[0].from, TW_NO_INDEX, moves[0].bytes, NULL};
            size_t room = (aside.bytes + 63) / 64 * 64;
            if (!tw_vec_push(&v->moves, aside))
                return tw_no_memory();
            moves[0].from = TW_NO_INDEX;
            if (v->arena_bytes < v->swap_offset + room)
                v->arena_bytes = v->swap_offset + room;
            which = 0;
            while (which < count && must_wait(v, moves, count, which))
                which++;
        }
        if (which == count)
            return tw_status_new(TW_INTERNAL, "the variables of a loop cannot be ordered");
        if (!tw_vec_push(&v->moves, moves[which]))
            return tw_no_memory();
        moves[which] = moves[--count];
    }
    return TW_OK;
}

/* ---- places that change their names ---- */

/* Less is copied sooner than pointers are set. */
enum { LEAST_SWAPPED = 256 };

/* Does nothing lie across an end of the place? What lies exactly there is renamed with it. */
static bool is_apart(const tw_variant *v, size_t offset, size_t bytes)
{
    for (uint32_t i = 0; i < v->plan->values.count; i++) {
        const tw_sized *sized = &v->values[i];
        if (sized->place == TW_PLACE_ARENA && sized->root == i && sized->bytes &&
            tw_bytes_meet(sized->offset, sized->bytes, offset, bytes) &&
            (sized->offset != offset || sized->bytes != bytes))
            return false;
    }
    for (size_t s = 0; s < v->steps.count; s++) {
        const tw_step *step = &v->steps.items[s];
        if (step->workspace_bytes &&
            tw_bytes_meet(step->workspace, step->workspace_bytes, offset, bytes))
            return false;
    }
    return true;
}

/* Only these two ends may be where the move goes from and to. */
static bool is_alone(const tw_variant *v, size_t which)
{
    const tw_move *move = &v->moves.items[which];
    size_t bytes = move->bytes, ends[2], other[2];
    in_arena(v, move->from, &ends[0]);
    in_arena(v, move->to, &ends[1]);
    for (size_t i = 0; i < v->moves.count; i++) {
        const tw_move *m = &v->moves.items[i];
        for (size_t k = 0; k < 2 && i != which; k++) {
            uint32_t value = k ? m->to : m->from;
            other[k] = v->swap_offset;
            bool there = value == TW_NO_INDEX || in_arena(v, value, &other[k]);
            if (there && (tw_bytes_meet(other[k], m->bytes, ends[0], bytes) ||
                          tw_bytes_meet(other[k], m->bytes, ends[1], bytes)))
                return false;
        }
    }
    for (uint32_t i = 0; i < v->plan->loop->carried; i++) {
        uint32_t var = v->plan->feeds[i];
        if (var != move->to && in_arena(v, var, &other[0]) && other[0] == ends[0])
            return false;
    }
    return true;
}

/* Behind *at: all values that are at `offset`, then TW_NO_INDEX. */
static void list_values(const tw_variant *v, size_t offset, uint32_t **at)
{
    size_t found;
    for (uint32_t i = 0; i < v->plan->values.count; i++) {
        if (in_arena(v, i, &found) && found == offset)
            *(*at)++ = i;
    }
    *(*at)++ = TW_NO_INDEX;
}

/* Which moves need no copy. */
static tw_status *find_swaps(tw_variant *v)
{
    for (size_t i = 0; i < v->moves.count; i++) {
        tw_move *move = &v->moves.items[i];
        size_t from, to;
        if (move->bytes < LEAST_SWAPPED || move->from == TW_NO_INDEX || move->to == TW_NO_INDEX ||
            !in_arena(v, move->from, &from) || !in_arena(v, move->to, &to) ||
            !is_apart(v, from, move->bytes) || !is_apart(v, to, move->bytes) || !is_alone(v, i))
            continue;
        uint32_t *list = tw_arena_array(&v->arena, v->plan->values.count + 2, sizeof *list);
        if (!list)
            return tw_no_memory();
        move->swapped = list;
        list_values(v, to, &list);
        list_values(v, from, &list);
    }
    return TW_OK;
}

/* A variable whose next value was computed in its own place needs no move. */
tw_status *tw_variant_plan_moves(tw_variant *v)
{
    const tw_plan *plan = v->plan;
    tw_move *moves = tw_alloc_array(plan->loop->carried + 1u, sizeof *moves);
    size_t count = 0;
    if (!moves)
        return tw_no_memory();
    v->swap_offset = (v->arena_bytes + 63) / 64 * 64;
    for (uint32_t i = 0; i < plan->loop->carried; i++) {
        uint32_t to = plan->feeds[i], from = plan->fetches[i + 1].value;
        size_t offset;
        if (v->values[to].place != TW_PLACE_ARENA || !v->values[to].bytes)
            continue;
        if (in_arena(v, from, &offset) && offset == v->values[to].offset)
            continue;
        moves[count++] = (tw_move){from, to, v->values[to].bytes, NULL};
    }
    tw_status *status = order_moves(v, moves, count);
    tw_free(moves);
    return status ? status : find_swaps(v);
}
