// runtime/due.h: how many rounds a chain takes beside a thread that runs. The
// test's thread acts as the one that collects, of which there is none.

#include "unit_cmocka.h"

#include <limits.h>
#include <stdatomic.h>

#include <tally/tally.h>

#include "threads.h"

#include "object/local.h"
#include "runtime/due.h"

#define LINKS 100u

struct link {
    tally_object head;
    tally_ref next;
};
static atomic_uint ended;
static void link_ends(void *object) {
    (void)object;
    atomic_fetch_add(&ended, 1);
}
TALLY_TYPE(link, TALLY_REF(next), TALLY_DESTROY(link_ends));

// Each published, and the last reference to the next.
static void chain_drop(void) {
    struct link *link = NULL, *last;
    for (unsigned n = 0; n < LINKS; n++) {
        last = link;
        link = tally_new(link);
        must(link);
        tally_set_steal(link, next, last);
        tally_publish(link);
    }
    tally_decref(link);
}

static stage at;

static void *pass_safepoints(void *arg) {
    (void)arg;
    chain_drop();
    stage_set(&at, 1);
    while (atomic_load(&ended) < LINKS)
        tally_safepoint();
    tally_detach();
    return NULL;
}

static void *read_always(void *arg) {
    (void)arg;
    chain_drop();
    stage_set(&at, 1);
    while (atomic_load(&ended) < LINKS)
        TALLY_BORROW { must(arg == NULL); }
    tally_detach();
    return NULL;
}

// How many rounds it takes.
static unsigned rounds_of_one(void *(*run)(void *)) {
    struct tally_config config = TALLY_CONFIG_INIT;
    config.collector = false;
    must(tally_init(&config) == TALLY_OK);
    must(tally_attach(NULL) == TALLY_OK);
    at = 0;
    atomic_store(&ended, 0);
    pthread_t thread = thread_start(run, NULL);
    TALLY_BLOCKING { stage_wait(&at, 1); }
    unsigned rounds = 0;
    while (atomic_load(&ended) < LINKS) {
        tly_due_turn(tly_local_of(tly_self()));
        rounds++;
        TALLY_BLOCKING { sleep_ms(1); } // between rounds, as it does
    }
    TALLY_BLOCKING { thread_join(thread); }
    must(tally_shutdown(NULL) == TALLY_OK);
    return rounds;
}

// One, if the thread is not kept from running: then others of so many may take
// fewer.
#define TRIES 5
static unsigned rounds_beside(void *(*run)(void *)) {
    unsigned least = UINT_MAX;
    for (unsigned n = 0; n < TRIES && least >= LINKS; n++) {
        unsigned rounds = rounds_of_one(run);
        least = rounds < least ? rounds : least;
    }
    return least;
}

static void a_chain_takes_less_than_a_round_a_level(void **state) {
    (void)state;
    assert_in_range(rounds_beside(pass_safepoints), 1, LINKS - 1);
}

static void nor_does_it_beside_sections(void **state) {
    (void)state;
    assert_in_range(rounds_beside(read_always), 1, LINKS - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_takes_less_than_a_round_a_level),
        cmocka_unit_test(nor_does_it_beside_sections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
