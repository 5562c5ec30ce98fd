// platform/os.h

#include "unit_cmocka.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "base/atomic.h"
#include "platform/fault.h"
#include "platform/os.h"

#define MIB ((size_t)1 << 20)

static void a_reservation_is_aligned_as_asked(void **state) {
    (void)state;
    for (size_t align = 65536; align <= 64 * MIB; align *= 4) {
        char *base = tly_os_reserve(MIB, align);
        assert_non_null(base);
        assert_int_equal((uintptr_t)base % align, 0);
        tly_os_unreserve(base, MIB);
    }
}

static void read_from(void *address) {
    volatile char *p = address;
    (void)*p;
}

static void reserved_memory_cannot_be_read_before_it_is_committed(
    void **state) {
    (void)state;
    char *base = tly_os_reserve(MIB, 65536);
    struct child child = child_run(read_from, base);
    assert_true(WIFSIGNALED(child.status));
    assert_int_equal(WTERMSIG(child.status), SIGSEGV);
    tly_os_unreserve(base, MIB);
}

static void committed_memory_is_zero_and_keeps_what_is_written(void **state) {
    (void)state;
    char *base = tly_os_reserve(MIB, 65536);
    assert_int_equal(tly_os_commit(base, 65536), TALLY_OK);
    for (size_t n = 0; n < 65536; n++)
        assert_int_equal(base[n], 0);
    memset(base, 7, 65536);
    assert_int_equal(base[65535], 7);
    tly_os_unreserve(base, MIB);
}

static void purged_memory_reads_as_zero_and_can_be_written(void **state) {
    (void)state;
    char *base = tly_os_reserve(MIB, 65536);
    assert_int_equal(tly_os_commit(base, MIB), TALLY_OK);
    memset(base, 7, MIB);
    assert_int_equal(tly_os_purge(base + 65536, 65536), TALLY_OK);
    assert_int_equal(base[65535], 7);
    assert_int_equal(base[65536], 0);
    assert_int_equal(base[131071], 0);
    assert_int_equal(base[131072], 7);
    base[65536] = 1;
    assert_int_equal(base[65536], 1);
    tly_os_unreserve(base, MIB);
}

static void populating_changes_nothing_that_is_read(void **state) {
    (void)state;
    char *base = tly_os_reserve(MIB, 65536);
    assert_int_equal(tly_os_commit(base, MIB), TALLY_OK);
    base[3] = 9;
    tly_os_populate(base, MIB);
    assert_int_equal(base[3], 9);
    assert_int_equal(base[65536], 0);
    tly_os_unreserve(base, MIB);
}

static void each_call_for_memory_can_be_made_to_fail(void **state) {
    (void)state;
    char *base = tly_os_reserve(MIB, 65536);
    tly_fault_arm(TLY_FAULT_ALL, 1, true);
    assert_null(tly_os_reserve(MIB, 65536));
    assert_int_equal(tly_os_commit(base, MIB), TALLY_NO_MEMORY);
    assert_true(tly_os_purge(base, MIB) < 0);
    assert_int_equal(tly_fault_disarm(NULL), 3);
    assert_int_equal(tly_os_commit(base, MIB), TALLY_OK);
    tly_os_unreserve(base, MIB);
}

static void the_clock_goes_forward_in_nanoseconds(void **state) {
    (void)state;
    uint64_t begin = tly_os_now(), mine = now_ns();
    sleep_ms(20);
    uint64_t end = tly_os_now();
    assert_true(end - begin >= 20000000u);
    assert_true(end - begin <= now_ns() - mine + 1000000000u);
}

static void a_threads_own_time_stands_still_while_it_sleeps(void **state) {
    (void)state;
    uint64_t cpu = tly_os_cpu(), now = tly_os_now();
    sleep_ms(50);
    uint64_t slept = tly_os_cpu() - cpu;
    assert_true(slept < tly_os_now() - now);
    while (tly_os_cpu() - cpu < slept + 1000000)
        continue;
}

static void sizes_of_the_machine_make_sense(void **state) {
    (void)state;
    size_t page = tly_os_page_size();
    assert_true(page >= 4096 && (page & (page - 1)) == 0);
    assert_true(tly_os_memory() >= 64 * MIB);
    assert_true(tly_os_cpus() >= 1);
}

static void *thread_id(void *ret_id) {
    *(uint32_t *)ret_id = tly_os_thread_id();
    return NULL;
}

static void threads_have_different_numbers(void **state) {
    (void)state;
    uint32_t other = 0;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, thread_id, &other), 0);
    pthread_join(thread, NULL);
    assert_int_not_equal(other, 0);
    assert_int_not_equal(other, tly_os_thread_id());
    assert_int_equal(tly_os_thread_id(), tly_os_thread_id());
}

static void a_threads_name_is_the_systems(void **state) {
    (void)state;
    char name[16];
    assert_int_equal(pthread_setname_np(pthread_self(), "fifteen--bytes-"), 0);
    tly_os_thread_name(name);
    assert_string_equal(name, "fifteen--bytes-");
}

static void a_futex_wait_ends_at_its_deadline(void **state) {
    (void)state;
    uint32_t word = 3;
    uint64_t begin = tly_os_now();
    errno = 4711;
    while (tly_os_now() < begin + 30000000u)
        tly_os_futex_wait(&word, 3, begin + 30000000u);
    assert_int_equal(errno, 4711);
    assert_in_range(tly_os_now() - begin, 30000000u, 30000000000u);
}

