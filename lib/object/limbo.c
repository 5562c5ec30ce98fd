// What waits for a grace period: published objects that are dead, which other
// threads may still read through borrows, and what the program deferred.
//
// A mutator has two lists. [limbo] takes what comes; no grace period is known
// for it yet. [waiting] is closed, and has the number of the one that ends its
// wait: whoever waits for that, everybody finds it passed. Beyond the bounds a
// safepoint waits for one itself. Threads that stop running leave their lists
// to all.

#include "epoch/borrow.h"
#include "epoch/rcu.h"
#include "object/defer.h"
#include "object/finish.h"
#include "object/type.h"
#include "object/weak.h"
#include "sync/spin.h"

// Bounds of what waits before the epoch is pushed on (options).
static uint64_t limbo_objects = 127;
static uint64_t limbo_bytes = (uint64_t)1 << 20;

// What threads left that do not run. What is left goes to [young]; [old] gets
// no more, so that its grace period comes.
static struct {
    struct tly_spin lock;
    struct tly_limbo young, old; // with the lock; (a) sums
} left = {.lock = TLY_SPIN_INIT(TLY_RANK_LIMBO)};

void tly_limbo_configure(uint64_t objects, uint64_t bytes) {
    limbo_objects = objects;
    limbo_bytes = bytes;
}

// ---- lists

// What a list holds, in number and in bytes. Relaxed: one writer at a time;
// others want a hint, or a statistic.
static uint64_t count_of(const struct tly_limbo *list) {
    return (uint64_t)tly_load_relaxed(&list->count) +
           tly_load_relaxed(&list->calls);
}
static uint64_t bytes_of(const struct tly_limbo *list) {
    return tly_load_relaxed(&list->bytes) +
           tly_load_relaxed(&list->deferred_bytes);
}

static void sums_set(struct tly_limbo *to, const struct tly_limbo *from) {
    // Relaxed: as above.
    tly_store_relaxed(&to->count, from->count);
    tly_store_relaxed(&to->calls, from->calls);
    tly_store_relaxed(&to->bytes, from->bytes);
    tly_store_relaxed(&to->deferred_bytes, from->deferred_bytes);
}

static void grace_set(struct tly_limbo *list, uint64_t number) {
    // Relaxed: one writer; others want a hint.
    tly_store_relaxed(&list->grace, number);
}

// Appends a list; it is empty afterwards. The longer wait is that of both.
static void list_move(struct tly_limbo *to, struct tly_limbo *from) {
    static const struct tly_limbo none;
    if (from->head) {
        tly_dead_link(from->tail, to->head);
        to->tail = to->head ? to->tail : from->tail;
        to->head = from->head;
    }
    tly_bags_move(to, from);
    struct tly_limbo sum = {
        .count = to->count + from->count,
        .calls = to->calls + from->calls,
        .bytes = to->bytes + from->bytes,
        .deferred_bytes = to->deferred_bytes + from->deferred_bytes,
    };
    sums_set(to, &sum);
    sums_set(from, &none);
    grace_set(to, to->grace > from->grace ? to->grace : from->grace);
    grace_set(from, 0);
    from->head = from->tail = NULL;
}

// ---- what threads left

static void left_put(struct tly_limbo *list) {
    if (count_of(list) == 0)
        return;
    tly_spin_lock(&left.lock);
    list_move(&left.young, list);
    tly_spin_unlock(&left.lock);
}

// Takes what may go now, or [all].
static void left_take(struct tly_limbo *list, bool all) {
    // Relaxed: mostly there is nothing, or nothing that may go.
    if (count_of(&left.old) + count_of(&left.young) == 0 ||
        (!all && !tly_grace_passed(tly_load_relaxed(&left.old.grace))))
        return;
    tly_spin_lock(&left.lock);
    for (unsigned n = 0; n < 2; n++) {
        if (count_of(&left.old) == 0)
            list_move(&left.old, &left.young);
        if (!all && !tly_grace_passed(left.old.grace))
            break;
        list_move(list, &left.old);
    }
    tly_spin_unlock(&left.lock);
}

