// State that outlasts a schedule lies in a mapping of its own, out of the
// snapshot's reach.

#include "schedule.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "base/poison.h"
#include "coroutine.h"
#include "scenario.h"

#define MAIN SCHEDULE_THREADS
// A schedule takes some hundred steps; one that takes more than this many has
// threads that wait for each other.
#define STEPS_MAX 50000u
// Where the points of pct may lie: about what a schedule takes.
#define STEPS_USUAL 400u
#define CHANGES_MAX 3u

struct scheduler {
    struct coroutine coroutines[SCHEDULE_THREADS + 1];
    struct identity identities[SCHEDULE_THREADS + 1];
    struct identity first[SCHEDULE_THREADS];
    uint64_t seed, random;
    unsigned self; // who runs
    unsigned left; // who has not ended, one bit each
    bool quiet;    // no schedule points now
    bool trace, pct;
    unsigned stay; // of 8, how often a random schedule stays
    int64_t priority[SCHEDULE_THREADS], lowest;
    uint64_t changes[CHANGES_MAX];
    struct schedule_result result;
};
static struct scheduler *scheduler;

// The linker's name for where the program lies: traces show code by its
// distance from there, which addr2line understands.
extern char __executable_start[];

uint64_t random_next(uint64_t *state) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

unsigned schedule_self(void) { return scheduler->self; }

// ---- who goes on

TLY_INLINE unsigned pick_random(struct scheduler *s) {
    uint64_t r = random_next(&s->random);
    if ((r & 7) < s->stay && s->left >> s->self & 1)
        return s->self;
    unsigned skip = (unsigned)(r >> 32) % tly_bit_count(s->left);
    unsigned left = s->left;
    while (skip-- > 0)
        left &= left - 1;
    return tly_bit_lowest(left);
}

TLY_INLINE unsigned pick_first(const struct scheduler *s) {
    unsigned best = tly_bit_lowest(s->left);
    for (unsigned left = s->left; left; left &= left - 1)
        if (s->priority[tly_bit_lowest(left)] > s->priority[best])
            best = tly_bit_lowest(left);
    return best;
}

static void change_to(unsigned next) {
    struct scheduler *s = scheduler;
    unsigned from = s->self;
    s->identities[from] = identity_get();
    s->self = next;
    identity_set(&s->identities[next]);
    coroutine_switch(&s->coroutines[from], &s->coroutines[next]);
}

static void pass_on(void) {
    struct scheduler *s = scheduler;
    unsigned next = s->pct ? pick_first(s) : pick_random(s);
    s->result.hash = (s->result.hash ^ next) * 0x100000001B3u; // FNV-1a
    if (next != s->self)
        change_to(next);
}

static void step(const void *address, const void *code) {
    struct scheduler *s = scheduler;
    uint64_t now = ++s->result.steps;
    if (now > STEPS_MAX)
        schedule_fail("a deadlock or a livelock: %u steps", STEPS_MAX);
    for (unsigned n = 0; s->pct && n < CHANGES_MAX; n++)
        if (now == s->changes[n])
            s->priority[s->self] = s->lowest--;
    pass_on();
    if (address && s->trace) {
        char name[80];
        s->quiet = true;
        scenario_describe(address, name, sizeof(name));
        s->quiet = false;
        printf("%5llu  thread %u  %s (%#tx)\n", (unsigned long long)now,
               s->self, name, (const char *)code - __executable_start);
    }
    if (address)
        scenario_look(address);
}

void tly_point_explore(const void *address) {
    if (scheduler && !scheduler->quiet)
        step(address, __builtin_return_address(0));
}

void tly_point_yield(void) {
    struct scheduler *s = scheduler;
    if (!s || s->quiet)
        return;
    s->priority[s->self] = s->lowest--;
    step(NULL, NULL);
}

// ---- a schedule

static void thread_body(void) {
    struct scheduler *s = scheduler;
    for (;;) {
        unsigned self = s->self;
        if (s->quiet) {
            scenario_begin(s->seed);
            s->quiet = false;
        }
        scenario_thread(self);
        s->left &= ~(1u << self);
        if (s->left) {
            pass_on();
        } else {
            s->quiet = true;
            scenario_end();
            change_to(MAIN);
        }
    }
}

static void threads_make(void) {
    for (unsigned n = 0; n < SCHEDULE_THREADS; n++)
        coroutine_create(&scheduler->coroutines[n], thread_body);
}

static void plan(struct scheduler *s, enum schedule_mode mode) {
    uint64_t r = random_next(&s->random);
    s->pct = mode == SCHEDULE_PCT || (mode == SCHEDULE_EITHER && r & 1);
    s->stay = (unsigned)(r >> 8) % 4 * 2;
    unsigned changes = 1 + (unsigned)(r >> 16) % CHANGES_MAX;
    for (unsigned n = 0; n < CHANGES_MAX; n++) {
        uint64_t at = 1 + random_next(&s->random) % STEPS_USUAL;
        s->changes[n] = n < changes ? at : 0;
    }
    s->lowest = -1;
    for (unsigned n = 0; n < SCHEDULE_THREADS; n++)
        s->priority[n] = (int64_t)(random_next(&s->random) >> 2);
}

void schedule_run(uint64_t seed, enum schedule_mode mode, bool trace,
                  struct schedule_result *ret) {
    struct scheduler *s = scheduler;
    memset(&s->result, 0, sizeof(s->result));
    s->seed = s->random = seed;
    (void)random_next(&s->random);
    s->trace = trace;
    s->left = (1u << SCHEDULE_THREADS) - 1;
    plan(s, mode);
    memcpy(s->identities, s->first, sizeof(s->first));
    s->quiet = true;
    change_to(0);
    if (s->result.failed)
        threads_make();
    *ret = s->result;
}

void schedule_fail(const char *format, ...) {
    struct scheduler *s = scheduler;
    va_list args;
    va_start(args, format);
    if (!s || s->self == MAIN) {
        vfprintf(stderr, format, args);
        fputc('\n', stderr);
        exit(2);
    }
    vsnprintf(s->result.message, sizeof(s->result.message), format, args);
    va_end(args);
    s->result.failed = true;
    s->quiet = true;
    change_to(MAIN);
    abort();
}

void schedule_say(const char *format, ...) {
    if (!scheduler || !scheduler->trace)
        return;
    va_list args;
    va_start(args, format);
    printf("       thread %u: ", scheduler->self);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

static void fault(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    schedule_fail("an access to %p, where nothing is", info->si_addr);
}

// Where a defect leads to a wild access, the schedule has failed, not the
// program. AddressSanitizer has handlers of its own.
static void faults_catch(void) {
    if (TLY_ASAN)
        return;
    stack_t stack = {.ss_size = 65536};
    stack.ss_sp = malloc(stack.ss_size);
    struct sigaction action = {.sa_flags =
                                   SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    action.sa_sigaction = fault;
    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

void schedule_start(void) {
    struct scheduler *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED)
        schedule_fail("no memory for the scheduler");
    s->self = MAIN;
    s->quiet = true;
    scheduler = s;
    coroutine_adopt(&s->coroutines[MAIN]);
    threads_make();
    faults_catch();
}

void schedule_identity(unsigned n, const struct identity *identity) {
    scheduler->first[n] = *identity;
}
