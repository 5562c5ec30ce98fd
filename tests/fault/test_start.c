// A process's first steps, with the n-th fault point failing; each n in a
// process of its own.

#include "api.h"
#include "child.h"
#include "platform/fault.h"
#include "scenario.h"

struct attempt {
    bool (*start)(void); // whether it got through
    uint32_t kinds;
    uint64_t nth;
    bool persistent;
};

// No fault was left to fire.
#define NOTHING_FIRED 7

static bool by_init(void) {
    tally_status status = tally_init(NULL);
    return status == TALLY_BUSY || !refused_status(status);
}

static bool by_object(void) {
    struct thing *thing = tally_new(thing);
    if (refused(thing))
        return false;
    tally_decref(thing);
    return true;
}

static bool by_raw(void) {
    void *block = tally_alloc(100);
    if (refused(block))
        return false;
    tally_free(block);
    return true;
}

static bool by_attach(void) { return !refused_status(tally_attach("first")); }

static bool by_borrow(void) {
    if (refused_status(tally_borrow_enter()))
        return false;
    tally_borrow_leave();
    return true;
}

static bool by_collect(void) {
    errno = 0;
    must(tally_collect() == 0);
    must(errno == 0 || errno == ENOMEM);
    return errno == 0;
}

static bool by_type(void) {
    return !refused_status(tally_type_register(TALLY_TYPE_OF(thing)));
}

static bool by_verify(void) { return !refused_status(tally_verify(2)); }

static bool by_hot(void) {
    struct thing *thing = tally_new(thing);
    if (refused(thing))
        return false;
    bool done = !refused_status(tally_make_hot(thing));
    tally_incref(thing);
    done = !refused_status(tally_make_cold(thing)) && done;
    tally_decref(thing);
    tally_decref(thing);
    return done;
}

static bool by_restart(void) {
    if (!by_object())
        return false;
    must(tally_shutdown(NULL) == TALLY_OK);
    return by_object();
}

static void attempt(void *arg) {
    const struct attempt *a = arg;
    tly_fault_arm(a->kinds, a->nth, a->persistent);
    bool done = a->start();
    uint64_t fired = tly_fault_disarm(NULL);
    must(fired > 0 || done);
    // Trying again works, as often as one likes.
    for (int n = 0; n < 2; n++) {
        must(a->start());
        must(scenarios[(a->nth + (unsigned)n) % SCENARIOS].run());
        tally_collect();
        must(live_objects() == 0);
        must(tally_verify(2) == TALLY_OK);
        size_t leaked = 77;
        must(tally_shutdown(&leaked) == TALLY_OK);
        must(leaked == 0);
    }
    _exit(fired ? 0 : NOTHING_FIRED);
}

static void fail_each(bool (*start)(void)) {
    const uint32_t kinds[] = {TLY_FAULT_RESERVE, TLY_FAULT_COMMIT,
                              TLY_FAULT_REFILL, TLY_FAULT_MUTATOR,
                              TLY_FAULT_ALL};
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
        for (int persistent = 0; persistent < 2; persistent++) {
            struct attempt a = {start, kinds[k], 0, persistent};
            struct child child;
            do {
                // The sanitized builds look at each third.
                a.nth += a.nth > 2 ? rounds(1, 3) : 1;
                assert_true(a.nth < 1000);
                child = child_run(attempt, &a);
                bool passed = WIFEXITED(child.status) &&
                              (WEXITSTATUS(child.status) == 0 ||
                               WEXITSTATUS(child.status) == NOTHING_FIRED);
                if (!passed)
                    print_message("kinds %u, point %u%s: status %#x\n%s\n",
                                  kinds[k], (unsigned)a.nth,
                                  persistent ? " and all later" : "",
                                  (unsigned)child.status, child.text);
                assert_true(passed);
            } while (WEXITSTATUS(child.status) == 0);
        }
}

#define START_TEST(name, start)                                                \
    static void name(void **state) {                                           \
        (void)state;                                                           \
        fail_each(start);                                                      \
    }

START_TEST(a_failed_init_can_be_tried_again, by_init)
START_TEST(a_failed_first_object_can_be_tried_again, by_object)
START_TEST(a_failed_first_block_can_be_tried_again, by_raw)
START_TEST(a_failed_first_attach_can_be_tried_again, by_attach)
START_TEST(a_failed_first_borrow_can_be_tried_again, by_borrow)
START_TEST(a_failed_first_collection_can_be_tried_again, by_collect)
START_TEST(a_failed_first_type_can_be_tried_again, by_type)
START_TEST(a_failed_first_verification_can_be_tried_again, by_verify)
START_TEST(a_failed_first_hot_object_can_be_tried_again, by_hot)
START_TEST(a_failed_second_start_can_be_tried_again, by_restart)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_init_can_be_tried_again),
        cmocka_unit_test(a_failed_first_object_can_be_tried_again),
        cmocka_unit_test(a_failed_first_block_can_be_tried_again),
        cmocka_unit_test(a_failed_first_attach_can_be_tried_again),
        cmocka_unit_test(a_failed_first_borrow_can_be_tried_again),
        cmocka_unit_test(a_failed_first_collection_can_be_tried_again),
        cmocka_unit_test(a_failed_first_type_can_be_tried_again),
        cmocka_unit_test(a_failed_first_verification_can_be_tried_again),
        cmocka_unit_test(a_failed_first_hot_object_can_be_tried_again),
        cmocka_unit_test(a_failed_second_start_can_be_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
