/* SPDX-License-Identifier: Apache-2.0
 * Waiting on a word where there is no futex: the word's address picks a lock and a condition that
 * its sleepers share with those of other words, so that a wake wakes them all. */
#include "base/os.h"

#if !defined(__linux__)

#include <stdatomic.h>

enum { PLACES = 8 };

/* Words that share a place wake each other for nothing, which is allowed: who waits on a word
 * looks at it again. */
typedef struct place {
    tw_mutex lock;
    tw_cond woken;
} place;

/* clang-format off */
#define PLACE_INIT {TW_MUTEX_INIT, TW_COND_INIT}
static place places[PLACES] = {PLACE_INIT, PLACE_INIT, PLACE_INIT, PLACE_INIT,
                               PLACE_INIT, PLACE_INIT, PLACE_INIT, PLACE_INIT};
/* clang-format on */
static atomic_bool fork_watched;

/* The child has none of the threads that held these locks or slept here. */
static void after_fork_in_child(void)
{
    for (int i = 0; i < PLACES; i++) {
        tw_mutex_init(&places[i].lock);
        tw_cond_init(&places[i].woken);
    }
}

/* The low six bits are dropped, so that words of one cache line share a place and neighbouring
 * lines spread over all of them. */
static place *place_of(const uint32_t *word)
{
    if (!atomic_load(&fork_watched) && !atomic_exchange(&fork_watched, true))
        tw_os_on_fork(NULL, NULL, after_fork_in_child);
    return &places[((uintptr_t)word >> 6) % PLACES];
}

/* Looked at under the lock that a waker takes: a change before the sleep is seen, one after it
 * wakes. */
void tw_os_wait_word(uint32_t *word, uint32_t expected)
{
    place *p = place_of(word);
    tw_mutex_lock(&p->lock);
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) == expected)
        tw_cond_wait(&p->woken, &p->lock);
    tw_mutex_unlock(&p->lock);
}

/* All are woken, as sleepers of other words may share the place and one wake could reach the
 * wrong one. */
void tw_os_wake_word(uint32_t *word, int count)
{
    (void)count;
    place *p = place_of(word);
    tw_mutex_lock(&p->lock);
    tw_cond_broadcast(&p->woken);
    tw_mutex_unlock(&p->lock);
}

#endif
