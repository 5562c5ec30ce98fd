// container/table.c: the storage of maps.

#include "unit_object.h"

#include <inttypes.h>
#include <stdio.h>

#include <tally/mutator.h>

#include "container/hash.h"
#include "container/table.h"

static struct tly_table *table_new(uint32_t capacity, unsigned shift) {
    struct tly_table *table = tly_table_new(capacity, shift);
    must(table);
    return table;
}

static struct tly_probe probe_of(int64_t key, uint32_t hash) {
    return (struct tly_probe){.key = tally_small(key), .hash = hash};
}

static size_t bytes_of(const struct tly_table *table) {
    return sizeof(*table) + table->words * 8;
}

static void room_grows_by_less_than_two(void **state) {
    (void)state;
    for (uint32_t live = 20; live < TLY_TABLE_MOST / 2; live += live / 7 + 1) {
        uint32_t room = tly_table_room(live);
        assert_true(room > live);
        assert_true(room <= live + live / 4 * 3 + 8);
    }
    assert_int_equal(tly_table_room(TLY_TABLE_MOST - 1), TLY_TABLE_MOST);
    assert_true(tly_table_room(0) >= 1);
}

static void an_entry_takes_forty_bytes_at_most(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    uint32_t capacity = 0;
    for (uint32_t n = 1; n <= 300000; n++) {
        if (n <= capacity)
            continue;
        // The worst is right after the table has grown.
        capacity = tly_table_room(n - 1);
        struct tly_table *table = table_new(capacity, 1);
        assert_true(table->capacity >= n);
        if (n > 200)
            assert_true(bytes_of(table) <= 40u * n);
        tally_decref(table);
    }
    tally_detach();
}

static void entries_are_found_by_hash_and_key(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    for (unsigned shift = 0; shift < 2; shift++) {
        struct tly_table *table = table_new(500, shift);
        uint32_t place = 0;
        for (int64_t n = 0; n < 500; n++)
            tly_table_add(table, tly_table_hash((uint64_t)n / 3),
                          tally_small(n), tally_small(-n));
        for (int64_t n = 0; n < 500; n++) {
            struct tly_probe probe =
                probe_of(n, tly_table_hash((uint64_t)n / 3));
            assert_int_equal(tly_table_find(table, &probe, &place), TLY_FOUND);
            assert_int_equal(tly_table_order(table)[n], place);
            assert_true(tally_is(tally_cell_get(tly_table_value(table, place)),
                                 tally_small(shift ? -n : n)));
            probe.hash = tly_table_hash((uint64_t)n + 1000);
            assert_int_equal(tly_table_find(table, &probe, &place),
                             TLY_MISSING);
        }
        tally_decref(table);
    }
    tally_detach();
}

static void looking_ends_where_nothing_was_stored(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    struct tly_table *table = table_new(20, 1);
    struct tly_probe probe = probe_of(7, 0xFFFFFFFF);
    uint32_t place = 0;
    tly_table_add(table, probe.hash, tally_small(1), tally_nil());
    tly_table_add(table, probe.hash, tally_small(7), tally_nil());
    assert_int_equal(tly_table_find(table, &probe, &place), TLY_FOUND);
    // As a reader finds it who saw the first place before it was filled, and
    // the second one after.
    uint32_t *first = tly_table_hash_at(table, tly_table_order(table)[0]);
    *first = 0;
    assert_int_equal(tly_table_find(table, &probe, &place), TLY_MISSING);
    *first = probe.hash;
    tally_decref(table);
    tally_detach();
}

