// The runtime's first use and its end beside other threads, and from hooks:
// each in a process of its own.

#include "child_test.h"
#include "ring.h"
#include "threads.h"

// ---- threads that come and leave

static atomic_uint visitors_left;

static void *visit(void *arg) {
    unsigned uses = rounds(20000, 500);
    for (unsigned n = 0; n < uses; n++) {
        if (arg)
            must(tally_attach("visitor") == TALLY_OK);
        char *block = tally_alloc(100);
        must(block);
        memset(block, 1, 100);
        tally_free(block);
        ring_drop();
        tally_detach();
    }
    visitors_left--;
    return NULL;
}

// What ends is started anew by whoever uses it next.
static unsigned shut_down_beside(pthread_t *thread, unsigned count) {
    unsigned ended = 0;
    while (visitors_left) {
        tally_status status = tally_shutdown(NULL);
        must(status == TALLY_OK || status == TALLY_BUSY);
        must(tally_mutator_number() == 0);
        ended += status == TALLY_OK;
    }
    for (unsigned n = 0; n < count; n++)
        must(pthread_join(thread[n], NULL) == 0);
    return ended;
}

static void visitors_run(void *by_name) {
    pthread_t thread[3];
    visitors_left = 3;
    for (unsigned n = 0; n < 3; n++)
        thread[n] = thread_start(visit, by_name);
    shut_down_beside(thread, 3);
    size_t leaked = 77;
    must(tally_shutdown(&leaked) == TALLY_OK);
    must(leaked == 0);
    ring_drop();
    must(tally_collect() == 1);
    must(tally_verify(2) == TALLY_OK);
}

CHILD_TEST(threads_may_come_by_themselves_while_the_runtime_ends) {
    visitors_run(NULL);
}

CHILD_TEST(threads_may_come_by_name_while_the_runtime_ends) {
    char by_name;
    visitors_run(&by_name);
}

static void *read_statistics(void *arg) {
    stage *at = arg;
    struct tally_thresholds thresholds;
    struct tally_counters counters;
    while (atomic_load(at) < 2) {
        (void)stats_now();
        tally_status status = tally_mutator_counters(1, &counters);
        must(status == TALLY_OK || status == TALLY_INVALID);
        tally_collect_growth(TALLY_YOUNG);
        tally_garbage_count();
        tally_collect_is_enabled();
        tally_thresholds_get(&thresholds);
        must(tally_type_find("no such type") == NULL);
    }
    return NULL;
}

CHILD_TEST(statistics_may_be_read_while_the_runtime_starts_and_ends) {
    stage at = 0;
    pthread_t reader[2], thread[2];
    for (unsigned n = 0; n < 2; n++)
        reader[n] = thread_start(read_statistics, &at);
    visitors_left = 2;
    for (unsigned n = 0; n < 2; n++)
        thread[n] = thread_start(visit, NULL);
    shut_down_beside(thread, 2);
    stage_set(&at, 2);
    for (unsigned n = 0; n < 2; n++)
        must(pthread_join(reader[n], NULL) == 0);
}

static void *use_first(void *arg) {
    stage_spin(arg, 1);
    for (size_t size = 1; size < 1000; size += 37) {
        char *block = tally_alloc(size);
        must(block && tally_usable_size(block) >= size);
        memset(block, 1, size);
        tally_free(block);
    }
    ring_drop();
    return NULL;
}

CHILD_TEST(the_first_use_may_be_several_threads_beside_readers_of_statistics) {
    stage at = 0;
    pthread_t thread[3], reader = thread_start(read_statistics, &at);
    for (unsigned n = 0; n < 3; n++)
        thread[n] = thread_start(use_first, &at);
    stage_set(&at, 1);
    for (unsigned n = 0; n < 3; n++)
        must(pthread_join(thread[n], NULL) == 0);
    stage_set(&at, 2);
    must(pthread_join(reader, NULL) == 0);
    must(tally_collect() == 3);
}

static void *init(void *arg) {
    struct tally_config config = TALLY_CONFIG_INIT;
    config.reserve_bytes = (uint64_t)128 << 20;
    stage_spin(arg, 1);
    tally_status status = tally_init(&config);
    must(status == TALLY_OK || status == TALLY_BUSY);
    must(stats_now().reserved_bytes == config.reserve_bytes);
    return status == TALLY_OK ? arg : NULL;
}

CHILD_TEST(of_threads_that_set_options_at_once_one_does) {
    unsetenv("TALLY_CONF");
    stage at = 0;
    pthread_t thread[4];
    for (unsigned n = 0; n < 4; n++)
        thread[n] = thread_start(init, &at);
    stage_set(&at, 1);
    unsigned set = 0;
    for (unsigned n = 0; n < 4; n++) {
        void *did;
        must(pthread_join(thread[n], &did) == 0);
        set += did != NULL;
    }
    must(set == 1);
}

static void *shut_down(void *arg) {
    stage_spin(arg, 1);
    tally_status status;
    while ((status = tally_shutdown(NULL)) == TALLY_BUSY)
        sched_yield();
    must(status == TALLY_OK);
    return NULL;
}

