// The name table: a hash map in shards, each with a mutex.
//
// A shard's mutex is the lock of all names in that shard: it guards the
// shard's slots, and the fields of its names and of their packages that
// graph.h marks (n).
//
// The rules that keep threads from waiting for each other in a circle:
//   1. Who wants several locks takes them in the order of the shards, all at
//      once, by a lockset.
//   2. Who has to wait for a lock does so in a blocking region. So a thread
//      that waits never keeps the world from stopping, and a thread that holds
//      a lock while the world stands still is waited for by nobody who runs.
//   3. No thread passes a safepoint with a lock held: others would wait for
//      the lock as long as for a whole collection.
//   4. Allocating and counting are allowed under a lock: the library does not
//      stop a thread there, and our types have no hooks that take locks.

#ifndef DEPGRAPH_TABLE_H
#define DEPGRAPH_TABLE_H

#include "graph.h"

#include <pthread.h>

#define SHARDS 256u

struct shard {
    _Alignas(64) pthread_mutex_t mutex;
    struct links *slots; // owned; a power of two of them, NULL when none
    uint32_t used;
};

struct table {
    struct shard shard[SHARDS];
};

void table_init(struct table *table);

// Drops all references that the table holds. No other thread uses it.
void table_fini(struct table *table);

// Finds a name, or makes it with a virtual package. Returns a borrowed
// reference, good as long as the table is; NULL when memory is short. Any
// thread, without locks.
struct name *table_intern(struct table *table, const char *bytes,
                          size_t length);

// All names in alphabetical order, numbered: an owned list, or NULL when
// memory is short. No other thread uses the table.
struct links *table_catalogue(struct table *table);

// Locks and unlocks one name.
void table_lock(struct table *table, const struct name *name);
void table_unlock(struct table *table, const struct name *name);

// A set of names to lock at once.
struct lockset {
    uint64_t word[SHARDS / 64];
};
void lockset_add(struct lockset *set, const struct name *name);
unsigned lockset_count(const struct lockset *set);
void lockset_lock(struct table *table, const struct lockset *set);
void lockset_unlock(struct table *table, const struct lockset *set);

#endif
