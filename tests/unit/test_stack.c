// sync/stack.h: many pushers, one that takes all.

#include "unit_cmocka.h"

#include <pthread.h>
#include <sched.h>

#include "base/atomic.h"
#include "sync/stack.h"

#define PUSHERS 4u
#define EACH 5000u

struct item {
    struct tly_link link;
    unsigned pusher, number;
};

static void an_empty_stack_has_nothing_to_take(void **state) {
    (void)state;
    struct tly_stack stack = {CK_STACK_INITIALIZER};
    assert_null(tly_stack_take(&stack));
}

static void the_last_that_was_pushed_comes_first(void **state) {
    (void)state;
    struct tly_stack stack = {CK_STACK_INITIALIZER};
    struct tly_link links[3];
    for (unsigned n = 0; n < 3; n++)
        tly_stack_push(&stack, &links[n]);
    struct tly_link *link = tly_stack_take(&stack);
    assert_ptr_equal(link, &links[2]);
    assert_ptr_equal(link = tly_stack_next(link), &links[1]);
    assert_ptr_equal(link = tly_stack_next(link), &links[0]);
    assert_null(tly_stack_next(link));
}

static void taking_leaves_nothing(void **state) {
    (void)state;
    struct tly_stack stack = {CK_STACK_INITIALIZER};
    struct tly_link link;
    tly_stack_push(&stack, &link);
    assert_ptr_equal(tly_stack_take(&stack), &link);
    assert_null(tly_stack_take(&stack));
    tly_stack_push(&stack, &link);
    assert_ptr_equal(tly_stack_take(&stack), &link);
}

static struct tly_stack shared = {CK_STACK_INITIALIZER};
static struct item items[PUSHERS][EACH];

static void *push_all(void *arg) {
    struct item *mine = arg;
    for (unsigned n = 0; n < EACH; n++) {
        mine[n].number = n;
        tly_stack_push(&shared, &mine[n].link);
    }
    return NULL;
}

// Takes what there is; [seen] counts each item.
static unsigned take_some(unsigned char seen[PUSHERS][EACH]) {
    unsigned count = 0, last[PUSHERS];
    for (unsigned n = 0; n < PUSHERS; n++)
        last[n] = EACH;
    struct tly_link *link = tly_stack_take(&shared);
    for (; link; link = tly_stack_next(link), count++) {
        struct item *item = TLY_CONTAINER_OF(link, struct item, link);
        // Of each pusher the later ones lie before the earlier ones.
        assert_true(item->number < last[item->pusher]);
        last[item->pusher] = item->number;
        seen[item->pusher][item->number]++;
    }
    return count;
}

static void of_many_pushers_everything_is_taken_once(void **state) {
    (void)state;
    static unsigned char seen[PUSHERS][EACH];
    pthread_t threads[PUSHERS];
    for (unsigned n = 0; n < PUSHERS; n++) {
        for (unsigned i = 0; i < EACH; i++)
            items[n][i].pusher = n;
        must(pthread_create(&threads[n], NULL, push_all, items[n]) == 0);
    }
    for (unsigned count = 0; count < PUSHERS * EACH;) {
        unsigned got = take_some(seen);
        count += got;
        if (!got)
            sched_yield();
    }
    for (unsigned n = 0; n < PUSHERS; n++)
        pthread_join(threads[n], NULL);
    assert_null(tly_stack_take(&shared));
    for (unsigned n = 0; n < PUSHERS; n++)
        for (unsigned i = 0; i < EACH; i++)
            assert_int_equal(seen[n][i], 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_stack_has_nothing_to_take),
        cmocka_unit_test(the_last_that_was_pushed_comes_first),
        cmocka_unit_test(taking_leaves_nothing),
        cmocka_unit_test(of_many_pushers_everything_is_taken_once),
    };
    return cmocka_run_group_tests_name("sync/stack", tests, NULL, NULL);
}
