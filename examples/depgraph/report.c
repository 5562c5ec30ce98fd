// One function a section. Numbers stand right-aligned in columns, so that a
// person can compare them.

#include "report.h"

#include "format.h"

#define THREADS_SHOWN 8u

static uint64_t sum(const struct report *report, enum counter which) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < report->team->n; i++)
        sum += report->team->workers[i].counter[which];
    return sum;
}

static void print_input(const struct report *report) {
    const struct run *run = report->run;
    const struct cycles *cycles = &run->cycles;
    const uint64_t *edges = report->census.edges;
    uint64_t all = 0;
    for (int kind = 0; kind < KINDS; kind++)
        all += edges[kind];

    printf("Read %s in %s, %s, with %s in %s%s\n",
           show_things(sum(report, STANZAS), "stanza").text,
           show_things(run->input.files, "file").text,
           show_bytes(run->input.bytes).text,
           show_things(report->team->n, "thread").text,
           show_time(report->load_ns).text,
           report->interrupted ? "; interrupted" : "");
    printf("  %-12s %12s  and %s virtual ones\n", "packages",
           show_count(report->census.real).text,
           show_count(report->census.virtual).text);
    printf("  %-12s %12s  %s Depends, %s Recommends,\n", "edges",
           show_count(all).text, show_count(edges[DEPENDS]).text,
           show_count(edges[RECOMMENDS]).text);
    printf("  %-12s %12s  %s Provides, %s Pre-Depends\n", "", "",
           show_count(edges[PROVIDES]).text,
           show_count(edges[PRE_DEPENDS]).text);
    printf("  %-12s %12s  of %s packages, %s in the largest\n", "cycles",
           show_count(cycles->count).text, show_count(cycles->members).text,
           show_count(cycles->largest).text);
    if (cycles->count)
        printf("  %-12s %12s  %s\n", "", "such as", cycles->example);
}

static void print_row(const struct report *report, const char *what, uint64_t n,
                      const char *more) {
    double seconds = (double)report->work_ns / 1e9;
    uint64_t rate = seconds > 0 ? (uint64_t)((double)n / seconds) : 0;
    printf("  %-23s %12s %12s  %s\n", what, show_count(n).text,
           show_count(rate).text, more);
}

static void print_work(const struct report *report) {
    uint64_t queries = sum(report, QUERIES);
    uint64_t found = sum(report, PATHS_FOUND);
    uint64_t drops = sum(report, DROPS);
    double replacements = (double)sum(report, REPLACEMENTS);
    char more[400];
    printf("\nWork for %-16s %12s %12s\n", show_time(report->work_ns).text,
           "done", "per second");
    snprintf(more, sizeof more, "%.1f on average",
             queries ? (double)sum(report, USERS_SEEN) / (double)queries : 0);
    print_row(report, "who needs a package", queries, more);
    snprintf(more, sizeof more, "%s exist, with %.1f steps",
             show_percent(found, sum(report, PATHS)).text,
             found ? (double)sum(report, PATH_STEPS) / (double)found : 0);
    print_row(report, "shortest paths", sum(report, PATHS), more);
    snprintf(more, sizeof more, "%.1f more of its cycle each",
             replacements > 0 ? (double)sum(report, REPLACED) / replacements - 1
                              : 0);
    print_row(report, "packages replaced", (uint64_t)replacements, more);
    snprintf(more, sizeof more, "%.1f more with each",
             drops ? (double)sum(report, DROPPED) / (double)drops - 1 : 0);
    print_row(report, "packages dropped", drops, more);
    print_row(report, "brought back", sum(report, RETURNS), "");
}

static void add(struct tally_counters *sum, const struct tally_counters *c) {
    sum->made += c->made;
    sum->destroyed += c->destroyed;
    sum->owner_counts += c->owner_counts;
    sum->shared_counts += c->shared_counts;
    sum->handed_over += c->handed_over;
    sum->merged_counts += c->merged_counts;
}

