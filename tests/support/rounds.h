// Rounds of stress: each thread takes turns and keeps some references between
// them; then it lets go of these, all meet, and thread 0 looks at what is left.

#ifndef SUPPORT_ROUNDS_H
#define SUPPORT_ROUNDS_H

#include "stress.h"

#define ROUNDS_HELD 16u

struct round_of {
    uint32_t turns; // at most
    void (*turn)(uint64_t me, uint64_t *random, void **held);
    void (*let_go)(void *reference); // not NULL
    void (*check)(void);             // nobody holds anything
    uint32_t least; // turns of the first round, however slow the machine is:
                    // what the program expects to have happened has by then
};
static struct round_of rounds_of;
static meeting rounds_team;
static bool rounds_over;

static inline void *rounds_work(void *arg) {
    uint64_t me = (uint64_t)(uintptr_t)arg, random = stress_stream(1, me);
    void *held[ROUNDS_HELD] = {NULL};
    uint32_t least = rounds_of.least;
    must(tally_attach(NULL) == TALLY_OK);
    while (!rounds_over) {
        uint32_t turns = stress_below(&random, rounds_of.turns);
        for (uint32_t i = 0; i < least || (i < turns && !stress_over()); i++) {
            rounds_of.turn(me, &random, held);
            tally_safepoint();
        }
        for (uint32_t i = 0; i < ROUNDS_HELD; i++) {
            if (held[i])
                rounds_of.let_go(held[i]);
            held[i] = NULL;
        }
        least = 0;
        meeting_wait(&rounds_team);
        if (me == 0) {
            rounds_of.check();
            rounds_over = stress_over();
        }
        meeting_wait(&rounds_team);
    }
    return NULL;
}

// Runs rounds until the time is over.
static inline void rounds_run(struct round_of round) {
    rounds_of = round;
    meeting_init(&rounds_team, stress.threads);
    team_run(rounds_work);
}

#endif
