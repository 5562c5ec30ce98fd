// Deferred calls and frees.

#include "object/defer.h"

#include <tally/alloc.h>
#include <tally/defer.h>

#include "epoch/attach.h"
#include "epoch/rcu.h"
#include "object/finish.h"

// Without a function: the block is to be freed.
struct entry {
    tally_deferred_fn fn;
    void *arg;
};

struct tly_bag {
    struct tly_bag *next;
    uint32_t count; // entries, those included that are done
    uint16_t room;
    uint16_t done;
    struct entry entry[];
};

// Entries of a list's first bag, and of the others: 128 bytes for a thread that
// defers once in its life, 2048 for those that do it often.
#define ROOM_FIRST 7u
#define ROOM 127u

static size_t size_of(const struct tly_bag *bag) {
    return sizeof(*bag) + bag->room * sizeof(struct entry);
}

static void bag_append(struct tly_limbo *list, struct tly_bag *bag) {
    bag->next = NULL;
    if (list->last)
        list->last->next = bag;
    else
        list->first = bag;
    list->last = bag;
}

void tly_bags_move(struct tly_limbo *to, struct tly_limbo *from) {
    if (!from->first)
        return;
    if (to->last)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    from->first = from->last = NULL;
}

// Adds to a list's sums; [bytes] may be less than nothing.
static void sums_add(struct tly_limbo *list, uint32_t calls, uint64_t bytes) {
    // Relaxed: one writer; statistics read it.
    tly_store_relaxed(&list->calls, list->calls + calls);
    tly_store_relaxed(&list->deferred_bytes, list->deferred_bytes + bytes);
}

// ---- deferring

// A bag with room, the last of those that take what comes.
static struct tly_bag *bag_open(struct tly_limbo *limbo) {
    struct tly_bag *bag = limbo->last;
    if (TLY_LIKELY(bag && bag->count < bag->room))
        return bag;
    struct tly_bag head = {.room = bag ? ROOM : ROOM_FIRST};
    // May close the list that it is for.
    bag = tally_alloc(size_of(&head));
    if (!bag)
        return NULL;
    *bag = head;
    bag_append(limbo, bag);
    sums_add(limbo, 0, size_of(bag));
    return bag;
}

static tally_status defer(tally_deferred_fn fn, void *arg, size_t bytes) {
    int error = errno;
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return -errno;
    struct tly_local *local = tly_local_of(self);
    struct tly_limbo *limbo = &tly_cold(local)->limbo;
    struct tly_bag *bag = bag_open(limbo);
    errno = error;
    if (!bag)
        return TALLY_NO_MEMORY;
    bag->entry[bag->count++] = (struct entry){fn, arg};
    sums_add(limbo, 1, bytes);
    tly_limbo_grew(local);
    return TALLY_OK;
}

tally_status tally_defer(tally_deferred_fn fn, void *arg) {
    return fn ? defer(fn, arg, 0) : TALLY_INVALID;
}

tally_status tally_defer_free(void *block) {
    return block ? defer(NULL, block, tally_usable_size(block)) : TALLY_OK;
}

// ---- when the grace period has passed

// Frees the memory; the calls that are left stay in the bag, in their order.
static void bag_sift(struct tly_bag *bag) {
    uint32_t kept = 0;
    for (uint32_t n = bag->done; n < bag->count; n++)
        if (bag->entry[n].fn)
            bag->entry[kept++] = bag->entry[n];
        else
            tally_free(bag->entry[n].arg);
    bag->done = 0;
    bag->count = kept;
}

void tly_defer_ripe(struct tly_local *self, struct tly_limbo *over) {
    struct tly_limbo *ready = &tly_cold(self)->ready;
    for (struct tly_bag *next, *bag = over->first; bag; bag = next) {
        next = bag->next;
        bag_sift(bag);
        if (bag->count) {
            bag_append(ready, bag);
            sums_add(ready, bag->count, size_of(bag));
        } else {
            tally_free(bag);
        }
    }
    if (ready->first)
        tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
}

// Takes the next call: nothing refers to it when it is made.
static struct entry ready_take(struct tly_limbo *ready) {
    struct tly_bag *bag = ready->first;
    struct entry entry = bag->entry[bag->done++];
    bool empty = bag->done == bag->count;
    sums_add(ready, (uint32_t)-1, empty ? (uint64_t)0 - size_of(bag) : 0);
    if (empty) {
        ready->first = bag->next;
        ready->last = ready->first ? ready->last : NULL;
        tally_free(bag);
    }
    return entry;
}

void tly_defer_run(struct tly_local *self) {
    struct tly_limbo *ready = &tly_cold(self)->ready;
    uint32_t calls = ready->calls;
    if (calls == 0 || tly_is_finishing(self) || !tly_hooks_may_run(self))
        return;
    // A call that passes safepoints is not interrupted by the next one.
    tly_finishing_begin(self, TLY_FRAME);
    struct tly_hook call TLY_HOOK = tly_hook_begin(self, TLY_FRAME);
    for (; calls > 0 && ready->first && !tly_hooks_end(self); calls--) {
        struct entry entry = ready_take(ready);
        tly_program_next(self, "a deferred call");
        entry.fn(entry.arg);
    }
    tly_hook_end(&call);
    self->finishing = 0;
    tly_finish(self, true);
    if (ready->first)
        tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
}
