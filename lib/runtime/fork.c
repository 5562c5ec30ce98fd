// fork in a threaded process.
//
// Before: collections and the world are stopped, so that no count is half
// moved, and then every lock of the library is taken, since threads that are
// not attached use some of them and no stop waits for those. In the child the
// other threads' mutators are vacant; what they held stays counted. If a thread
// does not come to a safepoint in time, the child may only exec: it says so at
// its first use of the heap.
//
// The thread that forks waits DETACHED, so that others may fork, stop the world
// or collect at the same time; and as at a closed safepoint: no code of the
// program's runs in the handlers, which may be called anywhere, also in a hook.
//
// A thread stands still for a fork in the midst of a safepoint, and goes on
// with it afterwards: what is in its inbox, and what it has put aside for
// others, waits that long. In the child it does not go on, so the first
// safepoint there does that in its place, of all mutators that the fork has
// left without a thread; then they are as those of threads that have ended.
//
// The C library does not exclude forks from each other while it calls handlers:
// what a fork has to know afterwards is its own thread's.

#include <pthread.h>

#include <tally/mutator.h>

#include "arena/arena.h"
#include "base/check.h"
#include "collector/control.h"
#include "collector/fork_stop.h"
#include "collector/lock.h"
#include "container/byte_lock.h"
#include "container/intern.h"
#include "epoch/attach.h"
#include "epoch/handshake.h"
#include "epoch/late.h"
#include "epoch/rcu.h"
#include "epoch/registry.h"
#include "epoch/world.h"
#include "object/cycle.h"
#include "object/finalize.h"
#include "object/finish.h"
#include "object/hot.h"
#include "object/type.h"
#include "object/weak.h"
#include "platform/os.h"
#include "runtime/background.h"
#include "runtime/executor.h"
#include "runtime/start.h"
#include "sync/rank.h"

// When a fork that waits says so.
#define PATIENCE_NS 1000000000u

// Every lock but the runtime's, in the order of ranks (docs/locks.md; a lint
// compares).
static void (*const locks[])(bool hold) = {
    tly_types_hold,   tly_handshake_hold, tly_registry_hold, tly_rcu_hold,
    tly_weak_hold,    tly_limbo_hold,     tly_held_hold,     tly_arena_hold,
    tly_control_hold, tly_collector_hold, tly_finalize_hold, tly_intern_hold,
    tly_hot_hold,
};
#define LOCKS (sizeof(locks) / sizeof(locks[0]))

static uint64_t fork_wait_ns = 10 * (uint64_t)PATIENCE_NS; // option
static const char *exec_only; // why this process may only exec, or NULL

// From prepare to the parent's or the child's handler.
static TALLY_THREAD struct {
    struct tly_fork_stop stop;
    struct tly_mutator *resting; // is to be attached again; or NULL
    const char *failed;          // why the child may only exec; or NULL
    bool locked;                 // has the runtime's lock
    bool stopped;                // has all locks, and [stop]
} forking;

void tly_fork_configure(uint64_t wait_ms) { fork_wait_ns = wait_ms * 1000000; }

void tly_fork_check(void) {
    if (TLY_UNLIKELY(exec_only != NULL))
        tly_misuse("the heap is used in a forked child that may only exec: %s",
                   exec_only);
}

// ---- before

static void locks_take(void) {
    for (size_t n = 0; n < LOCKS; n++)
        locks[n](true);
}

static void locks_give(void) {
    for (size_t n = LOCKS; n-- > 0;)
        locks[n](false);
}

static void tell(const char *what, uint64_t waited_ns) {
    uint32_t late = forking.stop.late;
    unsigned ms = (unsigned)(waited_ns / 1000000);
    if (!late) {
        tly_report("fork %s: a collection has not come to an end for %u ms; "
                   "see option fork_wait_ms",
                   what, ms);
        return;
    }
    char text[TLY_LATE_MAX];
    struct tly_who who = tly_who_is(tly_mutator_of(late));
    tly_late_tell(tly_mutator_of(late), text);
    tly_report("fork %s: no safepoint for %u ms of thread %u (%s, mutator %u), "
               "%s",
               what, ms, who.thread, who.name, who.number, text);
}

