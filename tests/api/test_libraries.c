// Types of several shared libraries, libraries that are unloaded, and two
// copies of this one: each in a process of its own.

#include <dlfcn.h>

#include "child_test.h"
#include "threads.h"

struct plugin {
    void *handle;
    void *(*make)(void);
    void (*drop)(void *object);
};

static struct plugin plugin_load(const char *path) {
    struct plugin plugin = {.handle = dlopen(path, RTLD_NOW | RTLD_GLOBAL)};
    if (!plugin.handle)
        fprintf(stderr, "%s\n", dlerror());
    must(plugin.handle);
    // ISO C has no conversion from a pointer to one to a function.
    *(void **)&plugin.make = dlsym(plugin.handle, "plugin_new");
    *(void **)&plugin.drop = dlsym(plugin.handle, "plugin_drop");
    must(plugin.make && plugin.drop);
    return plugin;
}

struct node {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(node, TALLY_REF(next));

// ---- types of one name

CHILD_TEST(each_library_has_its_own_type_of_a_name) {
    struct plugin small = plugin_load(PLUGIN_SMALL);
    struct plugin large = plugin_load(PLUGIN_LARGE);
    struct node *mine = tally_new(node);
    void *a = small.make(), *b = large.make();
    must(mine && a && b);
    must(tally_type_of(mine) == TALLY_TYPE_OF(node));
    must(tally_type_of(mine)->size == 24);
    must(tally_type_of(a)->size == 24 + 8);
    must(tally_type_of(b)->size == 24 + 400);
    must(tally_verify(2) == TALLY_OK);
    tally_decref(mine), small.drop(a), large.drop(b);
}

static void load_both_exported(void *arg) {
    (void)arg;
    plugin_load(PLUGIN_EXPORTED);
    plugin_load(PLUGIN_EXPORTED_TOO);
}

static void two_exported_types_of_one_name_are_refused_by_name(void **state) {
    (void)state;
    struct child child = child_run(load_both_exported, NULL);
    if (UNDER_ASAN) { // which has a report of its own for such variables
        assert_false(WIFEXITED(child.status) && !WEXITSTATUS(child.status));
        return;
    }
    assert_true(child_aborted(&child));
    assert_non_null(strstr(child.text, "two libraries export a type node"));
    assert_non_null(strstr(child.text, PLUGIN_EXPORTED));
    assert_non_null(strstr(child.text, PLUGIN_EXPORTED_TOO));
}

static void make_another_size(void *arg) {
    (void)arg;
    for (unsigned n = 0; n < 100; n++)
        must(tally_new(node));
    // As another source file that has another struct node would.
    errno = 0;
    must(!tally_object_new_sized(TALLY_TYPE_OF(node), 432) && errno == EINVAL);
    errno = 0;
    must(!tally_object_new_items_sized(TALLY_TYPE_OF(node), 0, 32) &&
         errno == EINVAL);
    must(tally_new(node));
}

static void a_structure_of_another_size_is_refused_at_once(void **state) {
    (void)state;
    struct child child = child_run(make_another_size, NULL);
    assert_true(child_passed(&child));
    assert_non_null(strstr(child.text, "type node has 24 bytes"));
    assert_non_null(strstr(child.text, "432 bytes"));
}

// ---- unloading

CHILD_TEST(a_library_whose_type_was_used_stays_loaded) {
    struct plugin plugin = plugin_load(PLUGIN_SMALL);
    void *object = plugin.make(), *other = plugin.make();
    must(tally_attach(NULL) == TALLY_OK);
    plugin.drop(object);
    tally_collect();
    must(dlclose(plugin.handle) == 0);
    must(tally_type_find("no such type") == NULL);
    must(strcmp(tally_type_of(other)->name, "node") == 0);
    plugin.drop(other);
    must(tally_verify(2) == TALLY_OK);
    size_t leaked = 77;
    must(tally_shutdown(&leaked) == TALLY_OK);
    must(leaked == 0);
}

CHILD_TEST(a_library_that_is_registered_in_a_section_stays_loaded) {
    struct plugin plugin = plugin_load(PLUGIN_SMALL);
    void *object = NULL;
    TALLY_BORROW { object = plugin.make(); }
    plugin.drop(object);
    must(dlclose(plugin.handle) == 0);
    must(tally_shutdown(NULL) == TALLY_OK);
}

CHILD_TEST(a_library_whose_type_was_not_used_is_unloaded) {
    struct plugin plugin = plugin_load(PLUGIN_SMALL);
    must(dlclose(plugin.handle) == 0);
    must(dlopen(PLUGIN_SMALL, RTLD_NOW | RTLD_NOLOAD) == NULL);
}

static stage used;

static void *use_and_stay(void *arg) {
    const struct plugin *plugin = arg;
    plugin->drop(plugin->make());
    atomic_fetch_add(&used, 1);
    while (atomic_load(&used) < 5)
        sched_yield();
    return NULL;
}

// The plugin has a copy of the library in it; its threads end after it was
// closed.
CHILD_TEST(a_copy_inside_of_a_library_stays_loaded) {
    struct plugin plugin = plugin_load(PLUGIN_COPY);
    pthread_t thread[4];
    for (unsigned n = 0; n < 4; n++)
        thread[n] = thread_start(use_and_stay, &plugin);
    while (atomic_load(&used) < 4)
        sched_yield();
    must(dlclose(plugin.handle) == 0);
    atomic_fetch_add(&used, 1);
    for (unsigned n = 0; n < 4; n++)
        must(pthread_join(thread[n], NULL) == 0);
}

// ---- while a library is loaded: a constructor has the loader's lock

struct other {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(other, TALLY_REF(next));

static stage begins, goes_on;
static bool synchronizes;

__attribute__((visibility("default"))) void plugin_begins(void);
void plugin_begins(void) {
    stage_set(&begins, 1);
    if (synchronizes)
        tally_synchronize();
    while (atomic_load(&goes_on) < 1) {
        tally_safepoint();
        sched_yield();
    }
}

static void *load_that_begins(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    must(dlopen(PLUGIN_BEGINS, RTLD_NOW));
    return arg;
}

static void *make_others(const struct plugin *plugin) {
    alarm(20);
    must(tally_new(other));
    void *object = plugin->make();
    must(object);
    stage_set(&goes_on, 1);
    return object;
}

static void stays_loaded(struct plugin *plugin, void *object) {
    must(dlclose(plugin->handle) == 0);
    must(dlopen(PLUGIN_SMALL, RTLD_NOW | RTLD_NOLOAD) != NULL);
    must(strcmp(tally_type_of(object)->name, "node") == 0);
    plugin->drop(object);
    must(tally_verify(2) == TALLY_OK);
}

CHILD_TEST(a_first_object_in_a_stopped_world_does_not_wait_for_the_loader) {
    struct plugin plugin = plugin_load(PLUGIN_SMALL);
    tally_decref(tally_new(node));
    pthread_t loader = thread_start(load_that_begins, NULL);
    stage_wait(&begins, 1);
    must(tally_stop_world() == TALLY_OK);
    void *object = make_others(&plugin);
    tally_safepoint();
    tally_start_world();
    stays_loaded(&plugin, object);
    thread_join(loader);
}

CHILD_TEST(a_first_object_in_a_section_does_not_wait_for_the_loader) {
    struct plugin plugin = plugin_load(PLUGIN_SMALL);
    void *object = NULL;
    tally_decref(tally_new(node));
    synchronizes = true;
    pthread_t loader = thread_start(load_that_begins, NULL);
    TALLY_BORROW {
        while (atomic_load(&begins) < 1)
            sched_yield();
        for (unsigned n = 0; n < 1000; n++)
            sched_yield(); // into tally_synchronize
        object = make_others(&plugin);
    }
    stays_loaded(&plugin, object);
    thread_join(loader);
}

// ---- copies

static void use_a_second_copy(void *arg) {
    (void)arg;
    struct plugin plugin = plugin_load(PLUGIN_COPY);
    must(plugin.make());
    struct tally_config config = TALLY_CONFIG_INIT;
    must(tally_init(&config) == TALLY_UNSUPPORTED);
    errno = 0;
    must(!tally_new(node) && errno == ENOSYS);
    config.copies = 1;
    must(tally_init(&config) == TALLY_OK);
    tally_decref(tally_new(node));
    must(tally_shutdown(NULL) == TALLY_OK);
}

static void a_second_copy_is_not_started_and_both_are_named(void **state) {
    (void)state;
    struct child child = child_run(use_a_second_copy, NULL);
    assert_true(child_passed(&child));
    assert_non_null(strstr(child.text, "two copies of the library"));
    assert_non_null(strstr(child.text, PLUGIN_COPY));
    assert_non_null(strstr(child.text, "libtally.so"));
}

static void drop_by_another_copy(void *arg) {
    (void)arg;
    struct plugin plugin = plugin_load(PLUGIN_COPY);
    plugin.drop(tally_new(node));
}

static void an_object_of_another_copy_is_not_dropped(void **state) {
    (void)state;
    struct child child = child_run(drop_by_another_copy, NULL);
    assert_true(child_aborted(&child));
    assert_non_null(strstr(child.text, "misuse"));
}

CHILD_TEST(a_second_copy_may_start_when_the_first_has_ended) {
    struct plugin plugin = plugin_load(PLUGIN_COPY);
    tally_decref(tally_new(node));
    must(tally_shutdown(NULL) == TALLY_OK);
    void *object = plugin.make();
    must(object);
    plugin.drop(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_library_has_its_own_type_of_a_name),
        cmocka_unit_test(two_exported_types_of_one_name_are_refused_by_name),
        cmocka_unit_test(a_structure_of_another_size_is_refused_at_once),
        cmocka_unit_test(a_library_whose_type_was_used_stays_loaded),
        cmocka_unit_test(
            a_library_that_is_registered_in_a_section_stays_loaded),
        cmocka_unit_test(a_library_whose_type_was_not_used_is_unloaded),
        cmocka_unit_test(
            a_first_object_in_a_stopped_world_does_not_wait_for_the_loader),
        cmocka_unit_test(
            a_first_object_in_a_section_does_not_wait_for_the_loader),
        cmocka_unit_test(a_copy_inside_of_a_library_stays_loaded),
        cmocka_unit_test(a_second_copy_is_not_started_and_both_are_named),
        cmocka_unit_test(an_object_of_another_copy_is_not_dropped),
        cmocka_unit_test(a_second_copy_may_start_when_the_first_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
