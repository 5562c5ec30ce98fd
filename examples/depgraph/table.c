// Open addressing with linear probing, at most three quarters full. The high
// bits of a hash choose the shard, the low bits the slot.

#include "table.h"

#define SLOTS_LEAST 64u

static unsigned shard_of(uint64_t hash) {
    return (unsigned)(hash >> 32) % SHARDS;
}

static void shard_lock(struct shard *shard) {
    if (pthread_mutex_trylock(&shard->mutex) != 0)
        TALLY_BLOCKING { pthread_mutex_lock(&shard->mutex); }
}

static void shard_unlock(struct shard *shard) {
    pthread_mutex_unlock(&shard->mutex);
}

void table_init(struct table *table) {
    memset(table, 0, sizeof *table);
    for (unsigned i = 0; i < SHARDS; i++)
        pthread_mutex_init(&table->shard[i].mutex, NULL);
}

void table_fini(struct table *table) {
    for (unsigned i = 0; i < SHARDS; i++) {
        drop(table->shard[i].slots);
        pthread_mutex_destroy(&table->shard[i].mutex);
    }
}

// FNV-1a; the last step spreads its weak high bits.
static uint64_t hash_of(const char *bytes, size_t length) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    return hash ^ hash >> 29;
}

static bool is_called(const struct name *name, uint64_t hash, const char *bytes,
                      size_t length) {
    return name->hash == hash && name->size == length + 1 &&
           !memcmp(name->bytes, bytes, length);
}

// Returns the first slot from the hash's place on that is empty or has the
// name.
static tally_ref *find_slot(struct links *slots, uint64_t hash,
                            const char *bytes, size_t length) {
    for (uint64_t i = hash;; i++) {
        tally_ref *slot = &slots->to[i & (slots->n - 1)];
        const struct name *name = tally_ref_get(slot);
        if (!name || is_called(name, hash, bytes, length))
            return slot;
    }
}

// Makes room for one more name.
static bool grow(struct shard *shard) {
    struct links *old = shard->slots;
    if (old && shard->used * 4 < old->n * 3)
        return true;
    struct links *slots = list_new(old ? old->n * 2 : SLOTS_LEAST);
    if (!slots)
        return false;
    for (uint32_t i = 0; old && i < old->n; i++) {
        struct name *name = tally_ref_get(&old->to[i]);
        if (name)
            tally_ref_move(
                slots,
                find_slot(slots, name->hash, name->bytes, name->size - 1), old,
                &old->to[i]);
    }
    shard->slots = slots;
    drop(old);
    return true;
}

static struct name *intern_locked(struct shard *shard, uint64_t hash,
                                  const char *bytes, size_t length) {
    if (!grow(shard))
        return NULL;
    tally_ref *slot = find_slot(shard->slots, hash, bytes, length);
    struct name *name = tally_ref_get(slot);
    if (!name && (name = name_new(bytes, length, hash))) {
        tally_ref_set_steal(shard->slots, slot, name);
        shard->used++;
    }
    return name;
}

struct name *table_intern(struct table *table, const char *bytes,
                          size_t length) {
    uint64_t hash = hash_of(bytes, length);
    struct shard *shard = &table->shard[shard_of(hash)];
    shard_lock(shard);
    struct name *name = intern_locked(shard, hash, bytes, length);
    shard_unlock(shard);
    return name;
}

static int alphabetical(const void *a, const void *b) {
    const struct name *x = *(struct name *const *)a;
    const struct name *y = *(struct name *const *)b;
    return strcmp(x->bytes, y->bytes);
}

// Collects the table's names, borrowed.
static void gather(struct table *table, struct name **names) {
    for (unsigned i = 0; i < SHARDS; i++) {
        const struct links *slots = table->shard[i].slots;
        for (uint32_t j = 0; slots && j < slots->n; j++) {
            struct name *name = tally_ref_get(&slots->to[j]);
            if (name)
                *names++ = name;
        }
    }
}

struct links *table_catalogue(struct table *table) {
    size_t n = 0;
    for (unsigned i = 0; i < SHARDS; i++)
        n += table->shard[i].used;
    struct name **names = tally_reallocarray(NULL, n, sizeof *names);
    struct links *catalogue = names ? list_new(n) : NULL;
    if (catalogue) {
        gather(table, names);
        qsort(names, n, sizeof *names, alphabetical);
        for (uint32_t i = 0; i < n; i++) {
            names[i]->id = i;
            tally_ref_set(catalogue, &catalogue->to[i], names[i]);
        }
    }
    tally_free(names);
    return catalogue;
}

void table_lock(struct table *table, const struct name *name) {
    shard_lock(&table->shard[shard_of(name->hash)]);
}

void table_unlock(struct table *table, const struct name *name) {
    shard_unlock(&table->shard[shard_of(name->hash)]);
}

void lockset_add(struct lockset *set, const struct name *name) {
    unsigned shard = shard_of(name->hash);
    set->word[shard / 64] |= (uint64_t)1 << shard % 64;
}

unsigned lockset_count(const struct lockset *set) {
    int n = 0;
    for (unsigned i = 0; i < SHARDS / 64; i++)
        n += __builtin_popcountll(set->word[i]);
    return (unsigned)n;
}

static bool has(const struct lockset *set, unsigned shard) {
    return set->word[shard / 64] >> shard % 64 & 1;
}

void lockset_lock(struct table *table, const struct lockset *set) {
    for (unsigned i = 0; i < SHARDS; i++)
        if (has(set, i))
            shard_lock(&table->shard[i]);
}

void lockset_unlock(struct table *table, const struct lockset *set) {
    for (unsigned i = 0; i < SHARDS; i++)
        if (has(set, i))
            shard_unlock(&table->shard[i]);
}
