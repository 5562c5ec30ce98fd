// object/inside.c: which code of the program's a thread is inside of.

#include "unit_object.h"

#include "object/finish.h"
#include "object/inside.h"
#include "threads.h"

static char text[TLY_INSIDE_MAX];

static void look(void *object) {
    (void)object;
    tly_inside_tell(tly_local_of(tly_self()), text);
}

struct finalized {
    tally_object head;
};
TALLY_TYPE(finalized, TALLY_FINALIZE(look));

struct destroyed {
    tally_object head;
};
TALLY_TYPE(destroyed, TALLY_DESTROY(look));

static void the_hook_and_the_type_are_told(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    tally_decref(tally_new(finalized));
    assert_string_equal(text, "in a finalizer of type finalized");
    tally_decref(tally_new(destroyed));
    assert_string_equal(text, "in a destroy hook of type destroyed");
}

static void outside_of_hooks_there_is_nothing_to_tell(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    tally_decref(tally_new(finalized));
    look(NULL);
    assert_string_equal(text, "");
}

// ---- of another thread, which runs: nothing orders the two

static stage at;
static struct tly_local *other;

static void pass(void *object) { (void)object; }
struct passed {
    tally_object head;
};
TALLY_TYPE(passed, TALLY_FINALIZE(pass), TALLY_DESTROY(pass));

static void *end_many(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    other = tly_local_of(tly_self());
    stage_set(&at, 1);
    while (at < 2)
        tally_decref(tally_new(passed));
    return arg;
}

static void a_thread_that_runs_may_be_looked_at(void **state) {
    (void)state;
    pthread_t thread = thread_start(end_many, NULL);
    stage_wait(&at, 1);
    // Judged by ThreadSanitizer, and by the type's name.
    bool right = true;
    for (unsigned n = 0; n < 10000; n++) {
        tly_inside_tell(other, text);
        right &= !text[0] || strstr(text, " of type passed") ||
                 strstr(text, " of type ?");
    }
    stage_set(&at, 2);
    thread_join(thread);
    assert_true(right);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(the_hook_and_the_type_are_told),
        object_test(outside_of_hooks_there_is_nothing_to_tell),
        object_test(a_thread_that_runs_may_be_looked_at),
    };
    return cmocka_run_group_tests_name("object/inside", tests, NULL, NULL);
}