static void one_hash_for_all_is_found_in_the_end(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    struct tly_table *table = table_new(200, 1);
    uint32_t place = 0;
    for (int64_t n = 0; n < 200; n++)
        tly_table_add(table, 0xFFFFFFFF, tally_small(n), tally_nil());
    struct tly_probe probe = probe_of(199, 0xFFFFFFFF);
    assert_int_equal(tly_table_find(table, &probe, &place), TLY_FOUND);
    assert_int_equal(tly_table_step(table, 0xFFFFFFFF, place), 200);
    probe.key = tally_small(200);
    assert_int_equal(tly_table_find(table, &probe, &place), TLY_MISSING);
    place = tly_table_seek(table, 0xFFFFFFFF, 0, tally_small(77));
    assert_int_equal(tly_table_step(table, 0xFFFFFFFF, place), 78);
    assert_int_equal(tly_table_seek(table, 0xFFFFFFFF, 1, tally_small(1)), 0);
    tally_decref(table);
    tally_detach();
}

static void hashes_that_differ_in_few_bits_do_not_meet(void **state) {
    (void)state;
    // A program's own: the upper bits only, the lower ones only, by steps.
    for (unsigned shift = 0; shift < 48; shift += 4) {
        uint8_t met[4096] = {0};
        unsigned most = 0;
        for (uint64_t n = 0; n < 4096; n++) {
            uint8_t *at = &met[tly_table_hash(n << shift) >> 20];
            most = ++*at > most ? *at : most;
        }
        assert_true(most < 16);
    }
}

// ---- hostile keys

enum { HOSTILE = 512 };

static uint32_t hash_of(uint64_t key, bool is_text) {
    char text[24];
    int length = snprintf(text, sizeof(text), "%" PRIx64, key);
    return tly_table_hash(is_text ? tly_hash_bytes(text, (size_t)length)
                                  : tly_hash_word(key));
}

// Keys that all begin to be probed for in one part of 256 of a table, for who
// knows the secret.
static void hostile_find(uint64_t keys[HOSTILE], bool is_text) {
    unsigned count = 0;
    for (uint64_t n = 0; count < HOSTILE; n++)
        if (hash_of(n, is_text) >> 24 == 0x42)
            keys[count++] = n;
}

// The steps that it takes to find them all.
static uint64_t hostile_steps(const uint64_t keys[HOSTILE], bool is_text) {
    struct tly_table *table = table_new(2000, 1);
    uint64_t steps = 0;
    for (unsigned n = 0; n < HOSTILE; n++) {
        uint32_t hash = hash_of(keys[n], is_text);
        tly_table_add(table, hash, tally_small(n), tally_nil());
        uint32_t place = tly_table_seek(table, hash, 0, tally_small(n));
        steps += tly_table_step(table, hash, place);
    }
    tally_decref(table);
    return steps;
}

static void who_does_not_know_the_secret_makes_no_keys_meet(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    for (unsigned is_text = 0; is_text < 2; is_text++) {
        uint64_t keys[HOSTILE];
        tly_hash_start(7);
        hostile_find(keys, is_text);
        // Beside each other, so that each is a step further than the last.
        assert_true(hostile_steps(keys, is_text) > HOSTILE * HOSTILE / 4);
        tly_hash_start(8);
        assert_true(hostile_steps(keys, is_text) < HOSTILE * 2);
    }
    tally_detach();
}

// Entries with hashes of which many are one, from the last buckets to the first
// as well; some are deleted.
static struct tly_table *crowded(unsigned shift) {
    struct tly_table *table = table_new(1000, shift);
    for (uint32_t n = 0; n < 1000; n++) {
        uint32_t hash = n % 3 ? n * 0x9E3779B9 | 1 : 0xFFFFFFFF - n % 5;
        tly_table_add(table, hash, tally_small(n), tally_small(~(int64_t)n));
    }
    for (unsigned n = 3; n < 1000; n += 7) {
        uint32_t place = tly_table_order(table)[n];
        tally_cell_set(table, tly_table_value(table, place), tally_absent());
        tally_cell_set(table, tly_table_key(table, place), tally_absent());
    }
    return table;
}

