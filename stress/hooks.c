// Stress: hooks of every kind (finalizers, destroy and visit hooks, weak and
// deferred calls, hooks of a protocol, watchers) that do what programs may do
// in them: block, collect, fork, take locks, stop the world, use the container
// that calls them, make objects HOT, jump, end their thread. The threads do
// the same beside them, and others come by use and end.
//
// ORACLE  each destroy hook and each finalizer runs once, and each block has
//         one owner; what is used is alive; with nothing kept any more all is
//         destroyed; children of forks end well; nothing stands still; and what
//         choice.h lists as check-...
// USE     hooks [--threads N] [--seconds N] [--seed N] [--off NAME,...]
//         [--only NAME,...]; names are those of hooks/choice.h. A failure is
//         narrowed by leaving actions out until it stays away.
// FAILS   docs/verification.md has what it found, with the commands.

#include "hooks/actions.h"

#define TURNS 600u
#define MINE 12u
#define GUESTS 4u // of each thread, in a round
#define HUGE (40u << 20)
#define HUGE_MOST 12u

struct huge {
    tally_object head;
    uint64_t n;
    char data[];
};
TALLY_TYPE(huge, TALLY_ITEMS(data, n));
static struct huge *huge_kept[HUGE_MOST]; // to the end

static struct worker {
    struct node *mine[MINE];
    bool made[MINE]; // by this thread: it may write their fields
    pthread_t guests[GUESTS];
    unsigned guest_count;
    struct node *ring; // has grown old
} workers[STRESS_THREADS_MAX];
static meeting team;
static bool over;
static atomic_int collecting;
static atomic_uint huge_made;
static atomic_ulong watched;

const char *__tsan_default_options(void);
__attribute__((visibility("default"))) const char *__tsan_default_options(
    void) {
    return "die_after_fork=0";
}

// ---- watchers

static _Thread_local int told;
static void watch(const struct tally_collect_event *event, void *arg) {
    (void)arg;
    const char *before = hook_enter("a watcher");
    bool start = event->phase == TALLY_COLLECT_START;
    told += start ? 1 : -1;
    expect(told >= 0, "a thread is told of a stop without a start");
    atomic_fetch_add(&collecting, start ? 1 : -1);
    atomic_fetch_add(&watched, 1);
    act(NULL);
    hook_leave(before);
}

// ---- guests: they attach by their first use, and may end in a hook

// Apart, for what a handler of the thread's end is called around may not be
// inlined: hooks jump in it.
static __attribute__((noinline)) void guest_acts(void) {
    for (unsigned n = below(4); n > 0; n--) {
        struct node *node = root_dup();
        self.expendable = true; // it holds nothing else
        if (node)
            drop(node);
        drop(node_any());
        self.expendable = false;
        action();
    }
}

static void *guest(void *arg) {
    (void)arg;
    thread_begin();
    pthread_cleanup_push(thread_end, NULL);
    guest_acts();
    pthread_cleanup_pop(true);
    return NULL;
}

static void guest_start(struct worker *me) {
    if (me->guest_count < GUESTS)
        me->guests[me->guest_count++] = thread_start(guest, NULL);
}

// ---- turns

// Garbage that was given a reference to what lies in memory that a collection
// under way does not know: a ring that was there before it.
static void grow(struct worker *me) {
    if (!me->ring) {
        me->ring = node_new(NODE);
        tally_set(me->ring, a, me->ring);
    }
    if (atomic_load(&collecting) <= 0)
        return;
    unsigned n = atomic_fetch_add(&huge_made, 1);
    if (n >= HUGE_MOST)
        return;
    huge_kept[n] = tally_new_items(huge, HUGE);
    struct huge *far = tally_new_items(huge, 5u << 20);
    if (far)
        tally_set_steal(me->ring, b, far);
    drop(me->ring);
    me->ring = NULL;
}

static void keep(struct worker *me, unsigned n, struct node *node, bool made_) {
    if (me->mine[n])
        drop(me->mine[n]);
    me->mine[n] = node;
    me->made[n] = made_ && node;
}

static void link_two(struct worker *me, unsigned n) {
    struct node *from = me->mine[n], *to = me->mine[below(MINE)];
    if (!from || !to)
        return;
    if (!me->made[n])
        tally_aref_set(from, &from->shared, to);
    else if (below(2))
        tally_set(from, a, to);
    else
        tally_set(from, b, to);
}

static void let_go(struct worker *me) {
    if (me->ring)
        drop(me->ring);
    me->ring = NULL;
    for (unsigned n = 0; n < MINE; n++)
        keep(me, n, NULL, false);
}

static void publish(struct worker *me, unsigned n) {
    if (!me->mine[n])
        return;
    tally_incref(me->mine[n]);
    root_set_steal(me->mine[n]);
}

