// Stress: memory that waits for a grace period: of threads that live shortly,
// in large blocks, of threads that sleep; and calls that wait for one.
//
// ORACLE  every deferred call is made once, and not before each section has
//         ended that was open when it was deferred; a block that a section
//         finds is whole until its end. What waits stays within the bounds,
//         which are each thread's own: who waits for a grace period holds what
//         it took, and others gather as much meanwhile. Of 10,000 threads that
//         retire a block each it is the number and bytes that the statistics
//         say; of 60 blocks of 8 MB, the live bytes. What sleeping threads have
//         retired goes while they sleep. In the end nothing waits, and every
//         block's object is destroyed once.
// USE     retire [--threads N] [--seconds N] [--seed N]; thread 0 does what
//         only one does, and the others read meanwhile.
// FAILS   with tly_grace_next less one; when readers read outside of sections;
//         with left_take left out of tly_limbo_reap and tly_limbo_poll; with an
//         is_due that does not look at what threads left.

#include "stress.h"

#define BOARD 8u
#define WORDS 8u
#define LIMBO 127u // the options' defaults
#define LIMBO_BYTES ((uint64_t)1 << 20)
#define SHORT_LIVES 10000u
#define LARGE ((uint64_t)8 << 20)
#define TURNS 2000u

// In memory of tally_alloc: read inside of sections.
struct page {
    uint64_t words[WORDS]; // a number + their index
};

struct note {
    tally_object head;
    uint64_t length;
    char item[];
};
static atomic_ulong notes_made, notes_gone;
static void note_gone(void *note) {
    (void)note;
    atomic_fetch_add(&notes_gone, 1);
}
TALLY_TYPE(note, TALLY_ITEMS(item, length), TALLY_DESTROY(note_gone));

// A deferred call: which sections were open then.
struct ticket {
    uint64_t open[STRESS_THREADS_MAX]; // 0: none
    struct page *page;                 // to be freed by it, or NULL
    atomic_uint made;
};

static struct page *_Atomic board[BOARD];
static atomic_ulong sections[STRESS_THREADS_MAX]; // odd: inside of one
static atomic_ulong deferred, called;
static meeting team;
static bool over;

// ---- reading

static void page_check(const struct page *page) {
    for (uint32_t i = 0; i < WORDS; i++)
        expect(page->words[i] == page->words[0] + i,
               "a page is not whole: word %u is %llu after %llu", i,
               (unsigned long long)page->words[i],
               (unsigned long long)page->words[0]);
}

static void read_once(uint64_t me, uint64_t *random) {
    must(tally_borrow_enter() == TALLY_OK);
    atomic_fetch_add(&sections[me], 1);
    const struct page *page = atomic_load(&board[stress_below(random, BOARD)]);
    if (page) {
        page_check(page);
        if (stress_below(random, 64) == 0)
            sched_yield();
        page_check(page);
    }
    atomic_fetch_add(&sections[me], 1);
    tally_borrow_leave();
}

// ---- retiring

static void ticket_called(void *arg) {
    struct ticket *ticket = arg;
    expect(atomic_fetch_add(&ticket->made, 1) == 0, "a call is made twice");
    for (uint64_t n = 0; n < stress.threads; n++)
        expect(!ticket->open[n] || atomic_load(&sections[n]) != ticket->open[n],
               "a call is made in a section of thread %u", (unsigned)n);
    if (ticket->page) {
        page_check(ticket->page);
        tally_free(ticket->page);
    }
    atomic_fetch_add(&called, 1);
    free(ticket);
}

static void ticket_defer(struct page *page) {
    struct ticket *ticket = calloc(1, sizeof(*ticket));
    must(ticket);
    ticket->page = page;
    for (uint64_t n = 0; n < stress.threads; n++) {
        uint64_t at = atomic_load(&sections[n]);
        ticket->open[n] = at % 2 ? at : 0;
    }
    atomic_fetch_add(&deferred, 1);
    must(tally_defer(ticket_called, ticket) == TALLY_OK);
}

static struct page *page_new(uint64_t *random) {
    struct page *page = tally_alloc(sizeof(*page));
    must(page);
    for (uint32_t i = 0; i < WORDS; i++)
        page->words[i] = i + (i == 0 ? stress_random(random) : 0);
    for (uint32_t i = 1; i < WORDS; i++)
        page->words[i] = page->words[0] + i;
    return page;
}

static void page_replace(struct page *page, bool calls) {
    static atomic_uint next;
    struct page *old =
        atomic_exchange(&board[atomic_fetch_add(&next, 1) % BOARD], page);
    if (calls)
        ticket_defer(old);
    else
        must(tally_defer_free(old) == TALLY_OK);
}

static void note_retire(size_t length, bool later) {
    struct note *note = tally_new_items(note, length);
    must(note);
    atomic_fetch_add(&notes_made, 1);
    tally_publish(note);
    if (later)
        tally_decref_later(note);
    else
        tally_decref(note);
}

// ---- thread 0 alone: bounds

// Who may hold what waits: the readers, who does it, and the runtime's thread.
static uint64_t holders(void) { return stress.threads + 1; }

static void *live_shortly(void *arg) {
    uint64_t random = stress_stream(2, (uintptr_t)arg);
    note_retire(stress_below(&random, 256), stress_below(&random, 2));
    page_replace(page_new(&random), stress_below(&random, 2));
    return NULL;
}

