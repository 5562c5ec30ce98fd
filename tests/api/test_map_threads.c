// include/tally/map.h: maps of several threads.

#include "api.h"
#include "containers.h"

#include <stdatomic.h>

static tally_map *map_new(size_t expected) {
    tally_map *map = tally_map_new(expected);
    must(map);
    return map;
}

enum { KEYS = 64, ROUNDS_ALONE = 4000 };

static void *write_some(void *arg) {
    tally_map *map = arg;
    for (unsigned n = 0; n < rounds(ROUNDS_ALONE, ROUNDS_ALONE / 4); n++) {
        struct thing *thing = thing_new(n % KEYS);
        must(tally_map_set(map, tally_small(n % KEYS), tally_of(thing)) == 0);
        tally_decref(thing);
        (void)tally_map_delete(map, tally_small((n + KEYS / 2) % KEYS));
        if (n % 512 == 0)
            tally_map_clear(map);
        tally_safepoint();
    }
    return NULL;
}

static void *read_some(void *arg) {
    tally_map *map = arg;
    for (unsigned n = 0; n < rounds(ROUNDS_ALONE, ROUNDS_ALONE / 4); n++) {
        tally_value value = tally_map_get(map, tally_small(n % KEYS));
        if (!tally_is_absent(value)) {
            struct thing *thing = tally_object_of(value);
            must(thing->number == n % KEYS);
            tally_decref(thing);
        }
        tally_safepoint();
    }
    return NULL;
}

static void readers_find_what_writers_leave(void **state) {
    (void)state;
    tally_map *map = map_new(0);
    pthread_t thread[4];
    for (int n = 0; n < 4; n++)
        thread[n] = thread_start(n % 2 ? read_some : write_some, map);
    for (int n = 0; n < 4; n++)
        thread_join(thread[n]);
    tally_decref(map);
}

// So many that its tables are moved bucket by bucket.
enum { MANY = 100000, THINGS_EACH = 64 };

static struct {
    tally_map *map;
    atomic_long reached; // keys that have been set
} growing;

static void *grow(void *unused) {
    for (int64_t n = 0; n < MANY; n++) {
        tally_value value = tally_small(n);
        if (n % THINGS_EACH == 0)
            value = tally_of(thing_new((uint64_t)n));
        must(tally_map_set(growing.map, tally_small(n), value) == TALLY_OK);
        tally_value_decref(value);
        atomic_store(&growing.reached, n + 1);
        tally_safepoint();
    }
    return unused;
}

static void *read_grown(void *unused) {
    uint64_t random = 1;
    for (long reached = 0; reached < MANY; tally_safepoint()) {
        reached = atomic_load(&growing.reached);
        random = random * 6364136223846793005u + 1442695040888963407u;
        int64_t n = reached ? (int64_t)(random >> 33) % reached : MANY;
        tally_value value = tally_map_get(growing.map, tally_small(n));
        must(tally_is_absent(value) == (n == MANY));
        if (n == MANY)
            continue;
        if (n % THINGS_EACH == 0)
            must(((struct thing *)tally_object_of(value))->number ==
                 (uint64_t)n);
        else
            must(tally_small_of(value) == n);
        tally_value_decref(value);
    }
    return unused;
}

static void a_large_map_is_read_while_it_grows(void **state) {
    (void)state;
    growing.map = map_new(0);
    atomic_store(&growing.reached, 0);
    pthread_t thread[3];
    for (int n = 0; n < 3; n++)
        thread[n] = thread_start(n ? read_grown : grow, NULL);
    for (int n = 0; n < 3; n++)
        thread_join(thread[n]);
    tally_value key, value;
    struct tally_map_iterator it;
    tally_map_begin(growing.map, &it);
    for (int64_t n = 0; n < MANY; n++) {
        must(tally_map_next(&it, &key, &value));
        must(tally_small_of(key) == n);
        tally_value_decref(value);
    }
    tally_map_end(&it);
    tally_decref(growing.map);
}

// A drop is to be noted where that of a table is, which is told first. Who
// made the table does not run: it dies at once, and drops the very object. In
// one try of sixteen both have one place.
enum { TRIES = 64, BETWEEN = 63, STEPS = 6 };

static struct {
    stage at;
    tally_map *map;      // its table is the maker's
    struct thing *thing; // the owner's, with the reference that the map has
} dying;

static void *make_tables(void *unused) {
    for (unsigned n = 0; n < TRIES * STEPS; n += STEPS) {
        stage_poll(&dying.at, n + 1);
        dying.map = map_new(1);
        stage_set(&dying.at, n + 2);
        stage_spin(&dying.at, n + 4);
        TALLY_BLOCKING {
            stage_set(&dying.at, n + 5);
            stage_wait(&dying.at, n + 6);
        }
    }
    return unused;
}

static void *own_values(void *unused) {
    static struct thing *between[TRIES][BETWEEN];
    for (unsigned n = 0; n < TRIES; n++) {
        stage_poll(&dying.at, n * STEPS + 2);
        dying.thing = thing_new(n);
        must(tally_map_set(dying.map, tally_small(0), tally_of(dying.thing)) ==
             TALLY_OK);
        for (unsigned i = 0; i < BETWEEN; i++)
            between[n][i] = thing_new(i);
        stage_set(&dying.at, n * STEPS + 3);
        stage_spin(&dying.at, n * STEPS + 6);
    }
    for (unsigned n = 0; n < TRIES; n++)
        for (unsigned i = 0; i < BETWEEN; i++)
            tally_decref(between[n][i]);
    return unused;
}

static void a_table_drops_what_is_being_dropped(void **state) {
    (void)state;
    atomic_store(&dying.at, 0);
    pthread_t maker = thread_start(make_tables, NULL);
    pthread_t owner = thread_start(own_values, NULL);
    for (unsigned n = 0; n < TRIES * STEPS; n += STEPS) {
        stage_set(&dying.at, n + 1);
        stage_spin(&dying.at, n + 3);
        tally_map_clear(dying.map); // noted: the maker runs
        stage_set(&dying.at, n + 4);
        stage_spin(&dying.at, n + 5);
        tally_decref(dying.thing);
        stage_set(&dying.at, n + 6);
        tally_decref(dying.map);
        tally_flush();
    }
    thread_join(maker);
    thread_join(owner);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(readers_find_what_writers_leave),
        quiet_test(a_large_map_is_read_while_it_grows),
        quiet_test(a_table_drops_what_is_being_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
