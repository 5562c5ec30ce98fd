// A thread that waits for the next phase is in a blocking region: nobody waits
// for it, and what others hand over to it is done by them.

#include "team.h"

#include <time.h>

// Waits for the phase after [seen]. Returns its function.
static phase_fn wait_for_phase(struct team *team, uint64_t seen) {
    pthread_mutex_lock(&team->mutex);
    while (team->phase == seen)
        pthread_cond_wait(&team->changed, &team->mutex);
    phase_fn fn = team->fn;
    pthread_mutex_unlock(&team->mutex);
    return fn;
}

static void phase_done(struct team *team) {
    pthread_mutex_lock(&team->mutex);
    if (--team->busy == 0)
        pthread_cond_broadcast(&team->changed);
    pthread_mutex_unlock(&team->mutex);
}

static void *thread_main(void *arg) {
    struct worker *worker = arg;
    struct run *run = worker->run;
    struct team *team = run->team;
    char name[16];
    snprintf(name, sizeof name, "worker %u", worker->index + 1);
    tally_status status = tally_attach(name);
    if (status)
        failure_note(&run->failure, UINT64_MAX, "cannot attach a thread: %s",
                     tally_strerror(status));
    worker->mutator = tally_mutator_number();
    for (uint64_t seen = 0;; seen++) {
        phase_fn fn;
        TALLY_BLOCKING { fn = wait_for_phase(team, seen); }
        if (!fn)
            return NULL;
        if (!failure_is_set(&run->failure))
            fn(worker);
        TALLY_BLOCKING { phase_done(team); }
    }
}

int team_start(struct team *team, struct run *run) {
    unsigned n = run->options.threads;
    memset(team, 0, sizeof *team);
    pthread_mutex_init(&team->mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&team->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    run->team = team;

    team->workers = calloc(n, sizeof *team->workers);
    team->threads = calloc(n, sizeof *team->threads);
    int error = team->workers && team->threads ? 0 : ENOMEM;
    while (!error && team->n < n) {
        struct worker *worker = &team->workers[team->n];
        worker_init(worker, run, team->n);
        error =
            pthread_create(&team->threads[team->n], NULL, thread_main, worker);
        team->n += !error;
    }
    return error;
}

static void open_phase(struct team *team, phase_fn fn) {
    pthread_mutex_lock(&team->mutex);
    team->fn = fn;
    team->busy = team->n;
    team->phase++;
    pthread_cond_broadcast(&team->changed);
    pthread_mutex_unlock(&team->mutex);
}

// Waits up to 100 ms. Returns whether the phase is over.
static bool wait_a_little(struct team *team) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += 100000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    int error = 0;
    pthread_mutex_lock(&team->mutex);
    while (team->busy && !error)
        error = pthread_cond_timedwait(&team->changed, &team->mutex, &until);
    bool over = !team->busy;
    pthread_mutex_unlock(&team->mutex);
    return over;
}

void team_run(struct team *team, phase_fn fn, tick_fn tick, void *arg) {
    TALLY_BLOCKING {
        open_phase(team, fn);
        do
            tick(arg);
        while (!wait_a_little(team));
    }
}

void team_end(struct team *team) {
    TALLY_BLOCKING {
        open_phase(team, NULL);
        for (unsigned i = 0; i < team->n; i++)
            pthread_join(team->threads[i], NULL);
    }
    for (unsigned i = 0; i < team->n; i++)
        worker_fini(&team->workers[i]);
}

void team_fini(struct team *team) {
    pthread_cond_destroy(&team->changed);
    pthread_mutex_destroy(&team->mutex);
    free(team->workers);
    free(team->threads);
}
