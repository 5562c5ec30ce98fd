// Garbage that is saved rather than destroyed, and what collections say.

#include "api.h"
#include "child.h"
#include "threads.h"

static unsigned finalized;
static void finalize(void *object) {
    (void)object;
    finalized++;
}

struct node {
    tally_object head;
    tally_ref next;
    long key;
};
TALLY_TYPE(node, TALLY_REF(next));

struct file {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(file, TALLY_REF(next), TALLY_FINALIZE(finalize));

static const tally_collect_mode modes[] = {TALLY_STOPPED, TALLY_CONCURRENT};

static void ring_drop(long length) {
    struct node *first = tally_new(node), *last = first;
    must(first);
    for (long n = 1; n < length; n++) {
        struct node *node = tally_new(node);
        must(node);
        node->key = n;
        tally_set_steal(last, next, node);
        last = node;
    }
    tally_set(last, next, first);
    tally_decref(first);
}

static bool sum(void *object, void *arg) {
    if (tally_is_instance(object, TALLY_TYPE_OF(node)))
        *(long *)arg += ((struct node *)object)->key;
    return true;
}

static uint64_t collect(tally_collect_mode mode,
                        struct tally_collection *done) {
    must(tally_collect_with(mode, TALLY_FULL, done) == TALLY_OK);
    return done->freed;
}

static void save_all(bool on) {
    must(tally_collect_debug_set(on ? TALLY_DEBUG_SAVE_ALL : 0) == TALLY_OK);
}

static void garbage_is_saved_whole(void **state) {
    (void)state;
    for (unsigned n = 0; n < 2; n++) {
        struct tally_collection done;
        save_all(true);
        ring_drop(1000);
        assert_int_equal(collect(modes[n], &done), 0);
        assert_int_equal(done.saved, 1000);
        assert_int_equal(tally_garbage_count(), 1000);
        assert_int_equal(collect(modes[n], &done), 0);
        assert_int_equal(done.saved, 0);
        long total = 0;
        tally_garbage_each(sum, &total);
        assert_int_equal(total, 999 * 1000 / 2);
        assert_int_equal(tally_verify(2), TALLY_OK);
        save_all(false);
        assert_int_equal(tally_garbage_clear(), 1000);
        assert_int_equal(tally_garbage_count(), 0);
        assert_int_equal(collect(modes[n], &done), 1000);
    }
}

static void finalizers_run_before_and_once(void **state) {
    (void)state;
    for (unsigned n = 0; n < 2; n++) {
        struct tally_collection done;
        save_all(true);
        finalized = 0;
        struct file *file = tally_new(file);
        tally_set(file, next, file);
        tally_decref(file);
        assert_int_equal(collect(modes[n], &done), 0);
        assert_int_equal(finalized, 1);
        assert_int_equal(done.saved, 1);
        assert_int_equal(tally_garbage_count(), 1);
        save_all(false);
        assert_int_equal(tally_garbage_clear(), 1);
        assert_int_equal(collect(modes[n], &done), 1);
        assert_int_equal(finalized, 1);
    }
}

static void weak_references_still_find_what_is_saved(void **state) {
    (void)state;
    for (unsigned n = 0; n < 2; n++) {
        struct tally_collection done;
        save_all(true);
        struct node *node = tally_new(node);
        tally_set(node, next, node);
        tally_weak *weak = tally_weak_new(node, NULL, NULL);
        tally_decref(node);
        assert_int_equal(collect(modes[n], &done), 0);
        assert_int_equal(done.saved, 1);
        struct node *found = tally_weak_get(weak);
        assert_ptr_equal(found, node);
        tally_decref(found);
        save_all(false);
        tally_garbage_clear();
        assert_int_equal(collect(modes[n], &done), 1);
        assert_null(tally_weak_get(weak));
        tally_decref(weak);
    }
}

static void hot_and_published_garbage_is_saved(void **state) {
    (void)state;
    for (unsigned n = 0; n < 2; n++) {
        struct tally_collection done;
        save_all(true);
        struct node *hot = tally_new(node), *published = tally_new(node);
        tally_set(hot, next, published);
        tally_set(published, next, hot);
        tally_publish(published);
        assert_int_equal(tally_make_hot(hot), TALLY_OK);
        tally_decref(hot);
        tally_decref(published);
        assert_int_equal(collect(modes[n], &done), 0);
        assert_int_equal(tally_garbage_count(), 2);
        assert_int_equal(tally_verify(2), TALLY_OK);
        save_all(false);
        tally_garbage_clear();
        assert_int_equal(collect(modes[n], &done), 2);
    }
}

static atomic_uint running;
static void *churn(void *arg) {
    (void)arg;
    for (unsigned n = rounds(20000, 3000); n > 0; n--) {
        ring_drop(3);
        tally_safepoint();
    }
    atomic_fetch_sub(&running, 1);
    return NULL;
}

// Saving, visiting and dropping while others make garbage, in both modes.
static void garbage_is_saved_while_threads_make_it(void **state) {
    (void)state;
    save_all(true);
    pthread_t thread[2];
    atomic_store(&running, 2);
    for (unsigned n = 0; n < 2; n++)
        thread[n] = thread_start(churn, NULL);
    uint64_t dropped = 0;
    for (unsigned n = 0; atomic_load(&running) > 0 || !dropped; n++) {
        struct tally_collection done;
        long total = 0;
        collect(modes[n % 2], &done);
        tally_garbage_each(sum, &total);
        dropped += tally_garbage_clear();
    }
    for (unsigned n = 0; n < 2; n++)
        thread_join(thread[n]);
    save_all(false);
    tally_garbage_clear();
}

static void unknown_flags_are_refused(void **state) {
    (void)state;
    assert_int_equal(tally_collect_debug_set(0x100), TALLY_INVALID);
    assert_int_equal(tally_collect_debug_get(), 0);
}

static void end_with_garbage(void *arg) {
    (void)arg;
    save_all(true);
    ring_drop(10);
    tally_collect();
    must(tally_garbage_count() == 10);
    size_t leaked = 1;
    must(tally_shutdown(&leaked) == TALLY_OK);
    must(leaked == 0);
    must(tally_garbage_count() == 0);
    ring_drop(10);
    must(tally_collect() == 10);
}

static void the_end_of_the_runtime_drops_what_is_saved(void **state) {
    (void)state;
    struct child child = child_run(end_with_garbage, NULL);
    assert_true(child_passed(&child));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(garbage_is_saved_whole),
        quiet_test(finalizers_run_before_and_once),
        quiet_test(weak_references_still_find_what_is_saved),
        quiet_test(hot_and_published_garbage_is_saved),
        quiet_test(garbage_is_saved_while_threads_make_it),
        quiet_test(unknown_flags_are_refused),
        quiet_test(the_end_of_the_runtime_drops_what_is_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
