// What destroy hooks may do, and what they leave behind: the heap beside them
// is in use, and their object is dead.

#include "api.h"
#include "threads.h"

static atomic_uint called;

// With a finalizer: its last drop by its owner takes no list.
struct conn {
    tally_object head;
    tally_ref peer;
};
static void conn_finalize(void *object) { (void)object; }
static void (*conn_does)(void);
static void conn_destroy(void *object) {
    (void)object;
    atomic_fetch_add(&called, 1);
    conn_does();
}
TALLY_TYPE(conn, TALLY_REF(peer), TALLY_FINALIZE(conn_finalize),
           TALLY_DESTROY(conn_destroy));

// Without one.
struct file {
    tally_object head;
    tally_ref next;
};
static void file_destroy(void *object) { conn_destroy(object); }
TALLY_TYPE(file, TALLY_REF(next), TALLY_DESTROY(file_destroy));

static struct conn *conn_new(void (*does)(void)) {
    struct conn *conn = tally_new(conn);
    must(conn);
    atomic_store(&called, 0);
    conn_does = does;
    return conn;
}

// A garbage cycle of two.
static void files_drop(void (*does)(void)) {
    struct file *a = tally_new(file), *b = tally_new(file);
    must(a && b);
    tally_set(b, next, a);
    tally_set_steal(a, next, b);
    atomic_store(&called, 0);
    conn_does = does;
    tally_decref(a);
}

static void does_nothing(void) {}

// ---- collecting

static tally_status inner_status;
static size_t inner_freed;
static void does_collect(void) {
    struct tally_collection done = {.freed = 0};
    inner_status = tally_collect_generation(TALLY_FULL, &done);
    inner_freed += done.freed;
}

static void a_destroy_hook_that_collects_is_called_once(void **state) {
    (void)state;
    inner_freed = 0;
    tally_decref(conn_new(does_collect));
    assert_int_equal(called, 1);
    assert_int_equal(inner_status, TALLY_OK);
    assert_int_equal(inner_freed, 0);
}

static void a_destroy_hook_of_a_collection_may_collect(void **state) {
    (void)state;
    inner_freed = 0;
    files_drop(does_collect);
    assert_int_equal(tally_collect(), 2);
    assert_int_equal(called, 2);
    assert_int_equal(inner_status, TALLY_OK);
    assert_int_equal(inner_freed, 0);
}

static void does_verify(void) { inner_status = tally_verify(2); }

static void a_destroy_hook_finds_a_sound_heap(void **state) {
    (void)state;
    tally_decref(conn_new(does_verify));
    assert_int_equal(inner_status, TALLY_OK);
    files_drop(does_verify);
    assert_int_equal(tally_collect(), 2);
    assert_int_equal(called, 2);
    assert_int_equal(inner_status, TALLY_OK);
}

// ---- blocking, beside a collection

static stage hook_is, may_return;
static void does_wait(void) {
    stage_set(&hook_is, 1);
    stage_wait(&may_return, 1);
}

static void *conn_drops(void *conn) {
    (void)conn;
    tally_decref(conn_new(does_wait));
    return NULL;
}

// One object: of more, who collects beside would end the rest.
static void *file_collects(void *unused) {
    (void)unused;
    struct file *file = tally_new(file);
    tally_set(file, next, file);
    atomic_store(&called, 0);
    conn_does = does_wait;
    tally_decref(file);
    tally_collect();
    return NULL;
}

// While its hook waits, others collect and look at the heap.
static void collects_beside(thread_fn fn) {
    stage_set(&hook_is, 0);
    stage_set(&may_return, 0);
    pthread_t thread = thread_start(fn, NULL);
    stage_wait(&hook_is, 1);
    tally_collect_mode modes[] = {TALLY_CONCURRENT, TALLY_STOPPED};
    for (unsigned n = 0; n < 2; n++) {
        struct tally_collection done = {.freed = 77};
        assert_int_equal(tally_collect_with(modes[n], TALLY_FULL, &done),
                         TALLY_OK);
        assert_int_equal(done.freed, 0);
    }
    assert_int_equal(tally_verify(2), TALLY_OK);
    stage_set(&may_return, 1);
    thread_join(thread);
    assert_int_equal(called, 1);
}

static void a_collection_leaves_what_a_blocked_destroy_hook_ends(void **state) {
    (void)state;
    collects_beside(conn_drops);
}

