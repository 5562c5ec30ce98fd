// PEER pkg-config: liburcu-memb, liburcu-cds debian: liburcu-dev
// liburcu's cds_lfht, of strings: split-ordered lists, nodes with their hash
// and letters inside, X31 as in klib. A key's value is replaced in its node.

#define _LGPL_SOURCE
#include <stdlib.h>
#include <string.h>

#include <urcu/urcu-memb.h>

#include <urcu/rculfhash.h>

#define RIVAL "lfht"
static inline void rival_begin(void) { urcu_memb_register_thread(); }
static inline void rival_end(void) { urcu_memb_unregister_thread(); }
static inline void rival_pause(void) {}
static inline void rival_resume(void) {}
static inline void rival_poll(void) {}

#include "map_plain.h"

struct word {
    struct cds_lfht_node node;
    uint64_t value;
    char letters[];
};

static struct cds_lfht *table;
static const bool map_shared = true;

static inline unsigned long hash_of(const char *letters) {
    unsigned long hash = 0;
    for (; *letters; letters++)
        hash = hash * 31 + (unsigned char)*letters;
    return hash;
}

static int is_word(struct cds_lfht_node *node, const void *letters) {
    struct word *word = caa_container_of(node, struct word, node);
    return strcmp(word->letters, letters) == 0;
}

static inline void map_fill(uint32_t count) {
    // As many buckets as keys from the start on: another thread would have to
    // keep up.
    table = cds_lfht_new_flavor(1ul << 20, 1, 0, CDS_LFHT_AUTO_RESIZE,
                                &urcu_memb_flavor, NULL);
    bench_require(table, "no memory");
    for (uint32_t n = 0; n < count; n++) {
        map_probe_ref letters = map_probe(n);
        struct word *word = malloc(sizeof *word + strlen(letters) + 1);
        bench_require(word, "no memory");
        word->value = n;
        strcpy(word->letters, letters);
        map_probe_end(letters);
        urcu_memb_read_lock();
        cds_lfht_add(table, hash_of(word->letters), &word->node);
        urcu_memb_read_unlock();
    }
}

// Left to the end of the process: taking a million out one by one, in sections
// that keep the table from shrinking, took minutes.
static inline void map_drop(void) { table = NULL; }

static inline struct word *look_up(map_probe_ref probe) {
    struct cds_lfht_iter iter;
    cds_lfht_lookup(table, hash_of(probe), is_word, probe, &iter);
    struct cds_lfht_node *node = cds_lfht_iter_get_node(&iter);
    return node ? caa_container_of(node, struct word, node) : NULL;
}

static inline uint64_t map_get(map_probe_ref probe) {
    urcu_memb_read_lock();
    struct word *word = look_up(probe);
    // Relaxed: a number.
    uint64_t value = word ? __atomic_load_n(&word->value, __ATOMIC_RELAXED) : 0;
    urcu_memb_read_unlock();
    return value;
}
static inline uint64_t map_get_beside(map_probe_ref probe) {
    return map_get(probe);
}
static inline void map_put(map_probe_ref probe, uint32_t value) {
    urcu_memb_read_lock();
    // Relaxed: a number.
    __atomic_store_n(&look_up(probe)->value, value, __ATOMIC_RELAXED);
    urcu_memb_read_unlock();
}

#include "peer.h"
#include "work/map.h"

int main(int argc, char **argv) {
    static const struct peer_question questions[] = {{"map", work_map},
                                                     {NULL, NULL}};
    return peer_main(argc, argv, questions);
}
