// depgraph: Debian's packages as a graph of counted references, made and
// changed by many threads. A tour of the library on real data.
//
// Reading order: graph.h (the objects), table.h (the names and the rules for
// locks), load.c (how threads build the graph), change.c (how they change it),
// query.c, work.c; then the rest.

#include "format.h"
#include "interrupt.h"
#include "load.h"
#include "report.h"
#include "users.h"
#include "work.h"

// Reads the input into the graph, and gets to know it.
static void build(struct report *report, struct watch *watch) {
    struct run *run = watch->run;
    report->load_ns = watch_phase(watch, load, "reading", 0);
    if (failure_is_set(&run->failure))
        return;
    watch_show(watch, "sorting names");
    run->catalogue = table_catalogue(&run->table);
    if (!run->catalogue) {
        failure_no_memory(&run->failure);
        return;
    }
    watch_phase(watch, find_users, "finding users", 0);
    if (failure_is_set(&run->failure))
        return;
    watch_show(watch, "looking for cycles");
    if (!cycles_find(&run->cycles, run->catalogue))
        failure_no_memory(&run->failure);
    report->census = graph_census(run);
    if (!report->census.real && !is_interrupted())
        failure_note(&run->failure, 0, "there are no packages in the input");
}

// Checks the heap's structures and every count against the references in it.
static void check_heap(struct report *report, struct run *run) {
    tally_status status = tally_verify(2);
    if (status)
        failure_note(&run->failure, 0, "the heap is not as it should be: %s",
                     tally_strerror(status));
    report->heap_checks++;
}

static void check(struct report *report, struct watch *watch) {
    struct run *run = watch->run;
    if (failure_is_set(&run->failure))
        return;
    watch_show(watch, "checking the heap and the graph");
    check_heap(report, run);
    uint64_t wrong = graph_check(run);
    if (wrong)
        failure_note(&run->failure, 0,
                     "%llu packages do not need what their names declare",
                     (unsigned long long)wrong);
    report->graph_checks++;
    watch_clear(watch);
}

// Works on the graph, with a look at everything in the middle and at the end.
static void use(struct report *report, struct watch *watch) {
    struct run *run = watch->run;
    double half = run->options.seconds / 2;
    check(report, watch);
    for (int i = 0; half > 0 && run->cycles.ids && i < 2; i++) {
        if (failure_is_set(&run->failure) || is_interrupted())
            return;
        report->work_ns += watch_phase(watch, work, "working", half);
        check(report, watch);
    }
}

// Drops all that the program refers to, and what only it referred to itself.
static void drop_all(struct report *report, struct watch *watch) {
    struct run *run = watch->run;
    uint64_t began = clock_ns();
    watch_show(watch, "dropping everything");
    drop(run->catalogue);
    table_fini(&run->table);
    cycles_fini(&run->cycles);
    while (tally_collect())
        ;
    report->drop_ns = clock_ns() - began;
    check_heap(report, run);
    tally_trim();
    report->ended = stats_now();
    watch_clear(watch);
}

// Whether every object that was made has been destroyed; says which were not.
static bool all_destroyed(const struct report *report) {
    const struct tally_counters *counters = &report->ended.counters;
    uint64_t leaked = 0;
    if (counters->made != counters->destroyed || report->ended.live_objects)
        leaked = print_leaked();
    size_t left = 0;
    tally_status status = tally_shutdown(&left);
    if (counters->made == counters->destroyed && !leaked && !left && !status) {
        if (failure_is_set(&report->watch->run->failure))
            fprintf(stderr, "depgraph: stopped; all %s objects are destroyed\n",
                    show_count(counters->made).text);
        return true;
    }
    fprintf(stderr,
            "depgraph: %llu objects made, %llu destroyed; %llu found alive, "
            "%zu at shutdown (%s)\n",
            (unsigned long long)counters->made,
            (unsigned long long)counters->destroyed, (unsigned long long)leaked,
            left, tally_strerror(status));
    return false;
}

// Runs all phases. Returns the exit status.
static int run_all(struct run *run) {
    struct team team;
    struct watch watch;
    struct report report = {.run = run, .team = &team, .watch = &watch};
    int error = team_start(&team, run);
    if (error)
        failure_note(&run->failure, 0, "cannot start the threads: %s",
                     strerror(error));
    watch_init(&watch, run, &team);
    table_init(&run->table);
    if (!error) {
        build(&report, &watch);
        if (!failure_is_set(&run->failure))
            use(&report, &watch);
    }
    report.interrupted = is_interrupted();
    report.main_mutator = tally_mutator_number();
    report.worked = stats_now();
    team_end(&team);
    drop_all(&report, &watch);

    bool good = !failure_is_set(&run->failure);
    bool written = true;
    if (good)
        written = report_print(&report);
    else
        fprintf(stderr, "depgraph: %s\n", run->failure.text);
    good = all_destroyed(&report) && good;
    if (good)
        written = report_verdict(&report) && written;
    if (!written)
        fprintf(stderr, "depgraph: the report cannot be written\n");
    team_fini(&team);
    return good && written ? 0 : 1;
}

// The files to read: those of the command line, or this machine's own.
static int find_input(struct run *run, char ***ret_found, size_t *ret_n) {
    struct options *options = &run->options;
    *ret_found = NULL;
    *ret_n = 0;
    if (!options->n_paths) {
        int error = machine_paths(ret_found, ret_n);
        if (error) {
            fprintf(stderr, "depgraph: cannot look for package lists: %s\n",
                    strerror(error));
            return error;
        }
        options->paths = *ret_found;
        options->n_paths = *ret_n;
    }
    if (!options->n_paths) {
        fprintf(stderr, "depgraph: this machine has no Debian package data; "
                        "name a file to read\n");
        return ENOENT;
    }
    return 0;
}

int main(int argc, char **argv) {
    static struct run run = {.failure = FAILURE_INIT};
    run.options = options_read(argc, argv);
    char **found;
    size_t n;
    if (find_input(&run, &found, &n))
        return 1;
    tally_status status = tally_init(NULL);
    if (status) {
        fprintf(stderr, "depgraph: cannot start the heap: %s\n",
                tally_strerror(status));
        free_paths(found, n);
        return 1;
    }
    interrupt_catch();
    input_init(&run.input, &run.failure, run.options.paths,
               run.options.n_paths);
    int result = run_all(&run);
    input_fini(&run.input);
    free_paths(found, n);
    return result;
}
