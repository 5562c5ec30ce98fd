// fork in a threaded process.
//
// Before: the collector's lock is taken and the world is stopped, so that no
// count is half moved and no lock of ours is held by a thread that the child
// does not have. In the child the other threads' mutators are vacant; what
// they held stays counted. If a thread does not come to a safepoint in time,
// the child may only exec: it says so at its first use of the heap.

#include <pthread.h>

#include <tally/mutator.h>

#include "arena/arena.h"
#include "base/check.h"
#include "collector/collect.h"
#include "collector/control.h"
#include "collector/lock.h"
#include "container/byte_lock.h"
#include "container/intern.h"
#include "epoch/attach.h"
#include "epoch/handshake.h"
#include "epoch/rcu.h"
#include "epoch/registry.h"
#include "epoch/world.h"
#include "object/cycle.h"
#include "object/hot.h"
#include "object/type.h"
#include "object/weak.h"
#include "platform/os.h"
#include "runtime/background.h"
#include "runtime/executor.h"
#include "runtime/start.h"
#include "sync/rank.h"

// How long a fork waits for other threads.
#define PATIENCE_NS 1000000000u

static struct {
    struct tly_mutator *self; // who forks, with the world stopped; or NULL
    bool was_mine;            // the thread had a mutator, and was it attached
    bool was_attached;
    bool failed;    // the world did not stop in time
    bool exec_only; // this process is the child of such a fork
} forking;

void tly_fork_check(void) {
    if (TLY_UNLIKELY(forking.exec_only))
        tly_misuse("the heap is used in a forked child whose parent's threads "
                   "did not come to a safepoint in time; it may only exec");
}

static void fork_prepare(void) {
    tly_locks_none("a fork");
    forking.self = NULL;
    forking.failed = false;
    if (forking.exec_only)
        return;
    tly_runtime_lock();
    if (!tly_runtime_started())
        return;
    struct tly_mutator *mine = tly_mine();
    forking.was_mine = mine != NULL;
    forking.was_attached = tly_is_attached(tly_self());
    if (mine && !forking.was_attached)
        tly_mutator_attach(mine);
    struct tly_mutator *self = tly_reserve_enter();
    uint64_t deadline = tly_os_now() + PATIENCE_NS;
    forking.self = self;
    forking.failed = tly_collector_stop(self, deadline) != TALLY_OK;
    if (!forking.failed)
        tly_rcu_fork_prepare();
}

static void fork_leave(void) {
    struct tly_mutator *self = forking.self;
    if (forking.was_mine && !forking.was_attached)
        tly_mutator_detach(self);
    else if (!forking.was_mine && tly_mine())
        tally_detach();
    else
        tly_reserve_leave(self);
    forking.self = NULL;
}

static void fork_parent(void) {
    if (forking.exec_only)
        return;
    tly_runtime_unlock();
    if (!forking.self)
        return;
    if (!forking.failed) {
        tly_rcu_fork_parent();
        tly_collector_resume(forking.self);
    }
    fork_leave();
}

static void fork_child(void) {
    if (forking.exec_only)
        return;
    tly_runtime_forked();
    tly_runtime_unlock();
    if (!forking.self)
        return;
    if (forking.failed) {
        forking.exec_only = true;
        tly_attach_forget();
        return;
    }
    tly_rcu_fork_child(forking.self);
    tly_handshake_forked();
    tly_types_forked();
    tly_weak_forked();
    tly_intern_forked();
    tly_byte_lock_forked();
    tly_control_forked();
    tly_collector_forked();
    tly_held_forked();
    tly_hot_forked();
    tly_arena_forked();
    tly_registry_forked(forking.self);
    tly_world_forked();
    tly_executor_forked();
    tly_background_start();
    tly_collector_resume(forking.self);
    fork_leave();
}

static void fork_register(void) {
    // Failing leaves a child that must not use the heap, as without handlers.
    (void)pthread_atfork(fork_prepare, fork_parent, fork_child);
}

void tly_fork_start(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fork_register);
}
