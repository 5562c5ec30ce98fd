// epoch/wait.h: what is said of a thread that is waited for.

#include "unit_epoch.h"

#include "epoch/late.h"
#include "epoch/wait.h"
#include "epoch/world.h"
#include "platform/os.h"
#include "virtual.h"

#include <sched.h>
#include <sys/syscall.h>

#define MS 1000000u

static stage at;

// Busy without a safepoint up to 2, with safepoints up to 4, without up to 6.
static void *work(void *arg) {
    must(tally_attach("busy") == TALLY_OK);
    stage_set(&at, 1);
    stage_spin(&at, 2);
    stage_poll(&at, 4);
    unsigned polled = 4;
    atomic_compare_exchange_strong(&at, &polled, 5);
    stage_spin(&at, 6);
    tally_detach();
    return arg;
}

static pthread_t begin(void) {
    at = 0;
    must(tally_attach("waits") == TALLY_OK);
    pthread_t thread = thread_start(work, NULL);
    stage_spin(&at, 1);
    return thread;
}

static void end(pthread_t thread) {
    stage_set(&at, 6);
    thread_join(thread);
}

static void stop_in_vain(unsigned times) {
    for (unsigned n = 0; n < times; n++) {
        struct tly_patience patience = {.left = 100 * MS, .brief = true};
        must(tly_world_stop(tly_self(), &patience) == TALLY_TIMED_OUT);
    }
}

static unsigned lines(const char *text) {
    unsigned count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

static void wait_shortly(void *arg) {
    pthread_t thread = begin();
    virtual_begin();
    stop_in_vain(*(unsigned *)arg);
    virtual_end();
    end(thread);
}

static void short_waits_in_a_row_name_the_thread_once(void **state) {
    (void)state;
    unsigned times = 9;
    struct child child = child_run(wait_shortly, &times);
    assert_true(child_passed(&child));
    assert_string_equal(child.text, "");
    times = 40;
    child = child_run(wait_shortly, &times);
    assert_true(child_passed(&child));
    assert_int_equal(lines(child.text), 1);
    assert_non_null(strstr(child.text, "(waits) has waited 1.0 s"));
    assert_non_null(strstr(child.text, "(busy, mutator 3)"));
}

static void wait_with_answer(void *arg) {
    (void)arg;
    pthread_t thread = begin();
    virtual_begin();
    stop_in_vain(9);
    virtual_end();
    stage_set(&at, 2);
    must(tally_stop_world() == TALLY_OK);
    tally_start_world();
    stage_set(&at, 4);
    stage_spin(&at, 5);
    virtual_begin();
    virtual_now += 2000 * MS;
    stop_in_vain(9);
    virtual_end();
    end(thread);
}

static void a_thread_that_has_answered_is_late_from_then_on(void **state) {
    (void)state;
    struct child child = child_run(wait_with_answer, NULL);
    assert_true(child_passed(&child));
    assert_string_equal(child.text, "");
}

static void wait_for_ever(void *arg) {
    (void)arg;
    struct tly_event event = {{0}};
    pthread_t thread = begin();
    struct tly_wait wait = tly_wait_begin(NULL);
    virtual_begin();
    wait.began = virtual_now;
    tly_event_signal(&event);
    must(tly_wait_for(&wait, &event, 0, tly_self()));
    must(virtual_sleeps == 0 && !wait.told);
    virtual_end();
    end(thread);
}

static void what_has_happened_is_not_waited_for(void **state) {
    (void)state;
    struct child child = child_run(wait_for_ever, NULL);
    assert_true(child_passed(&child));
    assert_string_equal(child.text, "");
}

static void the_option_is_the_deadline(void **state) {
    (void)state;
    virtual_begin();
    tly_wait_configure(250);
    struct tly_patience patience = tly_patience_begin();
    assert_int_equal(tly_patience_deadline(&patience), virtual_now + 250 * MS);
    tly_wait_configure(0);
    patience = tly_patience_begin();
    assert_int_equal(tly_patience_deadline(&patience), 0);
    assert_true(tly_patience_spend(&patience, 0));
    assert_int_equal(tly_patience_deadline(NULL), 0);
    tly_wait_configure(10000);
    virtual_end();
}

static void waits_share_it_and_work_in_between_does_not_count(void **state) {
    (void)state;
    virtual_begin();
    struct tly_patience patience = {.left = 100 * MS};
    uint64_t deadline = tly_patience_deadline(&patience);
    virtual_now += 30 * MS;
    assert_true(tly_patience_spend(&patience, deadline));
    virtual_now += 1000 * MS; // work
    deadline = tly_patience_deadline(&patience);
    assert_int_equal(deadline, virtual_now + 70 * MS);
    virtual_now += 71 * MS;
    assert_false(tly_patience_spend(&patience, deadline));
    // It has ended, and does not become endless.
    assert_int_equal(tly_patience_deadline(&patience), virtual_now);
    virtual_end();
}

// ---- what a thread is at

static int gate[2];
static struct tly_mutator *copied;

// As posix_spawn, which it is in until its child has begun a program.
static void *copy_process(void *arg) {
    must(tally_attach("copies") == TALLY_OK);
    copied = tly_self();
    stage_set(&at, 1);
    long child = syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0, 0);
    if (child == 0) {
        char byte;
        _exit(read(gate[0], &byte, 1) != 1);
    }
    must(waitpid((pid_t)child, NULL, 0) == child);
    return arg;
}

