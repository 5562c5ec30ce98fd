// Stress: threads fork at any point: in their own code, in hooks that the
// library calls, in blocking regions, and without having been attached; while
// others collect, clear, lock containers, and fork.
//
// ORACLE  each child makes, drops and collects objects, uses the containers
//         that other threads of the parent were in, verifies its heap, and ends
//         with status 0 before its alarm. In the parent each object's end comes
//         once, and in the end nothing is alive.
// USE     fork [--threads N] [--seconds N] [--seed N]
// FAILS   when a fork waits attached, or what it knows of itself is not its
//         own; when a lock that a thread has while it is not attached is not
//         held by a fork, or one of a container is held across a stop; when a
//         clear does not stand still for a fork where its child can go on.

#include "child.h"
#include "rounds.h"

#define LISTS 4u
#define WORDS 50u
#define LONGEST 400u
#define TURNS 400u

static tally_list *lists[LISTS];
static tally_map *map;
static atomic_ulong made, ends, forks;

static _Thread_local uint64_t chance; // of the calling thread's hooks

struct part {
    tally_object head;
    tally_ref next;
    atomic_uint ended;
};

static void maybe_fork(void);

static void part_ends(void *object) {
    struct part *part = object;
    expect(atomic_fetch_add(&part->ended, 1) == 0, "an object ends twice");
    atomic_fetch_add(&ends, 1);
    maybe_fork();
}

static void calls_back(void *object) {
    (void)object;
    maybe_fork();
}

static void calls_weak(tally_weak *weak, void *arg) {
    (void)weak;
    (void)arg;
    maybe_fork();
}

TALLY_TYPE(part, TALLY_REF(next), TALLY_DESTROY(part_ends));
struct last { // the same
    tally_object head;
    tally_ref next;
    atomic_uint ended;
};
TALLY_TYPE(last, TALLY_REF(next), TALLY_DESTROY(part_ends),
           TALLY_FINALIZE(calls_back));

static struct part *part_new(uint64_t *random) {
    void *part = stress_below(random, 8) ? (void *)tally_new(part)
                                         : (void *)tally_new(last);
    must(part);
    atomic_fetch_add(&made, 1);
    return part;
}

static void ring_drop(uint64_t *random, uint32_t length) {
    struct part *first = part_new(random), *at = first;
    while (length-- > 1) {
        struct part *part = part_new(random);
        tally_set_steal(at, next, part);
        at = part;
    }
    tally_set(at, next, first);
    tally_decref(first);
}

// ---- containers

static void list_turn(uint64_t *random) {
    tally_list *a = lists[stress_below(random, LISTS)];
    tally_list *b = lists[stress_below(random, LISTS)];
    if (tally_list_length(a) + tally_list_length(b) < LONGEST)
        must(tally_list_extend(a, b) == TALLY_OK);
    else
        tally_list_clear(a);
    must(tally_list_append(b, tally_small(1)) == TALLY_OK);
}

static void map_turn(uint64_t *random) {
    char word[32];
    int length =
        snprintf(word, sizeof(word), "word %u", stress_below(random, WORDS));
    tally_text *plain = tally_text_new(word, (size_t)length);
    must(plain);
    tally_text *text = tally_text_intern(plain);
    must(text);
    tally_decref(plain);
    if (stress_below(random, 3))
        must(tally_map_set(map, tally_of(text), tally_small(1)) == TALLY_OK);
    else
        (void)tally_map_delete(map, tally_of(text));
    tally_decref(text);
}

// ---- children

static bool in_child;

// In a hook of a collection nothing collects or verifies.
static void child_works(void) {
    struct rlimit no_core = {0, 0};
    uint64_t random = stress_stream(9, atomic_load(&forks));
    in_child = true;
    setrlimit(RLIMIT_CORE, &no_core);
    alarm(60);
    for (uint32_t n = 0; n < LISTS; n++)
        must(tally_list_append(lists[n], tally_small(2)) == TALLY_OK);
    list_turn(&random);
    for (uint32_t n = 0; n < WORDS; n++)
        map_turn(&random);
    ring_drop(&random, 5);
    tally_collect();
    tally_status status = tally_verify(2);
    must(status == TALLY_OK || status == TALLY_DEADLOCK);
    void *raw = tally_alloc(100000);
    must(raw);
    tally_free(raw);
}

