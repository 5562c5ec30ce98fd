// tally_shutdown beside hooks that a thread of the runtime's runs: it waits for
// the one that the thread is inside of, and runs the others itself.

#include "api.h"
#include "child.h"
#include "threads.h"
#include "virtual.h"

#define RINGS 200u

static stage at;
static pthread_t shuts_down;
static atomic_uint ran, elsewhere; // hooks

static void hook(void *object) {
    (void)object;
    ran++;
    if (pthread_equal(pthread_self(), shuts_down))
        return;
    if (elsewhere++ == 0)
        stage_set(&at, 1);
    stage_wait(&at, 2);
}

struct finalized {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(finalized, TALLY_REF(next), TALLY_FINALIZE(hook));

struct destroyed {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(destroyed, TALLY_REF(next), TALLY_DESTROY(hook));

struct queued {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(queued, TALLY_REF(next), TALLY_FINALIZE(hook),
           TALLY_FINALIZE_BY(TALLY_EXECUTOR_THREAD));

static void finalized_drop(void) {
    struct finalized *ring = tally_new(finalized);
    must(ring);
    tally_set(ring, next, ring);
    tally_decref(ring);
}

static void destroyed_drop(void) {
    struct destroyed *ring = tally_new(destroyed);
    must(ring);
    tally_set(ring, next, ring);
    tally_decref(ring);
}

static void queued_drop(void) { tally_decref(tally_new(queued)); }

// Until one of the hooks has begun. If they are garbage's, a collection is due.
static void begin(void (*drop)(void)) {
    struct tally_config config = TALLY_CONFIG_INIT;
    config.young_bytes = 65536;
    (void)unsetenv("TALLY_CONF");
    shuts_down = pthread_self();
    must(tally_init(&config) == TALLY_OK);
    tally_collect_disable();
    for (unsigned n = 0; n < RINGS; n++)
        drop();
    tally_collect_enable();
    if (drop != queued_drop)
        tally_memory_pressure(1 << 20); // as if the heap had grown
    stage_poll(&at, 1);
}

// While the thread that shuts down waits for the other.
static void let_go(const uint32_t *word, uint32_t value) {
    stage_set(&at, 2);
    while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == value)
        sched_yield();
}

static void shut_down(void *drop) {
    size_t leaked = 1;
    begin(*(void (**)(void))drop);
    must(ran == 1 && elsewhere == 1);
    virtual_begin();
    virtual_asleep = let_go;
    must(tally_shutdown(&leaked) == TALLY_OK);
    virtual_end();
    must(leaked == 0);
    must(ran == RINGS);
    must(elsewhere == 1);
}

static void hooks_left_is(void (*drop)(void)) {
    struct child child = child_run(shut_down, &drop);
    if (!child_passed(&child))
        print_error("%s\n", child.text);
    assert_true(child_passed(&child));
    assert_string_equal(child.text, "");
}

static void finalizers_of_garbage_are_left_to_who_shuts_down(void **state) {
    (void)state;
    hooks_left_is(finalized_drop);
}

static void destroy_hooks_are_left_to_who_shuts_down(void **state) {
    (void)state;
    hooks_left_is(destroyed_drop);
}

static void finalizers_of_the_executor_are_left_to_who_shuts_down(
    void **state) {
    (void)state;
    hooks_left_is(queued_drop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finalizers_of_garbage_are_left_to_who_shuts_down),
        cmocka_unit_test(destroy_hooks_are_left_to_who_shuts_down),
        cmocka_unit_test(finalizers_of_the_executor_are_left_to_who_shuts_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
