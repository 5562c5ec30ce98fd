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
#define CHANGES_MAX 3u
#define SETTLED_MAX 4u
#define BURSTS 2u
#define BURST_MAX 5u // a part of a burst takes at most 2^5 steps

// At a turn, or some steps later, another thread takes some steps.
struct burst {
    unsigned turn, thread, wait, steps;
    unsigned operations; // or so many of these, if not 0
};

struct scheduler {
    struct coroutine coroutines[SCHEDULE_THREADS + 1];
    struct identity identities[SCHEDULE_THREADS + 1];
    struct identity first[SCHEDULE_THREADS];
    uint64_t seed, random;
    unsigned self; // who runs
    unsigned left; // who has not ended, one bit each
    bool quiet;    // no schedule points now
    bool yields;   // who runs waits for another
    bool trace, pct;
    unsigned stay; // of 1024, how often a random schedule stays
    // Of 256 words, how many it is about; and which.
    unsigned share;
    uint64_t focus;
    int64_t priority[SCHEDULE_THREADS], lowest;
    uint64_t changes[CHANGES_MAX];
    struct burst bursts[BURSTS];
    unsigned bursts_count;
    struct burst burst;  // the one that is on: [wait], then [steps], count down
    unsigned burst_back; // who waits for its end
    const void *settled[SETTLED_MAX];
    unsigned settled_count;
    bool settles;
    struct schedule_result result;
};
static struct scheduler *scheduler;

// The linker's names for where the program lies: traces show code by its
// distance from there, which addr2line understands.
extern char __executable_start[], _end[];

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
    if ((r & 1023) < s->stay && !s->yields && s->left >> s->self & 1)
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

// Who goes on while a burst is on.
static unsigned pick_burst(struct scheduler *s) {
    struct burst *b = &s->burst;
    if (b->wait > 0) {
        // Whoever took the turn goes on, until it waits for others.
        if (--b->wait > 0 && !s->yields)
            return s->self;
        b->wait = 0;
        s->burst_back = s->self;
        return b->thread;
    }
    if (--b->steps > 0 && !s->yields && s->left >> s->self & 1)
        return s->self;
    b->steps = 0;
    return s->burst_back;
}

static unsigned pick(struct scheduler *s) {
    if (s->burst.steps > 0) {
        unsigned next = pick_burst(s);
        if (s->left >> next & 1)
            return next;
        s->burst.steps = 0;
    }
    return s->pct ? pick_first(s) : pick_random(s);
}

void schedule_operated(void) {
    struct burst *b = &scheduler->burst;
    if (b->steps > 0 && b->wait == 0 && b->operations > 0 &&
        scheduler->self == b->thread && --b->operations == 0)
        b->steps = 1;
}

void schedule_turn(unsigned turn) {
    struct scheduler *s = scheduler;
    for (unsigned n = 0; n < s->bursts_count; n++)
        if (s->bursts[n].turn == turn && s->bursts[n].thread != s->self)
            s->burst = s->bursts[n];
}

unsigned schedule_first_turn(void) {
    return scheduler->bursts_count ? scheduler->bursts[0].turn : 0;
}

static void pass_on(void) {
    struct scheduler *s = scheduler;
    unsigned next = pick(s);
    s->yields = false;
    s->result.hash = (s->result.hash ^ next) * 0x100000001B3u; // FNV-1a
    if (next != s->self)
        change_to(next);
}

static void step(const void *address, const void *code) {
    struct scheduler *s = scheduler;
    uint64_t now = ++s->result.steps;
    if (now > scenario->steps_max)
        schedule_fail("a deadlock or a livelock");
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
    if (!address)
        return;
    s->quiet = true;
    scenario->look(address);
    s->quiet = false;
}

// Whether nobody else writes the word while schedules run: one of the thread's
// own stack, or one that is settled.
TLY_INLINE bool is_private(const struct scheduler *s, const void *address) {
    const struct coroutine *c = &s->coroutines[s->self];
    if ((uintptr_t)address - (uintptr_t)c->stack < c->size)
        return true;
    for (unsigned n = 0; n < s->settled_count; n++)
        if (s->settled[n] == address)
            return true;
    return false;
}

