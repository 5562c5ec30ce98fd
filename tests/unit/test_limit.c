// collector/limit.c: what an allocation does at the limit.

#include "unit_collector.h"

#include "platform/os.h"

#define MIB ((int64_t)1 << 20)
#define LIMIT (8 * MIB)

struct node {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(node, TALLY_REF(next));

// The calling thread, attached, in a heap of so many bytes.
static struct tly_local *begin(int64_t bytes, uint64_t wait_ms) {
    must(tally_attach(NULL) == TALLY_OK);
    tly_pace_configure(true, (uint64_t)MIB, 100, 10);
    tly_limit_configure((uint64_t)LIMIT, wait_ms);
    struct tly_local *self = tly_local_of(tly_self());
    tly_heap_account(&self->heap, bytes);
    return self;
}

// Whether there is memory, and how long it took to know.
static bool try_alloc(uint64_t *ret_ms) {
    uint64_t before = tly_os_now();
    errno = 0;
    void *block = tally_alloc((size_t)MIB);
    int error = errno;
    *ret_ms = (tly_os_now() - before) / 1000000;
    tally_free(block);
    assert_int_equal(error, block ? 0 : ENOMEM);
    return block;
}

static void assert_full_at_once(void) {
    uint64_t ms;
    assert_false(try_alloc(&ms));
    assert_in_range(ms, 0, 400);
}

static void end(struct tly_local *self) {
    tly_heap_account(&self->heap, -tly_pool_live_bytes());
    tly_limit_wake = NULL;
    tally_detach();
}

static void below_the_limit_there_is_memory(void **state) {
    (void)state;
    uint64_t ms;
    struct tly_local *self = begin(LIMIT - 2 * MIB, 1000);
    assert_true(try_alloc(&ms));
    assert_false(tly_limit_wants());
    end(self);
}

static void where_nobody_collects_there_is_none_at_once(void **state) {
    (void)state;
    struct tly_local *self = begin(LIMIT, 1000);
    assert_full_at_once();
    assert_true(tly_limit_wants());
    assert_int_equal(tly_pace_due(), TALLY_FULL);
    assert_true(tly_self()->breaker.bits_ & TLY_BREAK_COLLECT);
    end(self);
}

static void small_blocks_are_refused_too(void **state) {
    (void)state;
    struct tly_local *self = begin(LIMIT, 0);
    errno = 0;
    assert_null(tally_alloc(16));
    assert_int_equal(errno, ENOMEM);
    assert_null(tally_new(node));
    end(self);
}

static void nothing_is_asked_for_while_collections_are_disabled(void **state) {
    (void)state;
    struct tly_local *self = begin(LIMIT, 1000);
    tally_collect_disable();
    assert_full_at_once();
    assert_false(tly_limit_wants());
    tally_collect_enable();
    end(self);
}

static void at_its_next_safepoint_the_thread_makes_room(void **state) {
    (void)state;
    struct tly_local *self = begin(0, 0);
    struct node *node;
    unsigned made = 0;
    while ((node = tally_new(node))) {
        tally_set(node, next, node);
        tally_decref(node);
        made++;
    }
    // Of 32 bytes each.
    assert_in_range(made, (LIMIT - MIB / 2) / 32, (LIMIT + MIB / 2) / 32);
    assert_true(tly_limit_wants());
    tally_safepoint();
    assert_false(tly_limit_wants());
    node = tally_new(node);
    assert_non_null(node);
    tally_decref(node);
    end(self);
}

// ---- another thread's collection

static stage at;
static struct tly_mutator *waiter;
static int64_t freed; // by the other thread's collection
static uint32_t seen; // the waiter's state meanwhile

// A collection, as pacing sees it, that begins before the program asks, and
// another one after it.
static void *collect_twice(void *arg) {
    (void)arg;
    struct tly_pace_work work = {
        .generation = TALLY_FULL, .candidates = 10, .freed = 10};
    tly_pace_began(TALLY_FULL);
    stage_set(&at, 1);
    while (!tly_limit_wants())
        sched_yield();
    tly_pace_done(&work);
    tly_pace_began(TALLY_FULL);
    sleep_ms(20);
    seen = __atomic_load_n(&waiter->state, __ATOMIC_SEQ_CST);
    tly_heap_account(tly_heap_of(&tly_nobody.mutator), -freed);
    tly_pace_done(&work);
    return NULL;
}

static bool wake_nobody(void) { return true; }

static void wait_for_two(int64_t bytes, uint64_t *ret_ms, bool *ret_room) {
    freed = bytes;
    at = 0;
    waiter = tly_self();
    // Between the two there is somebody, too.
    tly_limit_wake = wake_nobody;
    pthread_t thread = thread_start(collect_twice, NULL);
    stage_spin(&at, 1);
    *ret_room = try_alloc(ret_ms);
    thread_join(thread);
}

static void another_threads_collection_is_waited_for(void **state) {
    (void)state;
    uint64_t ms;
    bool room;
    struct tly_local *self = begin(LIMIT, 20000);
    wait_for_two(2 * MIB, &ms, &room);
    assert_true(room);
    assert_in_range(ms, 15, 10000);
    assert_int_equal(seen, TLY_DETACHED);
    assert_true(tly_is_attached(tly_self()));
    end(self);
}

static void when_it_has_made_no_room_there_is_no_memory(void **state) {
    (void)state;
    uint64_t ms;
    bool room;
    struct tly_local *self = begin(LIMIT, 20000);
    wait_for_two(MIB / 2, &ms, &room);
    assert_false(room);
    assert_in_range(ms, 15, 10000);
    end(self);
}

static void a_wait_ends_at_its_deadline_and_is_not_tried_again(void **state) {
    (void)state;
    uint64_t ms;
    struct tly_local *self = begin(LIMIT, 500);
    tly_pace_began(TALLY_FULL);
    assert_false(try_alloc(&ms));
    assert_in_range(ms, 450, 30000);
    assert_full_at_once();
    tly_pace_done(&(struct tly_pace_work){
        .generation = TALLY_FULL, .candidates = 10, .freed = 10});
    tly_pace_began(TALLY_FULL);
    assert_false(try_alloc(&ms));
    assert_in_range(ms, 450, 30000);
    tly_pace_done(&(struct tly_pace_work){.generation = TALLY_FULL});
    end(self);
}

static void where_a_thread_may_not_wait_there_is_none_at_once(void **state) {
    (void)state;
    struct tly_local *self = begin(LIMIT, 20000);
    tly_pace_began(TALLY_FULL);
    tally_borrow_enter();
    assert_full_at_once();
    tally_borrow_leave();
    assert_int_equal(tally_stop_world(), TALLY_OK);
    assert_full_at_once();
    tally_start_world();
    self->finishing++;
    assert_full_at_once();
    self->finishing--;
    self->collects++;
    assert_full_at_once();
    self->collects--;
    tly_pace_done(&(struct tly_pace_work){.generation = TALLY_FULL});
    tly_limit_configure((uint64_t)LIMIT, 0);
    tly_pace_began(TALLY_FULL);
    assert_full_at_once();
    tly_pace_done(&(struct tly_pace_work){.generation = TALLY_FULL});
    end(self);
}

// ---- destroy hooks, which run after the collection

struct holder {
    tally_object head;
    tally_ref next;
    void *block;
};
static void holder_ends(void *object) {
    sleep_ms(50); // time for a waiter to give up
    tally_free(((struct holder *)object)->block);
}
TALLY_TYPE(holder, TALLY_REF(next), TALLY_DESTROY(holder_ends));

static stage hooks_at;

static bool wake_hooks(void) {
    stage_set(&hooks_at, 1);
    return true;
}

static void *collect_hooked(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    stage_wait(&hooks_at, 1);
    tally_collect();
    tally_detach();
    return arg;
}

static void what_garbage_frees_is_waited_for(struct holder *ring) {
    uint64_t ms;
    struct tly_local *self = tly_local_of(tly_self());
    must(ring && (ring->block = tally_alloc((size_t)(3 * MIB))));
    tally_set(ring, next, ring);
    tally_decref(ring);
    tly_heap_account(&self->heap, MIB);
    hooks_at = 0;
    tly_limit_wake = wake_hooks;
    pthread_t thread = thread_start(collect_hooked, NULL);
    assert_true(try_alloc(&ms));
    thread_join(thread);
    end(self);
}

static void what_destroy_hooks_free_is_waited_for(void **state) {
    (void)state;
    begin(LIMIT - 4 * MIB, 20000);
    what_garbage_frees_is_waited_for(tally_new(holder));
}

// The same where a finalizer runs first: the second look clears it.
struct closer {
    struct holder base;
};
static void closer_ends(void *object) { (void)object; }
TALLY_TYPE(closer, TALLY_BASE(holder), TALLY_FINALIZE(closer_ends));

static void what_the_second_look_frees_is_waited_for(void **state) {
    (void)state;
    begin(LIMIT - 4 * MIB, 20000);
    what_garbage_frees_is_waited_for((struct holder *)tally_new(closer));
}

// ---- collections that are none to who waits

// Until an allocation asks for a full collection. False: none does.
static bool comes_a_request(void) {
    for (unsigned n = 0; n < 5000 && !tly_limit_wants(); n++)
        sleep_ms(1);
    return tly_limit_wants();
}

static bool came;
static const struct tly_pace_work done_well = {
    .generation = TALLY_FULL, .candidates = 10, .freed = 10};

static void *abandon_one(void *arg) {
    (void)arg;
    struct tly_pace_work given_up = {.generation = TALLY_FULL,
                                     .abandoned = true};
    came = comes_a_request();
    tly_pace_began(TALLY_FULL);
    tly_pace_done(&given_up);
    came = came && comes_a_request();
    tly_pace_began(TALLY_FULL);
    tly_heap_account(tly_heap_of(&tly_nobody.mutator), -2 * MIB);
    tly_pace_done(&done_well);
    return NULL;
}

static void one_that_is_abandoned_is_asked_for_again(void **state) {
    (void)state;
    uint64_t ms;
    struct tly_local *self = begin(LIMIT, 20000);
    tly_limit_wake = wake_nobody;
    pthread_t thread = thread_start(abandon_one, NULL);
    bool room = try_alloc(&ms);
    thread_join(thread);
    assert_true(room);
    assert_true(came);
    end(self);
}

// What the first has freed is another's at once.
static void *free_for_others(void *arg) {
    (void)arg;
    struct tly_heap *nobody = tly_heap_of(&tly_nobody.mutator);
    came = comes_a_request();
    tly_pace_began(TALLY_FULL);
    tly_heap_account(nobody, -2 * MIB);
    tly_pace_done(&done_well);
    tly_heap_account(nobody, 2 * MIB);
    came = came && comes_a_request();
    tly_pace_began(TALLY_FULL);
    tly_heap_account(nobody, -2 * MIB);
    tly_pace_done(&done_well);
    return NULL;
}

static void where_others_take_the_room_another_is_asked_for(void **state) {
    (void)state;
    uint64_t ms;
    struct tly_local *self = begin(LIMIT, 20000);
    tly_limit_wake = wake_nobody;
    pthread_t thread = thread_start(free_for_others, NULL);
    bool room = try_alloc(&ms);
    thread_join(thread);
    assert_true(room);
    end(self);
}

static void *end_one(void *arg) {
    (void)arg;
    sleep_ms(50); // time to give up
    tly_heap_account(tly_heap_of(&tly_nobody.mutator), -2 * MIB);
    tly_pace_done(&done_well);
    return NULL;
}

static void one_under_way_is_waited_for_where_none_may_begin(void **state) {
    (void)state;
    uint64_t ms;
    struct tly_local *self = begin(LIMIT, 20000);
    tly_limit_wake = wake_nobody;
    struct tly_pace_work in_vain = {
        .generation = TALLY_FULL, .candidates = 1000, .cpu_ns = 100000000000};
    tly_pace_began(TALLY_FULL);
    tly_pace_done(&in_vain);
    assert_false(tly_pace_may());
    assert_full_at_once();
    tly_pace_began(TALLY_FULL);
    pthread_t thread = thread_start(end_one, NULL);
    bool room = try_alloc(&ms);
    thread_join(thread);
    assert_true(room);
    end(self);
}

// ---- the program's lock

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static stage collector_at, blocked_at;

static bool wake_collector(void) {
    stage_set(&collector_at, 1);
    return true;
}

static void *collector_run(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    stage_wait(&collector_at, 1);
    tally_collect();
    stage_set(&collector_at, 2);
    tally_detach();
    return arg;
}

// Attached, and blocked by the lock where nobody says so to the runtime.
static void *blocked_run(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(&blocked_at, 1);
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    tally_detach();
    return arg;
}

static void a_thread_that_blocks_on_the_callers_lock_costs_one_wait(
    void **state) {
    (void)state;
    uint64_t ms;
    struct tly_local *self = begin(LIMIT, 500);
    struct node *node = NULL;
    tly_limit_configure((uint64_t)LIMIT + 2 * MIB, 500);
    node = tally_new(node);
    tally_set(node, next, node);
    tally_decref(node);
    tly_limit_configure((uint64_t)LIMIT, 500);
    collector_at = blocked_at = 0;
    tly_limit_wake = wake_collector;
    pthread_mutex_lock(&lock);
    pthread_t blocked = thread_start(blocked_run, NULL);
    pthread_t collector = thread_start(collector_run, NULL);
    stage_spin(&blocked_at, 1);
    assert_false(try_alloc(&ms));
    assert_in_range(ms, 450, 30000);
    assert_full_at_once();
    assert_int_equal(collector_at, 1);
    pthread_mutex_unlock(&lock);
    thread_join(blocked);
    thread_join(collector);
    assert_int_equal(collector_at, 2);
    end(self);
}

static unsigned detached;

static void note_flush(struct tly_mutator *self, bool waits) {
    detached++;
    object_flush(self, waits);
}

// A collection that found so much live, while as much as [fresh] was made.
static void collected(struct tly_local *self, int64_t live, int64_t fresh) {
    tly_heap_account(&self->heap, live - tly_pool_live_bytes());
    tly_pace_began(TALLY_FULL);
    tly_heap_account(&self->heap, fresh);
    tly_pace_done(&(struct tly_pace_work){
        .generation = TALLY_FULL, .candidates = 1000, .freed = 500});
}

static void who_is_late_waits_for_what_is_due_and_for_nothing_else(
    void **state) {
    (void)state;
    struct tly_local *self = begin(0, 1);
    tly_limit_configure(0, 1);
    unit_hooks.flush = note_flush;
    // More than three times what lives, and an eighth of the way to the next.
    collected(self, 10 * MIB, 30 * MIB);
    assert_false(tly_pace_is_late());
    assert_int_equal(tly_pace_due(), -1);
    detached = 0;
    tly_limit_wait_late(self);
    assert_int_equal(detached, 0);
    tly_heap_account(&self->heap, 4 * MIB);
    assert_true(tly_pace_is_late());
    assert_int_equal(tly_pace_due(), TALLY_FULL);
    tly_limit_wait_late(self);
    assert_int_equal(detached, 1);
    end(self);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(below_the_limit_there_is_memory),
        collector_test(where_nobody_collects_there_is_none_at_once),
        collector_test(small_blocks_are_refused_too),
        collector_test(nothing_is_asked_for_while_collections_are_disabled),
        collector_test(at_its_next_safepoint_the_thread_makes_room),
        collector_test(another_threads_collection_is_waited_for),
        collector_test(when_it_has_made_no_room_there_is_no_memory),
        collector_test(a_wait_ends_at_its_deadline_and_is_not_tried_again),
        collector_test(what_destroy_hooks_free_is_waited_for),
        collector_test(what_the_second_look_frees_is_waited_for),
        collector_test(one_that_is_abandoned_is_asked_for_again),
        collector_test(where_others_take_the_room_another_is_asked_for),
        collector_test(one_under_way_is_waited_for_where_none_may_begin),
        collector_test(where_a_thread_may_not_wait_there_is_none_at_once),
        collector_test(a_thread_that_blocks_on_the_callers_lock_costs_one_wait),
        collector_test(who_is_late_waits_for_what_is_due_and_for_nothing_else),
    };
    return cmocka_run_group_tests_name("collector/limit", tests, NULL, NULL);
}
