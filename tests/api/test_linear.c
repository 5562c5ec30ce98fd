// tests/support/linear.h: the checker of histories itself. What it lets pass
// would pass everywhere.

#include "api.h"
#include "linear.h"

// The model: a register that is read, written, and swapped.
enum kind { READ, WRITE, SWAP };
struct operation {
    enum kind kind;
    int value;  // that is written
    int result; // what was there
};

static unsigned long applied;

static bool apply(void *state, const void *op) {
    const struct operation *operation = op;
    int *held = state, before = *held;
    applied++;
    if (operation->kind != READ)
        *held = operation->value;
    return operation->kind == WRITE || operation->result == before;
}

// A history of the register, which held 0; the end is not known if negative.
static bool fits(const struct operation *ops, const struct linear_span *spans,
                 size_t count, int end) {
    int zero = 0;
    const struct linear history = {.state_bytes = sizeof(int),
                                   .begin = &zero,
                                   .end = end < 0 ? NULL : &end,
                                   .apply = apply,
                                   .op_bytes = sizeof(*ops),
                                   .ops = ops,
                                   .spans = spans,
                                   .count = count};
    return linear_check(&history);
}

static void nothing_done_fits(void **state) {
    (void)state;
    assert_true(fits(NULL, NULL, 0, -1));
    assert_true(fits(NULL, NULL, 0, 0));
    assert_false(fits(NULL, NULL, 0, 1));
}

static void one_after_another_is_held_to_its_order(void **state) {
    (void)state;
    struct operation ops[] = {{WRITE, 1, 0}, {WRITE, 2, 0}, {READ, 0, 2}};
    const struct linear_span spans[] = {{1, 2}, {3, 4}, {5, 6}};
    assert_true(fits(ops, spans, 3, 2));
    ops[2].result = 1; // a stale read
    assert_false(fits(ops, spans, 3, -1));
}

static void what_overlaps_may_come_in_any_order(void **state) {
    (void)state;
    struct operation ops[] = {{WRITE, 1, 0}, {READ, 0, 0}, {READ, 0, 1}};
    struct linear_span spans[] = {{1, 6}, {2, 3}, {4, 5}};
    assert_true(fits(ops, spans, 3, 1));
    ops[1].result = 1;
    assert_true(fits(ops, spans, 3, 1));
    // Seen, and then not seen any more.
    ops[2].result = 0;
    assert_false(fits(ops, spans, 3, -1));
    // Which two readers at once may say.
    spans[2].call = 2;
    assert_true(fits(ops, spans, 3, 1));
}

static void what_nobody_wrote_is_not_read(void **state) {
    (void)state;
    struct operation ops[] = {{WRITE, 1, 0}, {READ, 0, 7}};
    const struct linear_span spans[] = {{1, 4}, {2, 3}};
    assert_false(fits(ops, spans, 2, -1));
}

static void a_lost_update_is_found(void **state) {
    (void)state;
    struct operation ops[] = {{SWAP, 1, 0}, {SWAP, 2, 0}};
    const struct linear_span spans[] = {{1, 4}, {2, 3}};
    assert_false(fits(ops, spans, 2, -1));
    ops[0].result = 2;
    assert_true(fits(ops, spans, 2, 1));
    assert_false(fits(ops, spans, 2, 2)); // nor does the end fit
}

// A ring of swaps that all overlap: each has seen what the one before left,
// and the first one what the last one did.
static void a_long_knot_is_refuted_in_time(void **state) {
    (void)state;
    enum { COUNT = 14 };
    struct operation ops[COUNT];
    struct linear_span spans[COUNT];
    for (int n = 0; n < COUNT; n++) {
        ops[n] = (struct operation){WRITE, n % 2, 0};
        spans[n] = (struct linear_span){1, 2};
    }
    ops[COUNT - 1] = (struct operation){READ, 0, 2};
    applied = 0;
    assert_false(fits(ops, spans, COUNT, -1));
    // Two states for each set of writes; without memory 13! orders.
    assert_in_range(applied, 1, ((unsigned long)1 << (COUNT - 1)) * 2 * COUNT);
}

static void sixty_four_operations_are_a_history(void **state) {
    (void)state;
    struct operation ops[LINEAR_MAX];
    struct linear_span spans[LINEAR_MAX];
    for (unsigned n = 0; n < LINEAR_MAX; n++) {
        ops[n] = (struct operation){SWAP, (int)n + 1, (int)n};
        spans[n] = (struct linear_span){n + 1, n + 4};
    }
    assert_true(fits(ops, spans, LINEAR_MAX, LINEAR_MAX));
    ops[LINEAR_MAX - 1].result = 3;
    assert_false(fits(ops, spans, LINEAR_MAX, -1));
}

static void the_clock_goes_on(void **state) {
    (void)state;
    uint64_t before = linear_now();
    assert_true(linear_now() > before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_done_fits),
        cmocka_unit_test(one_after_another_is_held_to_its_order),
        cmocka_unit_test(what_overlaps_may_come_in_any_order),
        cmocka_unit_test(what_nobody_wrote_is_not_read),
        cmocka_unit_test(a_lost_update_is_found),
        cmocka_unit_test(a_long_knot_is_refuted_in_time),
        cmocka_unit_test(sixty_four_operations_are_a_history),
        cmocka_unit_test(the_clock_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
