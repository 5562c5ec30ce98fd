// sync/mutex.h

#include "sync/mutex.h"

#include <pthread.h>

#include "unit_cmocka.h"

typedef struct tly_mutex unit_lock;
#define UNIT_LOCK_INIT TLY_MUTEX_INIT
#define UNIT_LOCK_NAME "sync/mutex"
#define unit_lock_take tly_mutex_lock
#define unit_lock_give tly_mutex_unlock
#define unit_lock_reset tly_mutex_reset

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

#define UNIT_LOCK_MORE cmocka_unit_test(who_only_tries_does_not_wait),
#include "unit_lock.h"