static void a_blocked_destroy_hook_of_garbage_holds_no_collection(
    void **state) {
    (void)state;
    collects_beside(file_collects);
}

// ---- errno

static void does_spoil(void) { errno = ECHILD; }
static void spoils(tally_weak *weak, void *arg) {
    (void)weak, (void)arg;
    errno = ECHILD;
}
static void spoils_call(void *arg) {
    (void)arg;
    errno = ECHILD;
}
static void spoils_lent(void *data, size_t length, void *arg) {
    (void)data, (void)length;
    spoils_call(arg);
}

struct holder {
    tally_object head;
    tally_ref one;
};
TALLY_TYPE(holder, TALLY_REF(one));

#define keeps_errno(code)                                                      \
    do {                                                                       \
        errno = EDOM;                                                          \
        code;                                                                  \
        assert_int_equal(errno, EDOM);                                         \
    } while (0)

static void a_drop_keeps_errno_whatever_hooks_do(void **state) {
    (void)state;
    struct conn *conn = conn_new(does_spoil);
    keeps_errno(tally_decref(conn));
    struct file *file = tally_new(file);
    keeps_errno(tally_decref(file));
    file = tally_new(file);
    tally_pin(file);
    tally_decref(file);
    keeps_errno(tally_unpin(file));
    file = tally_new(file);
    keeps_errno(tally_decref_later(file));
    keeps_errno(tally_flush());
    struct holder *holder = tally_new(holder);
    tally_set_steal(holder, one, tally_new(file));
    keeps_errno(tally_set(holder, one, NULL));
    tally_set_steal(holder, one, tally_new(file));
    keeps_errno(tally_decref(holder));
    holder = tally_new(holder);
    tally_weak *weak = tally_weak_new(holder, spoils, NULL);
    keeps_errno(tally_decref(holder));
    tally_decref(weak);
    assert_int_equal(called, 6);
}

static void what_waits_for_a_safepoint_keeps_errno(void **state) {
    (void)state;
    struct file *file = tally_new(file);
    atomic_store(&called, 0);
    conn_does = does_spoil;
    tally_publish(file);
    keeps_errno(tally_decref(file));
    must(tally_defer(spoils_call, NULL) == TALLY_OK);
    keeps_errno(tally_collect());
    assert_int_equal(called, 1);
    files_drop(does_spoil);
    keeps_errno(tally_collect());
    assert_int_equal(called, 2);
    file = tally_new(file);
    tally_decref_later(file);
    keeps_errno(TALLY_BLOCKING{});
    assert_int_equal(called, 3);
}

static void a_view_that_gives_memory_back_keeps_errno(void **state) {
    (void)state;
    static char bytes[8];
    tally_view *view =
        tally_view_of_memory(bytes, sizeof(bytes), true, spoils_lent, NULL);
    must(view);
    keeps_errno(tally_decref(view));
    // Not in a hook of the library's.
    view = tally_view_of_memory(bytes, sizeof(bytes), true, spoils_lent, NULL);
    must(view);
    keeps_errno(must(tally_view_release(view) == TALLY_OK));
    tally_decref(view);
}

// ---- a world that the caller has stopped

static void no_hook_runs_in_a_world_that_its_thread_has_stopped(void **state) {
    (void)state;
    struct conn *conn = conn_new(does_nothing);
    struct file *file = tally_new(file);
    must(tally_defer(spoils_call, NULL) == TALLY_OK);
    must(tally_stop_world() == TALLY_OK);
    tally_decref(conn);
    tally_decref(file);
    for (unsigned n = 0; n < 100; n++)
        tally_safepoint();
    assert_int_equal(called, 0);
    tally_start_world();
    tally_safepoint();
    assert_int_equal(called, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(a_destroy_hook_that_collects_is_called_once),
        quiet_test(a_destroy_hook_of_a_collection_may_collect),
        quiet_test(a_destroy_hook_finds_a_sound_heap),
        quiet_test(a_collection_leaves_what_a_blocked_destroy_hook_ends),
        quiet_test(a_blocked_destroy_hook_of_garbage_holds_no_collection),
        quiet_test(a_drop_keeps_errno_whatever_hooks_do),
        quiet_test(what_waits_for_a_safepoint_keeps_errno),
        quiet_test(a_view_that_gives_memory_back_keeps_errno),
        quiet_test(no_hook_runs_in_a_world_that_its_thread_has_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
