// Event counts of ConcurrencyKit on our futex.

#include "sync/event.h"

#include "base/atomic.h"
#include "platform/os.h"

static int event_now(const struct ck_ec_ops *ops, struct timespec *ret_now) {
    (void)ops;
    uint64_t now = tly_os_now();
    ret_now->tv_sec = (time_t)(now / 1000000000u);
    ret_now->tv_nsec = (long)(now % 1000000000u);
    return 0;
}

static void event_sleep(const struct ck_ec_wait_state *state,
                        const uint32_t *word, uint32_t value,
                        const struct timespec *deadline) {
    (void)state;
    uint64_t until = deadline ? (uint64_t)deadline->tv_sec * 1000000000u +
                                    (uint64_t)deadline->tv_nsec
                              : 0;
    tly_os_futex_wait((uint32_t *)(uintptr_t)word, value, until);
}

static void event_wake(const struct ck_ec_ops *ops, const uint32_t *word) {
    (void)ops;
    tly_os_futex_wake((uint32_t *)(uintptr_t)word);
}

static const struct ck_ec_ops event_ops = {
    .gettime = event_now,
    .wait32 = event_sleep,
    .wake32 = event_wake,
    // Spinning helps nobody when there are more threads than processors.
    .busy_loop_iter = 16,
    .initial_wait_ns = 100000,
};

static const struct ck_ec_mode event_mode = {
    .ops = &event_ops,
    .single_producer = false,
};

uint32_t tly_event_value(const struct tly_event *event) {
    return ck_ec32_value(&event->count);
}

void tly_event_signal(struct tly_event *event) {
    ck_ec32_inc(&event->count, &event_mode);
}

bool tly_event_wait(struct tly_event *event, uint32_t seen, uint64_t deadline) {
    if (TLY_SCHED == 2) {
        tly_point_yield();
        return true;
    }
    struct timespec until = {(time_t)(deadline / 1000000000u),
                             (long)(deadline % 1000000000u)};
    return ck_ec32_wait(&event->count, &event_mode, seen,
                        deadline ? &until : NULL) == 0;
}