bool tly_limbo_leave(struct tly_local *self) {
    if (TLY_LIKELY(!tly_limbo_keeps(self)))
        return false;
    struct tly_cold *cold = tly_cold(self);
    if (count_of(&cold->limbo))
        grace_set(&cold->limbo, tly_grace_next());
    left_put(&cold->limbo);
    left_put(&cold->ready);
    // A call of tly_limbo_poll waits with what is waiting, and is back soon.
    if (cold->waits == 0)
        left_put(&cold->waiting);
    // For the thread's return, or for who comes after it.
    tly_break(tly_mutator_in(self), TLY_BREAK_FINISH);
    return true;
}

void tly_limbo_rescue(struct tly_local *of) {
    (void)tly_limbo_leave(of);
    left_put(&tly_cold(of)->waiting);
}

void tly_limbo_end(void) {
    uint64_t calls = left.young.calls + left.old.calls;
    if (calls)
        tly_report("%llu calls and frees are deferred still: they are not made",
                   (unsigned long long)calls);
    left.young = left.old = (struct tly_limbo){.head = NULL};
}

void tly_limbo_hold(bool hold) { tly_spin_hold(&left.lock, hold); }

// ---- what comes

// What a mutator has that waits.
static uint64_t own_count(const struct tly_local *self) {
    const struct tly_cold *cold = tly_cold(self);
    return count_of(&cold->limbo) + count_of(&cold->waiting);
}
static uint64_t own_bytes(const struct tly_local *self) {
    const struct tly_cold *cold = tly_cold(self);
    return bytes_of(&cold->limbo) + bytes_of(&cold->waiting);
}

uint32_t tly_put_off;

void tly_put_off_begin(struct tly_local *self) {
    // ORDER[put-off] acq_rel: what the thread keeps was counted before. A
    // read-modify-write: the last one before the word is cleared is seen by who
    // clears it, a later one finds it zero. Pairs with tly_due_turn.
    if (tly_or_acq_rel(&tly_put_off, 0) == 0)
        tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
}

void tly_limbo_grew(struct tly_local *self) {
    uint64_t count = own_count(self);
    if (count == 1)
        tly_put_off_begin(self);
    if (count >= limbo_objects || own_bytes(self) >= limbo_bytes)
        tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
}

static void drop_run(void *self, tally_ref *first, size_t count) {
    for (size_t n = 0; n < count; n++) {
        // Relaxed: it changes no more.
        tally_object *child =
            tly_object_in(tly_load_relaxed(&first[n].object_));
        if (child)
            tly_count_act(self, child, tly_count_drop(self, child));
    }
}

// The cells of containers keep nothing alive while they wait: who reads them in
// a section takes nothing that is not alive otherwise, and looks again where it
// cannot. The words stay.
static TLY_NOINLINE void drop_early(struct tly_local *self,
                                    tally_object *object) {
    const tally_type *type = tly_type_of(object);
    if (!(type->shape_ & TLY_SHAPE_EARLY))
        return;
    tly_refs_each(object, type, drop_run, self);
    tly_refs_forget(object, type);
}

void tly_limbo_add(struct tly_local *self, tally_object *object) {
    // ORDER[dying] acq_rel: an RMW since upgrades may be looking; they fail
    // already, for the count is zero. Pairs with tally_try_incref.
    uint64_t shared = tly_or_acq_rel(&object->shared_, TLY_DYING);
    if (TLY_UNLIKELY(shared & TLY_WEAK) && tly_weak_died(self, object))
        return;
    if ((object->tf_ & TLY_TF_REFS) == TLY_TF_ASK)
        drop_early(self, object);
    tly_limbo_retire(self, object);
}

