// What does an operation cost other threads? Counted, not timed: bench/counted
// runs this program under valgrind's lackey and looks at every instruction and
// every access.
//
// Two threads take turns, so that the counts depend neither on the machine nor
// on luck: nothing is contended, and what is shared is written down. A scenario
// is a list of steps; each is done by one of the threads for OBJECTS objects,
// and those that have a name are counted. Stores into a page at an address that
// bench/counted knows say what the program is at.
//
// A new operation is a new scenario in the list below.

#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rival_tally.h"

#define OBJECTS 64
#define TURNS 24
#define WARM_TURNS 8 // that are not counted
#define SETTLE_NS 1000000

#define MARK_PAGE ((void *)0x200000000)
#define MARK_BYTES 4096

// Offsets of the marks in their page.
enum {
    MARK_SCENARIO, // a scenario begins
    MARK_NOBODY,   // threads change
    MARK_THREAD,   // thread 0 or 1 runs
    MARK_STEP = 16 // thread 0 or 1 begins a step: 2 * its number + thread
};
static volatile unsigned char *marks;

enum { OWNER, OTHER, STAGE, THREADS };

// [name] is NULL for what is not counted. [quiet]: nothing is locked and
// nothing shared is written, or bench/counted fails.
struct step {
    int by;
    void (*run)(void);
    const char *name;
    bool quiet;
};

#define STEPS 4
struct scenario {
    bool idle; // who has no turn is in a blocking region
    struct step steps[STEPS];
};

// ---- steps

static struct node *made[OBJECTS];
static tally_weak *weak[OBJECTS];
static void *blocks[OBJECTS];
__attribute__((aligned(128))) static tally_aref field;
__attribute__((aligned(128))) static long by_hand;

// A step has its loop for itself, and no part of what calls it.
#define STEP __attribute__((noinline)) static void

STEP nothing(void) {
    for (unsigned k = 0; k < OBJECTS; k++)
        bench_keep(0);
}

STEP make(void) {
    for (unsigned k = 0; k < OBJECTS; k++)
        made[k] = node_make();
}

// What dies may be destroyed at the safepoint.
STEP drop(void) {
    for (unsigned k = 0; k < OBJECTS; k++)
        tally_decref(made[k]);
    tally_safepoint();
}

STEP make_drop(void) {
    for (unsigned k = 0; k < OBJECTS; k++)
        tally_decref(node_make());
    tally_safepoint();
}

STEP pair(void) {
    for (unsigned k = 0; k < OBJECTS; k++) {
        struct node *node = made[k];
        tally_incref(node);
        tally_decref(bench_opaque(node));
    }
}

STEP poll(void) {
    for (unsigned k = 0; k < OBJECTS; k++)
        tally_safepoint();
}

STEP transfer(void) {
    for (unsigned k = 0; k < OBJECTS; k++)
        node_give_up(&made[k]);
}

STEP publish(void) {
    for (unsigned k = 0; k < OBJECTS; k++)
        tally_publish(made[k]);
}

STEP field_fill(void) { tally_aref_set_steal(NULL, &field, node_make()); }

STEP hot_make(void) {
    made[0] = node_make();
    node_make_hot(&made[0]);
}

// A thread's first count is not yet in its cell.
STEP hot_pair(void) {
    for (unsigned k = 0; k < OBJECTS; k++) {
        tally_incref(made[0]);
        tally_decref(made[0]);
    }
}

STEP hot_end(void) {
    bench_require(tally_make_cold(made[0]) == 0, "cannot make a node cold");
    tally_decref(made[0]);
}

STEP field_get(void) {
    for (unsigned k = 0; k < OBJECTS; k++)
        bench_keep(shared_word(&field));
}

STEP field_dup(void) {
    for (unsigned k = 0; k < OBJECTS; k++)
        tally_decref(tally_aref_dup(&field));
}

STEP field_set(void) {
    for (unsigned k = 0; k < OBJECTS; k++)
        tally_aref_set_steal(NULL, &field, made[k]);
    tally_safepoint();
}

STEP make_weak(void) {
    make();
    for (unsigned k = 0; k < OBJECTS; k++) {
        weak[k] = tally_weak_new(made[k], NULL, NULL);
        bench_require(weak[k], "no memory");
    }
}

STEP weak_pair(void) {
    for (unsigned k = 0; k < OBJECTS; k++)
        tally_decref(tally_weak_get(weak[k]));
}

