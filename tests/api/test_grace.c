// Waits for grace periods, which nobody can give up: of one that is long it is
// said whose section it waits for.

#include "api.h"
#include "child.h"
#include "threads.h"

static stage at;
static int spoken[2]; // what is said, for the thread in the section

static void *sleep_until_spoken_of(void *out) {
    char text[2048];
    must(tally_attach("sleeper") == TALLY_OK);
    TALLY_BORROW {
        stage_set(&at, 2);
        ssize_t length = read(spoken[0], text, sizeof(text));
        must(length > 0);
        must(write(*(int *)out, text, (size_t)length) == length);
    }
    return out;
}

// Is in a section nearly always, and none is waited for: it comes first of
// those that might be named.
static void *look_in(void *arg) {
    must(tally_attach("reader") == TALLY_OK);
    stage_set(&at, 1);
    while (at < 3) {
        TALLY_BORROW { sched_yield(); }
        tally_safepoint();
    }
    return arg;
}

static void synchronize(void) { must(tally_synchronize() == TALLY_OK); }
static void poll_limbo(void) {
    for (unsigned n = 0; n < 1000; n++)
        must(tally_defer_free(tally_alloc(8)) == TALLY_OK);
    tally_safepoint();
}

static void wait_long(void *waits) {
    int out = dup(STDERR_FILENO);
    must(pipe(spoken) == 0 && dup2(spoken[1], STDERR_FILENO) >= 0);
    must(tally_attach("waiter") == TALLY_OK);
    at = 0;
    pthread_t reader = thread_start(look_in, NULL);
    stage_wait(&at, 1);
    pthread_t thread = thread_start(sleep_until_spoken_of, &out);
    stage_wait(&at, 2);
    (*(void (**)(void))waits)();
    thread_join(thread);
    synchronize();
    stage_set(&at, 3);
    thread_join(reader);
    must(dup2(out, STDERR_FILENO) >= 0);
    must(tally_shutdown(NULL) == TALLY_OK);
}

static void is_told_by(void (*waits)(void)) {
    struct child child = child_run(wait_long, &waits);
    assert_true(child_passed(&child));
    char *first = strstr(child.text, "(waiter) has waited");
    assert_non_null(first);
    assert_null(strstr(first + 1, "(waiter) has waited"));
    assert_non_null(strstr(first, " s for the end of a borrow section of "));
    assert_non_null(strstr(first, "(sleeper, mutator "));
    if (!EMULATED) // whose /proc is the emulator's
        assert_non_null(strstr(first, "), which sleeps in read"));
    assert_non_null(strstr(first, "a borrow section must neither wait"));
}

static void a_long_wait_for_a_grace_period_is_told_of(void **state) {
    (void)state;
    is_told_by(synchronize);
}

static void a_long_wait_for_what_is_put_off_is_told_of(void **state) {
    (void)state;
    is_told_by(poll_limbo);
}

static void *sleep_in_section(void *arg) {
    TALLY_BORROW {
        stage_set(&at, 1);
        sleep_ms(100);
    }
    return arg;
}

// Also in a child, which has not the thread for that of its parent's.
static void wait_forked(void *waits) {
    int status;
    pthread_t thread = thread_start(sleep_in_section, NULL);
    stage_wait(&at, 1);
    synchronize();
    thread_join(thread);
    pid_t child = fork();
    must(child >= 0);
    if (child == 0) {
        wait_long(waits);
        _exit(0);
    }
    must(waitpid(child, &status, 0) == child && status == 0);
}

static void a_long_wait_in_a_forked_child_is_told_of(void **state) {
    (void)state;
    void (*waits)(void) = synchronize;
    struct child child = child_run(wait_forked, &waits);
    assert_true(child_passed(&child));
    assert_non_null(strstr(child.text, "(sleeper, mutator "));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_wait_for_a_grace_period_is_told_of),
        cmocka_unit_test(a_long_wait_for_what_is_put_off_is_told_of),
        cmocka_unit_test(a_long_wait_in_a_forked_child_is_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