// Whether the schedule is about other words than this one. Where the program
// lies, and pages of other memory, is another thing each time.
TLY_INLINE bool is_passed(const struct scheduler *s, const void *address) {
    uintptr_t at = (uintptr_t)address - (uintptr_t)__executable_start;
    if (at >= (uintptr_t)(_end - __executable_start))
        at = (uintptr_t)address & 4095;
    uint64_t word = at >> 3 ^ s->focus;
    return (word * 0x9E3779B97F4A7C15u) >> 56 >= s->share;
}

void schedule_settle(bool on) { scheduler->settles = on; }

static void settle(struct scheduler *s, const void *address) {
    if (s->settled_count < SETTLED_MAX)
        s->settled[s->settled_count++] = address;
}

void tly_point_explore(const void *address) {
    struct scheduler *s = scheduler;
    if (s && s->settles)
        settle(s, address);
    if (s && !s->quiet && !is_passed(s, address) && !is_private(s, address))
        step(address, __builtin_return_address(0));
}

void tly_point_yield(void) {
    struct scheduler *s = scheduler;
    if (!s || s->quiet)
        return;
    s->priority[s->self] = s->lowest--;
    s->yields = true;
    step(NULL, NULL);
}

// ---- a schedule

static void thread_body(void) {
    struct scheduler *s = scheduler;
    for (;;) {
        unsigned self = s->self;
        if (s->quiet) {
            scenario->begin(s->seed);
            s->quiet = false;
        }
        scenario->thread(self);
        s->left &= ~(1u << self);
        if (s->left) {
            pass_on();
        } else {
            s->quiet = true;
            scenario->end();
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
    s->stay = scenario->stays[(r >> 8) % 4];
    unsigned changes = 1 + (unsigned)(r >> 16) % CHANGES_MAX;
    s->share = scenario->focuses ? 256u >> (r >> 24) % 4 : 256;
    s->focus = random_next(&s->random);
    uint64_t usual = scenario->steps_usual * s->share / 256 + 1;
    for (unsigned n = 0; n < CHANGES_MAX; n++) {
        uint64_t at = 1 + random_next(&s->random) % usual;
        s->changes[n] = n < changes ? at : 0;
    }
    s->lowest = -1;
    for (unsigned n = 0; n < SCHEDULE_THREADS; n++)
        s->priority[n] = (int64_t)(random_next(&s->random) >> 2);
}

// All of one thread; the second at the same turn or the next.
static void plan_bursts(struct scheduler *s) {
    uint64_t r = random_next(&s->random);
    // More often one of the later turns.
    unsigned turns = scenario->turns, few = r & 0x30 ? (turns + 1) / 2 : 0;
    unsigned turn = few + 1 + (unsigned)(r >> 8) % (turns - few + !turns);
    memset(&s->burst, 0, sizeof(s->burst));
    s->bursts_count = turns && r & 6 ? 1 + (unsigned)(r >> 3) % BURSTS : 0;
    for (unsigned n = 0; n < s->bursts_count; n++) {
        r = random_next(&s->random);
        bool whole = r & 1;
        s->bursts[n] = (struct burst){
            .turn = turn,
            .thread = 1,
            .wait = 1 + (unsigned)(r >> 16) % (1u << (r >> 32) % BURST_MAX),
            .steps = whole ? 500
                           : 1 + (unsigned)(r >> 40) %
                                     (4u << (r >> 56) % (BURST_MAX - 1)),
            .operations = whole ? 1 + (unsigned)(r >> 47) % 4 : 0,
        };
        turn += (unsigned)(r >> 50) % 2;
    }
    if (s->bursts_count == 0)
        return;
    // Else the threads are to stay as they are.
    s->pct = false;
    s->stay = 1023;
    s->share = 256;
}

void schedule_run(uint64_t seed, enum schedule_mode mode, bool trace,
                  struct schedule_result *ret) {
    struct scheduler *s = scheduler;
    memset(&s->result, 0, sizeof(s->result));
    s->seed = s->random = seed;
    (void)random_next(&s->random);
    s->trace = trace;
    s->yields = false;
    s->left = (1u << SCHEDULE_THREADS) - 1;
    plan(s, mode);
    if (mode == SCHEDULE_EITHER || mode == SCHEDULE_BURSTS)
        plan_bursts(s);
    else
        s->bursts_count = s->burst.steps = 0;
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

void schedule_as(unsigned n) { identity_set(&scheduler->first[n]); }

void schedule_identity(unsigned n, const struct identity *identity) {
    scheduler->first[n] = *identity;
}
