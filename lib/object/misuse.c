// What a program takes for an object and is none.

#include "base/check.h"
#include "object/count.h"
#include "object/type.h"
#include "platform/os.h"

enum what { OBJECT, DEAD, RAW, FOREIGN };

// What an address is that the program takes for an object's. Poison and the
// program's own bytes may look like a header, so the pool is asked first.
static enum what what_is(const tally_object *object) {
    if (!tly_range_has(object))
        return FOREIGN;
    size_t slot = tly_slot_of(tly_arena_of(object));
    if (!tly_arena_or_huge_at(slot))
        return RAW; // or the inside of a huge block, or free
    const struct tly_pool *pool = tly_pool_of(object);
    if (pool->kind == TLY_POOL_RAW)
        return RAW;
    return tly_load_relaxed(&object->gc_) & TLY_GC_LIVE ? OBJECT : DEAD;
}

static const char *type_name(const tally_object *object) {
    uint32_t index = tly_type_index(tly_load_relaxed(&object->shared_));
    return index && index <= tly_types_count() ? tly_types[index]->name
                                               : "of no type";
}

__attribute__((noreturn, cold)) static void object_misuse(
    const tally_object *object, enum what what, const char *doing) {
    uint32_t thread = tly_os_thread_id();
    if (what == FOREIGN)
        tly_misuse("%s of %p, which is not an object of this heap, by thread "
                   "%u",
                   doing, (const void *)object, thread);
    if (what == RAW)
        tly_misuse("%s of %p by thread %u: a raw block, not an object: what "
                   "tally_alloc gave goes back by tally_free",
                   doing, (const void *)object, thread);
    tly_misuse("%s of a dead object at %p (%s) by thread %u: it has ended, so "
               "a reference to it was dropped once too often, or used after it "
               "was dropped",
               doing, (const void *)object, type_name(object), thread);
}

void tly_object_check_slow(const tally_object *object, const char *doing) {
    enum what what = what_is(object);
    if (what != OBJECT)
        object_misuse(object, what, doing);
}

void tly_count_drop_dead(const tally_object *object) {
    object_misuse(object, DEAD, "decref");
}
