// The table is reserved on first use, over the whole range of the heap, and has
// memory where there are weak references.

#include "object/weak_table.h"

#include "platform/os.h"
#include "sync/mutex.h"

tally_weak **tly_weak_table;
static size_t reserved, committed; // bytes of it; guarded by table_lock
static struct tly_mutex table_lock = TLY_MUTEX_INIT(TLY_RANK_WEAK_TABLE);

static tally_status table_reserve(void) {
    if (tly_weak_table)
        return TALLY_OK;
    size_t size = (tly_range_size >> TLY_GRANULE_SHIFT) * sizeof(tally_weak *);
    tally_weak **table = tly_os_reserve(size, TLY_SLOT_SIZE);
    if (!table)
        return TALLY_NO_MEMORY;
    reserved = size;
    // ORDER[weak-table] release: reserved before it is found.
    tly_store_release(&tly_weak_table, table);
    return TALLY_OK;
}

tally_status tly_weak_table_cover(const tally_object *object) {
    size_t step = (TLY_SLOT_SIZE >> TLY_GRANULE_SHIFT) * sizeof(tally_weak *);
    size_t end = (tly_granule_of(object) + 1) * sizeof(tally_weak *);
    end = (end + step - 1) / step * step;
    tly_mutex_lock(&table_lock);
    tally_status status = table_reserve();
    if (status == TALLY_OK && end > committed) {
        status =
            tly_os_commit((char *)tly_weak_table + committed, end - committed);
        if (status == TALLY_OK)
            committed = end;
    }
    tly_mutex_unlock(&table_lock);
    return status;
}

void tly_weak_table_end(void) {
    if (tly_weak_table)
        // The range of the heap has ended, and has no size any more.
        tly_os_unreserve(tly_weak_table, reserved);
    tly_weak_table = NULL;
    reserved = committed = 0;
}

void tly_weak_table_hold(bool hold) { tly_mutex_hold(&table_lock, hold); }