static void short_lives(void) {
    uint64_t most = 0, most_bytes = 0;
    for (uintptr_t n = 0; n < SHORT_LIVES / (UNDER_TSAN ? 10 : 1); n++) {
        thread_run(live_shortly, (void *)n);
        struct tally_stats s = stress_stats();
        uint64_t count = s.limbo_objects + s.deferred_calls;
        uint64_t bytes = s.limbo_bytes + s.deferred_bytes;
        most = count > most ? count : most;
        most_bytes = bytes > most_bytes ? bytes : most_bytes;
        stress_tick();
        if (stress_over())
            break;
    }
    // A thread looks when it ends, and waits for those before it.
    expect(most <= holders() * LIMBO + 8,
           "%llu blocks of threads that have ended wait",
           (unsigned long long)most);
    expect(most_bytes <= holders() * LIMBO_BYTES, "%llu bytes of them wait",
           (unsigned long long)most_bytes);
}

static void large_blocks(void) {
    stress_collect();
    uint64_t before = stress_stats().live_bytes, most = 0;
    for (int n = 0; n < 60; n++) {
        if (n % 2)
            note_retire(LARGE - 64, false);
        else
            must(tally_defer_free(tally_alloc(LARGE)) == TALLY_OK);
        uint64_t live = stress_stats().live_bytes;
        most = live > most ? live : most;
        tally_safepoint();
    }
    uint64_t bound = before + (1 + holders()) * (LARGE + 65536) + LIMBO_BYTES;
    expect(most <= bound, "%llu bytes are alive of large blocks, not %llu",
           (unsigned long long)most, (unsigned long long)bound);
}

// The others sleep, with what they have retired.
static void while_they_sleep(uint64_t *random) {
    unsigned long notes = atomic_load(&notes_made);
    unsigned long calls = atomic_load(&deferred);
    while (atomic_load(&notes_gone) < notes || atomic_load(&called) < calls) {
        note_retire(stress_below(random, 100), false);
        tally_safepoint();
        stress_tick();
    }
}

// ---- all together

static void turn(uint64_t me, uint64_t *random) {
    uint32_t what = stress_below(random, 64);
    if (what < 40)
        read_once(me, random);
    else if (what < 48)
        page_replace(page_new(random), what % 2);
    else if (what < 60)
        note_retire(stress_below(random, 400), what % 2);
    else if (what == 60)
        tally_flush();
    else if (what == 61)
        TALLY_BLOCKING { sched_yield(); }
    else if (stress_below(random, 32) == 0)
        what == 62 ? (void)tally_collect() : (void)tally_synchronize();
    if (stress_below(random, 4) == 0)
        tally_safepoint();
}

static atomic_bool reading;

static void checkpoint(void) {
    stress_settle();
    struct tally_stats s = stress_stats();
    expect(s.limbo_objects + s.deferred_calls + s.later_drops == 0 &&
               s.limbo_bytes + s.deferred_bytes + s.later_bytes == 0,
           "%llu objects and %llu calls wait when all has been done",
           (unsigned long long)s.limbo_objects,
           (unsigned long long)s.deferred_calls);
    expect(atomic_load(&deferred) == atomic_load(&called),
           "%lu calls were deferred, %lu made", atomic_load(&deferred),
           atomic_load(&called));
    expect(atomic_load(&notes_made) == atomic_load(&notes_gone),
           "%lu objects were retired, %lu are gone", atomic_load(&notes_made),
           atomic_load(&notes_gone));
    over = stress_over();
}

// One thread does it, and the others read until it is done.
static void alone(uint64_t me, uint64_t *random, void (*fn)(void)) {
    meeting_wait(&team);
    atomic_store(&reading, true);
    meeting_wait(&team);
    if (me == 0) {
        fn();
        atomic_store(&reading, false);
    }
    while (me != 0 && atomic_load(&reading)) {
        read_once(me, random);
        tally_safepoint();
        TALLY_BLOCKING { sched_yield(); }
    }
    meeting_wait(&team);
}

static void *work(void *arg) {
    uint64_t me = (uint64_t)(uintptr_t)arg, random = stress_stream(1, me);
    alone(me, &random, large_blocks);
    alone(me, &random, short_lives);
    while (!over) {
        uint32_t turns = stress_below(&random, TURNS);
        for (uint32_t i = 0; i < turns; i++)
            turn(me, &random);
        meeting_wait(&team);
        if (me == 0)
            while_they_sleep(&random);
        meeting_wait(&team);
        if (me == 0)
            checkpoint();
        meeting_wait(&team);
    }
    return NULL;
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "retire", 4);
    uint64_t random = stress_stream(3, 3);
    for (uint32_t n = 0; n < BOARD; n++)
        atomic_store(&board[n], page_new(&random));
    meeting_init(&team, stress.threads);
    team_run(work);
    for (uint32_t n = 0; n < BOARD; n++)
        tally_free(atomic_load(&board[n]));
    printf("retire: %lu calls, %lu objects; %llu grace periods\n",
           atomic_load(&called), atomic_load(&notes_gone),
           (unsigned long long)stress_stats().grace_periods);
    return stress_end();
}
