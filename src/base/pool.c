/* SPDX-License-Identifier: Apache-2.0
 * Jobs stand in a few slots that the workers scan. A slot's gate is one word: open or not, how many
 * workers may still join, how many are inside. A worker inside takes cells, first of its own run
 * and then of the others', by counting up the run's `next`; so every cell is taken once. The caller
 * takes cells until none is left, shuts the gate and waits for those inside alone: a cell that was
 * taken by another is finished when that one has left. A worker that comes late finds the gate
 * shut. Idle workers watch `published` for 50 us, then sleep on it. */
#include "base/pool.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/os.h"

enum { MOST_THREADS = 256, SLOTS = 8, LINE = 64, SPIN_NS = 50000, SPINS_PER_LOOK = 32 };

/* The gate: bit 31 open, bit 30 the caller sleeps on it, bits 16 to 24 workers that may still
 * join, bits 0 to 8 workers inside. */
static const uint32_t GATE_OPEN = 1u << 31, CALLER_SLEEPS = 1u << 30, ONE_TICKET = 1u << 16;
static const uint32_t TICKETS = 0x1ffu << 16, INSIDE = 0x1ff;

/* On a cache line of its own, for its owner counts on it all the time and neighbours must not
 * slow each other down. */
typedef struct run {
    _Alignas(LINE) _Atomic size_t next; /* the first cell that nobody has taken */
    size_t end;
} run;

/* The gate comes first on its own line, because all workers look at it while scanning and only
 * few go on to the rest. */
typedef struct slot {
    _Alignas(LINE) _Atomic uint32_t gate;
    _Atomic bool taken;
    int parts;
    void (*body)(size_t cell, void *arg);
    void *arg;
    run runs[MOST_THREADS]; /* [parts]; the caller's is the first */
} slot;

static struct {
    slot slots[SLOTS];
    _Alignas(LINE) _Atomic uint32_t published; /* goes up with every job */
    _Alignas(LINE) _Atomic int spinning, asleep;
    _Alignas(LINE) _Atomic int workers; /* started */
    _Atomic int wanted;                 /* threads by tw_pool_set_threads; 0: the default */
    _Atomic int standard, cores;        /* the default; 0: not yet known */
    _Atomic uint32_t forks;
    bool fork_watched;
    tw_mutex starting; /* held to start workers, and over a fork */
} pool = {.starting = TW_MUTEX_INIT};

static _Thread_local bool inside_job;

/* Asked once, since it reads files. */
static int cores(void)
{
    int known = atomic_load_explicit(&pool.cores, memory_order_relaxed);
    if (!known) {
        known = tw_os_cores();
        atomic_store_explicit(&pool.cores, known, memory_order_relaxed);
    }
    return known;
}

/* The upper bound is that of the array of runs in each slot, which is fixed so that posting a
 * job never allocates. */
static int bounded(long threads)
{
    return threads < 1 ? 1 : threads < MOST_THREADS ? (int)threads : MOST_THREADS;
}

/* A variable that is no number is logged and passed over and not refused, for a wrong
 * environment must not stop a program. */
static int standard_threads(void)
{
    const char *text = getenv("THALWEG_NUM_THREADS");
    if (!text || !*text)
        return bounded(cores());
    char *end;
    long threads = strtol(text, &end, 10);
    if (*end == '\0' && threads >= 1)
        return bounded(threads);
    tw_log(TW_LOG_WARNING, "THALWEG_NUM_THREADS='%s' is no number of threads", text);
    return bounded(cores());
}

/* Two threads may find the default at once; both compute the same number, so the race is
 * harmless and needs no lock. */
int tw_pool_threads(void)
{
    int wanted = atomic_load_explicit(&pool.wanted, memory_order_relaxed);
    if (wanted)
        return wanted;
    int standard = atomic_load_explicit(&pool.standard, memory_order_relaxed);
    if (!standard) {
        standard = standard_threads();
        atomic_store_explicit(&pool.standard, standard, memory_order_relaxed);
    }
    return standard;
}

/* Workers that run already are kept: a smaller number only lets fewer of them join the jobs that
 * are posted from now on. */
void tw_pool_set_threads(int threads)
{
    atomic_store_explicit(&pool.wanted, threads > 0 ? bounded(threads) : 0, memory_order_relaxed);
}

/* Tells the processor that this is a spin, so that a sibling thread on the same core gets its
 * units and the exit is not mispredicted. */
