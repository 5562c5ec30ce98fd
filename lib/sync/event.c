// Event counts of ConcurrencyKit on our futex.

#include "sync/event.h"

#include "base/atomic.h"
#include "platform/os.h"

static struct timespec time_of(uint64_t ns) {
    return (struct timespec){(time_t)(ns / 1000000000u),
                             (long)(ns % 1000000000u)};
}

static int event_now(const struct ck_ec_ops *ops, struct timespec *ret_now) {
    (void)ops;
    *ret_now = time_of(tly_os_now());
    return 0;
}

static uint64_t time_read(const struct timespec *time) {
    return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
}

static void event_sleep(const struct ck_ec_wait_state *state,
                        const uint32_t *word, uint32_t value,
                        const struct timespec *deadline) {
    (void)state;
    tly_os_futex_wait((uint32_t *)(uintptr_t)word, value,
                      deadline ? time_read(deadline) : 0);
}

// ConcurrencyKit sleeps in steps, each eight times as long as the last, and
// looks at the deadline between them only.
static int step_cut(const struct ck_ec_wait_state *state,
                    struct timespec *step) {
    const struct timespec *deadline = state->data;
    if (time_read(deadline) < time_read(step))
        *step = *deadline;
    return 0;
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
    if (!deadline)
        return ck_ec32_wait(&event->count, &event_mode, seen, NULL) == 0;
    struct timespec until = time_of(deadline);
    return ck_ec32_wait_pred(&event->count, &event_mode, seen, step_cut, &until,
                             &until) == 0;
}