static tally_status stop_begin(void) {
    uint64_t began = tly_os_now(), wait = fork_wait_ns;
    uint64_t first = wait && wait < PATIENCE_NS ? wait : PATIENCE_NS;
    tally_status status = tly_fork_stop_begin(&forking.stop, began + first);
    if (status != TALLY_TIMED_OUT || first == wait)
        return status;
    tell("waits", tly_os_now() - began);
    return tly_fork_stop_begin(&forking.stop, wait ? began + wait : 0);
}

// With the runtime started, and its lock, or where it is not needed.
static void stop(void) {
    uint64_t began = tly_os_now();
    switch (stop_begin()) {
    case TALLY_OK:
        locks_take();
        forking.stopped = true;
        break;
    case TALLY_DEADLOCK:
        forking.failed = "fork was called in a visit hook of a collection";
        break;
    default:
        tell("goes on, and the child may only exec", tly_os_now() - began);
        forking.failed = "a thread of the parent's did not come to a "
                         "safepoint in time, or a collection to an end";
    }
}

// A thread that has stopped the world does not wait for who wants to fork, and
// is in turn waiting for it.
static void lock_runtime(const struct tly_mutator *mine) {
    forking.locked = true;
    if (mine && mine->stopped_world)
        forking.locked = tly_runtime_try();
    else
        tly_runtime_lock();
}

static void unlock_runtime(void) {
    if (forking.locked)
        tly_runtime_unlock();
    forking.locked = false;
}

static void rouse(void) {
    if (forking.resting)
        tly_mutator_rouse(forking.resting);
    forking.resting = NULL;
}

static void fork_prepare(void) {
    tly_locks_none("a fork");
    int error = errno;
    struct tly_mutator *self = tly_self(), *mine = tly_mine();
    forking.failed = NULL;
    forking.stop = (struct tly_fork_stop){.mine = mine};
    if (exec_only)
        return;
    if (tly_rcu_ongoing()) {
        forking.failed = "fork was called in a borrow section";
        return;
    }
    if (tly_is_attached(self) && !self->stopped_world) {
        tly_mutator_rest(self);
        forking.resting = self;
    }
    lock_runtime(mine);
    if (tly_runtime_started())
        stop();
    if (forking.failed) {
        unlock_runtime();
        rouse();
    }
    tly_attach_fork(!forking.failed);
    errno = error;
}

// ---- after

static void fork_parent(void) {
    int error = errno;
    tly_attach_fork(false);
    if (forking.stopped) {
        locks_give();
        tly_fork_stop_end(&forking.stop);
    }
    forking.stopped = false;
    unlock_runtime();
    rouse();
    errno = error;
}

uint32_t tly_fork_orphans;

void tly_fork_adopt(struct tly_mutator *self) {
    uint32_t orphans = 1;
    if (self->stopped_world) {
        tly_break_self(self, TLY_BREAK_FINISH); // later
        return;
    }
    // Relaxed: one thread does it, and others that need it wait for that to
    // pass a safepoint. Each mutator is ordered by its state.
    if (!tly_cas_relaxed(&tly_fork_orphans, &orphans, 0))
        return;
    for (uint32_t n = 1; n <= tly_registry_count(); n++)
        tly_attach_orphan(tly_mutator_of(n));
}

static void child_stopped(void) {
    tly_registry_forked(tly_attach_has);
    tly_hot_forked();
    tly_byte_lock_forked();
    tly_finish_forked();
    tly_executor_forked();
    tly_background_forked();
    tly_fork_stop_forked(&forking.stop);
    // Relaxed: the child has one thread; tly_background_forked has asked it for
    // a safepoint.
    tly_store_relaxed(&tly_fork_orphans, 1);
}

static void fork_child(void) {
    int error = errno;
    tly_attach_fork(false);
    if (exec_only)
        return;
    if (forking.failed) {
        exec_only = forking.failed;
        tly_attach_forget();
        return;
    }
    if (forking.stopped) {
        tly_rcu_forked();
        locks_give();
        child_stopped();
        tly_fork_stop_end(&forking.stop);
    }
    forking.stopped = false;
    tly_runtime_forked(forking.locked);
    forking.locked = false;
    rouse();
    errno = error;
}

static void fork_register(void) {
    // Failing leaves a child that must not use the heap, as without handlers.
    (void)pthread_atfork(fork_prepare, fork_parent, fork_child);
}

// When the library is loaded: a fork that had begun at the heap's first use
// would call none of them. Another constructor may use the heap before.
__attribute__((constructor)) void tly_fork_start(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fork_register);
}
