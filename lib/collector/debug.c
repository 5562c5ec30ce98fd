// What collections say of themselves, and whether they destroy.

#include "collector/debug.h"

#include "base/check.h"
#include "epoch/attach.h"
#include "object/type.h"

static uint32_t debug_flags; // (a)

uint32_t tally_collect_debug_get(void) {
    // Relaxed: a collection goes by what it reads when it begins.
    return tly_load_relaxed(&debug_flags);
}

tally_status tally_collect_debug_set(uint32_t flags) {
    if (flags & ~TALLY_DEBUG_ALL) {
        tly_report("debug flags: %#x is not known; known are %#x", flags,
                   TALLY_DEBUG_ALL);
        return TALLY_INVALID;
    }
    if (!tly_self_attached())
        return -errno;
    tally_status status =
        flags & TALLY_DEBUG_SAVE_ALL ? tly_saved_prepare() : TALLY_OK;
    if (status == TALLY_OK)
        // Relaxed: see above.
        tly_store_relaxed(&debug_flags, flags);
    return status;
}

void tly_debug_end(void) {
    // Relaxed: nothing else runs.
    tly_store_relaxed(&debug_flags, 0);
}

tally_status tly_debug_begin(bool *ret_saves) {
    *ret_saves = tally_collect_debug_get() & TALLY_DEBUG_SAVE_ALL;
    return *ret_saves ? tly_saved_prepare() : TALLY_OK;
}

static void tell(void *what, tally_object *object) {
    tly_report("%s: %s at %p", (const char *)what, tly_type_of(object)->name,
               (void *)object);
}

static void save(void *arg, tally_object *object) {
    struct tly_found *found = arg;
    if (tly_saved_add(object))
        found->saved++;
    else
        tly_side_reset(tly_sides.member, tly_side_at(object));
}

// An object that found no room is no member any more, and lives on as garbage
// that a later collection finds.
void tly_debug_found(struct tly_found *found) {
    uint32_t flags = tally_collect_debug_get();
    char collectable[] = "collectable", uncollectable[] = "uncollectable";
    if (flags & TALLY_DEBUG_COLLECTABLE)
        tly_sides_each(tly_sides.member, tell, collectable);
    if (!found->saves)
        return;
    found->held = true;
    tly_sides_each(tly_sides.member, save, found);
    if (flags & TALLY_DEBUG_UNCOLLECTABLE)
        tly_sides_each(tly_sides.member, tell, uncollectable);
}

void tly_debug_ended(tally_generation generation,
                     const struct tally_collection *done, tally_status status) {
    if (!(tally_collect_debug_get() & TALLY_DEBUG_STATS))
        return;
    tly_report(
        "%s %s collection: %s; %llu candidates, %llu garbage, %llu "
        "freed, %llu rescued, %llu saved; pause %llu us, %llu us in all",
        done->mode == TALLY_STOPPED ? "stopped" : "concurrent",
        generation == TALLY_YOUNG ? "young" : "full", tally_strerror(status),
        (unsigned long long)done->candidates, (unsigned long long)done->garbage,
        (unsigned long long)done->freed, (unsigned long long)done->rescued,
        (unsigned long long)done->saved,
        (unsigned long long)done->pause_ns / 1000,
        (unsigned long long)done->total_ns / 1000);
}
