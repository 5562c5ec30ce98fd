// collector/lock.c: one collection, walk, or fork at a time.

#include <signal.h>
#include <sys/mman.h>

#include "unit_collector.h"

#include "collector/lock.h"
#include "epoch/attach.h"
#include "epoch/world.h"

static stage at;
static bool taken;

static struct tly_mutator *begin(void) {
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(&at, 0);
    return tly_self();
}

static struct tly_patience for_ms(unsigned ms) {
    return (struct tly_patience){.left = ms * (uint64_t)1000000};
}

static void one_mutator_has_it_at_a_time(void **state) {
    (void)state;
    struct tly_local *one = local_make();
    assert_true(tly_collector_try(tly_self()));
    struct tly_local *other = local_make();
    assert_false(tly_collector_try(tly_self()));
    assert_int_equal(other->collector, 0);
    act_as_local(one);
    assert_int_equal(one->collector, 1);
    tly_collector_give(tly_self());
    assert_int_equal(one->collector, 0);
    act_as_local(other);
    assert_true(tly_collector_try(tly_self()));
    tly_collector_give(tly_self());
}

static void who_has_it_is_refused(void **state) {
    (void)state;
    struct tly_mutator *self = begin();
    assert_false(tly_collector_refuses(self));
    must(tly_collector_try(self));
    assert_true(tly_collector_refuses(self));
    assert_int_equal(tly_collector_stop(self, NULL), TALLY_DEADLOCK);
    tly_collector_give(self);
    assert_false(tly_collector_refuses(self));
    TALLY_BORROW { assert_true(tly_collector_refuses(self)); }
}

static void who_waits_in_vain_is_attached_again(void **state) {
    (void)state;
    struct tly_local *other = local_make();
    must(tly_collector_try(tly_self()));
    act_as_local(NULL);
    struct tly_mutator *self = begin();
    struct tly_patience patience = for_ms(5);
    uint64_t deadline = tly_patience_deadline(&patience);
    assert_false(tly_collector_take(self, &patience));
    assert_true(now_ns() >= deadline);
    assert_int_equal(patience.left, 0);
    assert_true(tly_is_attached(tly_self()));
    tly_collector_give(tly_mutator_in(other));
    // It waits no more, and keeps nobody from the lock.
    assert_false(tly_collector_is_taken());
    assert_true(tly_collector_take(self, &patience));
    tly_collector_give(self);
}

static void *take_it(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(&at, 1);
    taken = tly_collector_take(tly_self(), NULL);
    tly_collector_give(tly_self());
    return arg;
}

static void who_waits_takes_it_when_it_is_given(void **state) {
    (void)state;
    struct tly_mutator *self = begin();
    must(tly_collector_try(self));
    pthread_t thread = thread_start(take_it, NULL);
    stage_wait(&at, 1);
    sleep_ms(2);
    tly_collector_give(self);
    thread_join(thread);
    assert_true(taken);
    assert_true(tly_collector_try(self));
    tly_collector_give(self);
}

// ---- turns

static unsigned order[3]; // in which threads had it
static atomic_uint had;

static void *have_turn(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    must(tly_collector_take(tly_self(), NULL));
    order[atomic_fetch_add(&had, 1)] = *(unsigned *)arg;
    stage_wait(&at, 1);
    tly_collector_give(tly_self());
    return NULL;
}

static unsigned waiters(void) {
    unsigned count = 0;
    tly_spin_lock(&tly_collector_lock.spin);
    struct tly_collector_waiter *waiter = tly_collector_lock.first;
    for (; waiter; waiter = waiter->next)
        count++;
    tly_spin_unlock(&tly_collector_lock.spin);
    return count;
}

static void who_comes_later_is_not_the_first(void **state) {
    (void)state;
    struct tly_mutator *self = begin();
    struct tly_patience none = {.brief = true};
    struct tly_collector_waiter one, two;
    struct tly_event at_turn = {0};
    tly_collector_queue(&one, &at_turn);
    tly_collector_queue(&two, &at_turn);
    // Free as it is.
    assert_false(tly_collector_try(self));
    assert_false(tly_collector_take(self, &none));
    assert_true(tly_collector_is_first(&one));
    tly_collector_leave(&two, false);
    assert_false(tly_collector_try(self));
    tly_collector_leave(&one, false);
    assert_true(tly_collector_try(self));
    tly_collector_give(self);
}

static void who_gives_it_back_has_it_again_after_those_that_wait(void **state) {
    (void)state;
    struct tly_mutator *self = begin();
    pthread_t threads[2];
    unsigned numbers[] = {1, 2};
    had = 0;
    must(tly_collector_try(self));
    for (unsigned n = 0; n < 2; n++) {
        threads[n] = thread_start(have_turn, &numbers[n]);
        while (waiters() <= n)
            sched_yield();
    }
    tly_collector_give(self);
    // The first of them has it or will have it; so the second waits.
    assert_false(tly_collector_try(self));
    struct tly_patience none = {.brief = true};
    assert_false(tly_collector_take(self, &none));
    stage_set(&at, 1);
    assert_true(tly_collector_take(self, NULL));
    order[atomic_fetch_add(&had, 1)] = 3;
    tly_collector_give(self);
    for (unsigned n = 0; n < 2; n++)
        thread_join(threads[n]);
    for (unsigned n = 0; n < 3; n++)
        assert_int_equal(order[n], n + 1);
    assert_int_equal(waiters(), 0);
}

