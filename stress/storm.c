// Stress: threads attach, detach and block while others stop the world,
// collect and walk the heap.
//
// ORACLE  while the world is stopped by one, no other attached thread moves
//         its counter; nobody else is inside a stopped world; each thread
//         goes on attaching until the end of the round, and none starves.
// USE     storm [--threads N] [--seconds N] [--seed N]; half of the threads
//         stop, the others come and go; the seed decides how.
// FAILS   when threads count on inside their blocking regions; when a stopper
//         looks without having stopped.

#include "stress.h"

#define TURNS 400u

struct runner {
    uint64_t random;
    atomic_ulong counter; // moves while the thread is attached
    uint64_t cycles;      // attached and gave up again
    uint64_t stops;
    bool stopper;
};

struct bead {
    tally_object head;
    uint64_t number;
    tally_ref next;
};
TALLY_TYPE(bead, TALLY_REF(next));

static struct runner runners[STRESS_THREADS_MAX];
static atomic_uint inside; // stopped worlds
static meeting team;
static atomic_bool over;

static void count_up(struct runner *me, uint32_t times) {
    for (uint32_t i = 0; i < times && tally_mutator_number(); i++) {
        atomic_fetch_add_explicit(&me->counter, 1, memory_order_relaxed);
        tally_safepoint();
    }
}

static struct bead *beads(struct runner *me) {
    struct bead *first = NULL;
    for (uint32_t n = stress_below(&me->random, 20); n; n--) {
        struct bead *bead = tally_new(bead);
        must(bead);
        bead->number = n;
        tally_set_steal(bead, next, first);
        first = bead;
    }
    return first;
}

// Makes a few objects, a ring now and then, and drops them.
static void use_heap(struct runner *me) {
    struct bead *first = beads(me);
    if (!first)
        return;
    if (stress_below(&me->random, 4) == 0) {
        struct bead *last = first;
        while (tally_get(last, next))
            last = tally_get(last, next);
        tally_set(last, next, first);
    }
    tally_decref(first);
}

static void come_and_go(struct runner *me) {
    must(tally_attach("storm") == TALLY_OK);
    count_up(me, stress_below(&me->random, 50));
    use_heap(me);
    switch (stress_below(&me->random, 4)) {
    case 0:
        TALLY_BLOCKING { sched_yield(); }
        break;
    case 1:
        TALLY_BLOCKING {
            TALLY_BLOCKING { sched_yield(); }
        }
        break;
    case 2:
        must(tally_borrow_enter() == TALLY_OK);
        count_up(me, 3);
        tally_borrow_leave();
        break;
    default:
        break;
    }
    count_up(me, stress_below(&me->random, 50));
    tally_detach();
    me->cycles++;
    stress_tick();
}

static bool bead_look(void *object, void *arg) {
    struct bead *bead = object;
    ++*(uint64_t *)arg;
    expect(bead->number <= 20, "a bead has number %llu",
           (unsigned long long)bead->number);
    return true;
}

static void look_stopped(struct runner *me) {
    unsigned long before[STRESS_THREADS_MAX];
    must(tally_stop_world() == TALLY_OK);
    expect(atomic_fetch_add(&inside, 1) == 0, "two threads stop the world");
    expect(tally_stop_world() == TALLY_DEADLOCK, "the world stops twice");
    for (uint32_t i = 0; i < stress.threads; i++)
        before[i] = atomic_load(&runners[i].counter);
    for (uint32_t n = stress_below(&me->random, 8); n; n--)
        sched_yield();
    for (uint32_t i = 0; i < stress.threads; i++)
        expect(atomic_load(&runners[i].counter) == before[i],
               "thread %u runs while the world is stopped", i);
    atomic_fetch_sub(&inside, 1);
    tally_start_world();
    me->stops++;
}

static void stop_once(struct runner *me) {
    uint64_t seen = 0;
    switch (stress_below(&me->random, 16)) {
    case 0:
        tally_collect();
        break;
    case 1:
        must(tally_walk(bead_look, &seen) == TALLY_OK);
        break;
    case 2:
        must(tally_verify(2) == TALLY_OK);
        break;
    case 3:
        use_heap(me);
        break;
    case 4:
        TALLY_BLOCKING { sched_yield(); }
        break;
    case 5:
        tally_detach();
        break;
    default:
        look_stopped(me);
    }
    count_up(me, stress_below(&me->random, 20));
    stress_tick();
}

static void *work(void *arg) {
    struct runner *me = arg;
    while (!atomic_load(&over)) {
        must(tally_attach(NULL) == TALLY_OK);
        for (uint32_t i = 0; i < TURNS; i++)
            me->stopper ? stop_once(me) : come_and_go(me);
        must(tally_attach(NULL) == TALLY_OK);
        meeting_wait(&team);
        if (me == runners) {
            stress_settle();
            uint64_t live = stress_stats().live_objects;
            expect(live == 0, "%llu beads are left", (unsigned long long)live);
            atomic_store(&over, stress_over());
        }
        meeting_wait(&team);
    }
    return NULL;
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "storm", 4);
    meeting_init(&team, stress.threads);
    pthread_t threads[STRESS_THREADS_MAX];
    for (uint32_t i = 0; i < stress.threads; i++) {
        runners[i].random = stress_stream(1, i);
        runners[i].stopper = i % 2 == 0;
    }
    for (uint32_t i = 0; i < stress.threads; i++)
        threads[i] = thread_start(work, &runners[i]);
    uint64_t cycles = 0, stops = 0;
    for (uint32_t i = 0; i < stress.threads; i++) {
        thread_join(threads[i]);
        cycles += runners[i].cycles;
        stops += runners[i].stops;
    }
    printf("storm: %llu times attached and detached, %llu stops\n",
           (unsigned long long)cycles, (unsigned long long)stops);
    return stress_end();
}
