// Watchers of collections.

#include <tally/watch.h>

#include <string.h>

#include "base/status.h"
#include "collector/account.h"
#include "collector/control.h"
#include "object/local.h"

#define WATCHERS 16

static struct {
    struct watcher {
        tally_collect_watcher fn;
        void *arg;
    } watcher[WATCHERS];
    uint32_t count; // (a)
} announce;         // under the lock

// Whether this thread is inside a watcher, or nobody is to be told.
static TALLY_THREAD bool announcing, paused;

bool tly_is_announcing(void) { return announcing; }

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
static void announce_leave(bool *const *inside) { **inside = false; }

void tly_announce(const struct tally_collect_event *event) {
    // Relaxed: a hint; who comes now is told of the next.
    if (!tly_load_relaxed(&announce.count) || announcing || paused)
        return;
    struct watcher watcher[WATCHERS];
    tly_spin_lock(&tly_control_lock);
    uint32_t count = tly_load_relaxed(&announce.count);
    memcpy(watcher, announce.watcher, count * sizeof(*watcher));
    tly_spin_unlock(&tly_control_lock);
    TLY_KEEPS_ERRNO;
    bool *inside __attribute__((cleanup(announce_leave))) = &announcing;
    *inside = true;
    tly_program_next(tly_local_of(tly_self()), "a watcher");
    for (uint32_t n = 0; n < count; n++)
        watcher[n].fn(event, watcher[n].arg);
}
