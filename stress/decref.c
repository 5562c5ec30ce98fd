// Stress: many threads decref one object while its owner does.
//
// ORACLE  each object is destroyed once, and only after every thread has
//         written its cell of it; when all have met and passed a safepoint,
//         none is left (of published objects, after a collection: they wait
//         for a grace period).
// USE     decref [--threads N] [--seconds N] [--seed N]; the seed decides who
//         owns, in which order each thread drops, and who polls or blocks.
// FAILS   when a thread writes its cell after its decref; with one incref
//         less in make_shots; with one more.

#include "stress.h"

#define SHOTS 256u

struct shot {
    tally_object head;
    uint32_t round, number;
    uint64_t cells[STRESS_THREADS_MAX]; // one a thread, plain
};

static struct shot *shots[SHOTS];
static atomic_uint gone_times[SHOTS];
static meeting team;
static bool over;
static uint64_t rounds_done;

static uint64_t cell(uint32_t round, uint32_t number, uint64_t thread) {
    return ((uint64_t)round << 32 | number << 8 | thread) + 1;
}

static void shot_gone(void *object) {
    struct shot *shot = object;
    for (uint64_t i = 0; i < stress.threads; i++) {
        uint64_t right = cell(shot->round, shot->number, i);
        expect(shot->cells[i] == right,
               "shot %u of round %u goes before thread %u wrote to it",
               shot->number, shot->round, (unsigned)i);
        shot->cells[i] = 0;
    }
    unsigned before = atomic_fetch_add_explicit(&gone_times[shot->number], 1,
                                                memory_order_relaxed);
    expect(before == 0, "shot %u goes a second time", shot->number);
}
TALLY_TYPE(shot, TALLY_DESTROY(shot_gone));

// Makes the round's objects, with a reference for each thread.
static void make_shots(uint32_t round, bool publish, uint64_t *random) {
    for (uint32_t i = 0; i < SHOTS; i++) {
        struct shot *shot = tally_new(shot);
        must(shot);
        shot->round = round;
        shot->number = i;
        for (uint64_t n = 1; n < stress.threads; n++)
            tally_incref(shot);
        if (stress_below(random, 16) == 0)
            must(tally_transfer(shot) == TALLY_OK);
        if (publish && stress_below(random, 2))
            tally_publish(shot);
        shots[i] = shot;
        atomic_store(&gone_times[i], 0);
    }
}

static void pause_somehow(uint64_t *random) {
    switch (stress_below(random, 256)) {
    case 0:
        TALLY_BLOCKING { sched_yield(); }
        break;
    case 1:
        sched_yield();
        break;
    case 2:
        TALLY_BLOCKING { sleep_ms(1); }
        break;
    default:
        if (stress_below(random, 8) == 0)
            tally_safepoint();
    }
}

// Writes the thread's cell of each object, counts up and down, and drops.
static void drop_shots(uint32_t round, uint64_t thread, uint64_t *random) {
    uint32_t start = stress_below(random, 4) ? 0 : stress_below(random, SHOTS);
    for (uint32_t i = 0; i < SHOTS; i++) {
        uint32_t number = (start + i) % SHOTS;
        struct shot *shot = shots[number];
        expect(shot->number == number && shot->round == round,
               "shot %u of round %u is gone early", number, round);
        uint32_t extra = stress_below(random, 3);
        for (uint32_t n = 0; n < extra; n++)
            tally_incref(shot);
        for (uint32_t n = 0; n < extra; n++)
            tally_decref(shot);
        shot->cells[thread] = cell(round, number, thread);
        tally_decref(shot);
        pause_somehow(random);
    }
}

static void *work(void *arg) {
    uint64_t me = (uint64_t)(uintptr_t)arg;
    uint64_t random = stress_stream(1, me), choice = stress_stream(2, 0);
    for (uint32_t round = 0; !over; round++) {
        uint64_t owner = stress_below(&choice, (uint32_t)stress.threads);
        bool publish = stress_below(&choice, 4) == 0;
        if (owner == me)
            make_shots(round, publish, &random);
        meeting_wait(&team);
        drop_shots(round, me, &random);
        meeting_wait(&team);
        tally_safepoint();
        meeting_wait(&team);
        if (owner == me) {
            if (publish)
                tally_collect();
            for (uint32_t i = 0; i < SHOTS; i++)
                expect(atomic_load(&gone_times[i]) == 1,
                       "shot %u of round %u is never destroyed", i, round);
            over = stress_over();
            rounds_done++;
        }
        meeting_wait(&team);
    }
    return NULL;
}

int main(int argc, char **argv) {
    // What is HOT ends with a collection, not with its last reference.
    must(setenv("TALLY_CONF", "hot:0", 1) == 0);
    stress_begin(argc, argv, "decref", 4);
    meeting_init(&team, stress.threads);
    team_run(work);
    printf("decref: %llu rounds of %u objects, each dropped by all threads\n",
           (unsigned long long)rounds_done, SHOTS);
    return stress_end();
}