static void a_futex_that_has_changed_is_not_waited_for(void **state) {
    (void)state;
    uint32_t word = 4;
    errno = 4711;
    tly_os_futex_wait(&word, 3, 0);
    assert_int_equal(errno, 4711);
    assert_int_equal(word, 4);
}

static uint32_t flag;

static void *wake(void *arg) {
    sleep_ms(20);
    __atomic_store_n(&flag, 1, __ATOMIC_SEQ_CST);
    tly_os_futex_wake(&flag);
    return arg;
}

static void a_futex_waiter_is_woken(void **state) {
    (void)state;
    pthread_t thread;
    flag = 0;
    assert_int_equal(pthread_create(&thread, NULL, wake, NULL), 0);
    while (__atomic_load_n(&flag, __ATOMIC_SEQ_CST) == 0)
        tly_os_futex_wait(&flag, 0, 0);
    pthread_join(thread, NULL);
}

static void the_environment_is_read(void **state) {
    (void)state;
    setenv("TALLY_UNIT_TEST", "some text", 1);
    assert_string_equal(tly_os_environment("TALLY_UNIT_TEST"), "some text");
    unsetenv("TALLY_UNIT_TEST");
    assert_null(tly_os_environment("TALLY_UNIT_TEST"));
}

// Of 256 random bytes 162 values are expected to come, and two runs differ.
static void random_bytes_are_not_the_same_twice(void **state) {
    (void)state;
    unsigned char once[256] = {0}, again[256] = {0};
    bool seen[256] = {false};
    unsigned count = 0;
    tly_os_random(once, sizeof(once));
    tly_os_random(again, sizeof(again));
    assert_memory_not_equal(once, again, sizeof(once));
    for (size_t n = 0; n < sizeof(once); n++) {
        count += !seen[once[n]];
        seen[once[n]] = true;
    }
    assert_in_range(count, 120, 200);
}

// ---- the last destructor

// A round later it would be none of ThreadSanitizer's.
#define ROUNDS (size_t)(PTHREAD_DESTRUCTOR_ITERATIONS - UNDER_TSAN)
static pthread_key_t first_key, last_key, any_key;
static char order[2 * PTHREAD_DESTRUCTOR_ITERATIONS + 1];

static void first_destroy(void *value) {
    (void)value;
    strcat(order, "f");
    must(pthread_setspecific(last_key, order) == 0);
}
static void last_destroy(void *value) {
    strcat(order, "l");
    if (strlen(order) < 2 * ROUNDS)
        must(pthread_setspecific(first_key, value) == 0);
}

static void *end_with_both(void *arg) {
    must(pthread_setspecific(last_key, arg) == 0);
    must(pthread_setspecific(first_key, arg) == 0);
    return NULL;
}

static void the_last_keys_destructor_comes_after_those_of_later_keys(
    void **state) {
    (void)state;
    assert_int_equal(tly_os_key_last(&last_key, last_destroy), 0);
    assert_int_equal(pthread_key_create(&first_key, first_destroy), 0);
    pthread_t thread;
    pthread_create(&thread, NULL, end_with_both, order);
    pthread_join(thread, NULL);
    assert_int_equal(strlen(order), 2 * ROUNDS);
    assert_memory_equal(order, "flflflfl", 2 * ROUNDS);
    pthread_key_delete(first_key);
    pthread_key_delete(last_key);
}

static void a_last_key_needs_one_free_key(void **state) {
    (void)state;
    pthread_key_t keys[PTHREAD_KEYS_MAX + 1];
    unsigned count = 0;
    while (pthread_key_create(&keys[count], NULL) == 0)
        count++;
    assert_int_equal(tly_os_key_last(&last_key, last_destroy), -EAGAIN);
    pthread_key_delete(keys[7]);
    assert_int_equal(tly_os_key_last(&last_key, last_destroy), 0);
    assert_int_equal(pthread_key_create(&any_key, NULL), EAGAIN);
    pthread_key_delete(last_key);
    assert_int_equal(pthread_key_create(&keys[7], NULL), 0);
    while (count > 0)
        pthread_key_delete(keys[--count]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reservation_is_aligned_as_asked),
        cmocka_unit_test(reserved_memory_cannot_be_read_before_it_is_committed),
        cmocka_unit_test(committed_memory_is_zero_and_keeps_what_is_written),
        cmocka_unit_test(purged_memory_reads_as_zero_and_can_be_written),
        cmocka_unit_test(populating_changes_nothing_that_is_read),
        cmocka_unit_test(each_call_for_memory_can_be_made_to_fail),
        cmocka_unit_test(the_clock_goes_forward_in_nanoseconds),
        cmocka_unit_test(a_threads_own_time_stands_still_while_it_sleeps),
        cmocka_unit_test(sizes_of_the_machine_make_sense),
        cmocka_unit_test(threads_have_different_numbers),
        cmocka_unit_test(a_threads_name_is_the_systems),
        cmocka_unit_test(a_futex_wait_ends_at_its_deadline),
        cmocka_unit_test(a_futex_that_has_changed_is_not_waited_for),
        cmocka_unit_test(a_futex_waiter_is_woken),
        cmocka_unit_test(the_environment_is_read),
        cmocka_unit_test(random_bytes_are_not_the_same_twice),
        cmocka_unit_test(
            the_last_keys_destructor_comes_after_those_of_later_keys),
        cmocka_unit_test(a_last_key_needs_one_free_key),
    };
    return cmocka_run_group_tests_name("platform/os", tests, NULL, NULL);
}
