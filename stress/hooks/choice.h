// What of stress/hooks is on, and what each thread is at.

#ifndef STRESS_HOOKS_CHOICE_H
#define STRESS_HOOKS_CHOICE_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>

#define STRESS_PATIENCE_S 30u
#include "stress.h"

// What hooks and turns do, and what is looked at: --off NAME,... leaves some
// out, --only NAME,... all the others.
enum choice {
    BLOCK,         // waits in TALLY_BLOCKING
    COLLECT,       // collects, in either mode
    DESTROY,       // objects of types with destroy hooks, and of a protocol
    OBJECTS,       // makes objects and drops them, and cycles of them
    LATER,         // drops references later
    REVIVE,        // finalizers bring their object back
    CONTAINER,     // uses the containers that all share
    FAIL,          // hooks of a protocol fail
    LOCK,          // takes the program's lock
    STOP,          // stops the world
    VERIFY,        // verifies the heap there
    HOT,           // makes objects HOT, or cold
    FORK,          // forks; the child uses what there is
    RAISE,         // longjmp within a hook, out of its own functions
    JUMP,          // the same out of a blocking region or a borrow section
    EXIT,          // ends its thread in a hook
    DETACH,        // detaches in a hook
    DEFER,         // defers calls
    WEAK,          // weak references with callbacks
    WATCH,         // watches collections
    GUEST,         // threads that attach by use, and end
    GROW,          // the heap grows while it is collected
    CHECK_ERRNO,   // a drop keeps errno
    CHECK_STOPPED, // no hook runs in a world that its thread has stopped
    CHECK_FORKING, // nor inside of fork()
    CHECK_HOLDER,  // no callback of a weak reference whose holder is gone
    CHECK_FOUND,   // a key that is there is found, or the look-up fails
    CHECK_LATE,    // what a container held ends with it, without collections
    CHOICES
};
static const char *const choice_names[CHOICES] = {
    "block",         "collect",      "destroy",     "objects",
    "later",         "revive",       "container",   "fail",
    "lock",          "stop",         "verify",      "hot",
    "fork",          "raise",        "jump",        "exit",
    "detach",        "defer",        "weak",        "watch",
    "guest",         "grow",         "check-errno", "check-stopped",
    "check-forking", "check-holder", "check-found", "check-late"};

// ASan's allocator has locks that it does not take before a fork.
static uint64_t choices =
    ((UINT64_C(1) << CHOICES) - 1) & ~(UNDER_ASAN ? UINT64_C(1) << FORK : 0);

static inline bool on(enum choice choice) { return choices >> choice & 1; }

static inline uint64_t choices_named(const char *names) {
    uint64_t bits = 0;
    while (*names) {
        size_t length = strcspn(names, ",");
        unsigned n = 0;
        while (n < CHOICES && (strlen(choice_names[n]) != length ||
                               strncmp(names, choice_names[n], length) != 0))
            n++;
        if (n == CHOICES) {
            fprintf(stderr, "hooks: there is no '%s' to choose\n", names);
            exit(2);
        }
        bits |= UINT64_C(1) << n;
        names += length + (names[length] == ',');
    }
    return bits;
}

// Takes --off and --only from the arguments, the rest is of all programs.
// Returns how many are left.
static inline int choices_take(int argc, char **argv) {
    int left = 1;
    for (int i = 1; i < argc; i++) {
        if (i + 1 < argc && strcmp(argv[i], "--off") == 0)
            choices &= ~choices_named(argv[++i]);
        else if (i + 1 < argc && strcmp(argv[i], "--only") == 0)
            choices = choices_named(argv[++i]);
        else
            argv[left++] = argv[i];
    }
    return left;
}

static inline void choices_print(void) {
    printf("hooks: on are");
    for (unsigned n = 0; n < CHOICES; n++)
        if (on(n))
            printf("%s%s", n ? "," : " ", choice_names[n]);
    printf("\n");
    fflush(stdout);
}

// ---- threads

struct thread {
    uint64_t random; // 0: not begun
    unsigned number;
    unsigned depth;  // of hooks that are running
    unsigned acting; // actions of hooks that are running
    bool stopped;    // it has stopped the world
    bool forking;    // it is inside fork()
    bool locked;     // it has the program's lock
    bool expendable; // it may end at any place
    unsigned failed; // hooks of a protocol that failed
    void *ending;    // the block whose destroy hook runs
    const char *doing;
};
static _Thread_local struct thread self;

#define DOINGS 256u
static struct thread *_Atomic doings[DOINGS];
static atomic_uint thread_numbers;
static atomic_bool closing = true; // hooks begin no actions
static atomic_uint acting;         // actions of hooks that are running
static atomic_bool in_child;

static inline void thread_begin(void) {
    if (self.random)
        return;
    self.number = atomic_fetch_add(&thread_numbers, 1);
    self.random = stress_stream(2, self.number);
    self.doing = "nothing";
    atomic_store(&doings[self.number % DOINGS], &self);
}

// Before the thread's memory goes.
static inline void thread_end(void *arg) {
    (void)arg;
    struct thread *me = &self;
    atomic_fetch_sub(&acting, self.acting);
    atomic_compare_exchange_strong(&doings[self.number % DOINGS], &me, NULL);
}

static inline uint32_t below(uint32_t n) {
    thread_begin();
    return stress_below(&self.random, n);
}

// What the thread does, for who reads of a hang; returns what it did.
static inline const char *doing(const char *what) {
    const char *before = self.doing;
    self.doing = what;
    return before;
}

static void say_doings(int sig) {
    for (unsigned n = 0; n < DOINGS; n++) {
        struct thread *thread = atomic_load(&doings[n]);
        if (thread)
            fprintf(stderr, "hooks: thread %u: %s, hooks %u deep%s%s%s\n",
                    thread->number, thread->doing, thread->depth,
                    thread->stopped ? ", has stopped the world" : "",
                    thread->forking ? ", forks" : "",
                    thread->locked ? ", has the lock" : "");
    }
    signal(sig, SIG_DFL);
    raise(sig);
}

#endif
