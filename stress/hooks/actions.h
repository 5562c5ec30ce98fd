// What a hook does, and a turn of a thread as well.

#ifndef STRESS_HOOKS_ACTIONS_H
#define STRESS_HOOKS_ACTIONS_H

#include "forks.h"
#include "weaks.h"

static void ring_drop(void) {
    struct node *a = node_any(), *b = node_any();
    struct node *leaf = below(4) ? node_any() : leaf_new();
    tally_set(a, a, b);
    tally_set_steal(b, a, a);
    if (on(WEAK) && below(4) == 0)
        weak_hold(b, a);
    if (on(WEAK) && below(4) == 0)
        weak_hold(a, leaf);
    tally_set_steal(a, b, leaf);
    drop(b);
}

static void act_block(void) {
    TALLY_BLOCKING { usleep(below(300)); }
}

static void act_collect(void) {
    if (self.depth && below(8))
        return;
    struct tally_collection done;
    tally_status status =
        tally_collect_with(below(2) ? TALLY_CONCURRENT : TALLY_STOPPED,
                           below(4) ? TALLY_YOUNG : TALLY_FULL, &done);
    expect(status == TALLY_OK || status == TALLY_DEADLOCK ||
               status == TALLY_TIMED_OUT || status == TALLY_BUSY,
           "a collection: %s", tally_strerror(status));
}

static void act_objects(void) {
    switch (below(4)) {
    case 0:
        ring_drop();
        break;
    case 1:
        root_set_steal(node_any());
        break;
    case 2:
        root_set_steal(NULL);
        break;
    default:
        drop(node_any());
    }
}

static void act_later(void) {
    tally_decref_later(node_any());
    if (below(8) == 0)
        tally_flush();
}

// In its stopped world a thread may verify, and drops what it has.
static void act_stop(void) {
    if (self.stopped || tally_stop_world() != TALLY_OK)
        return;
    self.stopped = true;
    if (on(VERIFY) && below(4) == 0)
        expect(tally_verify(2) != TALLY_CORRUPT, "the heap is corrupt");
    self.stopped = false;
    tally_start_world();
}

static void act_lock(void) {
    if (self.locked)
        return;
    TALLY_BLOCKING {
        pthread_mutex_lock(&lock);
        self.locked = true; // before hooks that run as the region ends
    }
    if (on(STOP) && below(4) == 0)
        act_stop();
    self.locked = false;
    pthread_mutex_unlock(&lock);
}

static void act_hot(void) {
    struct node *node = root_dup();
    if (!node)
        return;
    (void)(below(4) ? tally_make_hot(node) : tally_make_cold(node));
    drop(node);
}

static void act_fork(void) {
    if (below(16) == 0 && !self.stopped)
        fork_once();
}

// What is between longjmp and setjmp is not optimized away.
static __attribute__((noinline, noreturn)) void jump_to(jmp_buf *to) {
    longjmp(*to, 1);
}

static __attribute__((noinline)) void jump_out(jmp_buf *to, bool of_scopes) {
    if (of_scopes && below(2))
        TALLY_BLOCKING { jump_to(to); }
    if (of_scopes)
        TALLY_BORROW { jump_to(to); }
    jump_to(to);
}

static void raise_in(bool of_scopes) {
    jmp_buf here;
    struct tally_mark mark = tally_mark_now();
    if (setjmp(here) == 0)
        jump_out(&here, of_scopes);
    else
        tally_unwind(&mark);
    tally_safepoint();
}

static void act_raise(void) { raise_in(false); }
static void act_jump(void) { raise_in(true); }

static void act_exit(void) {
    if (self.expendable && self.depth == 1 && !self.locked && !self.stopped &&
        below(4) == 0) {
        if (self.ending) // its block is free now
            owner_leave(self.ending);
        pthread_exit(NULL);
    }
}

static void act_detach(void) {
    if (self.depth && !self.stopped)
        tally_detach();
}

static void called(void *arg) {
    const char *before = hook_enter("a deferred call");
    expect(arg == &lists, "a deferred call has another argument");
    act(NULL);
    hook_leave(before);
}

static void act_defer(void) {
    must(tally_defer(called, &lists) == TALLY_OK);
    if (below(64) == 0 && self.depth == 0)
        tally_synchronize();
}

static const struct {
    enum choice choice;
    unsigned weight;
    void (*run)(void);
} actions[] = {{BLOCK, 8, act_block},
               {COLLECT, 2, act_collect},
               {OBJECTS, 8, act_objects},
               {LATER, 6, act_later},
               {CONTAINER, 8, container_use},
               {LOCK, 4, act_lock},
               {STOP, 1, act_stop},
               {HOT, 2, act_hot},
               {FORK, 1, act_fork},
               {RAISE, 1, act_raise},
               {JUMP, 1, act_jump},
               {EXIT, 8, act_exit},
               {DETACH, 1, act_detach},
               {DEFER, 3, act_defer},
               {WEAK, 3, act_weak}};

// Does one thing of all that are on.
static void action(void) {
    unsigned sum = 0, count = sizeof(actions) / sizeof(*actions);
    for (unsigned n = 0; n < count; n++)
        sum += on(actions[n].choice) ? actions[n].weight : 0;
    uint32_t at = sum ? below(sum) : 0;
    for (unsigned n = 0; n < count && sum; n++) {
        if (!on(actions[n].choice))
            continue;
        if (at < actions[n].weight) {
            const char *before = doing(choice_names[actions[n].choice]);
            atomic_fetch_add(&acted, 1);
            actions[n].run();
            doing(before);
            return;
        }
        at -= actions[n].weight;
    }
}

// What hooks do, one time in some. A thread that has stopped the world only
// looks at it.
static void act(struct node *node) {
    if (self.depth > 2 || self.stopped || self.forking || below(3))
        return;
    self.acting++;
    atomic_fetch_add(&acting, 1);
    if (!atomic_load(&closing)) {
        if (node && on(REVIVE) && below(4) == 0)
            revive(node);
        action();
    }
    atomic_fetch_sub(&acting, 1);
    self.acting--;
}

#endif