STEP weak_drop(void) {
    for (unsigned k = 0; k < OBJECTS; k++)
        tally_decref(weak[k]);
    drop();
}

STEP blocking(void) {
    for (unsigned k = 0; k < OBJECTS; k++) {
        tally_blocking_enter();
        tally_blocking_exit();
    }
}

STEP attach(void) {
    for (unsigned k = 0; k < OBJECTS; k++) {
        tally_detach();
        bench_require(tally_attach("bench") == 0, "cannot attach");
    }
}

STEP alloc(void) {
    for (unsigned k = 0; k < OBJECTS; k++)
        blocks[k] = tally_alloc(64);
}

STEP release(void) {
    for (unsigned k = 0; k < OBJECTS; k++)
        tally_free(blocks[k]);
    tally_safepoint();
}

STEP alloc_free(void) {
    for (unsigned k = 0; k < OBJECTS; k++)
        tally_free(tally_alloc(64));
}

STEP atomics(void) {
    for (unsigned k = 0; k < OBJECTS; k++) {
        __atomic_fetch_add(&by_hand, 1, __ATOMIC_RELAXED);
        __atomic_fetch_sub(&by_hand, 1, __ATOMIC_ACQ_REL);
    }
}

// ---- scenarios

// The first is what a step's loop takes, and is subtracted. Steps of one name
// are one row.
static const struct scenario scenarios[] = {
    {.steps = {{OWNER, nothing, "loop", true}}},
    {.steps = {{OWNER, make, NULL, false},
               {OWNER, pair, "incref, decref by the owner", true},
               {OWNER, drop, NULL, false}}},
    {.steps = {{OWNER, make, NULL, false},
               {OTHER, pair, "incref, decref by another", false},
               {OWNER, drop, NULL, false}}},
    {.steps = {{OWNER, make, NULL, false},
               {OWNER, transfer, "transfer", false},
               {OTHER, pair, "incref, decref of a transferred object", false},
               {OTHER, drop, "last drop of a transferred object", false}}},
    {.steps = {{OWNER, make_drop, "make, drop", true},
               {OTHER, make_drop, "make, drop", true}}},
    {.steps = {{OWNER, make, NULL, false},
               {OTHER, drop, "last drop by another, handed over", false},
               {OWNER, poll, "the owner's part of that, at a safepoint",
                false}}},
    {.idle = true,
     .steps = {{OWNER, make, NULL, false},
               {OTHER, drop, "last drop by another, owner blocked", false}}},
    {.idle = true,
     .steps = {{OWNER, hot_make, NULL, false},
               {OWNER, hot_pair, "incref, decref of a HOT object", false},
               {OTHER, hot_pair, "incref, decref of a HOT object", false},
               {OWNER, hot_end, NULL, false}}},
    {.steps = {{OWNER, field_fill, NULL, false},
               {OWNER, field_get, "borrowed load of a shared field", true},
               {OTHER, field_get, "borrowed load of a shared field", true}}},
    {.steps = {{OWNER, field_fill, NULL, false},
               {OWNER, field_dup, "counted load, drop by the owner", false},
               {OTHER, field_dup, "counted load, drop by another", false}}},
    {.steps = {{OWNER, make, NULL, false},
               {OWNER, field_set, "store to a shared field, drop of the old",
                false},
               {OTHER, make, NULL, false},
               {OTHER, field_set, "store to a shared field, drop of the old",
                false}}},
    {.steps = {{OWNER, make, NULL, false},
               {OWNER, publish, "publish", false},
               {OWNER, drop, "last drop of a published object", false}}},
    {.steps = {{OWNER, make_weak, NULL, false},
               {OWNER, weak_pair, "weak upgrade, drop by the owner", false},
               {OTHER, weak_pair, "weak upgrade, drop by another", false},
               {OWNER, weak_drop, NULL, false}}},
    {.steps = {{OWNER, poll, "safepoint", true},
               {OTHER, poll, "safepoint", true}}},
    {.steps = {{OWNER, blocking, "blocking region", false},
               {OTHER, blocking, "blocking region", false}}},
    {.steps = {{OWNER, attach, "detach, attach", false},
               {OTHER, attach, "detach, attach", false}}},
    {.steps = {{OWNER, alloc_free, "alloc, free of raw memory", true},
               {OTHER, alloc_free, "alloc, free of raw memory", true}}},
    {.steps = {{OWNER, alloc, "alloc of what another frees", false},
               {OTHER, release, "free by another", false}}},
    {.steps = {{OWNER, atomics, "two atomics by hand, to compare", false},
               {OTHER, atomics, "two atomics by hand, to compare", false}}},
};
#define SCENARIOS (sizeof scenarios / sizeof *scenarios)

