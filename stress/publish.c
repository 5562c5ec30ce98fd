// Stress: readers take references from borrows of what writers replace and
// drop.
//
// ORACLE  a reader that gets a reference has an intact object, whose end comes
//         after that; inside a borrow section the memory of what was read is
//         that object's still. When all have met, every object was destroyed
//         once but those that are published now.
// USE     publish [--threads N] [--seconds N] [--seed N]; half of the threads
//         write; the seed decides how long they hold what they have.
// FAILS   when readers read outside of a section; when writers do not publish
//         (their objects end before the readers' sections do); with a decref
//         left out of write_once.

#include "rounds.h"

#define BOARD 8u
#define WORDS 6u
#define TURNS 4000u
#define LEAST 300u

struct news {
    tally_object head;
    uint64_t number;
    uint64_t words[WORDS]; // number + their index
    atomic_uint held;      // by readers that got a reference
    tally_ref other;       // published as well, maybe
};

static struct news *_Atomic board[BOARD];
static atomic_ulong made, destroyed, got, failed, empty;

static void news_gone(void *object) {
    struct news *news = object;
    expect(atomic_load(&news->held) == 0, "news %llu go while they are held",
           (unsigned long long)news->number);
    for (uint32_t i = 0; i < WORDS; i++) {
        expect(news->words[i] == news->number + i, "news are destroyed again");
        news->words[i] = 0;
    }
    atomic_fetch_add_explicit(&destroyed, 1, memory_order_relaxed);
}
TALLY_TYPE(news, TALLY_REF(other), TALLY_DESTROY(news_gone));

static void news_check(struct news *news) {
    for (uint32_t i = 0; i < WORDS; i++)
        expect(news->words[i] == news->number + i,
               "news %llu are not whole: word %u is %llu",
               (unsigned long long)news->number, i,
               (unsigned long long)news->words[i]);
}

static struct news *news_new(uint64_t *random) {
    struct news *news = tally_new(news);
    must(news);
    news->number = (uint64_t)stress_random(random) << 16 | 1;
    for (uint32_t i = 0; i < WORDS; i++)
        news->words[i] = news->number + i;
    atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
    return news;
}

static void write_once(uint64_t *random) {
    struct news *news = NULL;
    if (stress_below(random, 8)) {
        news = news_new(random);
        if (stress_below(random, 4) == 0)
            tally_set_steal(news, other, news_new(random));
        if (stress_below(random, 16) == 0)
            tally_set(news, other, news); // a cycle: a collection's
        tally_publish(news);
    }
    // The board's reference; what it had is this thread's now.
    struct news *old =
        atomic_exchange(&board[stress_below(random, BOARD)], news);
    if (old) {
        news_check(old);
        tally_decref(old);
    }
}

// Returns an owned reference, or NULL.
static struct news *read_once(uint64_t *random) {
    struct news *_Atomic *at = &board[stress_below(random, BOARD)];
    must(tally_borrow_enter() == TALLY_OK);
    struct news *news = atomic_load(at);
    bool mine = false;
    if (news) {
        if (stress_below(random, 32) == 0)
            sched_yield();
        news_check(news);
        mine = tally_try_incref(news);
        if (mine)
            atomic_fetch_add(&news->held, 1);
    }
    tally_borrow_leave();
    atomic_fetch_add_explicit(mine   ? &got
                              : news ? &failed
                                     : &empty,
                              1, memory_order_relaxed);
    return mine ? news : NULL;
}

static void let_go(void *reference) {
    struct news *news = reference;
    news_check(news);
    atomic_fetch_sub(&news->held, 1);
    tally_decref(news);
}

static void read_some(uint64_t *random, void **held) {
    void **slot = &held[stress_below(random, 4)];
    if (*slot)
        let_go(*slot);
    *slot = read_once(random);
    if (stress_below(random, 512) == 0)
        TALLY_BLOCKING { sched_yield(); }
}

static void turn(uint64_t me, uint64_t *random, void **held) {
    if (me % 2 == 0)
        read_some(random, held);
    else
        write_once(random);
    if (stress_below(random, 8192) == 0)
        tally_collect();
    if (stress_below(random, 1024) == 0)
        must(tally_synchronize() == TALLY_OK);
}

static void checkpoint(void) {
    for (uint32_t i = 0; i < BOARD; i++) {
        struct news *old = atomic_exchange(&board[i], NULL);
        if (old)
            tally_decref(old);
    }
    stress_settle();
    expect(atomic_load(&made) == atomic_load(&destroyed),
           "%lu news were made, and %lu are destroyed", atomic_load(&made),
           atomic_load(&destroyed));
    expect(tally_verify(2) == TALLY_OK, "the heap is corrupt");
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "publish", 4);
    // Readers may have done all their turns before the first writer runs.
    uint64_t random = stress_stream(2, 0);
    for (uint32_t n = 0; n < LEAST; n++)
        write_once(&random);
    rounds_run((struct round_of){TURNS, turn, let_go, checkpoint, LEAST});
    printf("publish: %lu references taken, %lu refused, %lu times nothing; "
           "%llu grace periods\n",
           atomic_load(&got), atomic_load(&failed), atomic_load(&empty),
           (unsigned long long)stress_stats().grace_periods);
    expect(atomic_load(&got) > 0, "no reader ever got a reference");
    return stress_end();
}
