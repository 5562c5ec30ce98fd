// Stress: owners that block, end or poll rarely, while others drop what they
// made.
//
// ORACLE  when the droppers are done, all that blocked and ended owners made
//         is destroyed, though these do not run; what the polling owners made
//         is destroyed once each has passed one safepoint. No object is
//         destroyed twice, or before its last drop.
// USE     handover [--threads N] [--seconds N] [--seed N]; the seed decides
//         what each owner does and in which order the droppers drop.
// FAILS   with one incref more or less in make_gifts; when await_idle waits
//         attached, so that nobody does the owner's duty.

#include "stress.h"

#define GIFTS 300u

enum kind { BLOCKS, ENDS, POLLS_RARELY, POLLS_OFTEN, KINDS };

struct gift {
    tally_object head;
    struct owner *from; // NULL once it is destroyed
    uint32_t number;    // GIFTS for what hangs below a gift
    tally_ref below;
};

struct owner {
    enum kind kind;
    uint64_t random;
    struct gift *gifts[GIFTS];
    atomic_uint drops[GIFTS]; // that have begun
    atomic_uint destroyed;    // gifts and what hangs below them
    unsigned made;            // set before ready
    stage ready, idle;
};

struct dropper {
    uint64_t random;
};

static struct owner *owners;
static uint32_t owner_count, dropper_count;
static stage dropped, checked; // of the round: droppers done, idle owners seen
static meeting attached;
static uint64_t rounds_done, kinds_done[KINDS];

static void gift_gone(void *object) {
    struct gift *gift = object;
    struct owner *from = gift->from;
    expect(from, "gift %u is destroyed again", gift->number);
    if (gift->number < GIFTS)
        expect(atomic_load(&from->drops[gift->number]) == dropper_count,
               "gift %u goes before its last drop", gift->number);
    gift->from = NULL;
    atomic_fetch_add(&from->destroyed, 1);
}
TALLY_TYPE(gift, TALLY_REF(below), TALLY_DESTROY(gift_gone));

static struct gift *make_one(struct owner *me, uint32_t number) {
    struct gift *gift = tally_new(gift);
    must(gift);
    gift->from = me;
    gift->number = number;
    me->made++;
    return gift;
}

static void make_gifts(struct owner *me) {
    for (uint32_t i = 0; i < GIFTS; i++) {
        struct gift *gift = make_one(me, i);
        for (uint32_t n = 1; n < dropper_count; n++)
            tally_incref(gift);
        uint32_t depth = stress_below(&me->random, 4);
        for (struct gift *last = gift; depth; depth--) {
            struct gift *below = make_one(me, GIFTS);
            tally_set_steal(last, below, below);
            last = below;
        }
        me->gifts[i] = gift;
    }
}

static void check_settled(struct owner *owner) {
    static const char *const names[] = {"blocks", "has ended", "polls rarely",
                                        "polls often"};
    unsigned destroyed = atomic_load(&owner->destroyed);
    expect(destroyed == owner->made,
           "an owner that %s made %u objects, %u were destroyed",
           names[owner->kind], owner->made, destroyed);
    kinds_done[owner->kind]++;
}

static void await_idle(struct owner *me) {
    TALLY_BLOCKING {
        stage_set(&me->idle, 1);
        while (!atomic_load(&checked))
            sched_yield();
    }
}

// Holds no safepoint for some milliseconds, again and again.
static void poll_rarely(void) {
    for (unsigned n = 0; !atomic_load(&dropped); n++) {
        sleep_ms(1);
        if (n % 4 == 3)
            tally_safepoint();
    }
}

static void *own(void *arg) {
    struct owner *me = arg;
    // All have a mutator before one is given up, so that no polling owner
    // takes over what an ended one has made.
    must(tally_attach(NULL) == TALLY_OK);
    meeting_wait(&attached);
    make_gifts(me);
    stage_set(&me->ready, 1);
    switch (me->kind) {
    case BLOCKS:
        await_idle(me);
        break;
    case POLLS_RARELY:
        poll_rarely();
        break;
    case POLLS_OFTEN:
        stage_poll(&dropped, 1);
        break;
    default:
        break;
    }
    tally_safepoint();
    return NULL;
}

static void *drop(void *arg) {
    struct dropper *me = arg;
    uint32_t first = stress_below(&me->random, owner_count);
    uint32_t begin = stress_below(&me->random, GIFTS);
    for (uint32_t o = 0; o < owner_count; o++) {
        struct owner *owner = &owners[(first + o) % owner_count];
        stage_poll(&owner->ready, 1);
        for (uint32_t i = 0; i < GIFTS; i++) {
            uint32_t n = (begin + i) % GIFTS;
            struct gift *gift = owner->gifts[n];
            expect(gift->number == n && gift->from == owner,
                   "gift %u is gone before its last drop", n);
            atomic_fetch_add(&owner->drops[n], 1);
            tally_decref(gift);
            if (stress_below(&me->random, 64) == 0)
                sched_yield();
            if (stress_below(&me->random, 2048) == 0)
                tally_collect();
        }
    }
    return NULL;
}

// An ended owner's mutator may be a dropper's next: these end before the check.
static void run_round(uint64_t round) {
    pthread_t owner_threads[STRESS_THREADS_MAX], threads[STRESS_THREADS_MAX];
    struct dropper droppers[STRESS_THREADS_MAX];
    memset(owners, 0, owner_count * sizeof *owners);
    stage_set(&dropped, 0);
    stage_set(&checked, 0);
    for (uint32_t i = 0; i < owner_count; i++) {
        owners[i].random = stress_stream(round, i);
        owners[i].kind = stress_below(&owners[i].random, KINDS);
        owner_threads[i] = thread_start(own, &owners[i]);
    }
    for (uint32_t i = 0; i < dropper_count; i++) {
        droppers[i].random = stress_stream(round, 100 + i);
        threads[i] = thread_start(drop, &droppers[i]);
    }
    for (uint32_t i = 0; i < owner_count; i++)
        if (owners[i].kind == BLOCKS)
            stage_wait(&owners[i].idle, 1);
        else if (owners[i].kind == ENDS)
            thread_join(owner_threads[i]);
    for (uint32_t i = 0; i < dropper_count; i++)
        thread_join(threads[i]);
    for (uint32_t i = 0; i < owner_count; i++)
        if (owners[i].kind == BLOCKS || owners[i].kind == ENDS)
            check_settled(&owners[i]);
    stage_set(&dropped, 1);
    stage_set(&checked, 1);
    for (uint32_t i = 0; i < owner_count; i++) {
        if (owners[i].kind != ENDS)
            thread_join(owner_threads[i]);
        if (owners[i].kind == POLLS_RARELY || owners[i].kind == POLLS_OFTEN)
            check_settled(&owners[i]);
    }
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "handover", 4);
    owner_count = (uint32_t)stress.threads / 2;
    dropper_count = (uint32_t)stress.threads - owner_count;
    meeting_init(&attached, owner_count);
    owners = calloc(owner_count, sizeof *owners);
    must(owners);
    for (; !stress_over(); rounds_done++) {
        run_round(rounds_done);
        stress_tick();
    }
    printf("handover: %llu rounds; owners that blocked %llu, ended %llu, "
           "polled rarely %llu, polled often %llu\n",
           (unsigned long long)rounds_done,
           (unsigned long long)kinds_done[BLOCKS],
           (unsigned long long)kinds_done[ENDS],
           (unsigned long long)kinds_done[POLLS_RARELY],
           (unsigned long long)kinds_done[POLLS_OFTEN]);
    free(owners);
    return stress_end();
}
