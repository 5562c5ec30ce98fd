// Options: one row each, from which reading and checking follow.

#include <stdlib.h>
#include <string.h>

#include "arena/range.h"
#include "base/check.h"
#include "platform/os.h"
#include "runtime/start.h"

struct option {
    const char *name;
    size_t offset;
    uint64_t min, max; // 0 is allowed too where [zero]
    bool zero;
};

#define OPTION(name, min, max)                                                 \
    { #name, offsetof(struct tally_config, name), min, max, false }
#define OPTION_OR_ZERO(name, min, max)                                         \
    { #name, offsetof(struct tally_config, name), min, max, true }

static const struct option options[] = {
    OPTION_OR_ZERO(reserve_bytes, TLY_RANGE_MIN, TLY_RANGE_MAX),
    OPTION(purge_delay_ms, 0, 86400000),
    OPTION(collect, 0, 1),
    OPTION(young_bytes, 4096, TLY_RANGE_MAX),
    OPTION(full_percent, 1, 10000),
    OPTION(verify, 0, 1),
    OPTION(finalizers, 0, 2),
    OPTION_OR_ZERO(destroy_slice, 128, UINT32_MAX),
    OPTION(report, 0, 1),
    OPTION(hot, 0, 1),
    OPTION(limbo_objects, 1, 1 << 20),
    OPTION(limbo_bytes, 1, TLY_RANGE_MAX),
    OPTION(later_bytes, 0, TLY_RANGE_MAX),
    OPTION(mode, 0, 1),
    OPTION(collector, 0, 1),
    OPTION(deadline_ms, 0, 86400000),
    OPTION(collect_share, 1, 100),
    OPTION_OR_ZERO(limit_bytes, 1 << 20, TLY_RANGE_MAX),
    OPTION(limit_wait_ms, 0, 60000),
    OPTION(zeal, 0, 1 << 20),
    OPTION_OR_ZERO(workers, 1, 16),
    OPTION(hash_seed, 0, UINT64_MAX),
    OPTION(copies, 0, 1),
    OPTION(fork_wait_ms, 0, 86400000),
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

static uint64_t *value_of(struct tally_config *config,
                          const struct option *option) {
    return (uint64_t *)(void *)((char *)config + option->offset);
}

static const struct option *option_named(const char *name, size_t length) {
    for (size_t n = 0; n < OPTIONS; n++)
        if (strlen(options[n].name) == length &&
            memcmp(options[n].name, name, length) == 0)
            return &options[n];
    return NULL;
}

// Reads "name:number", which ends at a comma. Returns where it ends, NULL when
// it makes no sense.
static const char *option_read(struct tally_config *config, const char *text) {
    const char *colon = strchr(text, ':');
    if (!colon || colon[1] < '0' || colon[1] > '9')
        return NULL;
    const struct option *option = option_named(text, (size_t)(colon - text));
    if (!option)
        return NULL;
    char *end;
    errno = 0;
    uint64_t value = strtoull(colon + 1, &end, 10);
    if (errno || (*end && *end != ','))
        return NULL;
    *value_of(config, option) = value;
    return *end == ',' ? end + 1 : end;
}

tally_status tly_options_read(struct tally_config *config) {
    const char *text = tly_os_environment("TALLY_CONF");
    while (text && *text) {
        const char *next = option_read(config, text);
        if (!next) {
            tly_report("TALLY_CONF: cannot read \"%s\"; known are "
                       "reserve_bytes, purge_delay_ms, collect, young_bytes, "
                       "full_percent, verify, finalizers, destroy_slice, "
                       "report, hot, limbo_objects, limbo_bytes, "
                       "later_bytes, mode, collector, deadline_ms, "
                       "collect_share, limit_bytes, limit_wait_ms, zeal, "
                       "workers, hash_seed, copies and fork_wait_ms, as "
                       "name:number, "
                       "with commas",
                       text);
            return TALLY_INVALID;
        }
        text = next;
    }
    for (size_t n = 0; n < OPTIONS; n++) {
        uint64_t value = *value_of(config, &options[n]);
        if (value == 0 && options[n].zero)
            continue;
        if (value < options[n].min || value > options[n].max) {
            tly_report("option %s: %llu is not in %llu .. %llu",
                       options[n].name, (unsigned long long)value,
                       (unsigned long long)options[n].min,
                       (unsigned long long)options[n].max);
            return TALLY_INVALID;
        }
    }
    return TALLY_OK;
}
