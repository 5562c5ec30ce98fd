// sync/rank.h

#include "unit_cmocka.h"

#include "base/compiler.h"
#include "sync/rank.h"

static void locks_can_be_taken_in_the_order_of_ranks(void **state) {
    (void)state;
    for (int rank = 0; rank < TLY_RANKS; rank++)
        tly_rank_enter((enum tly_rank)rank);
    for (int rank = TLY_RANKS; rank-- > 0;)
        tly_rank_leave((enum tly_rank)rank);
    assert_true(tly_rank_none());
}

static void locks_can_be_given_back_in_any_order(void **state) {
    (void)state;
    tly_rank_enter(TLY_RANK_TYPES);
    tly_rank_enter(TLY_RANK_ARENA);
    tly_rank_leave(TLY_RANK_TYPES);
    assert_int_equal(tly_rank_none(), TLY_CHECK == 0);
    tly_rank_leave(TLY_RANK_ARENA);
    assert_true(tly_rank_none());
}

static void enter_twice(void *rank) {
    tly_rank_enter(*(enum tly_rank *)rank);
    tly_rank_enter(*(enum tly_rank *)rank);
}

static void a_rank_taken_twice_aborts(void **state) {
    (void)state;
    enum tly_rank rank = TLY_RANK_GRACE;
    if (TLY_CHECK == 0)
        skip();
    assert_aborts(enter_twice, &rank, "broken");
}

static void leave(void *rank) { tly_rank_leave(*(enum tly_rank *)rank); }

static void leaving_a_rank_that_is_not_held_aborts(void **state) {
    (void)state;
    enum tly_rank rank = TLY_RANK_GRACE;
    if (TLY_CHECK == 0)
        skip();
    assert_aborts(leave, &rank, "broken");
}

static void run_hook(void *arg) {
    (void)arg;
    tly_rank_enter(TLY_RANK_CONTROL);
    tly_locks_none("a hook");
}

static void wait_unranked(void *arg) {
    (void)arg;
    tly_unranked_enter();
    tly_locks_none_waits("a wait");
}

static void debug_builds_abort_who_holds_a_lock_where_none_may_be(
    void **state) {
    (void)state;
    if (TLY_CHECK == 0)
        skip();
    assert_aborts(run_hook, NULL, "before a hook");
    assert_aborts(wait_unranked, NULL, "1 locks of containers before a wait");
}

static void wait_in_a_fork(void *arg) {
    (void)arg;
    tly_rank_enter(TLY_RANK_RUNTIME);
    tly_locks_none_waits("a stop");
    tly_locks_none("a hook");
}

static void the_lock_of_the_runtime_is_held_over_waits_and_no_hook(
    void **state) {
    (void)state;
    if (TLY_CHECK == 0)
        skip();
    assert_aborts(wait_in_a_fork, NULL, "rank 0 before a hook");
}

static void take_unranked(void *arg) {
    (void)arg;
    tly_rank_enter(TLY_RANK_HOT);
    tly_unranked_enter();
}

static void a_lock_without_a_rank_comes_before_all_that_have_one(void **state) {
    (void)state;
    if (TLY_CHECK == 0)
        skip();
    tly_unranked_enter();
    tly_rank_enter(TLY_RANK_HOT);
    assert_false(tly_rank_none());
    tly_rank_leave(TLY_RANK_HOT);
    assert_false(tly_rank_none());
    tly_unranked_leave();
    assert_true(tly_rank_none());
    assert_aborts(take_unranked, NULL, "broken");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locks_can_be_taken_in_the_order_of_ranks),
        cmocka_unit_test(locks_can_be_given_back_in_any_order),
        cmocka_unit_test(a_rank_taken_twice_aborts),
        cmocka_unit_test(leaving_a_rank_that_is_not_held_aborts),
        cmocka_unit_test(debug_builds_abort_who_holds_a_lock_where_none_may_be),
        cmocka_unit_test(
            the_lock_of_the_runtime_is_held_over_waits_and_no_hook),
        cmocka_unit_test(a_lock_without_a_rank_comes_before_all_that_have_one),
    };
    return cmocka_run_group_tests_name("sync/rank", tests, NULL, NULL);
}
