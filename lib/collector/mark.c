// Kernel B: from what is referred to from outside, everything it leads to.
//
// An object is marked when it is pushed, so that it is pushed once; a ring of
// prefetched objects between the stack and the scan hides the misses (about
// three independent ones an object on a random graph). When the stack is full,
// a member keeps its bit and shows a count that is not zero, and the sweep
// finds it again.

#include "collector/trial.h"
#include "object/type.h"
#include "pool/walk.h"

#define RING 64u

static size_t stack_top;
static bool stack_overflow;

void tly_mark_push(tally_object *object) {
    size_t granule = tly_granule_of(object);
    if (TLY_UNLIKELY(stack_top == tly_sides.stack_size)) {
        tly_sides.trial[granule] = 1;
        stack_overflow = true;
        return;
    }
    tly_side_reset(tly_sides.member, granule);
    tly_sides.stack[stack_top++] = object;
}

static void mark_run(void *arg, tally_ref *first, size_t count) {
    (void)arg;
    for (size_t n = 0; n < count; n++) {
        tally_object *child = tly_trial_load(&first[n]);
        if (child && tly_is_member(child))
            tly_mark_push(child);
    }
}

static void scan(tally_object *object) {
    unsigned refs = object->tf_ & TLY_TF_REFS;
    if (TLY_UNLIKELY(refs == TLY_TF_ASK))
        tly_refs_each(object, tly_type_of(object), mark_run, NULL);
    else
        mark_run(NULL, (tally_ref *)(void *)(object + 1), refs);
}

void tly_mark_drain(void) {
    tally_object *ring[RING];
    unsigned head = 0, count = 0;
    while (stack_top > 0 || count > 0) {
        while (count < RING && stack_top > 0) {
            tally_object *object = tly_sides.stack[--stack_top];
            TLY_PREFETCH(object);
            ring[(head + count++) % RING] = object;
        }
        tally_object *object = ring[head];
        head = (head + 1) % RING;
        count--;
        scan(object);
    }
}

// Pushes the members of a pool that show references from outside.
static bool pool_roots(void *arg, struct tly_pool *pool) {
    (void)arg;
    size_t count, first = tly_side_words(pool, &count);
    for (size_t w = first; w < first + count; w++)
        for (uint64_t bits = tly_sides.member[w]; bits; bits &= bits - 1) {
            size_t granule = w * 64 + tly_bit_lowest(bits);
            if (tly_sides.trial[granule])
                tly_mark_push(tly_side_object(pool, granule));
        }
    tly_mark_drain();
    return true;
}

void tly_trial_mark(void) {
    do {
        stack_overflow = false;
        tly_pools_looked(pool_roots, NULL);
    } while (stack_overflow);
}
