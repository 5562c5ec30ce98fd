// Making objects.

#include <tally/object.h>

#include "base/check.h"
#include "base/poison.h"
#include "base/status.h"
#include "epoch/attach.h"
#include "object/local.h"
#include "object/made.h"
#include "object/type.h"
#include "sync/rank.h"

// Makes a block with a cleared payload an object of this mutator's.
TLY_INLINE void *object_make(struct tly_local *self, const tally_type *type,
                             tally_object *object) {
    // Relaxed: nobody knows the object.
    tly_store_relaxed(&object->shared_, type->shared_);
    // ORDER[tracked] release: the fields are complete before gc_ says that
    // the block holds an object. Pairs with who reads gc_.
    tly_store_release((tly_header_word *)object,
                      type->header_ | self->heap.mutator.header);
    tly_count(&self->counters.made, 1);
    return object;
}

static void length_set(void *object, const tally_type *type, size_t items) {
    char *length = (char *)object + type->length_at_;
    if (type->length_size_ == 8)
        *(uint64_t *)(void *)length = items;
    else
        *(uint32_t *)(void *)length = (uint32_t)items;
}

static void *block_take(struct tly_local *self, size_t bytes, bool *ret_clean) {
    *ret_clean = false;
    if (bytes > TLY_CLASS_MAX)
        return tly_heap_take_large(&self->heap, TLY_POOL_OBJECT, bytes,
                                   ret_clean);
    unsigned class = tly_class_of(bytes);
    struct tly_bin *bin = &self->heap.bins[class + 1];
    if (bin->lease.cached)
        return bin->cache[--bin->lease.cached];
    return tly_lease_refill(&bin->lease, TLY_POOL_OBJECT, class);
}

static bool items_fit(const tally_type *type, size_t items) {
    if (items == 0)
        return true;
    if (!type->item_size_) {
        errno = EINVAL;
        return false;
    }
    if (items > TLY_RANGE_MAX / type->item_size_ ||
        (type->length_size_ == 4 && items > UINT32_MAX)) {
        errno = ENOMEM;
        return false;
    }
    return true;
}

// Everything that the fast path is not: the thread's or the type's first
// time, an empty lease, objects with items, large ones.
static TLY_COLD void *new_slow(tally_type *type, size_t items) {
    struct tly_mutator *mutator = tly_self_attached();
    if (!mutator)
        return NULL;
    struct tly_local *self = tly_local_of(mutator);
    // ORDER[types] acquire: the descriptor is complete.
    if (!tly_load_acquire(&type->index_)) {
        tally_status status = tally_type_register(type);
        if (status != TALLY_OK) {
            errno = tly_errno_of(status);
            return NULL;
        }
    }
    if (!items_fit(type, items))
        return NULL;
    bool clean;
    size_t bytes = tly_type_bytes(type, items);
    void *block = block_take(self, bytes, &clean);
    if (!block)
        return NULL;
    tly_unpoison(block, bytes);
    tally_object *object = block;
    if (!clean)
        memset(object + 1, 0, bytes - sizeof(*object));
    if (type->item_size_)
        length_set(object, type, items);
    if (type->made_)
        tly_made_count(type->made_, mutator->number, 1);
    return object_make(self, type, object);
}

TLY_INLINE void *new_fixed(tally_type *type) {
    tly_locks_none("an allocation");
    struct tly_local *self = tly_local_of(tly_self());
    // ORDER[types] acquire: a type with a bin is complete.
    struct tly_bin *bin = &self->heap.bins[tly_load_acquire(&type->bin_)];
    char *block;
    uint64_t mask;
    if (TLY_LIKELY(bin->lease.cached)) {
        block = bin->cache[--bin->lease.cached];
    } else if (TLY_LIKELY((mask = bin->lease.mask))) {
        bin->lease.mask = mask & (mask - 1);
        block =
            bin->lease.base + (size_t)tly_bit_lowest(mask) * bin->lease.size;
    } else {
        return new_slow(type, 0);
    }
    tly_unpoison(block, 32 + 16 * type->words_);
    char *payload = block + sizeof(tally_object);
    memset(payload, 0, 16); // the smallest block has room for it
    for (uint32_t n = type->words_; TLY_UNLIKELY(n > 1); n--)
        memset(payload += 16, 0, 16);
    return object_make(self, type, (tally_object *)(void *)block);
}

void *tally_object_new(tally_type *type, size_t items) {
    return TLY_LIKELY(!items) ? new_fixed(type) : new_slow(type, items);
}

static TLY_COLD void *mismatch(const tally_type *type, size_t size) {
    tly_report("type %s has %zu bytes, and a struct %s of %zu bytes is to be "
               "made of it: two structures that are called the same",
               type->name, type->size, type->name, size);
    errno = EINVAL;
    return NULL;
}

void *tally_object_new_sized(tally_type *type, size_t size) {
    return TLY_LIKELY(type->size == size) ? new_fixed(type)
                                          : mismatch(type, size);
}

void *tally_object_new_items_sized(tally_type *type, size_t items,
                                   size_t size) {
    if (type->size != size)
        return mismatch(type, size);
    return tally_object_new(type, items);
}
