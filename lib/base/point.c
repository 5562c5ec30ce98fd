// The bodies of schedule points that randomness drives, noise and delay.

#include "base/point.h"

#if TLY_SCHED == 1 || TLY_SCHED == 3
#include <time.h>

#include "base/cancel.h"

// Marsaglia's xorshift64.
static uint32_t random_next(uint64_t *state) {
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *state = x;
    return (uint32_t)(x >> 32);
}
#endif

#if TLY_SCHED == 1
#include <sched.h>

static _Thread_local uint64_t noise_state;

// Most points do nothing, some yield, few sleep. Rates as tried on a toy of
// this protocol, where they turned a defect missed in 910,000 rounds into one
// found within 300.
void tly_point_noise(void) {
    if (noise_state == 0)
        noise_state =
            (uint64_t)(uintptr_t)&noise_state * 0x9E3779B97F4A7C15u | 1;
    uint32_t r = random_next(&noise_state);
    if ((r & 127) == 0) {
        sched_yield();
    } else if ((r & 8191) == 1) {
        TLY_NO_CANCEL;
        struct timespec nap = {0, (long)(r >> 16)};
        nanosleep(&nap, NULL);
    } else if ((r & 63) == 2) {
        for (volatile uint32_t spin = r >> 24; spin > 0; spin--) {
        }
    }
}
#endif

#if TLY_SCHED == 3
#include <errno.h>
#include <stdlib.h>

// TALLY_DELAY=seed:N,chance:N,ms:N as the program starts, each optional: one
// point in [chance] sleeps up to [ms] milliseconds. A place in the code that is
// rarely passed would never have its turn, so that each has four delays or so
// more in its first thousand passages.
static struct {
    uint64_t seed;
    uint32_t chance;
    uint32_t ms;
} delay = {1, 50000, 5};

#define PLACES 8192u            // a power of two; two places may share one
#define PLACE_USUAL 1000u       // passages, after which a place is like others
#define PLACE_DELAYS 4u         // at first
static uint32_t places[PLACES]; // passages, up to PLACE_USUAL
static uint32_t threads;

static _Thread_local uint64_t delay_state;

static uint64_t delay_option(const char *options, const char *name) {
    size_t length = __builtin_strlen(name);
    for (const char *at = options; at && *at; at++)
        if ((at == options || at[-1] == ',') &&
            __builtin_strncmp(at, name, length) == 0)
            return strtoull(at + length, NULL, 10);
    return 0;
}

__attribute__((constructor(101))) static void delay_configure(void) {
    const char *options = getenv("TALLY_DELAY");
    uint64_t seed = delay_option(options, "seed:");
    uint64_t chance = delay_option(options, "chance:");
    uint64_t ms = delay_option(options, "ms:");
    delay.seed = seed ? seed : delay.seed;
    delay.chance = chance ? (uint32_t)chance : delay.chance;
    delay.ms = ms ? (uint32_t)ms : delay.ms;
}

// Threads are numbered as they come, so that the same seed delays the same
// steps of each, as far as the program makes them in the same order.
static uint64_t delay_stream(void) {
    uint64_t number = __atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED);
    uint64_t x = (delay.seed << 20 | number) * 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    return (x ^ (x >> 27)) | 1;
}

static void delay_nap(uint32_t r) {
    TLY_NO_CANCEL;
    int before = errno;
    uint64_t ns = r % (delay.ms * UINT64_C(1000000)) + 1;
    struct timespec nap = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    nanosleep(&nap, NULL);
    errno = before;
}

// Counts lost between threads do not matter.
void tly_point_delay(void) {
    // Relative, so that it is the same in each run.
    uintptr_t caller =
        (uintptr_t)__builtin_return_address(0) - (uintptr_t)&tly_point_delay;
    uint32_t *place = &places[caller * 0x9E3779B1u >> 16 & (PLACES - 1)];
    uint32_t passages = __atomic_load_n(place, __ATOMIC_RELAXED);
    uint32_t chance = delay.chance;
    if (passages < PLACE_USUAL) {
        __atomic_store_n(place, passages + 1, __ATOMIC_RELAXED);
        if (chance > PLACE_USUAL / PLACE_DELAYS)
            chance = PLACE_USUAL / PLACE_DELAYS;
    }
    if (delay_state == 0)
        delay_state = delay_stream();
    uint32_t r = random_next(&delay_state);
    if (r % chance == 0)
        delay_nap(random_next(&delay_state));
}
#endif

#if TLY_TRIED
enum tly_defect tly_defect_on = TLY_DEFECT_NONE;
void (*tly_chaos)(enum tly_turn turn, bool young);
#endif
