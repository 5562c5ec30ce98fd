// Published objects that end one after the other: chains, which are followed to
// their end, and hooks that make the next, which are not. Each in a process of
// its own; counted, not timed.

#include "child_test.h"
#include "threads.h"

static atomic_size_t ended;

// ---- hooks that make the next

// Where it would go on for ever, it stops here.
#define MOST 1000000u
static atomic_size_t most;

struct again {
    tally_object head;
};
static void again_drop(void);
static void again_ends(void *object) {
    (void)object;
    if (++ended < most)
        again_drop();
}
TALLY_TYPE(again, TALLY_DESTROY(again_ends));

static void again_drop(void) {
    struct again *again = tally_new(again);
    must(again);
    tally_publish(again);
    tally_decref(again);
}

CHILD_TEST(a_collection_ends_beside_an_object_that_makes_the_next) {
    setenv("TALLY_CONF", "collector:0", 1);
    most = MOST;
    again_drop();
    for (unsigned n = 1; n <= 3; n++) {
        size_t before = ended;
        tally_collect();
        must(ended > before); // it goes on with the next call
        must(ended < MOST / 10 * n);
    }
    most = ended + 10;
    tally_collect();
    must(ended == most);
    size_t leaked = 77;
    must(tally_shutdown(&leaked) == TALLY_OK);
    must(leaked == 0);
}

CHILD_TEST(the_runtime_ends_and_tells_of_the_last) {
    most = MOST;
    again_drop();
    size_t leaked = 77;
    must(tally_shutdown(&leaked) == TALLY_OK);
    must(leaked == 1);
    must(ended > 0 && ended < MOST / 2);
}

// The same by finalizers, which run before their object waits for anything; by
// destroy hooks of objects that need not wait; by callbacks of weak references.
static void closed_ends(void *object);
static void pumped_ends(void *object);
static void plain_ends(void *object);
struct closed {
    tally_object head;
};
struct pumped {
    tally_object head;
};
struct plain {
    tally_object head;
};
struct told {
    tally_object head;
};
TALLY_TYPE(closed, TALLY_FINALIZE(closed_ends));
TALLY_TYPE(pumped, TALLY_FINALIZE(pumped_ends),
           TALLY_FINALIZE_BY(TALLY_EXECUTOR_PUMPED));
TALLY_TYPE(plain, TALLY_DESTROY(plain_ends));
TALLY_TYPE(told);

static void closed_drop(void) {
    struct closed *closed = tally_new(closed);
    must(closed);
    tally_decref(closed);
}
static void closed_published_drop(void) {
    struct closed *closed = tally_new(closed);
    must(closed);
    tally_publish(closed);
    tally_decref(closed);
}
static bool publishes;
static void closed_ends(void *object) {
    (void)object;
    if (++ended < most)
        publishes ? closed_published_drop() : closed_drop();
}
static void pumped_drop(void) {
    struct pumped *pumped = tally_new(pumped);
    must(pumped);
    tally_decref(pumped);
}
static void pumped_ends(void *object) {
    (void)object;
    if (++ended < most)
        pumped_drop();
}
static void plain_drop(void) {
    struct plain *plain = tally_new(plain);
    must(plain);
    tally_decref(plain);
}
static void plain_ends(void *object) {
    (void)object;
    if (++ended < most)
        plain_drop();
}
static void told_drop(void);
static void told_ends(tally_weak *weak, void *arg) {
    (void)arg;
    tally_decref(weak);
    if (++ended < most)
        told_drop();
}
static void told_drop(void) {
    struct told *told = tally_new(told);
    must(told);
    tally_weak *weak = tally_weak_new(told, told_ends, NULL);
    must(weak);
    tally_decref(told);
}

static void pump_all(void) { (void)tally_finalize_pending(SIZE_MAX); }
static void pass_safepoint(void) { tally_safepoint(); }
static void block(void) {
    TALLY_BLOCKING {}
}
static void collect_all(void) { (void)tally_collect(); }

