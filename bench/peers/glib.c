// PEER pkg-config: glib-2.0 debian: libglib2.0-dev
// GLib's GHashTable, of strings: open addressing, hashes kept.
// op=mix: under a pthread rwlock, which readers take as well.

#include <glib.h>

#define RIVAL "glib"
static inline void rival_begin(void) {}
static inline void rival_end(void) {}
static inline void rival_pause(void) {}
static inline void rival_resume(void) {}
static inline void rival_poll(void) {}

#include <pthread.h>

#include "map_plain.h"

static GHashTable *table;
static pthread_rwlock_t table_lock = PTHREAD_RWLOCK_INITIALIZER;
static const bool map_shared = true;

static gboolean key_free(gpointer key, gpointer value, gpointer unused) {
    (void)value;
    (void)unused;
    free(key);
    return TRUE;
}

static inline void map_fill(uint32_t count) {
    table = g_hash_table_new(g_str_hash, g_str_equal);
    for (uint32_t n = 0; n < count; n++)
        g_hash_table_insert(table, (char *)(uintptr_t)map_probe(n),
                            GUINT_TO_POINTER(n));
}
static inline void map_drop(void) {
    g_hash_table_foreach_remove(table, key_free, NULL);
    g_hash_table_destroy(table);
}

static inline uint64_t map_get(map_probe_ref probe) {
    return GPOINTER_TO_UINT(g_hash_table_lookup(table, probe));
}
static inline uint64_t map_get_beside(map_probe_ref probe) {
    pthread_rwlock_rdlock(&table_lock);
    uint64_t value = map_get(probe);
    pthread_rwlock_unlock(&table_lock);
    return value;
}
static inline void map_put(map_probe_ref probe, uint32_t value) {
    pthread_rwlock_wrlock(&table_lock);
    // The key stays the table's; what is there is replaced.
    g_hash_table_insert(table, (char *)(uintptr_t)probe,
                        GUINT_TO_POINTER(value));
    pthread_rwlock_unlock(&table_lock);
}

#include "peer.h"
#include "work/map.h"

int main(int argc, char **argv) {
    static const struct peer_question questions[] = {{"map", work_map},
                                                     {NULL, NULL}};
    return peer_main(argc, argv, questions);
}
