// container/ring.c: rings of cells.

#include "unit_object.h"

#include <errno.h>

#include "container/ring.h"

static struct tly_ring *ring_new(uint64_t least) {
    struct tly_ring *ring = tly_ring_new(least);
    must(ring);
    return ring;
}

// An object that a ring may hold: another ring.
static tally_value object_new(void) { return tally_of(ring_new(1)); }

static uint32_t count_of(tally_value value) {
    return tally_counts_of(tally_object_of(value)).owner_count;
}

static void room_is_a_power_of_two_that_suffices(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    for (uint64_t least = 1; least < 200; least++) {
        struct tly_ring *ring = ring_new(least);
        assert_true(ring->room >= least);
        assert_int_equal(ring->room & (ring->room - 1), 0);
        assert_int_equal(ring->live, ring->room);
        assert_true(tally_counts_of(ring).flags & TALLY_COUNT_PUBLISHED);
        tally_decref(ring);
    }
    errno = 0;
    assert_null(tly_ring_new(UINT64_MAX));
    assert_int_equal(errno, ENOMEM);
    tally_detach();
}

static void places_go_around(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    struct tly_ring *ring = ring_new(8);
    // Below 0, too.
    for (uint64_t at = (uint64_t)-4; at != 4; at++)
        tly_ring_write(ring, at, tally_small((int64_t)at));
    for (uint64_t at = (uint64_t)-4; at != 4; at++)
        assert_int_equal(tally_small_of(tly_ring_read(ring, at)), (int64_t)at);
    assert_ptr_equal(tly_ring_cell(ring, 3), tly_ring_cell(ring, 11));
    tally_decref(ring);
    tally_detach();
}

static void what_moves_is_not_counted_anew(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    struct tly_ring *from = ring_new(4), *to = ring_new(8);
    tally_value object = object_new();
    for (uint64_t at = 2; at < 6; at++) // around the end
        tly_ring_write(from, at, tally_value_incref(object));
    tly_ring_move(from, to, 2, 4);
    assert_int_equal(count_of(object), 5);
    assert_int_equal(from->live, 0);
    for (uint64_t at = 2; at < 6; at++)
        assert_true(tally_is(tly_ring_read(to, at), object));
    // Its words are still there, but nothing of them is dropped.
    assert_true(tally_is(tly_ring_read(from, 2), object));
    tally_decref(from);
    assert_int_equal(count_of(object), 5);
    tally_decref(to);
    must(tally_synchronize() == TALLY_OK);
    tally_safepoint();
    assert_int_equal(count_of(object), 1);
    tally_value_decref(object);
    tally_detach();
}

static void what_is_copied_is_counted(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    struct tly_ring *from = ring_new(8), *to = ring_new(4);
    tally_value object = object_new();
    for (uint64_t at = 0; at < 8; at++)
        tly_ring_write(from, at,
                       at % 3 ? tally_small((int64_t)at)
                              : tally_value_incref(object));
    tly_ring_copy(from, 0, 3, 3, to, 5);
    assert_int_equal(count_of(object), 7);
    assert_int_equal(from->live, 8);
    for (uint64_t at = 5; at < 8; at++)
        assert_true(tally_is(tly_ring_read(to, at), object));
    assert_true(tally_is_absent(tly_ring_read(to, 4)));
    tally_decref(from);
    tally_decref(to);
    must(tally_synchronize() == TALLY_OK);
    tally_safepoint();
    assert_int_equal(count_of(object), 1);
    tally_value_decref(object);
    tally_detach();
}

static unsigned runs;
static size_t fields;
static void count_fields(void *arg, tally_ref *first, size_t count) {
    (void)arg;
    (void)first;
    runs++;
    fields += count;
}

static void a_ring_without_references_shows_none(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    struct tly_ring *from = ring_new(8), *to = ring_new(8);
    runs = 0, fields = 0;
    tly_refs_each(&from->head, tally_type_of(from), count_fields, NULL);
    assert_int_equal(runs, 1);
    assert_int_equal(fields, 8);
    tly_ring_move(from, to, 0, 0);
    tly_refs_each(&from->head, tally_type_of(from), count_fields, NULL);
    assert_int_equal(runs, 1);
    tally_decref(from);
    tally_decref(to);
    tally_detach();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(room_is_a_power_of_two_that_suffices),
        object_test(places_go_around),
        object_test(what_moves_is_not_counted_anew),
        object_test(what_is_copied_is_counted),
        object_test(a_ring_without_references_shows_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
