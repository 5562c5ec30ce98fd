// Who holds automatic collections off.
//
// Two counters say whether anybody does, which is asked as the heap grows. The
// names are for people: each has its own count, so that one who lets go twice
// is found, and not the other who then wonders.

#include "collector/control.h"

#include <string.h>

#include "base/check.h"
#include "platform/os.h"
#include "sync/rank.h"

#define HOLDERS 32

struct tly_spin tly_control_lock = TLY_SPIN_INIT(TLY_RANK_CONTROL);

struct holder {
    char who[TALLY_HOLDER_NAME];
    uint32_t times; // 0: none
};

static struct {
    uint32_t unnamed; // (a) calls of tally_collect_disable
    uint32_t named;   // (a) sum of [times]
    struct holder holder[HOLDERS];
} enable; // names under the lock

void tly_control_hold(bool hold) { tly_spin_hold(&tly_control_lock, hold); }

bool tly_collect_is_held(void) {
    // Relaxed: a collection that is on its way may still begin. It asks again
    // with the collector's lock held, which orders it: none begins after a
    // collection that who disabled them has asked for.
    return tly_load_relaxed(&enable.unnamed) || tly_load_relaxed(&enable.named);
}

void tally_collect_disable(void) {
    // Relaxed: see above.
    tly_add_relaxed(&enable.unnamed, 1);
}

void tally_collect_enable(void) {
    // Relaxed, both: see above.
    uint32_t unnamed = tly_load_relaxed(&enable.unnamed);
    do {
        if (unnamed == 0) {
            if (TLY_CHECK >= 1)
                tly_misuse("thread %u enables collections that nobody has "
                           "disabled",
                           tly_os_thread_id());
            return;
        }
    } while (!tly_cas_relaxed(&enable.unnamed, &unnamed, unnamed - 1));
}

static bool is_name(const char *who) {
    return who && *who && strnlen(who, TALLY_HOLDER_NAME) < TALLY_HOLDER_NAME;
}

// The holder with a name, or NULL.
static struct holder *find_locked(const char *who) {
    for (unsigned n = 0; n < HOLDERS; n++)
        if (enable.holder[n].times && strcmp(enable.holder[n].who, who) == 0)
            return &enable.holder[n];
    return NULL;
}

// The same, or one who has no name yet; NULL when all have.
static struct holder *find_or_make_locked(const char *who) {
    struct holder *holder = find_locked(who);
    for (unsigned n = 0; n < HOLDERS && !holder; n++)
        if (enable.holder[n].times == 0) {
            holder = &enable.holder[n];
            strcpy(holder->who, who);
        }
    return holder;
}

tally_status tally_collect_disable_by(const char *who) {
    if (!is_name(who))
        return TALLY_INVALID;
    tly_spin_lock(&tly_control_lock);
    struct holder *holder = find_or_make_locked(who);
    if (holder) {
        holder->times++;
        // Relaxed: as in tly_collect_is_held.
        tly_add_relaxed(&enable.named, 1);
    }
    tly_spin_unlock(&tly_control_lock);
    return holder ? TALLY_OK : TALLY_LIMIT;
}

tally_status tally_collect_enable_by(const char *who) {
    if (!is_name(who))
        return TALLY_INVALID;
    tly_spin_lock(&tly_control_lock);
    struct holder *holder = find_locked(who);
    if (holder) {
        holder->times--;
        // Relaxed: as in tly_collect_is_held.
        tly_add_relaxed(&enable.named, (uint32_t)-1);
    }
    tly_spin_unlock(&tly_control_lock);
    if (!holder && TLY_CHECK >= 1)
        tly_misuse("thread %u enables collections for \"%s\", who does not "
                   "hold them off",
                   tly_os_thread_id(), who);
    return holder ? TALLY_OK : TALLY_INVALID;
}

void tally_collect_holders_each(tally_holder_fn fn, void *arg) {
    struct holder holder[HOLDERS];
    tly_spin_lock(&tly_control_lock);
    memcpy(holder, enable.holder, sizeof(holder));
    // Relaxed: counted without the lock.
    uint32_t unnamed = tly_load_relaxed(&enable.unnamed);
    tly_spin_unlock(&tly_control_lock);
    tly_locks_none("a program's function");
    if (unnamed)
        fn(NULL, unnamed, arg);
    for (unsigned n = 0; n < HOLDERS; n++)
        if (holder[n].times)
            fn(holder[n].who, holder[n].times, arg);
}
