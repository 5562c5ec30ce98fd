// One word, the gate, says which run is on, for whom, and how many are in it.
//
//   gate   number of the run 16 | workers it is for 8 | OPEN 1 | inside 7
//
// A worker enters an open run by a CAS, so that it sees what the run is about,
// and leaves by a subtraction. The collector's thread closes the gate when its
// own share has ended, which is when nothing is left to take, and waits for
// those inside only: a worker that the system has not run by then keeps nobody.
//
// Progress: the collector's thread is blocked by workers inside, who wait for
// nothing.

#include "collector/workers.h"

#include "base/atomic.h"
#include "platform/os.h"
#include "sync/event.h"

#define INSIDE 0x7Fu
#define OPEN 0x80u
#define FOR_SHIFT 8
#define RUN_SHIFT 16

// Of itself a collection in a stopped world takes no more: what it waits for
// is memory.
#define STOPPED_MOST 8u
// And one beside the threads leaves them three quarters of the processors.
#define LIVE_SHARE 4u

// Looks at the gate before a worker sleeps: some microseconds, for runs follow
// each other closely.
#define LOOKS 500u

static struct {
    uint32_t gate;          // (a)
    uint32_t alive;         // (a) threads that run
    uint32_t ending;        // (a) they are to end
    struct tly_event opens; // a run, or the end
    struct tly_event empty; // nobody is inside a closed run; a thread has gone
    // Of the collector's lock.
    unsigned allowed[2]; // in a stopped world, and beside the threads
    unsigned count;      // for how many runs are
    unsigned threads;    // have been started
    // Of who is in the run.
    tly_worker_fn fn;
    void *arg;
} workers = {.allowed = {1, 1}, .count = 1};

void tly_workers_configure(uint64_t option) {
    unsigned cpus = tly_os_cpus();
    unsigned live = cpus / LIVE_SHARE;
    workers.allowed[0] = cpus > STOPPED_MOST ? STOPPED_MOST : cpus;
    workers.allowed[1] = live < 1              ? 1
                         : live > STOPPED_MOST ? STOPPED_MOST
                                               : live;
    if (option)
        workers.allowed[0] = workers.allowed[1] = (unsigned)option;
}

unsigned tly_workers_allowed(bool live) {
    // Schedules of the explorer are its own threads'.
    return TLY_EXPLORED ? 1 : workers.allowed[live];
}

// ---- the workers' side

static bool is_ending(void) {
    // ORDER[workers-end] acquire: the collector's last use of them was before.
    return tly_load_acquire(&workers.ending);
}

// Whether it has entered a run that is not [*last].
static bool enter(unsigned worker, uint32_t *last) {
    // Relaxed: the exchange orders it.
    uint32_t gate = tly_load_relaxed(&workers.gate);
    while (gate & OPEN && gate >> RUN_SHIFT != *last &&
           worker < (gate >> FOR_SHIFT & 0xFF))
        // ORDER[workers] acq_rel: what the run is about, and all that was done
        // before it.
        if (tly_cas_acq_rel(&workers.gate, &gate, gate + 1)) {
            *last = gate >> RUN_SHIFT;
            return true;
        }
    return false;
}

static void leave(void) {
    // ORDER[workers] acq_rel: what this worker has done is done for whoever
    // finds nobody inside.
    uint32_t gate = tly_add_acq_rel(&workers.gate, 0u - 1);
    if ((gate & (OPEN | INSIDE)) == 1)
        tly_event_signal(&workers.empty);
}

static void serve(unsigned worker) {
    uint32_t last = UINT32_MAX;
    for (unsigned looks = 0;;) {
        uint32_t seen = tly_event_value(&workers.opens);
        if (is_ending())
            return;
        if (enter(worker, &last)) {
            workers.fn(workers.arg, worker);
            leave();
            looks = 0;
        } else if (looks++ < LOOKS) {
            ck_pr_stall();
        } else {
            tly_event_wait(&workers.opens, seen, 0);
        }
    }
}

static void *worker_main(void *arg) {
    serve((unsigned)(uintptr_t)arg);
    // ORDER[workers-end] acq_rel: its last use of the tables.
    tly_add_acq_rel(&workers.alive, 0u - 1);
    tly_event_signal(&workers.empty);
    return NULL;
}

// ---- the collector's side

// Waits until [word] has none of [bits].
static void await_none(uint32_t *word, uint32_t bits) {
    for (unsigned looks = 0;; looks++) {
        uint32_t seen = tly_event_value(&workers.empty);
        // ORDER[workers] acquire: what those did who have left.
        // ORDER[workers-end] acquire: the same.
        if (!(tly_load_acquire(word) & bits))
            return;
        if (looks < LOOKS)
            ck_pr_stall();
        else
            tly_event_wait(&workers.empty, seen, 0);
    }
}

unsigned tly_workers_start(unsigned count) {
    while (workers.threads + 1 < count) {
        uintptr_t worker = workers.threads + 1;
        // Relaxed: the thread is counted before it runs.
        tly_add_relaxed(&workers.alive, 1);
        if (tly_os_thread_start(worker_main, (void *)worker) != TALLY_OK) {
            tly_add_relaxed(&workers.alive, 0u - 1);
            break;
        }
        workers.threads++;
    }
    return count <= workers.threads ? count : workers.threads + 1;
}

void tly_workers_use(unsigned count) { workers.count = count; }

void tly_workers_run(tly_worker_fn fn, void *arg) {
    if (workers.count <= 1) {
        fn(arg, 0);
        return;
    }
    workers.fn = fn;
    workers.arg = arg;
    // Relaxed: it is closed and empty: nobody else writes it.
    uint32_t run = (tly_load_relaxed(&workers.gate) >> RUN_SHIFT) + 1;
    // ORDER[workers] release: what the run is about.
    tly_store_release(&workers.gate,
                      run << RUN_SHIFT | workers.count << FOR_SHIFT | OPEN);
    tly_event_signal(&workers.opens);
    fn(arg, 0);
    // ORDER[workers] acq_rel: nobody enters any more.
    tly_and_acq_rel(&workers.gate, ~OPEN);
    await_none(&workers.gate, INSIDE);
}

unsigned tly_workers_threads(void) { return workers.threads; }

void tly_workers_end(void) {
    // ORDER[workers-end] release: after the last run.
    tly_store_release(&workers.ending, 1);
    tly_event_signal(&workers.opens);
    await_none(&workers.alive, UINT32_MAX);
    // Relaxed: there is no other thread.
    tly_store_relaxed(&workers.ending, 0);
    workers.threads = 0;
    workers.count = 1;
}

bool tly_workers_at_work(void) {
    // Relaxed: the collector's own run, or the worker's.
    return tly_load_relaxed(&workers.gate) & (OPEN | INSIDE);
}

void tly_workers_forked(void) {
    // Relaxed: the child has one thread.
    tly_store_relaxed(&workers.gate, 0);
    tly_store_relaxed(&workers.alive, 0);
    workers.threads = 0;
    workers.count = 1;
}