// ---- turns

// Where a thread waits for its turn.
struct seat {
    sem_t turn;
    pid_t id;
};
static struct seat seats[THREADS];
static const struct scenario *now; // NULL ends the threads
static const struct step *next;
static bool counted;

static unsigned mark_of(const struct step *step) {
    size_t scenario = (size_t)(now - scenarios);
    size_t number = scenario * STEPS + (size_t)(step - now->steps);
    return MARK_STEP + 2 * (unsigned)number;
}

// Whether the kernel has the thread wait at its seat, as far as it says.
static bool is_seated(const struct seat *seat) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", seat->id);
    FILE *file = fopen(path, "r");
    if (!file)
        return true;
    unsigned long futex = 0;
    bool waits = fscanf(file, "%*s %lx", &futex) == 1;
    fclose(file);
    return waits && futex - (uintptr_t)&seat->turn < sizeof seat->turn;
}

// Valgrind lets one thread run at a time: while this one sleeps, those that
// gave it the turn sit down.
static void let_settle(unsigned self) {
    bool settled;
    do {
        nanosleep(&(struct timespec){.tv_nsec = SETTLE_NS}, NULL);
        settled = true;
        for (unsigned i = 0; i < THREADS; i++)
            settled &= i == self || is_seated(&seats[i]);
    } while (!settled);
}

static void sit(unsigned self) {
    while (sem_wait(&seats[self].turn) != 0)
        ;
}

static void do_step(unsigned self) {
    let_settle(self);
    bool named = next->name && counted;
    marks[named ? mark_of(next) + self : MARK_THREAD + self] = 1;
    next->run();
    marks[MARK_NOBODY] = 1;
}

static void *thread_main(void *arg) {
    unsigned self = *(const unsigned *)arg;
    seats[self].id = gettid();
    rival_begin();
    for (;;) {
        bool idle = now && now->idle;
        if (idle)
            tally_blocking_enter();
        sem_post(&seats[STAGE].turn);
        sit(self);
        if (idle)
            tally_blocking_exit();
        if (!now)
            break;
        do_step(self);
    }
    rival_end();
    return NULL;
}

static void play(const struct scenario *scenario) {
    marks[MARK_SCENARIO] = 1;
    now = scenario;
    for (unsigned t = 0; t < TURNS; t++)
        for (unsigned s = 0; s < STEPS && scenario->steps[s].run; s++) {
            counted = t >= WARM_TURNS;
            next = &scenario->steps[s];
            sem_post(&seats[next->by].turn);
            sit(STAGE);
        }
}

// ---- what bench/counted has to know

static void print_steps(void) {
    printf("objects %u\n", OBJECTS);
    for (now = scenarios; now < scenarios + SCENARIOS; now++)
        for (const struct step *s = now->steps; s < now->steps + STEPS; s++)
            if (s->name)
                printf("step %u %d %s\n", mark_of(s), s->quiet, s->name);
}

// Where the code lies.
static void print_maps(void) {
    char line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    bench_require(maps, "no /proc/self/maps");
    while (fgets(line, sizeof line, maps))
        if (strstr(line, " r-xp "))
            printf("map %s", line);
    fclose(maps);
}

static void marks_map(void) {
    void *page = mmap(MARK_PAGE, MARK_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    bench_require(page == MARK_PAGE, "no page for the marks");
    marks = page;
}

static void threads_start(pthread_t *thread) {
    static unsigned index[] = {OWNER, OTHER};
    for (unsigned i = 0; i < THREADS; i++)
        sem_init(&seats[i].turn, 0, 0);
    seats[STAGE].id = gettid();
    for (unsigned i = OWNER; i <= OTHER; i++) {
        int failed = pthread_create(&thread[i], NULL, thread_main, &index[i]);
        bench_require(!failed, "cannot make a thread");
        sit(STAGE);
    }
}

int main(void) {
    pthread_t thread[2];
    marks_map();
    print_steps();
    now = NULL;
    threads_start(thread);
    for (size_t i = 0; i < SCENARIOS; i++)
        play(&scenarios[i]);
    now = NULL;
    for (unsigned i = OWNER; i <= OTHER; i++) {
        sem_post(&seats[i].turn);
        pthread_join(thread[i], NULL);
    }
    print_maps();
    return 0;
}