CHILD_TEST(threads_may_shut_down_at_once) {
    for (unsigned round = 0; round < rounds(200, 20); round++) {
        stage at = 0;
        pthread_t thread[3];
        ring_drop();
        tally_detach();
        for (unsigned n = 0; n < 3; n++)
            thread[n] = thread_start(shut_down, &at);
        stage_set(&at, 1);
        for (unsigned n = 0; n < 3; n++)
            must(pthread_join(thread[n], NULL) == 0);
        must(stats_now().reserved_bytes == 0);
    }
}

// ---- ends of threads around it

static pthread_key_t key;

static void use_late(void *unused) {
    (void)unused;
    ring_drop();
}

static void *end_after(void *arg) {
    stage *at = arg;
    ring_drop();
    must(pthread_setspecific(key, at) == 0);
    tally_detach();
    stage_set(at, 1);
    while (atomic_load(at) < 2)
        sched_yield();
    return NULL;
}

CHILD_TEST(a_thread_that_ends_after_the_runtime_may_start_it_anew) {
    must(pthread_key_create(&key, use_late) == 0);
    stage at = 0;
    pthread_t thread = thread_start(end_after, &at);
    while (atomic_load(&at) < 1)
        sched_yield();
    must(tally_shutdown(NULL) == TALLY_OK);
    must(stats_now().reserved_bytes == 0);
    stage_set(&at, 2);
    must(pthread_join(thread, NULL) == 0);
    must(stats_now().live_objects == 1);
    must(tally_collect() == 1);
    must(stats_now().attached == 1);
}

static stage guest_at;

static void *guest(void *arg) {
    (void)arg;
    must(tally_attach("guest") == TALLY_OK);
    stage_set(&guest_at, 1);
    stage_poll(&guest_at, 2);
    return NULL;
}

static pthread_t guest_thread;

static void guest_invite(void *object) {
    (void)object;
    guest_thread = thread_start(guest, NULL);
    stage_wait(&guest_at, 1);
}

struct inviting {
    tally_object head;
    tally_ref self;
};
TALLY_TYPE(inviting, TALLY_REF(self), TALLY_FINALIZE(guest_invite));

CHILD_TEST(a_thread_that_a_finalizer_of_the_end_starts_is_in_time) {
    struct inviting *inviting = tally_new(inviting);
    must(inviting);
    tally_set(inviting, self, inviting);
    tally_decref(inviting);
    struct node *kept = tally_new(node);
    must(tally_shutdown(NULL) == TALLY_BUSY);
    must(tally_mutator_number() != 0);
    must(stats_now().live_objects == 1);
    tally_decref(kept);
    ring_drop();
    must(tally_collect() == 1);
    stage_set(&guest_at, 2);
    thread_join(guest_thread);
    size_t leaked = 77;
    must(tally_shutdown(&leaked) == TALLY_OK);
    must(leaked == 0);
}

// ---- from where the library calls the program

static unsigned refusals;

static void refused(void) {
    must(tally_shutdown(NULL) == TALLY_BUSY);
    must(tally_init(NULL) == TALLY_BUSY);
    refusals++;
}

static void refused_in_hook(void *object) {
    (void)object;
    refused();
}

static void refused_in_watcher(const struct tally_collect_event *event,
                               void *arg) {
    (void)event, (void)arg;
    refused();
}

struct ending {
    tally_object head;
    tally_ref self;
};
TALLY_TYPE(ending, TALLY_REF(self), TALLY_FINALIZE(refused_in_hook),
           TALLY_DESTROY(refused_in_hook));

CHILD_TEST(a_hook_cannot_shut_down) {
    must(tally_collect_watch(refused_in_watcher, NULL) == TALLY_OK);
    tally_collect();
    must(refusals == 2);
    must(tally_collect_unwatch(refused_in_watcher, NULL) == TALLY_OK);
    tally_decref(tally_new(ending));
    must(refusals == 4);
    struct ending *ring = tally_new(ending);
    tally_set(ring, self, ring);
    tally_decref(ring);
    must(tally_collect() == 1);
    must(refusals == 6);
    must(tally_defer(refused_in_hook, NULL) == TALLY_OK);
    tally_collect(); // waits for a grace period
    must(refusals == 7);
    must(tally_shutdown(NULL) == TALLY_OK);
}

CHILD_TEST(a_section_and_a_stopped_world_cannot_be_shut_down) {
    must(tally_borrow_enter() == TALLY_OK);
    must(tally_shutdown(NULL) == TALLY_DEADLOCK);
    tally_borrow_leave();
    must(tally_stop_world() == TALLY_OK);
    must(tally_shutdown(NULL) == TALLY_DEADLOCK);
    tally_start_world();
    must(tally_shutdown(NULL) == TALLY_OK);
    must(tally_shutdown(NULL) == TALLY_OK);
}

// ---- what is set, before and after