void tly_limbo_retire(struct tly_local *self, tally_object *object) {
    struct tly_limbo *list = &tly_cold(self)->limbo;
    uint64_t bytes = tly_pool_block_size(tly_pool_of(object));
    tly_dead_link(object, list->head);
    list->tail = list->head ? list->tail : object;
    list->head = object;
    // Relaxed: one writer; statistics read it.
    tly_store_relaxed(&list->count, list->count + 1);
    tly_store_relaxed(&list->bytes, list->bytes + bytes);
    tly_limbo_grew(self);
}

// ---- what goes

static void dead_all(struct tly_local *self, tally_object *object) {
    for (tally_object *next; object; object = next) {
        next = tly_dead_next(object);
        tly_dead_put(self, object);
    }
}

void tly_limbo_reap(struct tly_local *self) {
    if (TLY_LIKELY(!tly_limbo_has(self)))
        return;
    struct tly_cold *cold = tly_cold(self);
    struct tly_limbo over = {.head = NULL};
    if (count_of(&cold->waiting) && tly_grace_passed(cold->waiting.grace))
        list_move(&over, &cold->waiting);
    if (count_of(&cold->limbo) && count_of(&cold->waiting) == 0) {
        list_move(&cold->waiting, &cold->limbo);
        grace_set(&cold->waiting, tly_grace_next());
    }
    left_take(&over, false);
    dead_all(self, over.head);
    tly_defer_ripe(self, &over);
}

static bool is_due(const struct tly_local *self) {
    return own_count(self) + count_of(&left.young) + count_of(&left.old) >=
               limbo_objects ||
           own_bytes(self) + bytes_of(&left.young) + bytes_of(&left.old) >=
               limbo_bytes;
}

bool tly_limbo_poll(struct tly_local *self, bool all) {
    if (TLY_LIKELY(!tly_limbo_has(self)))
        return false;
    tly_limbo_reap(self);
    // One wait at a time; but who asks for all may be a part of another's.
    struct tly_cold *cold = tly_cold(self);
    uint32_t waits = cold->waits;
    if (!all && (waits || !is_due(self)))
        return true;
    struct tly_limbo *waiting = &cold->waiting;
    list_move(waiting, &cold->limbo);
    left_take(waiting, true);
    if (count_of(waiting) == 0)
        return true;
    grace_set(waiting, tly_grace_next());
    tly_count(&self->heap.moves, 1);
    cold->waits = waits + 1;
    if (waits == 0)
        cold->waits_in = TLY_FRAME;
    tly_borrow_await(tly_mutator_in(self), waiting->grace);
    cold->waits = waits;
    // Whoever took it over meanwhile ends it.
    tly_limbo_reap(self);
    return true;
}

// ---- what is there

bool tly_limbo_keeps(const struct tly_local *local) {
    return own_count(local) + count_of(&tly_cold(local)->ready) > 0;
}

bool tly_limbo_has(const struct tly_local *self) {
    return tly_limbo_keeps(self) ||
           count_of(&left.young) + count_of(&left.old) > 0;
}

bool tly_limbo_has_objects(const struct tly_local *self) {
    const struct tly_cold *cold = tly_cold(self);
    // Relaxed: a hint for who empties it.
    return cold->limbo.count + cold->waiting.count +
               tly_load_relaxed(&left.young.count) +
               tly_load_relaxed(&left.old.count) >
           0;
}

// Relaxed: statistics.
static void total(const struct tly_limbo *list, struct tly_limbo_total *sum) {
    sum->objects += tly_load_relaxed(&list->count);
    sum->bytes += tly_load_relaxed(&list->bytes);
    sum->calls += tly_load_relaxed(&list->calls);
    sum->deferred_bytes += tly_load_relaxed(&list->deferred_bytes);
}

void tly_limbo_total(const struct tly_local *local,
                     struct tly_limbo_total *sum) {
    const struct tly_cold *cold = tly_cold(local);
    total(&cold->limbo, sum);
    total(&cold->waiting, sum);
    total(&cold->ready, sum);
}

void tly_limbo_left_total(struct tly_limbo_total *sum) {
    total(&left.young, sum);
    total(&left.old, sum);
}
