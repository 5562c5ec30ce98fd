// Looking for a key that is bytes or text, which asks no hooks: what most
// look-ups are, without a call.

#ifndef TLY_CONTAINER_RUN_FIND_H
#define TLY_CONTAINER_RUN_FIND_H

#include "container/table.h"
#include "container/text.h"
#include "object/header.h"

// Whether two objects have one type.
TLY_INLINE bool tly_is_alike(const tally_object *a, const tally_object *b) {
    // Relaxed: the type's bits never change.
    return !((tly_load_relaxed(&a->shared_) ^ tly_load_relaxed(&b->shared_)) &
             TLY_TYPE_MASK);
}

// Whether a table's key is the run, whose hash is known as that of every key
// is; ASK: it is of another type. [is_short]: at most TLY_RUN_SHORT bytes.
TLY_INLINE enum tly_found tly_compare_run(tally_value key,
                                          const struct tly_run *run,
                                          bool is_short) {
    const struct tly_run *other = tly_run_of(tally_object_of(key));
    if (other == run)
        return TLY_FOUND;
    if (TLY_UNLIKELY(!other))
        return tally_is_absent(key) ? TLY_MISSING : TLY_ASK;
    if (TLY_UNLIKELY(!tly_is_alike(&other->head, &run->head)))
        return TLY_ASK;
    // Relaxed: it was stored before the key was, and never changes.
    uint64_t differ =
        tly_load_relaxed(&other->hash) ^ tly_load_relaxed(&run->hash);
    if (TLY_UNLIKELY(differ | (other->items ^ run->items)))
        return TLY_MISSING;
    // The length of what is looked for, which is known earlier.
    size_t length = tly_run_length(run);
    bool equal = is_short ? tly_short_equal(other->data, run->data, length)
                          : tly_bytes_equal(other->data, run->data, length);
    return equal ? TLY_FOUND : TLY_MISSING;
}

// Which of a bucket's hashes are [wanted], a bit each: without a branch for
// each, none of which could be foretold.
TLY_INLINE unsigned tly_bucket_match(const uint32_t *hashes, uint32_t wanted,
                                     unsigned places) {
    unsigned match = 0;
#pragma GCC unroll 5
    for (unsigned n = 0; n < places; n++)
        // Relaxed: loaded once more before its entry is looked at.
        match |= (unsigned)(tly_load_relaxed(&hashes[n]) == wanted) << n;
    return match;
}

// Looks for bytes or text with this hash, as tly_table_find does. ASK: only
// that one knows. Stores the cell of the value unless it is MISSING. [is_short]
// as above.
TLY_INLINE enum tly_found tly_run_find(const struct tly_table *table,
                                       const struct tly_run *run,
                                       uint32_t wanted, bool is_short,
                                       const tally_cell **ret_value) {
    uint32_t bucket = tly_table_home(table, wanted), shift = table->shift;
    for (;; bucket = tly_bucket_next(table, bucket)) {
        const uint32_t *hashes = tly_bucket_hashes(table, bucket);
        unsigned match = shift ? tly_bucket_match(hashes, wanted, 3)
                               : tly_bucket_match(hashes, wanted, 5);
        for (; TLY_LIKELY(match); match &= match - 1) {
            unsigned number = (unsigned)__builtin_ctz(match);
            // ORDER[table-slot] acquire: the entry as it was made.
            (void)tly_load_acquire(&hashes[number]);
            const tally_cell *key =
                tly_table_key(table, tly_bucket_place(bucket, number, shift));
            *ret_value = key + shift;
            enum tly_found found =
                tly_compare_run(tally_cell_get(key), run, is_short);
            if (TLY_LIKELY(found != TLY_MISSING))
                return found;
        }
        // Relaxed: who knows of an entry farther on knows this.
        if (!tly_load_relaxed(&hashes[tly_bucket_places(shift)]))
            return TLY_MISSING;
    }
}

#endif
