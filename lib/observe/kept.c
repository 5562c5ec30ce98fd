// Immortal objects by their types, and pins: no leak is silent.

#include "observe/kept.h"

#include <tally/stats.h>

#include "base/check.h"
#include "object/count.h"
#include "object/type.h"
#include "platform/os.h"

struct kept {
    uint64_t objects, bytes;
};

static bool add(void *object, void *table) {
    const tally_object *head = object;
    // Relaxed: the world is stopped.
    struct kept *kept =
        (struct kept *)table + tly_type_index(tly_load_relaxed(&head->shared_));
    kept->objects++;
    kept->bytes += tly_pool_block_size(tly_pool_of(object));
    return true;
}

static void by_type(struct kept *table, uint32_t types) {
    if (tally_each_immortal(add, table) != TALLY_OK)
        return;
    for (uint32_t n = 1; n <= types; n++)
        if (table[n].objects)
            tly_report("%llu immortal objects of type %s (%llu bytes) live on",
                       (unsigned long long)table[n].objects, tly_types[n]->name,
                       (unsigned long long)table[n].bytes);
}

// The table is not the heap's: reporting changes nothing of what it reports.
static void report_immortal(void) {
    uint32_t types = tly_types_count();
    size_t size = ((size_t)types + 1) * sizeof(struct kept);
    size = (size + TLY_UNIT_SIZE - 1) / TLY_UNIT_SIZE * TLY_UNIT_SIZE;
    struct kept *table = tly_os_reserve(size, TLY_UNIT_SIZE);
    if (table && tly_os_commit(table, size) == TALLY_OK)
        by_type(table, types);
    else
        tly_report("%llu immortal objects live on",
                   (unsigned long long)tly_count_immortal());
    if (table)
        tly_os_unreserve(table, size);
}

void tly_kept_report(void) {
    if (tly_count_immortal())
        report_immortal();
    if (tly_count_pins())
        tly_report("%llu pins are not undone",
                   (unsigned long long)tly_count_pins());
}