// Each comes back long before the last that it might have followed, and has
// followed some.
#define MANY 1000000u
#define FEW 100000u
static void each_comes_back(void (*drop)(void)) {
    static void (*const calls[])(void) = {
        pass_safepoint, collect_all, pump_all, block, collect_all, pump_all,
    };
    must(tally_attach(NULL) == TALLY_OK);
    most = MANY;
    drop();
    must(ended < FEW);
    size_t before = ended;
    for (unsigned n = 0; n < sizeof(calls) / sizeof(calls[0]); n++) {
        calls[n]();
        must(ended < FEW * (n + 2));
    }
    must(ended > before + 100);
    // It comes to its end, and nothing is lost.
    most = ended + 10;
    for (unsigned n = 0; n < 3; n++)
        tally_collect(), pump_all();
    must(ended == most);
    size_t leaked = 77;
    must(tally_shutdown(&leaked) == TALLY_OK);
    must(leaked == 0);
}

CHILD_TEST(a_finalizer_that_makes_the_next_holds_up_nobody) {
    setenv("TALLY_CONF", "collector:0", 1);
    each_comes_back(closed_drop);
}

CHILD_TEST(nor_does_one_of_published_objects) {
    setenv("TALLY_CONF", "collector:0", 1);
    publishes = true;
    each_comes_back(closed_published_drop);
}

CHILD_TEST(nor_one_that_is_pumped) {
    setenv("TALLY_CONF", "collector:0", 1);
    each_comes_back(pumped_drop);
}

CHILD_TEST(nor_a_destroy_hook) {
    setenv("TALLY_CONF", "collector:0", 1);
    each_comes_back(plain_drop);
}

CHILD_TEST(nor_a_callback) {
    setenv("TALLY_CONF", "collector:0", 1);
    each_comes_back(told_drop);
}

// Whose blocks another thread gives back meanwhile, and which follows the chain
// as well: a call sees some 33,000 end, with zeal 130,000.
CHILD_TEST(a_collection_comes_back_beside_the_thread_that_collects) {
    publishes = true;
    most = MANY * 8;
    closed_published_drop();
    for (unsigned n = 1; n <= 4; n++) {
        tally_safepoint();
        tally_collect();
        must(ended < MANY * n);
    }
}

CHILD_TEST(the_runtime_ends_beside_a_finalizer_that_makes_the_next) {
    most = MANY * 3;
    closed_drop();
    size_t leaked = 77;
    must(tally_shutdown(&leaked) == TALLY_OK);
    must(leaked == 1 || leaked == 2); // the last, and whose hook made it
    must(ended > 0 && ended < most);
}

// ---- hooks that make something, and come to an end

struct noted {
    tally_object head;
    tally_ref next;
};
static tally_list *notes;
static void noted_ends(void *object) {
    (void)object;
    ended++;
    tally_text *note = tally_text_of("ended");
    must(note);
    must(tally_list_append_steal(notes, tally_of(note)) == TALLY_OK);
}
TALLY_TYPE(noted, TALLY_REF(next), TALLY_FINALIZE(noted_ends));

#define NOTED 20000u
#define NOTED_LINKS 800u

CHILD_TEST(finalizers_that_leave_something_behind_all_run_in_one_collection) {
    setenv("TALLY_CONF", "collector:0", 1);
    notes = tally_list_new();
    must(notes);
    tally_collect_disable();
    for (unsigned n = 0; n < NOTED; n++) {
        struct noted *noted = tally_new(noted);
        must(noted);
        tally_set(noted, next, noted);
        tally_decref(noted);
    }
    tally_collect();
    must(ended == NOTED);
    must(tally_list_length(notes) == NOTED);
}

CHILD_TEST(and_those_of_a_chain_in_one_drop) {
    notes = tally_list_new();
    must(notes);
    struct noted *noted = NULL, *last;
    for (unsigned n = 0; n < NOTED_LINKS; n++) {
        last = noted;
        noted = tally_new(noted);
        must(noted);
        tally_set_steal(noted, next, last);
    }
    tally_decref(noted);
    must(ended == NOTED_LINKS);
}

// ---- chains

