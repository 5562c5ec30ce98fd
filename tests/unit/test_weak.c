// object/weak.c: weak references and deaths by count.

#include "unit_object.h"

#include <tally/weak.h>

#include "platform/fault.h"

static unsigned ended, called;
static char order[8];

static void leaf_ends(void *object) {
    (void)object;
    ended++;
}
struct leaf {
    tally_object head;
    uint64_t value;
};
TALLY_TYPE(leaf, TALLY_DESTROY(leaf_ends));

static struct tly_local *begin(void) {
    must(tally_attach(NULL) == TALLY_OK);
    ended = called = 0;
    return tly_local_of(tly_self());
}

static void note(tally_weak *weak, void *arg) {
    must(tally_weak_is_dead(weak));
    must(tally_weak_get(weak) == NULL);
    must(ended == 0); // it is destroyed after
    order[called++] = *(const char *)arg;
}

static void all_without_a_callback_are_one(void **state) {
    (void)state;
    begin();
    struct leaf *leaf = tally_new(leaf);
    tally_weak *a = tally_weak_new(leaf, NULL, NULL);
    tally_weak *b = tally_weak_new(leaf, NULL, NULL);
    assert_ptr_equal(a, b);
    assert_int_equal(tly_weak_count(), 1);
    assert_true(leaf->head.shared_ & TLY_WEAK);
    assert_true(leaf->head.shared_ & TLY_PUB);
    tally_decref(a);
    tally_decref(b);
    tally_decref(leaf);
    poll_now();
    assert_int_equal(tly_weak_count(), 0);
}

static void a_weak_reference_does_not_keep_alive(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct leaf *leaf = tally_new(leaf);
    tally_weak *weak = tally_weak_new(leaf, NULL, NULL);
    struct leaf *got = tally_weak_get(weak);
    assert_ptr_equal(got, leaf);
    assert_int_equal(leaf->head.local_, 2);
    tally_decref(got);
    tally_decref(leaf);
    assert_true(tally_weak_is_dead(weak));
    assert_null(tally_weak_get(weak));
    tly_limbo_poll(self, true);
    tly_finish(self, true);
    assert_int_equal(ended, 1);
    tally_decref(weak);
}

static void callbacks_are_called_once_the_newest_first(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct leaf *leaf = tally_new(leaf);
    tally_weak *plain = tally_weak_new(leaf, NULL, NULL);
    tally_weak *a = tally_weak_new(leaf, note, (void *)(uintptr_t) "a");
    tally_weak *b = tally_weak_new(leaf, note, (void *)(uintptr_t) "b");
    tally_weak *c = tally_weak_new(leaf, note, (void *)(uintptr_t) "c");
    assert_ptr_not_equal(a, b);
    tally_decref(b); // gone before: not called
    tally_decref(leaf);
    poll_now();
    assert_int_equal(called, 2);
    assert_memory_equal(order, "ca", 2);
    assert_true(tally_weak_is_dead(plain));
    tly_limbo_poll(self, true);
    tly_finish(self, true);
    poll_now();
    assert_int_equal(called, 2);
    assert_int_equal(ended, 1);
    tally_decref(plain);
    tally_decref(a);
    tally_decref(c);
}

static void a_callback_may_outlive_the_programs_reference(void **state) {
    (void)state;
    begin();
    // Dropped from within its own callback, which the runtime holds it for.
    struct leaf *leaf = tally_new(leaf);
    tally_weak *weak = tally_weak_new(leaf, note, (void *)(uintptr_t) "a");
    tally_decref(leaf);
    tally_decref(weak);
    poll_now();
    assert_int_equal(called, 1);
}

static void chains_of_weak_references_do_not_recurse(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct leaf *leaf = tally_new(leaf);
    void *last = tally_weak_new(leaf, NULL, NULL);
    for (int n = 0; n < 100000; n++) {
        tally_weak *next = tally_weak_new(last, NULL, NULL);
        tally_decref(last);
        last = next;
    }
    tally_decref(leaf);
    while (tly_weak_count()) {
        tly_limbo_poll(self, true);
        tly_finish(self, true);
    }
    tally_decref(last);
}

static void without_memory_nothing_is_made(void **state) {
    (void)state;
    begin();
    struct leaf *leaf = tally_new(leaf);
    for (uint32_t kind = TLY_FAULT_RESERVE; kind <= TLY_FAULT_REFILL;
         kind <<= 1) {
        if (kind == TLY_FAULT_PURGE)
            continue;
        tly_fault_arm(kind, 1, true);
        errno = 0;
        tally_weak *weak = tally_weak_new(leaf, note, NULL);
        tly_fault_disarm(NULL);
        if (weak) {
            tally_decref(weak);
            continue;
        }
        assert_int_equal(errno, ENOMEM);
    }
    tally_weak *weak = tally_weak_new(leaf, NULL, NULL);
    assert_non_null(weak);
    tally_decref(leaf);
    assert_true(tally_weak_is_dead(weak));
    tally_decref(weak);
}

static void a_dying_object_gets_none(void **state) {
    (void)state;
    begin();
    struct leaf *leaf = tally_new(leaf);
    tally_publish(leaf);
    tally_decref(leaf);
    errno = 0;
    assert_null(tally_weak_new(leaf, NULL, NULL));
    assert_int_equal(errno, EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(all_without_a_callback_are_one),
        object_test(a_weak_reference_does_not_keep_alive),
        object_test(callbacks_are_called_once_the_newest_first),
        object_test(a_callback_may_outlive_the_programs_reference),
        object_test(chains_of_weak_references_do_not_recurse),
        object_test(without_memory_nothing_is_made),
        object_test(a_dying_object_gets_none),
    };
    return cmocka_run_group_tests_name("object/weak", tests, NULL, NULL);
}
