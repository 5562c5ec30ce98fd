// tally_map as work/map.h sees it. Probes are text of their own.

#ifndef BENCH_RIVAL_MAP_H
#define BENCH_RIVAL_MAP_H

typedef tally_text *map_probe_ref;

static const bool map_shared = true;
static tally_map *map_all;

static inline map_probe_ref map_probe(uint32_t number) {
    char letters[48];
    size_t length = key_text(letters, number);
    tally_text *text = tally_text_new(letters, length);
    bench_require(text, "no memory");
    return text;
}
static inline void map_probe_end(map_probe_ref probe) { tally_decref(probe); }

static inline void map_fill(uint32_t count) {
    map_all = tally_map_new(0);
    bench_require(map_all, "no memory");
    for (uint32_t n = 0; n < count; n++) {
        tally_text *key = map_probe(n);
        bench_require(tally_map_set(map_all, tally_of(key), tally_small(n)) ==
                          0,
                      "no memory");
        tally_decref(key);
        tally_safepoint();
    }
}
static inline void map_drop(void) { tally_decref(map_all); }

static inline uint64_t map_get(map_probe_ref probe) {
    tally_value value = tally_map_get(map_all, tally_of(probe));
    return tally_is_absent(value) ? 0 : (uint64_t)tally_small_of(value);
}
static inline uint64_t map_get_beside(map_probe_ref probe) {
    return map_get(probe);
}
static inline void map_put(map_probe_ref probe, uint32_t value) {
    bench_require(tally_map_set(map_all, tally_of(probe), tally_small(value)) ==
                      0,
                  "no memory");
}

#endif
