// Calls that wait several times: for a collection before them, for threads, for
// the world to stand still. All waits of one have one deadline.

#include "sleeper.h"

// Passes one safepoint in between.
static void *sleep_twice(void *arg) {
    must(tally_attach("sleeper") == TALLY_OK);
    must((owned = tally_new(node)));
    stage_set(&at, 1);
    gate_wait();
    tally_safepoint();
    gate_wait();
    tally_decref(owned);
    return arg;
}

// What the call waits for first comes after the most of its time.
static unsigned waits_done;
static void answer_first(const uint32_t *word, uint32_t value) {
    if (waits_done++ > 0)
        return;
    virtual_now += DEADLINE_MS * MS * 3 / 4;
    must(write(gate[1], "", 1) == 1);
    while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == value)
        sched_yield();
}

// Time stands still until the word changes.
static void sleep_on(const uint32_t *word, uint32_t value) {
    stage_set(&at, 2);
    while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == value)
        sched_yield();
}

// Has the collector's lock until that thread has passed the safepoint.
static void *collect_first(void *arg) {
    must(tally_attach("first") == TALLY_OK);
    virtual_asleep = sleep_on;
    virtual_begin();
    (void)collect_young();
    virtual_end();
    return arg;
}

struct sequence {
    wait_fn fn;
    bool locked; // its first wait is for a collection, not for the thread
};

static void sequence_ends(void *arg) {
    const struct sequence *sequence = arg;
    pthread_t first = 0, thread = sleeper_start(sleep_twice);
    if (sequence->locked) {
        first = thread_start(collect_first, NULL);
        stage_wait(&at, 2);
    }
    virtual_asleep = answer_first;
    expect_late(sequence->fn);
    virtual_asleep = NULL;
    must(waits_done > 1);
    sleeper_end(thread);
    if (sequence->locked)
        thread_join(first);
}

static void all_waits_of_a_call_have_one_deadline(void **state) {
    (void)state;
    const struct sequence sequences[] = {{collect_full, false},
                                         {collect_full_stopped, false},
                                         {collect_full, true},
                                         {collect_young, true},
                                         {collect_plainly, false},
                                         {stop, true},
                                         {freeze, true},
                                         {verify, true},
                                         {walk, true}};
    for (size_t n = 0; n < sizeof(sequences) / sizeof(sequences[0]); n++) {
        struct sequence sequence = sequences[n];
        struct child child = child_run(sequence_ends, &sequence);
        if (!child_passed(&child))
            print_error("of sequence %zu:\n%s\n", n, child.text);
        assert_true(child_passed(&child));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_waits_of_a_call_have_one_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