static void turn(struct worker *me) {
    unsigned n = below(MINE);
    switch (below(16)) {
    case 0:
    case 1:
        keep(me, n, node_any(), true);
        break;
    case 2:
        keep(me, n, NULL, false);
        break;
    case 3:
        keep(me, n, root_dup(), false);
        break;
    case 4:
    case 5:
        publish(me, n);
        break;
    case 6:
    case 7:
    case 8:
        link_two(me, n);
        break;
    case 9:
        tally_finalize_pending(below(3));
        break;
    case 10:
        if (on(GUEST) && below(16) == 0)
            guest_start(me);
        break;
    case 11:
        if (below(32) == 0) {
            let_go(me);
            tally_detach();
        }
        break;
    case 12:
        if (on(GROW))
            grow(me);
        break;
    default:
        action();
    }
    if (me->mine[n])
        node_check(me->mine[n]);
    tally_safepoint();
}

// ---- the end of a round

// Ends by itself: no collection, no other thread.
static void check_late(void) {
    tally_list *list = tally_list_new();
    must(list);
    struct node *node = node_new(BOTH);
    unsigned long before = atomic_load(&finalized);
    must(tally_list_append_steal(list, tally_of(node)) == TALLY_OK);
    tally_decref(list);
    for (unsigned ms = 0; atomic_load(&finalized) == before; ms++) {
        expect(ms < 5000, "what a list held is alive 5 s after the list");
        tally_safepoint();
        TALLY_BLOCKING { sleep_ms(1); }
    }
}

static unsigned long ended(void) {
    return atomic_load(&destroyed) + atomic_load(&finalized);
}

static void end_all(void) {
    unsigned long d = ended();
    for (unsigned idle = 0;
         d < atomic_load(&made) + atomic_load(&to_finalize);) {
        expect(idle++ < 200,
               "nothing is kept, and of %lu objects %lu are destroyed, of %lu "
               "finalizers %lu have run",
               atomic_load(&made), atomic_load(&destroyed),
               atomic_load(&to_finalize), atomic_load(&finalized));
        stress_tick();
        tally_finalize_pending(SIZE_MAX);
        (void)tally_collect_with(idle % 2 ? TALLY_CONCURRENT : TALLY_STOPPED,
                                 TALLY_FULL, NULL);
        if (ended() != d)
            idle = 0;
        else
            TALLY_BLOCKING { sleep_ms(idle); }
        d = ended();
    }
}

static void end_round(void) {
    const char *before = doing("ends a round");
    atomic_store(&closing, true);
    while (atomic_load(&acting) > 0)
        TALLY_BLOCKING { sleep_ms(1); }
    shared_clear();
    end_all();
    expect(tally_verify(2) == TALLY_OK, "the heap is corrupt");
    if (on(CHECK_LATE))
        check_late();
    end_all();
    expect(atomic_load(&made) == atomic_load(&destroyed),
           "%lu objects were made and %lu destroyed", atomic_load(&made),
           atomic_load(&destroyed));
    atomic_store(&serials, 0);
    atomic_store(&record_count, 0);
    memset(states, NONE, sizeof(states));
    over = stress_over();
    if (!over)
        always_begin();
    atomic_store(&closing, false);
    doing(before);
}

static void *work(void *arg) {
    uint64_t number = (uint64_t)(uintptr_t)arg;
    struct worker *me = &workers[number];
    thread_begin();
    while (!over) {
        for (uint32_t n = below(TURNS); n > 0 && !stress_over(); n--)
            turn(me);
        let_go(me);
        while (me->guest_count)
            thread_join(me->guests[--me->guest_count]);
        tally_flush();
        meeting_wait(&team);
        if (number == 0)
            end_round();
        meeting_wait(&team);
    }
    thread_end(NULL);
    return NULL;
}

int main(int argc, char **argv) {
    argc = choices_take(argc, argv);
    owners_init();
    stress_begin(argc, argv, "hooks", 4);
    choices_print();
    signal(SIGABRT, say_doings);
    shared_init();
    always_begin();
    if (on(WATCH))
        must(tally_collect_watch(watch, NULL) == TALLY_OK);
    atomic_store(&closing, false);
    meeting_init(&team, stress.threads);
    team_run(work);
    if (on(WATCH))
        must(tally_collect_unwatch(watch, NULL) == TALLY_OK);
    atomic_store(&closing, true);
    shared_fini();
    for (unsigned n = 0; n < HUGE_MOST; n++)
        if (huge_kept[n])
            tally_decref(huge_kept[n]);
    printf("hooks: %lu objects with hooks, %lu finalizers, %lu weak callbacks, "
           "%lu actions, %lu forks, %lu watched\n",
           atomic_load(&made), atomic_load(&finalized),
           atomic_load(&weak_called), atomic_load(&acted), atomic_load(&forks),
           atomic_load(&watched) / 2);
    return stress_end();
}
