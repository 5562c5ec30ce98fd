// Stress: threads count objects that others make hot and cold meanwhile, beside
// collections of both modes, by turns, some of them in finalizers, so that what
// waits for finalizers after one is looked at by the other.
//
// ORACLE  an object is destroyed once, and not while a thread holds a reference
//         to it; who holds one finds it whole. The heap is right at any time.
//         When all have let go and a full collection has passed, every object
//         is gone, rings through HOT objects too, and none is HOT. A concurrent
//         collection stops nobody.
// USE     hot [--threads N] [--seconds N] [--seed N]; the seed decides who
//         does what, and which of them detach, end and come again.
// FAILS   when tally_make_cold leaves the cells of vacant mutators out; when
//         COOLING is counted in cells; when those that are folded are not
//         cleared; without the bias; with noise (the tsan preset) when
//         tally_make_cold does not wait for its handshake; when a collection
//         adds cells up before all have answered (tests/mutants); when a HOT
//         object that waits with other garbage is left ordinary.

#include "rounds.h"

#define BOARD 6u
#define HELD 4u
#define WORDS 5u
#define TURNS 3000u
#define LEAST 1000u

struct topic {
    tally_object head;
    uint64_t number;
    uint64_t words[WORDS]; // number + their index
    atomic_uint held;      // references of threads and of the board
    atomic_uint ended;
};

struct thread_topic { // refers to others, and to itself
    struct topic topic;
    tally_ref next, other;
};

struct asked_topic { // has a finalizer
    struct thread_topic more;
};

struct pumped_topic { // run when the program says so
    struct thread_topic more;
};

static tally_aref board[BOARD] = {TALLY_AREF_INIT};
static tally_aref weaks[BOARD] = {TALLY_AREF_INIT}; // of weak references
static atomic_ulong made, destroyed, heated, cooled, refused, upgraded;
static atomic_ulong nested, collected[2];

static void topic_gone(void *object) {
    struct topic *topic = object;
    expect(atomic_load(&topic->held) == 0, "topic %llu goes while it is held",
           (unsigned long long)topic->number);
    expect(atomic_fetch_add(&topic->ended, 1) == 0, "a topic ends again");
    for (uint32_t i = 0; i < WORDS; i++)
        topic->words[i] = 0;
    atomic_fetch_add_explicit(&destroyed, 1, memory_order_relaxed);
}

static tally_status collect_in(uint32_t choice) {
    tally_collect_mode mode = choice % 2 ? TALLY_STOPPED : TALLY_CONCURRENT;
    struct tally_collection done;
    tally_status status = tally_collect_with(mode, TALLY_FULL, &done);
    if (status != TALLY_OK)
        return status;
    atomic_fetch_add_explicit(&collected[mode], 1, memory_order_relaxed);
    expect(mode == TALLY_STOPPED || done.pause_ns == 0,
           "a concurrent collection stops the world for %llu ns",
           (unsigned long long)done.pause_ns);
    return TALLY_OK;
}

// What its collection finds waits until this has ended: no second look follows.
static void topic_asked(void *object) {
    const struct topic *topic = object;
    uint32_t choice = (uint32_t)(topic->number >> 16);
    if (choice % 32 || collect_in(choice / 32) != TALLY_OK)
        return;
    atomic_fetch_add_explicit(&nested, 1, memory_order_relaxed);
    expect(choice / 64 % 4 || tally_verify(2) == TALLY_OK,
           "the heap is corrupt while garbage waits");
}
TALLY_TYPE(topic, TALLY_DESTROY(topic_gone));
TALLY_TYPE(thread_topic, TALLY_REF(next), TALLY_REF(other),
           TALLY_DESTROY(topic_gone));
TALLY_TYPE(asked_topic, TALLY_BASE(thread_topic), TALLY_FINALIZE(topic_asked));
TALLY_TYPE(pumped_topic, TALLY_BASE(thread_topic), TALLY_FINALIZE(topic_asked),
           TALLY_FINALIZE_BY(TALLY_EXECUTOR_PUMPED));

static void topic_check(struct topic *topic) {
    for (uint32_t i = 0; i < WORDS; i++)
        expect(topic->words[i] == topic->number + i,
               "topic %llu is not whole: word %u is %llu",
               (unsigned long long)topic->number, i,
               (unsigned long long)topic->words[i]);
}

// ---- references that the oracle knows of

static struct topic *copy(struct topic *topic) {
    atomic_fetch_add(&topic->held, 1);
    tally_incref(topic);
    return topic;
}

static void let_go(void *reference) {
    struct topic *topic = reference;
    if (!topic)
        return;
    topic_check(topic);
    atomic_fetch_sub(&topic->held, 1);
    tally_decref(topic);
}

static void topic_fill(struct topic *topic, uint64_t *random) {
    topic->number = (uint64_t)stress_random(random) << 16 | 1;
    for (uint32_t i = 0; i < WORDS; i++)
        topic->words[i] = topic->number + i;
    atomic_store(&topic->held, 1);
    atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
}

static struct topic *topic_new(uint64_t *random) {
    struct thread_topic *more = NULL;
    struct topic *topic = NULL;
    switch (stress_below(random, 6)) {
    case 0:
        more = (void *)tally_new(asked_topic);
        break;
    case 1:
        more = (void *)tally_new(pumped_topic);
        break;
    case 2:
    case 3:
        more = tally_new(thread_topic);
        break;
    default:
        topic = tally_new(topic);
    }
    topic = more ? &more->topic : topic;
    must(topic);
    topic_fill(topic, random);
    if (more && stress_below(random, 2))
        tally_set(more, next, topic); // a cycle
    return topic;
}

