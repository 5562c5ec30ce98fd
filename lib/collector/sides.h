// The collector's side tables: flat arrays over the heap's range, indexed by
// granule, so that an edge costs a subtraction, a shift and a byte.
//
//   trial   u8 a granule   an object's count less the references found to it,
//                          modulo 256
//   member  1 bit          the object is in the set that is looked at, and not
//                          yet reached
//   listed  1 bit          was garbage of a collection that found finalizers
//   watched 1 bit          the object's header has flag WATCH
//   guarded 1 bit          a unit of the object is the collection's (guard.h)
//   marked  1 bit          a reference to the object was found by what is
//                          marked (mark.c)
//
// Each worker has a trial table and a table of marks of its own. Those of trial
// counts are added up, modulo 256, in the first one's.
//
// INVARIANT  trial, marked and member are zero between collections; listed is,
//            unless tly_finalize_awaited says that a second look is to come.
//            What was listed may have died since, and its memory be anything: a
//            bit stands for an object if a live one begins in its granule.

#ifndef TLY_COLLECTOR_SIDES_H
#define TLY_COLLECTOR_SIDES_H

#include "base/check.h"
#include "collector/workers.h"
#include "object/local.h"

// What a worker writes wherever it finds a reference to.
struct tly_side_own {
    uint8_t *trial;
    uint64_t *marked;
    size_t committed; // slots that they cover
};

struct tly_sides {
    uint8_t *trial; // that of worker 0
    uint64_t *member;
    uint64_t *listed;
    uint64_t *watched;
    uint64_t *guarded;
    tally_object **queue; // of objects that are reached and not yet scanned
    size_t queue_size;
    size_t committed; // slots that the tables cover
    size_t margin;    // slots that are prepared beyond the heap
    struct tly_side_own own[TLY_WORKERS_MAX];
    unsigned workers; // have tables that cover as much
    unsigned tables;  // of those that the collection uses
    bool whole;       // it drops all of them in the end
};
extern struct tly_sides tly_sides;

// Reserves the tables, over the heap's range.
tally_status tly_sides_start(void);
void tly_sides_end(void);

// Puts memory behind the tables, for what the heap has now; [populate]: at
// once, but for the own tables. Before a pause.
tally_status tly_sides_prepare(bool populate);

// The heap has outgrown the tables in between: twice as much beyond it from now
// on, so that a collection of a heap that grows fast does not prepare for ever.
void tly_sides_outgrown(void);

// The same for the own tables of workers beside the first. Returns how many
// workers can work: fewer than [workers] where memory is short.
unsigned tly_sides_prepare_own(unsigned workers);

// What [populate] does, for the own tables of a worker.
void tly_sides_populate_own(unsigned worker);

// Clears trial, marked and member: gives their memory back, or clears the part
// of one pool.
void tly_sides_drop(void);
void tly_sides_clear(const struct tly_pool *pool);

// Clears listed.
void tly_sides_unlist(void);

// The part of the heap that the tables cover; kernels keep it in registers
// (trial.c). Threads that run beside a collection take memory beyond, and refer
// to it: what lies there was made after the collection began.
struct tly_cover {
    uintptr_t base;
    size_t limit; // granules
};
TLY_INLINE struct tly_cover tly_sides_cover(void) {
    return (struct tly_cover){(uintptr_t)tly_range_base,
                              tly_sides.committed *
                                  (TLY_SLOT_SIZE >> TLY_GRANULE_SHIFT)};
}

// Where the tables have what a field holds: the one way from a reference to a
// table. False: nowhere, for it is NULL, a value that is no object, or an
// object beyond what the tables cover.
TLY_INLINE bool tly_side_of(struct tly_cover cover, const void *held,
                            size_t *ret_granule) {
    *ret_granule = tly_granule_in(held, cover.base);
    return TLY_LIKELY(*ret_granule < cover.limit) ||
           (TLY_BUSTED(SIDE_UNBOUND) && held && tly_range_has(held));
}

// Where the tables have an object of a pool that the collection looks at.
TLY_INLINE size_t tly_side_at(const tally_object *object) {
    size_t granule = tly_granule_of(object);
    tly_check(granule < tly_sides_cover().limit);
    return granule;
}

TLY_INLINE bool tly_side_get(const uint64_t *bits, size_t granule) {
    return bits[granule / 64] >> (granule % 64) & 1;
}
TLY_INLINE void tly_side_set(uint64_t *bits, size_t granule) {
    bits[granule / 64] |= (uint64_t)1 << (granule % 64);
}
TLY_INLINE void tly_side_reset(uint64_t *bits, size_t granule) {
    bits[granule / 64] &= ~((uint64_t)1 << (granule % 64));
}

// Calls [fn] for each object whose bit is set, in the pools that the
// collection looks at. [fn] may clear bits.
typedef void (*tly_side_fn)(void *arg, tally_object *object);
void tly_sides_each(const uint64_t *bits, tly_side_fn fn, void *arg);

// The words of bits of a pool that the collection looks at: the first, and how
// many.
TLY_INLINE size_t tly_side_words(const struct tly_pool *pool,
                                 size_t *ret_count) {
    // 16 KiB are 8 words of 64 granules; of a large block the first granule
    // is all that is used.
    *ret_count = pool->size ? pool->units * (TLY_UNIT_SIZE >> 11) : 1;
    return tly_side_at((tally_object *)(void *)pool->base) / 64;
}

// The object that begins in a granule of a pool.
TLY_INLINE tally_object *tly_side_object(const struct tly_pool *pool,
                                         size_t granule) {
    if (pool->size == (uint32_t)1 << TLY_GRANULE_SHIFT)
        return (tally_object *)(void *)(tly_range_base +
                                        (granule << TLY_GRANULE_SHIFT));
    size_t offset =
        (granule << TLY_GRANULE_SHIFT) - (size_t)(pool->base - tly_range_base);
    // The first block at or after the granule's begin; of a large block [size]
    // and [recip] are 0.
    size_t n = pool->size ? (offset + pool->size - 1) * pool->recip >> 32 : 0;
    return (tally_object *)tly_block_at(pool, (unsigned)n);
}

// The same, if a block of the pool begins there and is taken, whatever the bit
// was set for; else NULL. The world is stopped.
tally_object *tly_side_block(const struct tly_pool *pool, size_t granule);

// Whether an object is in the set.
TLY_INLINE bool tly_is_member(const tally_object *object) {
    size_t granule;
    return tly_side_of(tly_sides_cover(), object, &granule) &&
           tly_side_get(tly_sides.member, granule);
}

#endif
