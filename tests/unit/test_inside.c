// object/inside.c: which code of the program's a thread is inside of.

#include "unit_object.h"

#include "object/finish.h"
#include "object/inside.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(the_hook_and_the_type_are_told),
        object_test(outside_of_hooks_there_is_nothing_to_tell),
    };
    return cmocka_run_group_tests_name("object/inside", tests, NULL, NULL);
}
