// PEER pkg-config: htslib debian: libhts-dev
// klib's khash, of strings, for one thread: open addressing, a hash of its own
// (X31) that is not kept, and letters compared where that meets. The fastest in
// C that Debian has.

#include <stdlib.h>

#include <htslib/khash.h>

#define RIVAL "khash"
static inline void rival_begin(void) {}
static inline void rival_end(void) {}
static inline void rival_pause(void) {}
static inline void rival_resume(void) {}
static inline void rival_poll(void) {}

#include "map_plain.h"

#pragma GCC diagnostic ignored "-Wconversion" // klib's own
KHASH_MAP_INIT_STR(words, uint64_t)
static khash_t(words) * table;
static const bool map_shared = false;

static inline void map_fill(uint32_t count) {
    table = kh_init(words);
    for (uint32_t n = 0; n < count; n++) {
        int status;
        khint_t at = kh_put(words, table, map_probe(n), &status);
        bench_require(status > 0, "no memory");
        kh_value(table, at) = n;
    }
}
static inline void map_drop(void) {
    for (khint_t at = 0; at < kh_end(table); at++)
        if (kh_exist(table, at))
            map_probe_end((char *)(uintptr_t)kh_key(table, at));
    kh_destroy(words, table);
}
static inline uint64_t map_get(map_probe_ref probe) {
    khint_t at = kh_get(words, table, probe);
    return at == kh_end(table) ? 0 : kh_value(table, at);
}
static inline uint64_t map_get_beside(map_probe_ref probe) {
    return map_get(probe);
}
static inline void map_put(map_probe_ref probe, uint32_t value) {
    kh_value(table, kh_get(words, table, probe)) = value;
}

#include "peer.h"
#include "work/map.h"

int main(int argc, char **argv) {
    static const struct peer_question questions[] = {{"map", work_map},
                                                     {NULL, NULL}};
    return peer_main(argc, argv, questions);
}