// ---- the cost of many that wait

#define MANY 16u // and eight times as many

// Of who waits, a page: the first touch of each by the lock is counted.
union place {
    struct tly_collector_waiter waiter;
    char size[4096];
};
static union place *places;
static struct tly_event events[8 * MANY];
static size_t places_size;
static volatile sig_atomic_t touched;

static void touch(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    size_t place = (size_t)((char *)info->si_addr - (char *)places);
    if (place >= places_size)
        abort();
    touched++;
    mprotect(&places[place / sizeof(*places)], sizeof(*places),
             PROT_READ | PROT_WRITE);
}

static void places_shut(void) {
    must(mprotect(places, places_size, PROT_NONE) == 0);
    touched = 0;
}

struct cost {
    unsigned append, leave, turn, woken;
};

static unsigned touches(void) {
    unsigned count = (unsigned)touched;
    places_shut();
    return count;
}

// With [count] that wait: of one more, of one in the middle that gives up, of
// the first that has its turn, and how many the next is told with.
static struct cost cost_of(unsigned count) {
    struct cost cost = {0};
    uint32_t before = 0, after = 0;
    struct sigaction act = {.sa_sigaction = touch, .sa_flags = SA_SIGINFO}, old;
    must(places_size == 0);
    places_size = (count + 1) * sizeof(*places);
    places = mmap(NULL, places_size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(places != MAP_FAILED && !sigaction(SIGSEGV, &act, &old));
    for (unsigned n = 0; n < count; n++) {
        tly_collector_queue(&places[n].waiter, &events[n]);
        before += tly_event_value(&events[n]);
    }
    places_shut();
    tly_collector_queue(&places[count].waiter, &events[0]);
    cost.append = touches();
    tly_collector_leave(&places[count / 2].waiter, false);
    cost.leave = touches();
    tly_collector_leave(&places[0].waiter, true);
    tly_collector_free();
    cost.turn = touches();
    for (unsigned n = 0; n < count; n++)
        after += tly_event_value(&events[n]);
    cost.woken = after - before;
    for (unsigned n = 1; n <= count; n++)
        if (n != count / 2)
            tly_collector_leave(&places[n].waiter, true);
    must(!sigaction(SIGSEGV, &old, NULL) && !munmap(places, places_size));
    places_size = 0;
    return cost;
}

static void who_waits_costs_the_same_with_eight_times_as_many(void **state) {
    (void)state;
    begin();
    struct cost few = cost_of(MANY), many = cost_of(8 * MANY);
    print_message("places of %u and of %u that are touched: who comes %u %u, "
                  "who gives up %u %u, a turn %u %u; woken %u %u\n",
                  MANY, 8 * MANY, few.append, many.append, few.leave,
                  many.leave, few.turn, many.turn, few.woken, many.woken);
    assert_int_equal(few.append, 2); // its own, and the last
    assert_int_equal(few.leave, 4);  // its own, both neighbours, the first
    assert_int_equal(few.turn, 2);   // its own, and the next
    assert_int_equal(few.woken, 1);
    assert_memory_equal(&few, &many, sizeof(few));
}

static void *stop_it(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    *(tally_status *)arg = tly_collector_stop(tly_self(), NULL);
    tly_collector_resume(tly_self());
    return NULL;
}

static void who_has_it_knows_that_somebody_needs_it(void **state) {
    (void)state;
    struct tly_mutator *self = begin();
    must(tly_collector_try(self));
    tly_collector_heed(true);
    assert_false(tly_collector_is_urgent());
    tally_status status = TALLY_INVALID;
    pthread_t thread = thread_start(stop_it, &status);
    while (!tly_collector_is_urgent())
        sched_yield();
    tly_collector_give(self);
    thread_join(thread);
    assert_int_equal(status, TALLY_OK);
    // For this collection: a worker may have left something undone.
    assert_true(tly_collector_is_urgent());
    tly_collector_heed(true);
    assert_false(tly_collector_is_urgent());
    tly_collector_heed(false);
}

static void a_stop_that_comes_too_late_leaves_it_free(void **state) {
    (void)state;
    struct tly_local *busy = local_make(); // passes no safepoint
    act_as_local(NULL);
    struct tly_mutator *self = begin();
    struct tly_patience patience = for_ms(5), more = for_ms(1000);
    assert_int_equal(tly_collector_stop(self, &patience), TALLY_TIMED_OUT);
    assert_true(tly_collector_try(self));
    assert_int_equal(tly_collector_stop(self, NULL), TALLY_DEADLOCK);
    tly_collector_give(self);
    assert_false(tly_collector_is_urgent());
    tly_mutator_in(busy)->state = TLY_VACANT;
    assert_int_equal(tly_collector_stop(self, &more), TALLY_OK);
    assert_true(self->stopped_world);
    tly_collector_resume(self);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(one_mutator_has_it_at_a_time),
        collector_test(who_has_it_is_refused),
        collector_test(who_waits_in_vain_is_attached_again),
        collector_test(who_waits_takes_it_when_it_is_given),
        collector_test(who_comes_later_is_not_the_first),
        collector_test(who_gives_it_back_has_it_again_after_those_that_wait),
        collector_test(who_waits_costs_the_same_with_eight_times_as_many),
        collector_test(who_has_it_knows_that_somebody_needs_it),
        collector_test(a_stop_that_comes_too_late_leaves_it_free),
    };
    return cmocka_run_group_tests_name("collector/lock", tests, NULL, NULL);
}