static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Waits at most SPIN_NS for (*word & mask) to differ from `value`; false: it did not. With more
 * threads than cores a spinner would hold the core that another needs. */
static bool spin_while(_Atomic uint32_t *word, uint32_t mask, uint32_t value)
{
    if (tw_pool_threads() > cores())
        return (atomic_load_explicit(word, memory_order_acquire) & mask) != value;
    int64_t until = tw_os_now() + SPIN_NS;
    do {
        for (int i = 0; i < SPINS_PER_LOOK; i++) {
            if ((atomic_load_explicit(word, memory_order_acquire) & mask) != value)
                return true;
            pause_briefly();
        }
    } while (tw_os_now() < until);
    return false;
}

/* Runs cells until none is left, those of run `first` before the others'. */
static void work(slot *job, int first)
{
    for (int i = 0; i < job->parts; i++) {
        run *r = &job->runs[(first + i) % job->parts];
        /* Look before counting: a finished run is not written to again. */
        while (atomic_load_explicit(&r->next, memory_order_relaxed) < r->end) {
            size_t cell = atomic_fetch_add_explicit(&r->next, 1, memory_order_relaxed);
            if (cell < r->end)
                job->body(cell, job->arg);
        }
    }
}

/* The ticket, which is the number of the run to begin with, or 0: the gate is shut. */
static int join(slot *job)
{
    uint32_t gate = atomic_load_explicit(&job->gate, memory_order_relaxed);
    while ((gate & GATE_OPEN) && (gate & TICKETS)) {
        if (atomic_compare_exchange_weak_explicit(&job->gate, &gate, gate - ONE_TICKET + 1,
                                                  memory_order_acquire, memory_order_relaxed))
            return (int)((gate & TICKETS) / ONE_TICKET);
    }
    return 0;
}

/* After this the slot may belong to another job; to wake the wrong sleeper does no harm. */
static void leave(slot *job)
{
    uint32_t gate = atomic_fetch_sub_explicit(&job->gate, 1, memory_order_acq_rel);
    if ((gate & CALLER_SLEEPS) && (gate & INSIDE) == 1)
        tw_os_wake_word((uint32_t *)&job->gate, 1);
}

/* Joins what is open, once each. A fork while a cell ran here has reset the gates: then this
 * thread is inside none. */
static bool serve(void)
{
    bool served = false;
    for (int i = 0; i < SLOTS; i++) {
        slot *job = &pool.slots[i];
        uint32_t forks = atomic_load_explicit(&pool.forks, memory_order_relaxed);
        int ticket = join(job);
        if (!ticket)
            continue;
        work(job, ticket);
        if (forks == atomic_load_explicit(&pool.forks, memory_order_relaxed))
            leave(job);
        served = true;
    }
    return served;
}

/* Spins first, since jobs come close together within a step and a sleep and wake cost more than
 * the usual gap. */
static void idle(uint32_t seen)
{
    atomic_fetch_add(&pool.spinning, 1);
    bool news = spin_while(&pool.published, UINT32_MAX, seen);
    atomic_fetch_sub(&pool.spinning, 1);
    if (news)
        return;
    /* Counted before the last look at `published`, and the caller looks at the count after
     * raising it: one of the two sees the other. */
    atomic_fetch_add(&pool.asleep, 1);
    while (atomic_load(&pool.published) == seen)
        tw_os_wait_word((uint32_t *)&pool.published, seen);
    atomic_fetch_sub(&pool.asleep, 1);
}

/* The word is read before the slots are scanned, so a job posted during the scan changes it and
 * the worker does not sleep. */
static void worker_main(void *arg)
{
    (void)arg;
    inside_job = true;
    tw_os_float_enter();
    for (;;) {
        uint32_t seen = atomic_load(&pool.published);
        if (!serve())
            idle(seen);
    }
}

/* Held over the fork, so that the child never inherits a lock that a thread it lacks had taken. */
static void before_fork(void)
{
    tw_mutex_lock(&pool.starting);
}

/* The lock was taken in the prepare handler, so that no fork falls into the middle of starting
 * workers; the parent just goes on. */
static void after_fork_in_parent(void)
{
    tw_mutex_unlock(&pool.starting);
}

