// The end of objects: destruction without recursion, finalizers, and the wait
// of published ones.

#ifndef TLY_OBJECT_FINISH_H
#define TLY_OBJECT_FINISH_H

#include "object/count.h"

// Destroys what is on the mutator's lists, and what dies of it: at most a slice
// (option destroy_slice); the rest waits for the next safepoint. With [hooks]
// finalizers and destroy hooks run; without, objects that have them wait for
// the next safepoint. Inside a finalizer it does nothing: the loop that called
// it goes on when it returns.
void tly_finish(struct tly_local *self, bool hooks);

// The caller has claimed the finalizer of an object, and hands over a unit of
// it: runs that, if it may run here and nothing waits before it, and destroys
// what dies; else it waits as others.
void tly_finish_claimed(struct tly_local *self, tally_object *object);

// The same as tly_finish without a slice's bound. False: hooks go on making the
// next, and have been followed far enough (levels.h).
bool tly_finish_all(struct tly_local *self, bool hooks);

// As tly_finish, as a part of a loop of the caller's (levels.h).
void tly_finish_levels(struct tly_local *self, bool hooks,
                       struct tly_levels *levels);

// Whether the program's code may run here. It may wait: for the end of a borrow
// section or of a collection, or for a thread that the caller has stopped.
bool tly_hooks_may_run(struct tly_local *self);

// ---- hooks that do not return
//
// A hook may be left by an exception, by its thread's end, or by longjmp. What
// stood around it - the loop that [finishing] stands for, a collection - is
// gone then with its frame. The first two run the cleanups of the frames that
// they pass, and who called the hook ends all that there. Of a longjmp nobody
// is told: each call of the kind leaves its frame, and whoever comes to a slow
// path looks whether that is still there (platform/calls.h).

TLY_INLINE struct tly_frame tly_hooks_frame(struct tly_local *self) {
    return (struct tly_frame){tly_mutator_in(self)->hooks_at, self->hooks_back};
}
TLY_INLINE void tly_hooks_set(struct tly_local *self, struct tly_frame call) {
    tly_mutator_in(self)->hooks_at = call.at;
    self->hooks_back = call.back;
}

TLY_INLINE void tly_finishing_begin(struct tly_local *self,
                                    struct tly_frame frame) {
    self->finishing = 1;
    tly_hooks_set(self, frame);
}

// Whether a loop is under way on this thread. Inlined: the frame is that of who
// asks, which may have the address that the last one had that asked.
bool tly_hooks_left(struct tly_local *self, const void *frame);
TLY_INLINE bool tly_is_finishing(struct tly_local *self) {
    return TLY_UNLIKELY(self->finishing) &&
           !tly_hooks_left(self, __builtin_frame_address(0));
}

// Whether the thread, one of the runtime's, is to end between two hooks: what
// is left is for others, who find it on its lists.
TLY_INLINE bool tly_hooks_end(const struct tly_local *self) {
    // Relaxed: a hint; what is done all the same does no harm.
    return TLY_UNLIKELY(self->ends != NULL) && tly_load_relaxed(self->ends);
}

// The thread has left whatever it was inside of.
TLY_COLD void tly_hooks_unwound(struct tly_local *self);

// Around a call of the program's code, which may not come back: what a
// safepoint has been asked for and has yet to do is asked again. Keeps errno.
//
//     struct tly_hook call TLY_HOOK = tly_hook_begin(self, TLY_FRAME);
//     ...
//     tly_hook_end(&call);
TLY_INLINE void tly_hook_asks(struct tly_local *self) {
    struct tly_mutator *mutator = tly_mutator_in(self);
    if (TLY_UNLIKELY(mutator->asked)) {
        tly_break_self(mutator, mutator->asked);
        mutator->asked = 0;
    }
}
struct tly_hook {
    struct tly_local *self; // NULL: it has ended
    struct tly_frame before;
    int error;
};
#define TLY_HOOK __attribute__((cleanup(tly_hook_leave)))
TLY_INLINE struct tly_hook tly_hook_begin(struct tly_local *self,
                                          struct tly_frame frame) {
    struct tly_hook hook = {self, tly_hooks_frame(self), errno};
    tly_hooks_set(self, frame);
    tly_hook_asks(self);
    return hook;
}
TLY_INLINE void tly_hook_end(struct tly_hook *hook) {
    tly_hooks_set(hook->self, hook->before);
    hook->self = NULL;
    errno = hook->error;
}
TLY_INLINE void tly_hook_leave(const struct tly_hook *hook) {
    if (TLY_UNLIKELY(hook->self))
        tly_hooks_unwound(hook->self);
}

// In a forked child: what the other threads were inside of has ended, and what
// they had on their lists is for who collects.
void tly_finish_forked(void);