static void however_a_table_is_moved_its_entries_keep_their_order(
    void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    for (unsigned shift = 0; shift < 2; shift++) {
        struct tly_table *from[2], *to[2];
        for (unsigned way = 0; way < 2; way++) {
            from[way] = crowded(shift), to[way] = table_new(1300, shift);
            uint32_t *went =
                calloc(tly_table_places(from[way]), sizeof(went[0]));
            must(went);
            tly_table_move(from[way], to[way], way ? went : NULL);
            free(went);
        }
        assert_int_equal(to[0]->length, 1000 - 143);
        assert_int_equal(to[1]->length, 1000 - 143);
        for (uint32_t n = 0; n < to[0]->length; n++) {
            uint32_t place[2] = {tly_table_order(to[0])[n],
                                 tly_table_order(to[1])[n]};
            tally_value key = tally_cell_get(tly_table_key(to[0], place[0]));
            uint32_t hash = *tly_table_hash_at(to[0], place[0]);
            assert_true(
                tally_is(key, tally_cell_get(tly_table_key(to[1], place[1]))));
            assert_int_equal(tly_table_seek(to[0], hash, 0, key), place[0]);
            assert_int_equal(tly_table_seek(to[1], hash, 0, key), place[1]);
        }
        // Those of one hash are met in the order in which they were made.
        for (unsigned way = 0; way < 2; way++) {
            uint32_t last = 0, place;
            for (int64_t n = 0; n < 1000; n += 15) {
                if (n % 7 == 3)
                    continue;
                place = tly_table_seek(to[way], 0xFFFFFFFF, 0, tally_small(n));
                must(place);
                uint32_t step = tly_table_step(to[way], 0xFFFFFFFF, place);
                assert_true(step > last);
                last = step;
            }
            tally_decref(from[way]);
            tally_decref(to[way]);
        }
    }
    tally_detach();
}

static struct tally_counts counts(void *object) {
    return tally_counts_of(object);
}

static void moving_moves_the_counts(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    struct tly_table *from = table_new(10, 1), *to = table_new(20, 1);
    struct tly_table *thing = table_new(1, 0), *key = table_new(1, 0);
    tally_incref(thing);
    tally_incref(key);
    tly_table_add(from, 5, tally_small(1), tally_nil());
    tly_table_add(from, 6, tally_of(key), tally_of(thing));
    uint32_t first = tly_table_order(from)[0];
    tally_cell_set(from, tly_table_value(from, first), tally_absent());
    tally_cell_set(from, tly_table_key(from, first), tally_absent());
    tly_table_move(from, to, NULL);
    assert_int_equal(from->length, 0);
    assert_int_equal(to->length, 1);
    // Who still reads it finds what it had.
    struct tly_probe probe = {.key = tally_of(key), .hash = 6};
    uint32_t place = 0;
    assert_int_equal(tly_table_find(from, &probe, &place), TLY_FOUND);
    assert_int_equal(place, tly_table_order(from)[1]);
    tally_decref(from);
    assert_int_equal(counts(thing).owner_count, 2);
    assert_int_equal(tly_table_find(to, &probe, &place), TLY_FOUND);
    assert_int_equal(place, tly_table_order(to)[0]);

    struct tly_table *copy = table_new(20, 1);
    tly_table_copy(to, copy);
    assert_int_equal(counts(thing).owner_count, 3);
    assert_int_equal(counts(key).owner_count, 3);
    tally_decref(copy);
    tally_decref(to);
    assert_int_equal(counts(thing).owner_count, 1);
    assert_int_equal(counts(key).owner_count, 1);
    tally_decref(thing);
    tally_decref(key);
    tally_detach();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(room_grows_by_less_than_two),
        object_test(an_entry_takes_forty_bytes_at_most),
        object_test(entries_are_found_by_hash_and_key),
        object_test(looking_ends_where_nothing_was_stored),
        object_test(one_hash_for_all_is_found_in_the_end),
        object_test(hashes_that_differ_in_few_bits_do_not_meet),
        object_test(who_does_not_know_the_secret_makes_no_keys_meet),
        object_test(however_a_table_is_moved_its_entries_keep_their_order),
        object_test(moving_moves_the_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
