// runtime/options.c: TALLY_CONF, and ranges.

#include "unit_cmocka.h"

#include "arena/range.h"
#include "runtime/start.h"

// Reads with TALLY_CONF set to [text]; NULL: unset.
static tally_status read_as(struct tally_config *config, const char *text) {
    if (text)
        setenv("TALLY_CONF", text, 1);
    else
        unsetenv("TALLY_CONF");
    return tly_options_read(config);
}

static void the_defaults_are_within_their_ranges(void **state) {
    (void)state;
    struct tally_config config = TALLY_CONFIG_INIT, same = TALLY_CONFIG_INIT;
    assert_int_equal(read_as(&config, NULL), TALLY_OK);
    assert_memory_equal(&config, &same, sizeof(config));
    assert_int_equal(read_as(&config, ""), TALLY_OK);
    assert_memory_equal(&config, &same, sizeof(config));
}

static void each_option_is_read_by_its_name(void **state) {
    (void)state;
    struct tally_config config = TALLY_CONFIG_INIT;
    assert_int_equal(read_as(&config,
                             "reserve_bytes:134217728,"
                             "purge_delay_ms:7,collect:0,"
                             "young_bytes:8192,full_percent:50,"
                             "verify:1,finalizers:2,destroy_slice:128,report:1,"
                             "limbo_objects:3,limbo_bytes:4,later_bytes:5,"
                             "collect_share:6,limit_bytes:1048576,"
                             "limit_wait_ms:7,zeal:8,workers:9"),
                     TALLY_OK);
    assert_int_equal(config.reserve_bytes, 134217728);
    assert_int_equal(config.purge_delay_ms, 7);
    assert_int_equal(config.collect, 0);
    assert_int_equal(config.young_bytes, 8192);
    assert_int_equal(config.full_percent, 50);
    assert_int_equal(config.verify, 1);
    assert_int_equal(config.finalizers, 2);
    assert_int_equal(config.destroy_slice, 128);
    assert_int_equal(config.report, 1);
    assert_int_equal(config.limbo_objects, 3);
    assert_int_equal(config.limbo_bytes, 4);
    assert_int_equal(config.later_bytes, 5);
    assert_int_equal(config.collect_share, 6);
    assert_int_equal(config.limit_bytes, 1048576);
    assert_int_equal(config.limit_wait_ms, 7);
    assert_int_equal(config.zeal, 8);
    assert_int_equal(config.workers, 9);
}

static void the_environment_wins_over_the_program(void **state) {
    (void)state;
    struct tally_config config = TALLY_CONFIG_INIT;
    config.full_percent = 10;
    config.purge_delay_ms = 20;
    assert_int_equal(read_as(&config, "full_percent:30"), TALLY_OK);
    assert_int_equal(config.full_percent, 30);
    assert_int_equal(config.purge_delay_ms, 20);
}

static void of_an_option_given_twice_the_last_counts(void **state) {
    (void)state;
    struct tally_config config = TALLY_CONFIG_INIT;
    assert_int_equal(read_as(&config, "collect:1,collect:0"), TALLY_OK);
    assert_int_equal(config.collect, 0);
}

static void read_bad(void *text) {
    struct tally_config config = TALLY_CONFIG_INIT;
    must(read_as(&config, text) == TALLY_INVALID);
}

static void assert_refused(const char *text, const char *words) {
    struct child child = child_run(read_bad, (void *)(uintptr_t)text);
    if (!child_passed(&child) || !strstr(child.text, words))
        fail_msg("\"%s\": \"%s\" not in: %s", text, words, child.text);
}

static void what_cannot_be_read_is_refused_and_told(void **state) {
    (void)state;
    const char *texts[] = {"unknown:1",
                           "collect",
                           "collect:",
                           "collect:x",
                           "collect:1x",
                           "collect: 1",
                           "collect:-1",
                           "collect:+1",
                           ":1",
                           "collec:1",
                           "collect1:1",
                           "collect:1;verify:1",
                           "collect=1",
                           ",collect:1",
                           "collect:1,,verify:1",
                           "young_bytes:99999999999999999999999999"};
    for (unsigned n = 0; n < sizeof(texts) / sizeof(texts[0]); n++)
        assert_refused(texts[n], "cannot read");
}

