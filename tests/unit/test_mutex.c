// sync/mutex.h

#include "sync/mutex.h"

#include <pthread.h>

#include "unit_cmocka.h"

typedef struct tly_mutex unit_lock;
#define UNIT_LOCK_INIT TLY_MUTEX_INIT
#define UNIT_LOCK_NAME "sync/mutex"
#define unit_lock_take tly_mutex_lock
#define unit_lock_give tly_mutex_unlock
#define unit_lock_hold tly_mutex_hold

static struct tly_mutex tried = TLY_MUTEX_INIT(TLY_RANK_HOT);

static void *try_once(void *got) {
    *(bool *)got = tly_mutex_try(&tried);
    if (*(bool *)got)
        tly_mutex_unlock(&tried);
    return NULL;
}

static bool another_gets_it(void) {
    pthread_t thread;
    bool got = false;
    must(pthread_create(&thread, NULL, try_once, &got) == 0);
    pthread_join(thread, NULL);
    return got;
}

static void who_only_tries_does_not_wait(void **state) {
    (void)state;
    assert_true(another_gets_it());
    tly_mutex_lock(&tried);
    assert_false(another_gets_it());
    tly_mutex_unlock(&tried);
    assert_true(tly_mutex_try(&tried));
    assert_int_equal(tly_rank_none(), TLY_CHECK == 0);
    assert_false(another_gets_it());
    tly_mutex_unlock(&tried);
    assert_true(tly_rank_none());
}

// As in a forked child whose parent's other thread held it.
static void a_mutex_whose_holder_is_gone_can_be_reset(void **state) {
    (void)state;
    struct tly_mutex left = TLY_MUTEX_INIT(TLY_RANK_TYPES);
    tly_mutex_hold(&left, true);
    tly_mutex_reset(&left);
    tly_mutex_lock(&left);
    tly_mutex_unlock(&left);
    assert_int_equal(left.rank, TLY_RANK_TYPES);
}

#define UNIT_LOCK_MORE                                                         \
    cmocka_unit_test(who_only_tries_does_not_wait),                            \
        cmocka_unit_test(a_mutex_whose_holder_is_gone_can_be_reset),
#include "unit_lock.h"