// Whether a collection that was asked for is under way on this thread. Inlined,
// as tly_is_finishing.
bool tly_collects_left(struct tly_local *self, const void *frame);
TLY_INLINE bool tly_is_collecting(struct tly_local *self) {
    return TLY_UNLIKELY(self->collects) &&
           !tly_collects_left(self, __builtin_frame_address(0));
}

// From here to the end of its scope one is; however it is left.
//
//     struct tly_collects collects TLY_COLLECTS_END =
//         tly_collects_begin(self, TLY_FRAME);
struct tly_collects {
    struct tly_local *self;
    uint32_t before;
};
#define TLY_COLLECTS_END __attribute__((cleanup(tly_collects_end), unused))
TLY_INLINE struct tly_collects tly_collects_begin(struct tly_local *self,
                                                  struct tly_frame frame) {
    struct tly_collects collects = {self, 0};
    if (tly_is_collecting(self))
        collects.before = self->collects;
    else
        tly_cold(self)->collects_in = frame;
    self->collects = collects.before + 1;
    return collects;
}
TLY_INLINE void tly_collects_end(const struct tly_collects *collects) {
    collects->self->collects = collects->before;
}

// Whether the lists have anything.
TLY_INLINE bool tly_finish_has(const struct tly_local *self) {
    return self->dead || self->held || self->finalize || self->weak_controls ||
           self->weak_calls;
}

// Whether something came to the lists that no safepoint has been asked for.
TLY_INLINE bool tly_finish_wants(struct tly_local *self) {
    // Relaxed: the thread's own bits.
    return (self->dead || self->finalize) &&
           !(tly_load_relaxed(&tly_mutator_in(self)->breaker.bits_) &
             TLY_BREAK_FINISH);
}

// ---- destruction (destroy.c)

// Destroys an object that is on no list, and all that dies of it or is on the
// list of the dead, until the slice is used up; the rest is on that list.
// Without [hooks] those that have a destroy hook are held.
void tly_destroy_family(struct tly_local *self, tally_object *first,
                        bool hooks);

// Destroys an object that is on no list, and whose type has hooks, which run;
// what dies of it is on the lists.
void tly_destroy_one(struct tly_local *self, tally_object *object);

// The thread has left a destroy hook, if it was inside of one: ends the object.
void tly_destroy_unwound(struct tly_local *self);

// How many objects a slice has, at least 128; 0: no bound.
void tly_destroy_configure(uint64_t slice);
extern uint64_t tly_destroy_slice; // less what a family may be larger

// Takes the dead, and what waits for hooks, over from a mutator that does not
// run, SUSPENDED by the caller.
void tly_destroy_rescue(struct tly_local *self, struct tly_local *of);

// Gives the block of an object back that has no references any more.
void tly_object_free(struct tly_local *self, tally_object *object);

// ---- grace periods (limbo.c)

// Takes a dead published object until a grace period has passed, which begins
// after callbacks of its weak references. _retire: when they are done.
void tly_limbo_add(struct tly_local *self, tally_object *object);
void tly_limbo_retire(struct tly_local *self, tally_object *object);

// Whether the runtime's thread has been told that something is put off (due.c),
// and has yet to act. _begin: the thread's first has been put off; its next
// safepoint tells.
extern uint32_t tly_put_off; // (a)
void tly_put_off_begin(struct tly_local *self);

// Asks for a safepoint if what waits has come to the bounds, or is the first.
void tly_limbo_grew(struct tly_local *self);

// Ends the wait of what may go now; waits for nothing and runs no code of the
// program's. Objects are on the list of the dead then, calls are ready.
void tly_limbo_reap(struct tly_local *self);

// The same; and waits for a grace period if the bounds are reached, or [all].
// False: nothing waited.
bool tly_limbo_poll(struct tly_local *self, bool all);

// Whether a mutator keeps anything. Any thread: a hint.
bool tly_limbo_keeps(const struct tly_local *local);

// Whether anything waits, or objects do: of [self], or of threads that do not
// run.
bool tly_limbo_has(const struct tly_local *self);
bool tly_limbo_has_objects(const struct tly_local *self);

// Forgets what waits, with the heap it lies in.
void tly_limbo_end(void);
// Around fork: no list is half moved.
void tly_limbo_hold(bool hold);

// Leaves what waits to the next thread that looks: before an idle state. False:
// nothing did.
bool tly_limbo_leave(struct tly_local *self);

// The same of a mutator that does not run, or of this one, and of what a call
// of tly_limbo_poll has taken and waits for: that call ends without it.
void tly_limbo_rescue(struct tly_local *of);

// The bounds (options).
void tly_limbo_configure(uint64_t objects, uint64_t bytes);

// Statistics: what waits of a mutator's, and of what threads left, is added.
struct tly_limbo_total {
    uint64_t objects, bytes, calls, deferred_bytes;
};
void tly_limbo_total(const struct tly_local *local,
                     struct tly_limbo_total *sum);
void tly_limbo_left_total(struct tly_limbo_total *sum);

#endif