// One whose field refers to another new one, which refers to it, or to what
// somebody holds.
static struct topic *ring_new(uint64_t *random, struct topic *held) {
    struct thread_topic *more = tally_new(thread_topic);
    struct topic *second = topic_new(random);
    must(more);
    topic_fill(&more->topic, random);
    if (tally_type_of(second) != TALLY_TYPE_OF(topic))
        tally_set((struct thread_topic *)second, other, more);
    atomic_fetch_sub(&second->held, 1);
    tally_set_steal(more, next, second);
    tally_set(more, other, held);
    return &more->topic;
}

// A reference to what is on the board, or NULL.
static struct topic *look(uint64_t *random) {
    struct topic *topic = NULL;
    TALLY_BORROW {
        topic =
            tally_upgrade(tally_aref_get(&board[stress_below(random, BOARD)]));
        if (topic)
            atomic_fetch_add(&topic->held, 1);
    }
    atomic_fetch_add_explicit(topic ? &upgraded : &refused, 1,
                              memory_order_relaxed);
    return topic;
}

// Puts a reference on the board, and returns what was there.
static struct topic *put(uint64_t *random, struct topic *topic) {
    return tally_aref_exchange(NULL, &board[stress_below(random, BOARD)],
                               topic);
}

// The same by a weak reference.
static struct topic *look_weakly(uint64_t *random) {
    struct topic *topic = NULL;
    tally_weak *weak = NULL;
    TALLY_BORROW {
        weak =
            tally_upgrade(tally_aref_get(&weaks[stress_below(random, BOARD)]));
    }
    if (!weak)
        return NULL;
    topic = tally_weak_get(weak);
    tally_decref(weak);
    if (topic)
        atomic_fetch_add(&topic->held, 1);
    return topic;
}

static void weaken(uint64_t *random, struct topic *topic) {
    tally_weak *weak = tally_weak_new(topic, NULL, NULL);
    must(weak);
    tally_aref_set_steal(NULL, &weaks[stress_below(random, BOARD)], weak);
}

// ---- what threads do

static void heat(struct topic *topic) {
    tally_status status = tally_make_hot(topic);
    expect(status == TALLY_OK, "make hot: %s", tally_strerror(status));
    atomic_fetch_add_explicit(&heated, 1, memory_order_relaxed);
}

static void cool(struct topic *topic) {
    tally_status status = tally_make_cold(topic);
    expect(status == TALLY_OK, "make cold: %s", tally_strerror(status));
    atomic_fetch_add_explicit(&cooled, 1, memory_order_relaxed);
}

static void count_some(struct topic *topic, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        tally_incref(topic);
    for (uint32_t i = 0; i < n; i++)
        tally_decref(topic);
}

static void *visit(void *arg) {
    // A thread that counts, drops what it was given, and ends.
    count_some(arg, 3);
    let_go(arg);
    return NULL;
}

static void turn(uint64_t me, uint64_t *random, void **held) {
    (void)me;
    void **slot = &held[stress_below(random, HELD)];
    struct topic *topic = *slot;
    if (!topic) {
        *slot = stress_below(random, 8)   ? look(random)
                : stress_below(random, 2) ? topic_new(random)
                                          : look_weakly(random);
        return;
    }
    switch (stress_below(random, 64)) {
    case 0:
        heat(topic);
        break;
    case 1:
        cool(topic);
        break;
    case 2:
        must(collect_in(stress_random(random)) == TALLY_OK);
        break;
    case 3:
        tally_detach(); // what it counted stays in its cells
        break;
    case 4:
        thread_run(visit, copy(topic));
        break;
    case 5:
        *slot = ring_new(random, topic);
        let_go(topic);
        break;
    case 8:
        weaken(random, topic);
        break;
    case 9:
        tally_finalize_pending(stress_below(random, 8));
        break;
    case 10:
        if (stress_below(random, 8) == 0)
            expect(tally_verify(2) == TALLY_OK, "the heap is corrupt");
        break;
    case 6:
    case 7:
        let_go(put(random, copy(topic)));
        break;
    default:
        if (stress_below(random, 2)) {
            count_some(topic, stress_below(random, 40));
        } else {
            let_go(topic);
            *slot = NULL;
        }
    }
}

static void checkpoint(void) {
    for (uint32_t i = 0; i < BOARD; i++)
        let_go(tally_aref_take(NULL, &board[i]));
    for (uint32_t i = 0; i < BOARD; i++)
        tally_aref_set_steal(NULL, &weaks[i], NULL);
    do
        stress_settle();
    while (tally_finalize_pending(1000));
    expect(atomic_load(&made) == atomic_load(&destroyed),
           "%lu topics were made, and %lu are destroyed", atomic_load(&made),
           atomic_load(&destroyed));
    expect(stress_stats().hot_objects == 0, "%llu objects are hot still",
           (unsigned long long)stress_stats().hot_objects);
    expect(tally_verify(2) == TALLY_OK, "the heap is corrupt");
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "hot", 4);
    rounds_run((struct round_of){TURNS, turn, let_go, checkpoint, LEAST});
    printf("hot: %lu times hot, %lu times cold; %lu upgrades, %lu times "
           "nothing\n",
           atomic_load(&heated), atomic_load(&cooled), atomic_load(&upgraded),
           atomic_load(&refused));
    printf("hot: %lu collections stopped the world, %lu did not; %lu in "
           "finalizers\n",
           atomic_load(&collected[TALLY_STOPPED]),
           atomic_load(&collected[TALLY_CONCURRENT]), atomic_load(&nested));
    expect(atomic_load(&heated) > 0, "nothing was ever hot");
    return stress_end();
}