static void child_await(pid_t pid) {
    int status = 0;
    must(pid > 0);
    TALLY_BLOCKING { must(waitpid(pid, &status, 0) == pid); }
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 0,
           "a child's status is %#x", (unsigned)status);
    stress_tick();
}

static void fork_here(void) {
    atomic_fetch_add(&forks, 1);
    pid_t pid = fork();
    if (pid == 0) {
        child_works();
        _exit(0);
    }
    child_await(pid);
}

static void fork_blocking(void) {
    pid_t pid = -1;
    atomic_fetch_add(&forks, 1);
    TALLY_BLOCKING { pid = fork(); }
    if (pid == 0) {
        child_works();
        _exit(0);
    }
    child_await(pid);
}

// The first of some hundred hooks of a thread does.
static void maybe_fork(void) {
    if (!in_child && chance && ++chance % 256 == 0)
        fork_here();
}

static void fork_deferred(void *arg) {
    (void)arg;
    if (!in_child)
        fork_here();
}

static atomic_bool over;

static void *fork_unattached(void *arg) {
    while (!atomic_load(&over)) {
        fork_here();
        expect(tally_mutator_number() == 0, "a fork has attached its thread");
    }
    return arg;
}

// ---- turns

static void weak_turn(uint64_t *random) {
    struct part *part = part_new(random);
    tally_weak *weak = tally_weak_new(part, calls_weak, NULL);
    must(weak);
    tally_decref(part);
    tally_decref(weak);
}

static void turn(uint64_t me, uint64_t *random, void **held) {
    void **slot = &held[stress_below(random, ROUNDS_HELD)];
    (void)me;
    chance += !chance;
    uint32_t which = stress_below(random, 200);
    if (which == 0)
        fork_here();
    else if (which == 1)
        fork_blocking();
    else if (which == 2)
        must(tally_defer(fork_deferred, NULL) == TALLY_OK);
    else if (which == 3)
        (void)tally_collect_with((tally_collect_mode)stress_below(random, 2),
                                 TALLY_FULL, NULL);
    else if (which < 20)
        ring_drop(random, 1 + stress_below(random, 40));
    else if (which < 60)
        list_turn(random);
    else if (which < 100)
        map_turn(random);
    else if (which < 120)
        weak_turn(random);
    else {
        struct part *part = part_new(random);
        if (*slot)
            tally_set(part, next, *slot);
        if (*slot)
            tally_decref(*slot);
        *slot = part;
    }
}

static void let_go(void *reference) { tally_decref(reference); }

static void check(void) {
    for (uint32_t n = 0; n < LISTS; n++)
        tally_list_clear(lists[n]);
    tally_map_clear(map);
    stress_collect();
    stress_collect();
    expect(atomic_load(&ends) == atomic_load(&made), "of %lu objects %lu end",
           atomic_load(&made), atomic_load(&ends));
    expect(tally_verify(2) == TALLY_OK, "the heap is broken");
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "fork", 3);
    for (uint32_t n = 0; n < LISTS; n++)
        must((lists[n] = tally_list_new()));
    must((map = tally_map_new(0)));
    pthread_t unattached = thread_start(fork_unattached, NULL);
    rounds_run((struct round_of){TURNS, turn, let_go, check, 0});
    atomic_store(&over, true);
    thread_join(unattached);
    printf("%lu forks, %lu objects\n", atomic_load(&forks), atomic_load(&made));
    for (uint32_t n = 0; n < LISTS; n++)
        tally_decref(lists[n]);
    tally_decref(map);
    return stress_end();
}