static void a_call_for_memory_needs_no_region(void **state) {
    (void)state;
    char text[TLY_LATE_MAX];
    if (EMULATED)
        skip(); // /proc is the emulator's
    at = 0;
    must(pipe(gate) == 0);
    pthread_t thread = thread_start(copy_process, NULL);
    stage_spin(&at, 1);
    do {
        sched_yield();
        tly_late_tell(copied, text);
    } while (!strstr(text, "sleeps in clone") &&
             !strstr(text, "sleeps in system call"));
    must(write(gate[1], "", 1) == 1);
    thread_join(thread);
    assert_non_null(strstr(text, "sleeps in clone"));
    assert_non_null(strstr(text, "it goes on by itself"));
}

// ---- a thread that has ended

static atomic_long ended;
static void *end_attached(void *arg) {
    must(tally_attach("ended") == TALLY_OK);
    ended = syscall(SYS_gettid);
    syscall(SYS_exit, 0);
    return arg;
}

static void wait_for_ended(void *arg) {
    (void)arg;
    must(tally_attach("waits") == TALLY_OK);
    thread_run(end_attached, NULL);
    // The system knows it for a while after it may be joined.
    while (syscall(SYS_tgkill, getpid(), ended, 0) == 0)
        sched_yield();
    virtual_begin();
    stop_in_vain(20);
    virtual_end();
}

static void of_a_thread_that_has_ended_that_is_told(void **state) {
    (void)state;
    if (UNDER_TSAN)
        skip(); // it does not know such an end
    struct child child = child_run(wait_for_ended, NULL);
    assert_true(child_passed(&child));
    assert_int_equal(lines(child.text), 1);
    assert_non_null(strstr(child.text, "(ended, mutator 3), which has ended"));
}

static void *wait_for_first(void *arg) {
    struct tly_os_look look = {.gone = false};
    (void)arg;
    must(tally_attach("waits") == TALLY_OK);
    stage_set(&at, 1);
    for (unsigned n = 0; n < 10000 && !look.gone; n++) {
        sched_yield();
        tly_os_thread_look((uint32_t)getpid(), &look);
    }
    virtual_begin();
    stop_in_vain(20);
    virtual_end();
    _exit(0);
}

static void end_first(void *arg) {
    must(tally_attach("first") == TALLY_OK);
    at = 0;
    thread_start(wait_for_first, arg);
    stage_spin(&at, 1);
    syscall(SYS_exit, 0);
}

// The system keeps it until the process ends.
static void of_the_first_thread_as_well(void **state) {
    (void)state;
    if (UNDER_TSAN || EMULATED)
        skip(); // it does not know such an end; /proc is the emulator's
    struct child child = child_run(end_first, NULL);
    assert_true(child_passed(&child));
    assert_int_equal(lines(child.text), 1);
    assert_non_null(strstr(child.text, "which has ended"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        epoch_test(short_waits_in_a_row_name_the_thread_once),
        epoch_test(a_thread_that_has_answered_is_late_from_then_on),
        epoch_test(what_has_happened_is_not_waited_for),
        epoch_test(the_option_is_the_deadline),
        epoch_test(waits_share_it_and_work_in_between_does_not_count),
        epoch_test(of_a_thread_that_has_ended_that_is_told),
        epoch_test(of_the_first_thread_as_well),
        epoch_test(a_call_for_memory_needs_no_region),
    };
    return cmocka_run_group_tests_name("epoch/wait", tests, NULL, NULL);
}