static struct tally_counters counters_of(uint32_t mutator) {
    struct tally_counters counters = {0};
    if (mutator && tally_mutator_counters(mutator, &counters))
        memset(&counters, 0, sizeof counters);
    return counters;
}

static void print_thread(const char *who, const struct tally_counters *c) {
    uint64_t all = c->owner_counts + c->shared_counts + c->merged_counts;
    printf("  %-12s%12s%12s%13s%8s%7s%7s%7s\n", who, show_count(c->made).text,
           show_count(c->destroyed).text, show_count(all).text,
           show_percent(c->owner_counts, all).text,
           show_percent(c->shared_counts, all).text,
           show_percent(c->handed_over, all).text,
           show_percent(c->merged_counts, all).text);
}

static void print_threads(const struct report *report) {
    const struct team *team = report->team;
    struct tally_counters others = {0};
    printf("\n%-14s%12s%12s%13s%8s%7s%7s%7s\n", "Objects", "made", "destroyed",
           "counted", "owner", "shared", "handed", "merged");
    for (unsigned i = 0; i < team->n; i++) {
        struct tally_counters c = counters_of(team->workers[i].mutator);
        char who[32];
        snprintf(who, sizeof who, "thread %u", i + 1);
        if (i < THREADS_SHOWN)
            print_thread(who, &c);
        else
            add(&others, &c);
    }
    if (team->n > THREADS_SHOWN)
        print_thread("others", &others);
    struct tally_counters c = counters_of(report->main_mutator);
    print_thread("main thread", &c);
    print_thread("together", &report->ended.counters);
}

static void print_times(const char *what, const struct tally_histogram *times,
                        const char *means) {
    printf("  %-12s %12s  median %s, p99 %s, max %s: %s\n", what,
           show_count(times->count).text,
           show_time(tally_histogram_quantile(times, 0.5)).text,
           show_time(tally_histogram_quantile(times, 0.99)).text,
           show_time(tally_histogram_quantile(times, 1)).text, means);
}

static void print_collections(const struct report *report) {
    const struct tally_stats *worked = &report->worked;
    const struct tally_stats *ended = &report->ended;
    printf("\nCollections: %s young and %s full while threads worked, %s more "
           "at the end\n",
           show_count(worked->collections[TALLY_YOUNG]).text,
           show_count(worked->collections[TALLY_FULL]).text,
           show_count(ended->collections[TALLY_FULL] -
                      worked->collections[TALLY_FULL])
               .text);
    printf("  %-12s %12s  that only they could find; %s more at the end\n",
           "garbage", show_count(worked->collected).text,
           show_count(ended->collected - worked->collected).text);
    if (report->watch->pauses.count > 0)
        print_times("pauses", &report->watch->pauses, "the world stood still");
    else
        printf("  %-12s %12s  the world never stood still\n", "pauses", "0");
    print_times("stalls", &report->watch->stalls,
                "the library held one thread");
}

static void print_memory(const struct report *report) {
    uint64_t peak = report->watch->os_peak;
    uint64_t end = report->ended.os_bytes;
    printf("\nMemory, looked at every 100 ms\n");
    printf("  %-12s %12s  at the peak, %s at the end\n", "live",
           show_bytes(report->watch->live_peak).text,
           show_bytes(report->ended.live_bytes).text);
    printf("  %-12s %12s  at the peak, %s at the end: %s given back\n",
           "from the OS", show_bytes(peak).text, show_bytes(end).text,
           show_bytes(peak > end ? peak - end : 0).text);
}

bool report_print(const struct report *report) {
    print_input(report);
    if (report->work_ns)
        print_work(report);
    print_threads(report);
    print_collections(report);
    print_memory(report);
    return fflush(stdout) == 0 && !ferror(stdout);
}

bool report_verdict(const struct report *report) {
    printf(
        "\nAll objects are destroyed, dropped in %s. No errors: heap checked "
        "%s,\ngraph %s.\n",
        show_time(report->drop_ns).text,
        show_things(report->heap_checks, "time").text,
        show_things(report->graph_checks, "time").text);
    return fflush(stdout) == 0 && !ferror(stdout);
}