CHILD_TEST(the_first_collection_goes_by_the_options) {
    setenv("TALLY_CONF", "mode:1", 1);
    struct tally_collection done;
    must(tally_collect_generation(TALLY_FULL, &done) == TALLY_OK);
    must(done.mode == TALLY_STOPPED);
}

CHILD_TEST(thresholds_may_be_set_first) {
    setenv("TALLY_CONF", "young_bytes:100000", 1);
    struct tally_thresholds set = {65536, 50}, got;
    tally_thresholds_get(&got);
    must(got.young_bytes == 100000 && got.full_percent == 100);
    must(tally_shutdown(NULL) == TALLY_OK);
    must(tally_thresholds_set(&set) == TALLY_OK);
    ring_drop();
    tally_thresholds_get(&got);
    must(got.young_bytes == 65536 && got.full_percent == 50);
}

static void count_event(const struct tally_collect_event *event, void *arg) {
    (void)event;
    ++*(unsigned *)arg;
}

static void count_error(const tally_type *type, void *object,
                        tally_status status, const char *text, void *arg) {
    (void)type, (void)object, (void)status, (void)text;
    ++*(unsigned *)arg;
}

CHILD_TEST(what_is_set_ends_with_the_runtime) {
    unsigned events = 0, errors = 0;
    must(tally_collect_watch(count_event, &events) == TALLY_OK);
    tally_set_error_sink(count_error, &errors);
    must(tally_thresholds_set(&(struct tally_thresholds){65536, 50}) ==
         TALLY_OK);
    tally_collect();
    must(events == 2);
    must(tally_collect_debug_set(TALLY_DEBUG_SAVE_ALL) == TALLY_OK);
    must(tally_shutdown(NULL) == TALLY_OK);
    must(events == 2); // nobody is told of its collections
    tally_collect();
    must(events == 2);
    must(tally_collect_unwatch(count_event, &events) == TALLY_INVALID);
    must(tally_collect_debug_get() == 0);
    struct tally_thresholds got;
    tally_thresholds_get(&got);
    must(got.young_bytes == 4194304 && got.full_percent == 100);
    struct node *node = tally_new(node);
    tally_finalize_error(node, TALLY_INVALID, "for the test");
    must(errors == 0);
    tally_decref(node);
}

CHILD_TEST(what_is_set_before_the_start_holds) {
    unsigned events = 0;
    must(tally_collect_watch(count_event, &events) == TALLY_OK);
    tally_collect_disable();
    must(tally_init(NULL) == TALLY_OK);
    tally_collect();
    must(events == 2);
    must(!tally_collect_is_enabled());
    // It is the program that counts how often.
    must(tally_shutdown(NULL) == TALLY_OK);
    must(tally_init(NULL) == TALLY_OK);
    must(!tally_collect_is_enabled());
    tally_collect_enable();
    must(tally_collect_is_enabled());
}

// ---- what the process has afterwards

// Addresses, in pages.
static long pages(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    must(file && fscanf(file, "%ld", &pages) == 1);
    fclose(file);
    return pages;
}

static void use_all_tables(void) {
    struct node *node = tally_new(node);
    tally_weak *weak = tally_weak_new(node, NULL, NULL);
    must(weak && tally_make_hot(node) == TALLY_OK);
    tally_decref(weak);
    tally_decref(node);
    must(tally_collect() == 1 && tally_verify(2) == TALLY_OK);
    must(tally_shutdown(NULL) == TALLY_OK);
}

static void shut_down_again(void *arg) {
    (void)arg;
    use_all_tables();
    long before = pages();
    for (unsigned n = 0; n < 4; n++)
        use_all_tables();
    fprintf(stderr, "%ld pages more\n", pages() - before);
    must(pages() - before < 1 << 18);
}

static void the_end_gives_all_tables_back(void **state) {
    (void)state;
    struct child child = child_run(shut_down_again, NULL);
    if (!child_passed(&child))
        fprintf(stderr, "the child: %s\n", child.text);
    assert_true(child_passed(&child));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_may_come_by_themselves_while_the_runtime_ends),
        cmocka_unit_test(threads_may_come_by_name_while_the_runtime_ends),
        cmocka_unit_test(
            statistics_may_be_read_while_the_runtime_starts_and_ends),
        cmocka_unit_test(
            the_first_use_may_be_several_threads_beside_readers_of_statistics),
        cmocka_unit_test(of_threads_that_set_options_at_once_one_does),
        cmocka_unit_test(threads_may_shut_down_at_once),
        cmocka_unit_test(
            a_thread_that_ends_after_the_runtime_may_start_it_anew),
        cmocka_unit_test(
            a_thread_that_a_finalizer_of_the_end_starts_is_in_time),
        cmocka_unit_test(a_hook_cannot_shut_down),
        cmocka_unit_test(a_section_and_a_stopped_world_cannot_be_shut_down),
        cmocka_unit_test(the_first_collection_goes_by_the_options),
        cmocka_unit_test(thresholds_may_be_set_first),
        cmocka_unit_test(what_is_set_ends_with_the_runtime),
        cmocka_unit_test(what_is_set_before_the_start_holds),
        cmocka_unit_test(the_end_gives_all_tables_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