/* The child has the thread that forked and no other: nobody is inside any job. */
static void after_fork_in_child(void)
{
    tw_mutex_init(&pool.starting);
    for (int i = 0; i < SLOTS; i++) {
        atomic_store(&pool.slots[i].gate, 0);
        atomic_store(&pool.slots[i].taken, false);
    }
    atomic_store(&pool.spinning, 0);
    atomic_store(&pool.asleep, 0);
    atomic_store(&pool.workers, 0);
    atomic_fetch_add(&pool.forks, 1);
}

/* Has `count` workers, or as many as can be started; false: none. */
static bool start_workers(int count)
{
    if (atomic_load_explicit(&pool.workers, memory_order_relaxed) >= count)
        return true;
    tw_mutex_lock(&pool.starting);
    if (!pool.fork_watched)
        tw_os_on_fork(before_fork, after_fork_in_parent, after_fork_in_child);
    pool.fork_watched = true;
    tw_thread thread;
    while (pool.workers < count && tw_thread_start(&thread, worker_main, NULL))
        atomic_fetch_add(&pool.workers, 1);
    bool any = pool.workers > 0;
    tw_mutex_unlock(&pool.starting);
    return any;
}

/* NULL: as many jobs as there are slots are running. */
static slot *take_slot(void)
{
    for (int i = 0; i < SLOTS; i++) {
        slot *job = &pool.slots[i];
        if (!atomic_load_explicit(&job->taken, memory_order_relaxed) &&
            !atomic_exchange_explicit(&job->taken, true, memory_order_acquire))
            return job;
    }
    return NULL;
}

/* Opens the gate with equal runs of cells, and wakes as many as there is work for. */
static void publish(slot *job, size_t cells)
{
    size_t parts = (size_t)job->parts, each = cells / parts, longer = cells % parts, first = 0;
    for (size_t i = 0; i < parts; i++) {
        atomic_store_explicit(&job->runs[i].next, first, memory_order_relaxed);
        first += each + (i < longer);
        job->runs[i].end = first;
    }
    uint32_t helpers = (uint32_t)job->parts - 1;
    atomic_store_explicit(&job->gate, GATE_OPEN | helpers * ONE_TICKET, memory_order_release);
    atomic_fetch_add(&pool.published, 1);
    /* Spinners see `published` change; only those asleep cost a call. */
    int missing = (int)helpers - atomic_load(&pool.spinning);
    if (missing > 0 && atomic_load(&pool.asleep) > 0)
        tw_os_wake_word((uint32_t *)&pool.published, missing);
}

/* Shuts the gate, waits for those inside and gives the slot back. */
static void finish(slot *job)
{
    uint32_t shut = ~(GATE_OPEN | TICKETS);
    uint32_t gate = atomic_fetch_and_explicit(&job->gate, shut, memory_order_acq_rel) & shut;
    while (gate & INSIDE) {
        if (!spin_while(&job->gate, INSIDE, gate & INSIDE)) {
            /* The last to leave sees the bit, or the word has changed and there is no sleep. */
            gate = atomic_fetch_or(&job->gate, CALLER_SLEEPS) | CALLER_SLEEPS;
            if (gate & INSIDE)
                tw_os_wait_word((uint32_t *)&job->gate, gate);
        }
        gate = atomic_load_explicit(&job->gate, memory_order_acquire);
    }
    atomic_store_explicit(&job->taken, false, memory_order_release);
}

/* False if there is no slot or no worker: the caller then does all cells himself, with the same
 * result. */
static bool run_shared(int parts, size_t cells, void (*body)(size_t cell, void *arg), void *arg)
{
    slot *job = start_workers(parts - 1) ? take_slot() : NULL;
    if (!job)
        return false;
    /* Plain stores: who joins has read the gate that is opened after them. */
    job->parts = parts;
    job->body = body;
    job->arg = arg;
    inside_job = true;
    publish(job, cells);
    work(job, 0);
    finish(job);
    inside_job = false;
    return true;
}

/* A job inside a job runs on its own thread, so that cells cannot wait for one another. */
void tw_pool_run(int threads, size_t cells, void (*body)(size_t cell, void *arg), void *arg)
{
    int most = tw_pool_threads();
    int parts = threads > 0 && threads < most ? threads : most;
    if (cells < (size_t)parts)
        parts = (int)cells;
    /* The caller computes as the workers do, or a result would depend on who took its cell. */
    uint64_t mode = tw_os_float_enter();
    if (parts < 2 || inside_job || !run_shared(parts, cells, body, arg)) {
        for (size_t cell = 0; cell < cells; cell++)
            body(cell, arg);
    }
    tw_os_float_restore(mode);
}
