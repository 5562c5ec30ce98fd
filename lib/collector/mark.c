// Kernel B: from what is referred to from outside, everything it leads to.
//
// An object is marked when it is pushed, so that it is pushed once; a ring of
// prefetched objects between the stack and the scan hides the misses (about
// three independent ones an object on a random graph). When the stack is full,
// a member keeps its bit and shows a count that is not zero, and the sweep
// finds it again.

#include "collector/lock.h"
#include "collector/trial.h"
#include "object/type.h"
#include "pool/walk.h"

#define RING 64u

// Objects that are scanned between two looks whether to give up.
#define LOOK_EVERY 4096u

static size_t stack_top;
static bool stack_overflow;

// The marking's state, in registers (see trial.c).
struct marker {
    uint64_t *member;
    tally_object **stack;
    size_t top, size;
    uintptr_t base;
    size_t limit; // granules that the tables cover
};

TLY_INLINE struct marker marker_begin(void) {
    return (struct marker){
        tly_sides.member,     tly_sides.stack,           stack_top,
        tly_sides.stack_size, (uintptr_t)tly_range_base, tly_sides_limit()};
}

static TLY_NOINLINE void push_overflow(size_t granule) {
    tly_sides.trial[granule] = 1;
    stack_overflow = true;
}

TLY_INLINE void push(struct marker *m, tally_object *object, size_t granule) {
    if (TLY_UNLIKELY(m->top == m->size)) {
        push_overflow(granule);
        return;
    }
    tly_side_reset(m->member, granule);
    m->stack[m->top++] = object;
}

void tly_mark_push(tally_object *object) {
    struct marker m = marker_begin();
    push(&m, object, tly_granule_of(object));
    stack_top = m.top;
}

TLY_INLINE void mark_fields(struct marker *m, tally_ref *first, size_t count) {
    for (size_t n = 0; n < count; n++) {
        tally_object *child = tly_trial_load(&first[n]);
        if (!child)
            continue;
        size_t granule = ((uintptr_t)child - m->base) >> TLY_GRANULE_SHIFT;
        if (granule < m->limit && tly_side_get(m->member, granule))
            push(m, child, granule);
    }
}

// The same for the few references of a simple object, when the stack has room
// for them: whether a child is a member is a coin toss on a random graph, so
// it is pushed always and counted if it was.
TLY_INLINE void mark_leading(struct marker *m, tally_ref *first,
                             unsigned count) {
    for (unsigned n = 0; n < count; n++) {
        tally_object *child = tly_trial_load(&first[n]);
        if (!child)
            continue;
        size_t granule = ((uintptr_t)child - m->base) >> TLY_GRANULE_SHIFT;
        if (TLY_UNLIKELY(granule >= m->limit))
            continue;
        uint64_t word = m->member[granule / 64];
        m->stack[m->top] = child;
        m->top += word >> (granule % 64) & 1;
        m->member[granule / 64] = word & ~((uint64_t)1 << (granule % 64));
    }
}

static void mark_run(void *arg, tally_ref *first, size_t count) {
    (void)arg;
    struct marker m = marker_begin();
    mark_fields(&m, first, count);
    stack_top = m.top;
}

static TLY_NOINLINE size_t mark_typed(tally_object *object, size_t top) {
    stack_top = top;
    tly_refs_each(object, tly_type_of(object), mark_run, NULL);
    return stack_top;
}

void tly_mark_drain(void) {
    tally_object *ring[RING];
    unsigned head = 0, count = 0, scanned = 0;
    struct marker m = marker_begin();
    while (m.top > 0 || count > 0) {
        if (TLY_UNLIKELY(++scanned == LOOK_EVERY)) {
            scanned = 0;
            if (tly_collector_is_urgent()) {
                stack_top = 0;
                return;
            }
        }
        while (count < RING && m.top > 0) {
            tally_object *object = m.stack[--m.top];
            TLY_PREFETCH(object);
            ring[(head + count++) % RING] = object;
        }
        tally_object *object = ring[head];
        head = (head + 1) % RING;
        count--;
        unsigned refs = tly_trial_refs(object);
        if (TLY_UNLIKELY(refs == TLY_TF_ASK))
            m.top = mark_typed(object, m.top);
        else if (TLY_LIKELY(m.top + TLY_TF_ASK < m.size))
            mark_leading(&m, (tally_ref *)(void *)(object + 1), refs);
        else
            mark_fields(&m, (tally_ref *)(void *)(object + 1), refs);
    }
    stack_top = m.top;
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
