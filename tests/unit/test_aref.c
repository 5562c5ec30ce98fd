// object/aref.c: what stores do to headers.

#include "unit_object.h"

#include <tally/aref.h>

struct box {
    tally_object head;
    tally_aref field;
};
TALLY_TYPE(box, TALLY_AREF(field));

static void a_store_publishes_once(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    struct box *box = tally_new(box), *inner = tally_new(box);
    assert_false(inner->head.shared_ & TLY_PUB);
    tally_aref_set_steal(box, &box->field, inner);
    assert_true(inner->head.shared_ & TLY_PUB);
    assert_false(box->head.shared_ & TLY_PUB);
    assert_ptr_equal(box->field.ref_.object_, inner);
    assert_ptr_equal(tally_aref_exchange(box, &box->field, inner), inner);
    tally_decref(box);
}

static void a_store_tells_who_watches_the_container(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    struct box *box = tally_new(box);
    box->head.owner_ |= TALLY_OWNER_WATCH_;
    tally_aref_set(box, &box->field, NULL);
    assert_true(box->head.shared_ & TLY_DIRTY);
    box->head.shared_ &= ~(uint64_t)TLY_DIRTY;
    tally_aref_compare_set(box, &box->field, NULL, NULL);
    assert_true(box->head.shared_ & TLY_DIRTY);
    box->head.shared_ &= ~(uint64_t)TLY_DIRTY;
    box->head.owner_ &= (uint16_t)~TALLY_OWNER_WATCH_;
    tally_decref(box);
}

static void an_upgrade_fails_once_the_count_was_zero(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    tally_aref root = TALLY_AREF_INIT;
    tally_aref_set_steal(NULL, &root, tally_new(box));
    TALLY_BORROW {
        struct box *borrowed = tally_aref_get(&root);
        tally_aref_set(NULL, &root, NULL);
        assert_true(borrowed->head.shared_ & TLY_DYING);
        assert_null(tally_upgrade(borrowed));
    }
}

static void a_failed_compare_changes_no_count(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    tally_aref root = TALLY_AREF_INIT;
    struct box *box = tally_new(box);
    assert_false(tally_aref_compare_set(NULL, &root, box, box));
    assert_int_equal(box->head.local_, 1);
    assert_null(tally_aref_get(&root));
    tally_decref(box);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(a_store_publishes_once),
        object_test(a_store_tells_who_watches_the_container),
        object_test(an_upgrade_fails_once_the_count_was_zero),
        object_test(a_failed_compare_changes_no_count),
    };
    return cmocka_run_group_tests_name("object/aref", tests, NULL, NULL);
}
