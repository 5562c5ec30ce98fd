// Published objects that end one after the other: chains, which are followed to
// their end, and hooks that make the next, which are not. Each in a process of
// its own; counted, not timed.

#include "child_test.h"
#include "threads.h"

static size_t ended;

// ---- hooks that make the next

// Where it would go on for ever, it stops here.
#define MOST 1000000u
static size_t most;

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
        cmocka_unit_test(a_collection_follows_a_chain_to_its_end),
        cmocka_unit_test(nested_lists_leave_room_below_a_limit),
        cmocka_unit_test(however_deep_they_are),
        cmocka_unit_test(nested_lists_leave_room_where_another_thread_collects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
