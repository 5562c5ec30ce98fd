// The family of malloc on the pools: blocks without a header.

#include <tally/alloc.h>

#include <string.h>

#include "base/poison.h"
#include "epoch/attach.h"
#include "platform/os.h"
#include "pool/heap.h"

static void *raw_large(size_t size, bool *ret_clean) {
    struct tly_mutator *self = tly_self_attached();
    return self ? tly_heap_take_large(tly_heap_of(self), TLY_POOL_RAW, size,
                                      ret_clean)
                : NULL;
}

static void *raw_small(size_t size) {
    unsigned class = tly_class_of(size);
    struct tly_lease *lease = &tly_heap_of(tly_self())->raw[class];
    uint64_t mask = lease->mask;
    if (TLY_UNLIKELY(!mask)) {
        // The table of classes may be empty before the runtime starts.
        struct tly_mutator *self = tly_self_attached();
        if (!self)
            return NULL;
        class = tly_class_of(size);
        lease = &tly_heap_of(self)->raw[class];
        return tly_lease_refill(lease, TLY_POOL_RAW, class);
    }
    lease->mask = mask & (mask - 1);
    return lease->base + (size_t)tly_bit_lowest(mask) * lease->size;
}

void *tally_alloc(size_t size) {
    if (TLY_UNLIKELY(size > TLY_CLASS_MAX)) {
        bool clean;
        return raw_large(size, &clean);
    }
    void *block = raw_small(size);
    if (block)
        tly_unpoison(block, size);
    return block;
}

void *tally_calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    if (bytes > TLY_CLASS_MAX) {
        bool clean;
        void *block = raw_large(bytes, &clean);
        return block && !clean ? memset(block, 0, bytes) : block;
    }
    void *block = tally_alloc(bytes);
    return block ? memset(block, 0, bytes) : NULL;
}

// Whether the address can be a block of ours, for debug builds.
static struct tly_pool *pool_checked(const void *block) {
    if (TLY_CHECK >= 1 && !tly_range_has(block))
        tly_misuse("%p is not a block of this heap (thread %u)", block,
                   tly_os_thread_id());
    struct tly_pool *pool = tly_pool_of(block);
    if (TLY_CHECK >= 1 &&
        (pool->kind != TLY_POOL_RAW ||
         (pool->size &&
          tly_block_at(pool, tly_block_of(pool, block)) != block)))
        tly_misuse("%p is not a raw block, or not the begin of one "
                   "(thread %u)",
                   block, tly_os_thread_id());
    return pool;
}

size_t tally_usable_size(const void *block) {
    return block ? tly_pool_block_size(pool_checked(block)) : 0;
}

void tally_free(void *block) {
    if (!block)
        return;
    int error = errno;
    struct tly_heap *self = tly_heap_of(tly_self());
    struct tly_pool *pool = pool_checked(block);
    if (pool->size)
        tly_poison(block, pool->size);
    // Relaxed: see tly_block_give_any. Nobody's number owns no pool.
    if (TLY_LIKELY(tly_load_relaxed(&pool->owner) == tally_number_ &&
                   pool->size))
        tly_block_give(self, pool, block);
    else
        tly_block_give_any(self, block);
    errno = error;
}

static bool is_same_class(size_t size, size_t room) {
    return room <= TLY_CLASS_MAX && tly_class_of(size) == tly_class_of(room);
}

void *tally_realloc(void *block, size_t size) {
    if (!block)
        return tally_alloc(size);
    size_t room = tally_usable_size(block);
    // Within the class, or a large block that loses less than a half.
    if (size <= room && (size > room / 2 || is_same_class(size, room))) {
        if (room <= TLY_CLASS_MAX)
            tly_unpoison(block, size);
        return block;
    }
    void *moved = tally_alloc(size);
    if (!moved)
        return NULL;
    tly_unpoison(block, room);
    memcpy(moved, block, size < room ? size : room);
    tally_free(block);
    return moved;
}

void *tally_reallocarray(void *block, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return tally_realloc(block, bytes);
}
