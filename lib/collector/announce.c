// Watchers of collections.

#include <tally/watch.h>

#include <string.h>

#include "base/status.h"
#include "collector/account.h"
#include "collector/control.h"
#include "object/finish.h"

#define WATCHERS 16

static struct {
    struct watcher {
        tally_collect_watcher fn;
        void *arg;
    } watcher[WATCHERS];
    uint32_t count; // (a)
} announce;         // under the lock

// The call that this thread's watchers are told from; whether nobody is to be
// told.
static TALLY_THREAD struct tly_frame telling;
static TALLY_THREAD uint32_t telling_asks;
static TALLY_THREAD bool paused;

TLY_NOINLINE bool tly_announce_goes_on(const void *here) {
    if (telling.at && tly_call_left(telling, here, &telling_asks))
        telling.at = NULL;
    return telling.at;
}

void tly_announce_pause(bool is) { paused = is; }

tally_status tally_collect_watch(tally_collect_watcher fn, void *arg) {
    if (!fn)
        return TALLY_INVALID;
    tly_spin_lock(&tly_control_lock);
    // Relaxed, here and below: the lock orders it; others look for a hint.
    uint32_t count = tly_load_relaxed(&announce.count);
    if (count < WATCHERS) {
        announce.watcher[count] = (struct watcher){fn, arg};
        tly_store_relaxed(&announce.count, count + 1);
    }
    tly_spin_unlock(&tly_control_lock);
    return count < WATCHERS ? TALLY_OK : TALLY_LIMIT;
}

static bool remove_locked(tally_collect_watcher fn, const void *arg) {
    struct watcher *watcher = announce.watcher;
    uint32_t n = 0, count = tly_load_relaxed(&announce.count);
    while (n < count && (watcher[n].fn != fn || watcher[n].arg != arg))
        n++;
    if (n == count)
        return false;
    memmove(&watcher[n], &watcher[n + 1], (count - n - 1) * sizeof(*watcher));
    tly_store_relaxed(&announce.count, count - 1);
    return true;
}

tally_status tally_collect_unwatch(tally_collect_watcher fn, void *arg) {
    tly_spin_lock(&tly_control_lock);
    bool removed = remove_locked(fn, arg);
    tly_spin_unlock(&tly_control_lock);
    return removed ? TALLY_OK : TALLY_INVALID;
}

void tly_announce_end(void) {
    tly_spin_lock(&tly_control_lock);
    tly_store_relaxed(&announce.count, 0);
    tly_spin_unlock(&tly_control_lock);
}

// Also when an exception leaves a watcher.
static void telling_end(struct tly_frame *const *call) { (*call)->at = NULL; }

void tly_announce(const struct tally_collect_event *event) {
    // Relaxed: a hint; who comes now is told of the next.
    if (!tly_load_relaxed(&announce.count) || paused || tly_is_announcing())
        return;
    struct watcher watcher[WATCHERS];
    tly_spin_lock(&tly_control_lock);
    uint32_t count = tly_load_relaxed(&announce.count);
    memcpy(watcher, announce.watcher, count * sizeof(*watcher));
    tly_spin_unlock(&tly_control_lock);
    TLY_KEEPS_ERRNO;
    struct tly_local *self = tly_local_of(tly_self());
    struct tly_frame *call __attribute__((cleanup(telling_end))) = &telling;
    *call = TLY_FRAME;
    tly_hook_asks(self);
    tly_program_next(self, "a watcher");
    for (uint32_t n = 0; n < count; n++)
        watcher[n].fn(event, watcher[n].arg);
}