struct link {
    tally_object head;
    tally_ref next;
};
struct leaf {
    tally_object head;
};
TALLY_TYPE(leaf);
static void link_ends(void *object) {
    (void)object;
    ended++;
    struct leaf *leaf = tally_new(leaf);
    must(leaf);
    tally_decref(leaf);
}
TALLY_TYPE(link, TALLY_REF(next), TALLY_DESTROY(link_ends));

static struct link *links(unsigned count) {
    struct link *link = NULL, *last;
    for (unsigned n = 0; n < count; n++) {
        last = link;
        link = tally_new(link);
        must(link);
        tally_set_steal(link, next, last);
        tally_publish(link);
    }
    return link;
}

CHILD_TEST(a_collection_follows_a_chain_to_its_end) {
    setenv("TALLY_CONF", "collector:0", 1);
    unsigned count = rounds(10000, 3000);
    tally_decref(links(count));
    must(ended < count);
    tally_collect();
    must(ended == count);
    must(stats_now().live_objects == 0);
}

// ---- at the limit

// A list in a list in a list; NULL where there is no room for so many.
static tally_list *lists(unsigned depth) {
    tally_list *list = NULL, *inner;
    for (unsigned n = 0; n < depth; n++) {
        inner = list;
        list = tally_list_new();
        if (list && inner &&
            tally_list_append_steal(list, tally_of(inner)) != TALLY_OK) {
            tally_decref(list);
            return NULL;
        }
        if (!list) {
            if (inner)
                tally_decref(inner);
            return NULL;
        }
    }
    return list;
}

static uint64_t full_collections(void) { return stats_now().collections[1]; }

// Nested lists die, three times as many as there is room for. Two full
// collections have to make room for the next ones, however deep they are; one
// may have begun before.
#define LISTS 200000u
static void die_at_the_limit(const char *conf, unsigned depth) {
    setenv("TALLY_CONF", conf, 1);
    must(tally_attach(NULL) == TALLY_OK);
    for (unsigned n = 0; n < LISTS; n += depth) {
        uint64_t before = full_collections();
        tally_list *list = lists(depth);
        while (!list) {
            tally_safepoint();
            list = lists(depth);
            must(full_collections() <= before + 2);
        }
        must(full_collections() <= before + 2);
        tally_decref(list);
        tally_safepoint();
    }
    must(full_collections() > 0);
}

#define AT_ONCE "collector:0,limit_bytes:4194304"
// Waits as long as it takes.
#define BESIDE "limit_bytes:4194304,limit_wait_ms:60000"

CHILD_TEST(nested_lists_leave_room_below_a_limit) {
    die_at_the_limit(AT_ONCE, 500);
}

CHILD_TEST(however_deep_they_are) { die_at_the_limit(AT_ONCE, 4000); }

CHILD_TEST(nested_lists_leave_room_where_another_thread_collects) {
    die_at_the_limit(BESIDE, 4000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_collection_ends_beside_an_object_that_makes_the_next),
        cmocka_unit_test(the_runtime_ends_and_tells_of_the_last),
        cmocka_unit_test(a_finalizer_that_makes_the_next_holds_up_nobody),
        cmocka_unit_test(nor_does_one_of_published_objects),
        cmocka_unit_test(nor_one_that_is_pumped),
        cmocka_unit_test(nor_a_destroy_hook),
        cmocka_unit_test(nor_a_callback),
        cmocka_unit_test(
            a_collection_comes_back_beside_the_thread_that_collects),
        cmocka_unit_test(
            the_runtime_ends_beside_a_finalizer_that_makes_the_next),
        cmocka_unit_test(
            finalizers_that_leave_something_behind_all_run_in_one_collection),
        cmocka_unit_test(and_those_of_a_chain_in_one_drop),
        cmocka_unit_test(a_collection_follows_a_chain_to_its_end),
        cmocka_unit_test(nested_lists_leave_room_below_a_limit),
        cmocka_unit_test(however_deep_they_are),
        cmocka_unit_test(nested_lists_leave_room_where_another_thread_collects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
