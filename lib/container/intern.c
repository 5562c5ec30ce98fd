// Interned text.
//
// A table of uncounted pointers, in shards with a lock each. An interned text
// is of a type of its own, whose destroy hook takes it out, so that other text
// ends as simply as it did. What is in the table is memory that is good under
// the shard's lock, and may be dying: whether it is, tally_try_incref decides,
// for which interned text is published. A dying one is replaced, and then finds
// another in its place, or none.
//
// Under a lock nothing is allocated, freed or dropped, and no safepoint is
// passed: a fork finds the tables whole.
//
// INVARIANT  live interned text is in its shard's table, once.

#include "container/intern.h"

#include <errno.h>
#include <string.h>

#include <tally/alloc.h>

#include "container/text.h"
#include "container/types.h"
#include "epoch/attach.h"
#include "object/aref.h"
#include "sync/spin.h"

#define SHARDS 64u
#define SLOTS_MIN 16u
#define SHARD                                                                  \
    { .lock = TLY_SPIN_INIT(TLY_RANK_INTERN) }
#define SHARDS_8 SHARD, SHARD, SHARD, SHARD, SHARD, SHARD, SHARD, SHARD

static struct shard {
    struct tly_spin lock;
    struct tly_run **slots; // by hash, to the next that is free; or NULL
    size_t size;            // of [slots], a power of two, or 0
    size_t used;            // at most 3 of 4 slots
} TLY_ALIGNED(TLY_LINE) shards[SHARDS] = {SHARDS_8, SHARDS_8, SHARDS_8,
                                          SHARDS_8, SHARDS_8, SHARDS_8,
                                          SHARDS_8, SHARDS_8};

static void interned_gone(void *object);

tally_type tly_type_interned = {
    .name = "text",
    .size = sizeof(struct tly_run),
    .traits = (const tally_trait[]){
        {.kind = TALLY_TRAIT_BASE, .base = &tally_type_text},
        {.kind = TALLY_TRAIT_DESTROY, .hook = interned_gone},
        {.kind = TALLY_TRAIT_END}}};

// The upper bits choose the shard, the lower ones the slot.
static struct shard *shard_of(uint64_t hash) { return &shards[hash >> 58]; }

// ---- with the lock

// The slot that has text equal to [run], or is free.
static size_t slot_of(const struct shard *shard, struct tly_run *run) {
    size_t at = tly_run_hash(run) & (shard->size - 1);
    while (shard->slots[at] && !tly_run_equal(shard->slots[at], run))
        at = (at + 1) & (shard->size - 1);
    return at;
}

// Closes the gap at a slot that is free now: what follows may have passed it.
static void gap_close(struct shard *shard, size_t gap) {
    size_t mask = shard->size - 1;
    for (size_t at = (gap + 1) & mask; shard->slots[at]; at = (at + 1) & mask) {
        size_t home = tly_run_hash(shard->slots[at]) & mask;
        // From home to here the way leads over the gap.
        if (((at - home) & mask) < ((at - gap) & mask))
            continue;
        shard->slots[gap] = shard->slots[at];
        shard->slots[at] = NULL;
        gap = at;
    }
}

static bool has_room(const struct shard *shard) {
    return shard->used < shard->size / 4 * 3;
}

// Moves a shard to a larger array. Returns the one that was.
static struct tly_run **move_to(struct shard *shard, struct tly_run **slots,
                                size_t size) {
    struct shard old = *shard;
    shard->slots = slots;
    shard->size = size;
    for (size_t n = 0; n < old.size; n++)
        if (old.slots[n])
            slots[slot_of(shard, old.slots[n])] = old.slots[n];
    return old.slots;
}

// A reference to the text that is equal, or NULL.
static struct tly_run *find(struct shard *shard, struct tly_run *run) {
    if (!shard->size)
        return NULL;
    struct tly_run *there = shard->slots[slot_of(shard, run)];
    return there && tally_try_incref(there) ? there : NULL;
}

// Puts it in, where a dying one may be.
static void put(struct shard *shard, struct tly_run *run) {
    size_t at = slot_of(shard, run);
    shard->used += !shard->slots[at];
    shard->slots[at] = run;
}

// ---- ends

static void interned_gone(void *object) {
    struct tly_run *run = object, **unused = NULL;
    struct shard *shard = shard_of(tly_run_hash(run));
    tly_spin_lock(&shard->lock);
    if (shard->size) {
        size_t at = slot_of(shard, run);
        if (shard->slots[at] == run) {
            shard->slots[at] = NULL;
            gap_close(shard, at);
            shard->used--;
        }
    }
    if (!shard->used) {
        unused = shard->slots;
        shard->slots = NULL;
        shard->size = 0;
    }
    tly_spin_unlock(&shard->lock);
    tally_free(unused);
}

// The heap is gone, and the tables with it.
void tly_intern_end(void) {
    for (size_t n = 0; n < SHARDS; n++)
        shards[n] = (struct shard)SHARD;
}

void tly_intern_hold(bool hold) {
    for (size_t n = 0; n < SHARDS; n++)
        tly_spin_hold(&shards[n].lock, hold);
}

// ---- interning

static struct tly_run *look_up(struct shard *shard, struct tly_run *run) {
    tly_spin_lock(&shard->lock);
    struct tly_run *there = find(shard, run);
    tly_spin_unlock(&shard->lock);
    return there;
}

// Puts [mine] in unless there is one by now, in a larger array [*slots] of
// [size] if need be. Returns a reference to which is in, or NULL when it needs
// an array of more than [size]; [*slots] is what is to be freed.
static struct tly_run *put_or_find(struct shard *shard, struct tly_run *mine,
                                   struct tly_run ***slots, size_t *size) {
    tly_spin_lock(&shard->lock);
    struct tly_run *there = find(shard, mine);
    if (!there) {
        if (!has_room(shard) && *size > shard->size)
            *slots = move_to(shard, *slots, *size);
        if (has_room(shard)) {
            put(shard, mine);
            there = mine;
        } else {
            *size = shard->size ? shard->size * 2 : SLOTS_MIN;
        }
    }
    tly_spin_unlock(&shard->lock);
    return there;
}

// [mine] is nobody else's: dropped when another is in.
static struct tly_run *intern(struct shard *shard, struct tly_run *mine) {
    struct tly_run **slots = NULL, *there;
    size_t size = 0;
    while (!(there = put_or_find(shard, mine, &slots, &size))) {
        tally_free(slots);
        slots = tally_calloc(size, sizeof(slots[0]));
        if (!slots)
            break;
    }
    tally_free(slots);
    if (there != mine)
        tally_decref(mine);
    return there;
}

tally_text *tally_text_intern(tally_text *text) {
    struct tly_run *run = (struct tly_run *)text;
    if (tally_type_of(run) == &tly_type_interned) {
        tally_incref(run);
        return text;
    }
    if (!tly_self_attached())
        return NULL;
    uint64_t hash = tly_run_hash(run);
    struct shard *shard = shard_of(hash);
    struct tly_run *there = look_up(shard, run);
    if (!there) {
        struct tly_run *mine =
            tly_run_new(&tly_type_interned, run->data, tly_run_length(run));
        if (!mine)
            return NULL;
        // Others may take references from the table.
        tly_publish(&mine->head);
        there = intern(shard, mine);
    }
    return (tally_text *)there;
}
