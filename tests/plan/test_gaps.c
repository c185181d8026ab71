/* SPDX-License-Identifier: Apache-2.0
 * Memory that is given and taken back, beside a list that is searched from one end to the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plan/gaps.h"

enum { MOST = 400 };

typedef struct block {
    size_t offset, bytes;
    uint32_t stretch;
} block;

/* Sorted by offset. */
typedef struct list {
    block blocks[MOST];
    size_t count;
} list;

static uint32_t draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

/* The smallest gap, the lowest of equal ones; `place` is that in the list. */
static size_t wanted(const list *l, size_t bytes, size_t *place)
{
    size_t end = 0, best = SIZE_MAX, best_size = SIZE_MAX;
    for (size_t i = 0; i < l->count; i++) {
        size_t gap = l->blocks[i].offset - end;
        if (gap >= bytes && gap < best_size) {
            best = end;
            best_size = gap;
            *place = i;
        }
        end = l->blocks[i].offset + l->blocks[i].bytes;
    }
    if (best == SIZE_MAX)
        *place = l->count;
    return best == SIZE_MAX ? end : best;
}

static void take(tw_gaps *gaps, list *l, size_t bytes)
{
    size_t place = 0, offset = wanted(l, bytes, &place);
    uint32_t stretch = tw_gaps_take(gaps, bytes);
    assert_int_not_equal(stretch, TW_NO_STRETCH);
    assert_int_equal(gaps->all.items[stretch].offset, offset);
    memmove(l->blocks + place + 1, l->blocks + place, (l->count - place) * sizeof *l->blocks);
    l->blocks[place] = (block){.offset = offset, .bytes = bytes, .stretch = stretch};
    l->count++;
}

static void give(tw_gaps *gaps, list *l, size_t place)
{
    tw_gaps_give(gaps, l->blocks[place].stretch);
    l->count--;
    memmove(l->blocks + place, l->blocks + place + 1, (l->count - place) * sizeof *l->blocks);
}

static void a_block_gets_the_smallest_gap_that_holds_it(void **state)
{
    (void)state;
    for (uint32_t trial = 0; trial < 60; trial++) {
        uint32_t seed = trial, sizes = 1 + trial % 30, most = 2 + trial * (MOST - 2) / 60;
        tw_gaps gaps = {.root = TW_NO_STRETCH};
        list l = {.count = 0};
        for (int turn = 0; turn < 3000; turn++) {
            bool full = l.count == most || (l.count && draw(&seed, 2));
            if (full)
                give(&gaps, &l, draw(&seed, (uint32_t)l.count));
            else
                take(&gaps, &l, 64u * (1 + draw(&seed, sizes)));
        }
        while (l.count)
            give(&gaps, &l, draw(&seed, (uint32_t)l.count));
        take(&gaps, &l, 1); /* everything came back */
        assert_int_equal(l.blocks[0].offset, 0);
        assert_true(gaps.all.count <= 2 * most + 2);
        tw_gaps_clear(&gaps);
    }
}

static void what_is_behind_all_comes_back_at_once(void **state)
{
    (void)state;
    tw_gaps gaps = {.root = TW_NO_STRETCH};
    uint32_t first = tw_gaps_take(&gaps, 100), second = tw_gaps_take(&gaps, 50);
    tw_gaps_give(&gaps, second);
    second = tw_gaps_take(&gaps, 1000);
    assert_int_equal(gaps.all.items[second].offset, 100);
    tw_gaps_give(&gaps, first);
    first = tw_gaps_take(&gaps, 101);
    assert_int_equal(gaps.all.items[first].offset, 1100);
    tw_gaps_clear(&gaps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_gets_the_smallest_gap_that_holds_it),
        cmocka_unit_test(what_is_behind_all_comes_back_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