static void values_out_of_range_are_refused_and_told(void **state) {
    (void)state;
    const char *texts[] = {"reserve_bytes:67108863",
                           "reserve_bytes:549755813889",
                           "purge_delay_ms:86400001",
                           "collect:2",
                           "young_bytes:4095",
                           "full_percent:0",
                           "full_percent:10001",
                           "limbo_objects:0",
                           "limbo_objects:1048577",
                           "limbo_bytes:0",
                           "later_bytes:549755813889",
                           "collect_share:0",
                           "collect_share:101",
                           "limit_bytes:1048575",
                           "limit_bytes:549755813889",
                           "limit_wait_ms:60001",
                           "zeal:1048577",
                           "workers:17",
                           "verify:2",
                           "finalizers:3",
                           "destroy_slice:1",
                           "destroy_slice:127",
                           "destroy_slice:4294967296",
                           "report:2"};
    for (unsigned n = 0; n < sizeof(texts) / sizeof(texts[0]); n++) {
        char name[32];
        snprintf(name, sizeof(name), "option %.*s", (int)strcspn(texts[n], ":"),
                 texts[n]);
        assert_refused(texts[n], name);
    }
}

static void the_ends_of_the_ranges_are_taken(void **state) {
    (void)state;
    const char *texts[] = {"reserve_bytes:0",
                           "reserve_bytes:67108864",
                           "reserve_bytes:549755813888",
                           "purge_delay_ms:0",
                           "purge_delay_ms:86400000",
                           "young_bytes:4096",
                           "collect_share:1",
                           "collect_share:100",
                           "limit_bytes:0",
                           "limit_bytes:549755813888",
                           "limit_wait_ms:0",
                           "full_percent:1",
                           "full_percent:10000"};
    for (unsigned n = 0; n < sizeof(texts) / sizeof(texts[0]); n++) {
        struct tally_config config = TALLY_CONFIG_INIT;
        assert_int_equal(read_as(&config, texts[n]), TALLY_OK);
    }
}

static void the_programs_own_values_are_checked_too(void **state) {
    (void)state;
    struct tally_config config = TALLY_CONFIG_INIT;
    config.young_bytes = 1;
    assert_int_equal(read_as(&config, NULL), TALLY_INVALID);
}

static void a_runtime_with_bad_options_does_not_start(void **state) {
    (void)state;
    struct tally_config config = TALLY_CONFIG_INIT;
    config.verify = 9;
    unsetenv("TALLY_CONF");
    assert_int_equal(tally_init(&config), TALLY_INVALID);
    assert_false(tly_runtime_started());
    config = (struct tally_config)TALLY_CONFIG_INIT;
    config.size++; // a later version's
    assert_int_equal(tally_init(&config), TALLY_INVALID);
    config.size--;
    config.reserve_bytes = TLY_RANGE_MIN;
    assert_int_equal(tally_init(&config), TALLY_OK);
    assert_true(tly_runtime_started());
    assert_int_equal(tly_range_size, TLY_RANGE_MIN);
    assert_int_equal(tally_init(&config), TALLY_BUSY);
    assert_int_equal(tally_shutdown(NULL), TALLY_OK);
    assert_false(tly_runtime_started());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_within_their_ranges),
        cmocka_unit_test(each_option_is_read_by_its_name),
        cmocka_unit_test(the_environment_wins_over_the_program),
        cmocka_unit_test(of_an_option_given_twice_the_last_counts),
        cmocka_unit_test(what_cannot_be_read_is_refused_and_told),
        cmocka_unit_test(values_out_of_range_are_refused_and_told),
        cmocka_unit_test(the_ends_of_the_ranges_are_taken),
        cmocka_unit_test(the_programs_own_values_are_checked_too),
        cmocka_unit_test(a_runtime_with_bad_options_does_not_start),
    };
    return cmocka_run_group_tests_name("runtime/options", tests, NULL, NULL);
}
